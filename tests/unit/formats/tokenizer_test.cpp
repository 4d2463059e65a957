#include "engine/base/formats/tokenizer.h"

#include <gtest/gtest.h>

namespace switchyard::formats {
namespace {

std::unique_ptr<Tokenizer> char_tokenizer(std::string_view text) {
  auto tokenizer = char_tokenizer_from_text(text, "test");
  EXPECT_TRUE(tokenizer.ok());
  return std::move(tokenizer).value();
}

TEST(CharTokenizer, IdIsTheRankOfTheCodePoint) {
  const auto tokenizer = char_tokenizer("bé€a\nb");
  EXPECT_EQ(tokenizer->vocab_size(), 5);
  EXPECT_EQ(*tokenizer->encode("\nabé€"), (std::vector<std::int32_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(tokenizer->decode(4), "€");
  EXPECT_EQ(tokenizer->decode(std::vector<std::int32_t>{3, 1, 0}), "éa\n");
}

TEST(CharTokenizer, GivesTheWellKnownIdsOfItsAlphabet) {
  const auto tokenizer =
      char_tokenizer("\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(tokenizer->vocab_size(), 65);
  EXPECT_EQ(*tokenizer->encode("First Citizen:"),
            (std::vector<std::int32_t>{18, 47, 56, 57, 58, 1, 15, 47, 58, 47, 64, 43, 52, 10}));
}

TEST(CharTokenizer, NamesTheFirstUnknownCharacterAndItsPosition) {
  const auto result = char_tokenizer("abc é")->encode("abé😀c");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kInputFile);
  EXPECT_NE(result.error().message.find("\"😀\" (U+1F600) (character 4 of the text)"),
            std::string::npos)
      << result.error().text();
}

TEST(CharTokenizer, RefusesInvalidUtf8) {
  EXPECT_FALSE(char_tokenizer_from_text("ab\xC3", "t").ok());
  EXPECT_FALSE(char_tokenizer("ab")->encode("ab\xFF").ok());
  EXPECT_FALSE(char_tokenizer_from_text("", "t").ok());
}

TEST(CharTokenizer, IdsOutsideTheVocabularyDecodeToNothing) {
  const auto tokenizer = char_tokenizer("ab");
  EXPECT_EQ(tokenizer->decode(-1), "");
  EXPECT_EQ(tokenizer->decode(2), "");
}

TEST(ByteTokenizer, RoundTripsAnyBytes) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  const auto tokenizer = byte_tokenizer();
  EXPECT_EQ(tokenizer->vocab_size(), 256);
  const auto ids = tokenizer->encode(bytes);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ((*ids)[200], 200);
  EXPECT_EQ(tokenizer->decode(*ids), bytes);
  EXPECT_EQ(tokenizer->decode(256), "");
}

TEST(Tokenizers, AreStoredAndReadBack) {
  const auto original = char_tokenizer("To be, or not to be: é€");
  const auto back = tokenizer_from_json(original->to_json(), "tokenizer.json");
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_EQ((*back)->to_json(), original->to_json());
  EXPECT_EQ(*(*back)->encode("bé€"), *original->encode("bé€"));
  const auto bytes = tokenizer_from_json(byte_tokenizer()->to_json(), "t");
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ((*bytes)->name(), "byte");
}

TEST(Tokenizers, EveryListedOneCanBeStored) {
  for (const TokenizerInfo& info : all_tokenizers()) {
    EXPECT_FALSE(info.summary.empty());
    const auto tokenizer = info.name == "byte" ? byte_tokenizer() : char_tokenizer("abc");
    EXPECT_EQ(tokenizer->name(), info.name);
  }
}

TEST(Tokenizers, RefuseBadFiles) {
  for (const char* bad : {"{}",
                          "[]",
                          "null",
                          R"({"type":"word"})",
                          R"({"type":5})",
                          R"({"type":"char"})",
                          R"({"type":"char","characters":[]})",
                          R"({"type":"char","characters":"abc"})",
                          R"({"type":"char","characters":["a"]})",
                          R"({"type":"char","characters":[97.0]})",
                          R"({"type":"char","characters":[true]})",
                          R"({"type":"char","characters":[98,97]})",
                          R"({"type":"char","characters":[97,97]})",
                          R"({"type":"char","characters":[-1]})",
                          R"({"type":"char","characters":[55296]})",
                          R"({"type":"char","characters":[1114112]})",
                          R"({"type":"char","characters":[9223372036854775807]})",
                          R"({"type":"char","characters":[97],"merges":[]})",
                          R"({"type":"byte","characters":[97]})"}) {
    const auto document = parse_json(bad, "t");
    ASSERT_TRUE(document.ok()) << bad;
    const auto tokenizer = tokenizer_from_json(*document, "tokenizer.json");
    ASSERT_FALSE(tokenizer.ok()) << bad;
    EXPECT_EQ(tokenizer.error().code, ErrorCode::kInputFile) << bad;
    EXPECT_EQ(tokenizer.error().where, "tokenizer.json") << bad;
  }
}

}  // namespace
}  // namespace switchyard::formats
