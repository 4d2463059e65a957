#include <functional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/base/config/schema.h"
#include "engine/base/formats/safetensors.h"
#include "engine/base/formats/token_shard.h"
#include "engine/base/formats/tokenizer.h"
#include "tests/support/declared_router.h"
#include "tests/support/temporary_folder.h"

namespace switchyard {
namespace {

/// Changes a few places of a file the way damage and malice do: flipped bits, cut ends, repeated
/// and removed pieces, telling bytes.
std::string mutated(const std::string& original, std::mt19937& random) {
  static const std::string telling("{}[]\":,0129-.eE\\ \0\x7F\x80\xFF", 20);
  std::string bytes = original;
  const auto pick = [&random](std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
  };
  for (std::size_t i = 0, edits = 1 + pick(4); i < edits && !bytes.empty(); ++i) {
    const std::size_t at = pick(bytes.size());
    switch (pick(5)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1U << pick(8)));
        break;
      case 1:
        bytes[at] = telling[pick(telling.size())];
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.insert(at, bytes.substr(pick(bytes.size()), pick(12)));
        break;
      default:
        bytes.erase(at, pick(6) + 1);
        break;
    }
  }
  return bytes;
}

/// Feeds mutations of `original` to `read`; the seed makes every run the same.
void feed(const std::string& original,
          int count,
          const std::function<void(const std::string& bytes)>& read) {
  std::mt19937 random(1337);
  for (int i = 0; i < count; ++i) read(mutated(original, random));
}

TEST(MutatedFiles, SafetensorsAreReadWhollyOrRefused) {
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const auto header = formats::safetensors_header(
      {{"a", "F32", {2, 2}, values.data(), 16}, {"b", "F16", {4}, values.data(), 8}},
      {{"format", "pt"}});
  ASSERT_TRUE(header.ok());
  int num_read = 0;
  feed(*header + std::string(24, 'x'), 20'000, [&num_read](const std::string& bytes) {
    const auto reader = formats::SafetensorsReader::from_bytes(bytes, "mutation");
    if (!reader.ok()) {
      EXPECT_FALSE(reader.error().message.empty());
      return;
    }
    ++num_read;
    std::uint64_t total = 0;
    for (const formats::TensorInfo& tensor : reader->tensors()) {
      ASSERT_LE(tensor.end, bytes.size());
      std::string out(static_cast<std::size_t>(tensor.end - tensor.begin), '\0');
      EXPECT_TRUE(reader->read(tensor, out.data()).ok());
      total += tensor.end - tensor.begin;
    }
    EXPECT_LE(total, bytes.size());
  });
  EXPECT_GT(num_read, 0);  // damage in names and data goes unnoticed; that part is exercised too
}

TEST(MutatedFiles, ConfigurationsResolveOrAreRefusedWithWords) {
  const config::Schema schema = test::run_schema_for_tests();
  const std::string original = config::resolve(schema, Json::object(), "").config.dump();
  int num_valid = 0;
  feed(original, 5'000, [&](const std::string& bytes) {
    const auto document = parse_json(bytes, "mutation");
    if (!document.ok()) return;
    const config::Resolved result = config::resolve(schema, *document, "mutation");
    for (const Error& error : result.errors) EXPECT_FALSE(error.message.empty());
    if (!result.ok()) return;
    ++num_valid;
    const auto again = parse_json(result.config.dump(), "again");
    ASSERT_TRUE(again.ok()) << again.error().text();
    EXPECT_EQ(config::resolve(schema, *again, "").config, result.config);
  });
  EXPECT_GT(num_valid, 0);
}

TEST(MutatedFiles, TokenShardsHoldOnlyIdsOfTheirVocabulary) {
  const test::TemporaryFolder folder;
  const std::vector<std::int32_t> ids{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::string path = folder / "a.tokens";
  ASSERT_TRUE(formats::write_token_shard(path, ids, 10).ok());
  const std::string original = test::read_text(path);
  feed(original, 2'000, [&](const std::string& bytes) {
    test::write_text(path, bytes);
    const auto shard = formats::TokenShard::open(path);
    EXPECT_EQ(shard.ok(), bytes == original);  // every byte is covered by a checksum
  });
}

TEST(MutatedFiles, TokenizersReadBackOrAreRefused) {
  const auto tokenizer = formats::char_tokenizer_from_text("hello wörld", "test");
  ASSERT_TRUE(tokenizer.ok());
  feed((*tokenizer)->to_json().dump(), 5'000, [](const std::string& bytes) {
    const auto document = parse_json(bytes, "mutation");
    if (!document.ok()) return;
    const auto read = formats::tokenizer_from_json(*document, "mutation");
    if (!read.ok()) return;
    for (std::int32_t id = 0; id < (*read)->vocab_size(); ++id) {
      const auto ids = (*read)->encode((*read)->decode(id));
      ASSERT_TRUE(ids.ok());
      EXPECT_TRUE((*read)->name() == "byte" || *ids == std::vector<std::int32_t>{id});
    }
  });
}

}  // namespace
}  // namespace switchyard
