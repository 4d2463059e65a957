// What is counted in a text.
#include "ui/model/data_facts.h"

#include <gtest/gtest.h>

#include "engine/base/formats/dataset.h"
#include "tests/support/temporary_folder.h"
#include "ui/client/config_worker.h"

namespace switchyard::ui {
namespace {

TEST(DataFacts, CountsCharacters) {
  const DataFacts facts = count_text("äbb\nb ä", "x.txt", "char", 0.5);
  EXPECT_TRUE(facts.problem.empty());
  EXPECT_EQ(facts.num_bytes, 9);
  EXPECT_EQ(facts.num_chars, 7);
  EXPECT_EQ(facts.num_tokens, 7);
  EXPECT_EQ(facts.num_train_tokens, 3);
  EXPECT_EQ(facts.num_distinct, 4);
  EXPECT_EQ(facts.vocab_size, 4);
  ASSERT_EQ(facts.most_frequent.size(), 4U);
  EXPECT_EQ(facts.most_frequent[0].text, "b");
  EXPECT_EQ(facts.most_frequent[0].count, 3);
  EXPECT_EQ(facts.most_frequent[1].text, "ä");
  ASSERT_EQ(facts.tokens.size(), 7U);
  EXPECT_EQ(facts.tokens[0].text, "ä");
  EXPECT_EQ(facts.tokens[0].id, 3) << "rank of the code point";
  EXPECT_EQ(facts.line_lengths[0], 2);
}

TEST(DataFacts, CountsBytes) {
  const DataFacts facts = count_text("äbb\nb ä", "x.txt", "byte", 0.5);
  EXPECT_EQ(facts.num_tokens, 9);
  EXPECT_EQ(facts.num_train_tokens, 4) << "three characters, the first of two bytes";
  EXPECT_EQ(facts.num_distinct, 5);
  EXPECT_EQ(facts.vocab_size, 256);
  EXPECT_EQ(facts.tokens.size(), 9U);
}

TEST(DataFacts, CutsThePreviewBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "ä";
  const DataFacts facts = count_text(text, "x.txt", "char", 0.9, 9);
  EXPECT_EQ(facts.preview.size(), 8U);
  EXPECT_EQ(facts.tokens.size(), 4U);
  EXPECT_EQ(facts.num_chars, 100);
}

TEST(DataFacts, RefusesWhatIsNoText) {
  EXPECT_FALSE(count_text("", "x", "char", 0.9).problem.empty());
  EXPECT_FALSE(count_text(std::string_view("a\0b", 3), "x", "char", 0.9).problem.empty());
  EXPECT_FALSE(count_text("a\xff", "x", "char", 0.9).problem.empty());
}

TEST(DataFacts, AgreeWithWhatTheEnginePrepares) {
  const test::TemporaryFolder folder;
  const test::ScopedEnvironment data("SWITCHYARD_DATA", folder / "data");
  std::string text;
  for (int i = 0; i < 400; ++i) text += "Grüße " + std::to_string(i) + "\n";
  test::write_text(folder / "text.txt", text);
  for (const char* tokenizer : {"char", "byte"}) {
    const Json section = Json::object({{"dataset", ""},
                                       {"text_file", folder / "text.txt"},
                                       {"tokenizer", tokenizer},
                                       {"train_frac", 0.8}});
    const DataFacts facts = look_at_data(section);
    ASSERT_TRUE(facts.problem.empty()) << facts.problem;
    EXPECT_EQ(facts.key, data_key(section));
    EXPECT_EQ(facts.title, "text.txt");
    const auto prepared = formats::prepare_data(section, 16);
    ASSERT_TRUE(prepared.ok()) << prepared.error().text();
    EXPECT_EQ(facts.vocab_size, prepared->tokenizer->vocab_size());
    EXPECT_EQ(facts.num_train_tokens, prepared->train->size());
    EXPECT_EQ(facts.num_tokens - facts.num_train_tokens, prepared->val->size());
  }
}

TEST(DataFacts, SayWhatIsMissing) {
  const Json file = Json::object({{"dataset", ""}, {"text_file", "/nowhere/x.txt"}});
  EXPECT_EQ(look_at_data(file).problem, "There is no file at this path.");
  const Json folder = Json::object({{"dataset", ""}, {"text_file", "/"}});
  EXPECT_FALSE(look_at_data(folder).problem.empty());
  const Json set = Json::object({{"dataset", "shakespear"}, {"text_file", ""}});
  EXPECT_NE(look_at_data(set).problem.find("shakespear"), std::string::npos);
}

}  // namespace
}  // namespace switchyard::ui
