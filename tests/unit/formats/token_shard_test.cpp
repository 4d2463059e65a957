#include "engine/base/formats/token_shard.h"

#include <filesystem>
#include <numeric>

#include <gtest/gtest.h>

#include "engine/base/core/hash.h"
#include "tests/support/temporary_folder.h"

namespace switchyard::formats {
namespace {

std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>((value >> (8 * i)) & 0xFFU));
  return text;
}

struct Header {
  std::string magic = "SYTOKENS";
  std::uint32_t version = 1;
  std::uint32_t width = 2;
  std::uint64_t vocab_size = 10;
  std::uint64_t count = 3;
};

/// A file with right checksums, whatever its other fields say.
std::string file_of(const Header& header, const std::string& ids) {
  std::string file = header.magic + little_endian(header.version, 4) +
                     little_endian(header.width, 4) + little_endian(header.vocab_size, 8) +
                     little_endian(header.count, 8) + little_endian(crc32c(ids), 4);
  return file + little_endian(crc32c(file), 4) + ids;
}

Header with(void (*change)(Header& header)) {
  Header header;
  change(header);
  return header;
}

const std::string kIds("\x01\x00\x02\x00\x09\x00", 6);

TEST(TokenShard, ReadsWhatWasWritten) {
  const test::TemporaryFolder folder;
  for (const std::int64_t vocab_size : {300, 65'536, 65'537, 1'000'000}) {
    std::vector<std::int32_t> ids(1000);
    std::iota(ids.begin(), ids.end(), static_cast<std::int32_t>(vocab_size - 1000));
    if (vocab_size == 300)
      for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(i % 300);
    const std::string path = folder / "a.tokens";
    ASSERT_TRUE(write_token_shard(path, ids, vocab_size).ok());
    EXPECT_EQ(std::filesystem::file_size(path), 40U + 1000U * (vocab_size > 65'536 ? 4U : 2U));
    const auto shard = TokenShard::open(path);
    ASSERT_TRUE(shard.ok()) << shard.error().text();
    EXPECT_EQ(shard->size(), 1000);
    EXPECT_EQ(shard->vocab_size(), vocab_size);
    std::vector<std::int64_t> out(100);
    shard->copy(900, 100, out.data());
    for (std::size_t i = 0; i < out.size(); ++i) EXPECT_EQ(out[i], ids[900 + i]);
  }
}

TEST(TokenShard, TheHandWrittenFileOfTheseTestsIsAccepted) {
  const test::TemporaryFolder folder;
  test::write_text(folder / "a", file_of(Header(), kIds));
  const auto shard = TokenShard::open(folder / "a");
  ASSERT_TRUE(shard.ok()) << shard.error().text();
  std::vector<std::int64_t> ids(3);
  shard->copy(0, 3, ids.data());
  EXPECT_EQ(ids, (std::vector<std::int64_t>{1, 2, 9}));
}

struct BadShard {
  const char* name;
  std::string bytes;
  const char* reason;
};

std::vector<BadShard> bad_shards() {
  const std::string good = file_of(Header(), kIds);
  std::string flipped_id = good;
  flipped_id[42] = 3;
  std::string flipped_header = good;
  flipped_header[16] = 11;
  std::string flipped_checksum = good;
  flipped_checksum[39] = static_cast<char>(flipped_checksum[39] ^ 1);
  return {
      {"empty", "", "found 0 bytes"},
      {"header cut", good.substr(0, 39), "found 39 bytes"},
      {"other kind", std::string(100, 'x'), "magic SYTOKENS"},
      {"magic", file_of(with([](Header& h) { h.magic = "SNEKOTYS"; }), kIds), "magic SYTOKENS"},
      {"version 0", file_of(with([](Header& h) { h.version = 0; }), kIds), "version 0"},
      {"version 2", file_of(with([](Header& h) { h.version = 2; }), kIds), "version 2"},
      {"big-endian version",
       file_of(with([](Header& h) { h.version = 0x01000000; }), kIds),
       "version 16777216"},
      {"width 3", file_of(with([](Header& h) { h.width = 3; }), kIds), "found 3"},
      {"width 0", file_of(with([](Header& h) { h.width = 0; }), kIds), "found 0"},
      {"width 2^32-1", file_of(with([](Header& h) { h.width = ~0U; }), kIds), "width"},
      {"vocab_size 0", file_of(with([](Header& h) { h.vocab_size = 0; }), kIds), "vocabulary"},
      {"vocab_size too wide",
       file_of(with([](Header& h) { h.vocab_size = 65'537; }), kIds),
       "vocabulary"},
      {"vocab_size 2^64-1",
       file_of(with([](Header& h) { h.vocab_size = ~0ULL; }), kIds),
       "vocabulary"},
      {"no ids", file_of(with([](Header& h) { h.count = 0; }), ""), "at least one"},
      {"count too large", file_of(with([](Header& h) { h.count = 4; }), kIds), "expected 4 ids"},
      {"count too small", file_of(with([](Header& h) { h.count = 2; }), kIds), "expected 2 ids"},
      {"count 2^63",
       file_of(with([](Header& h) { h.count = 1ULL << 63U; }), kIds),
       "expected 9223372036854775808 ids"},
      {"count 2^64-1", file_of(with([](Header& h) { h.count = ~0ULL; }), kIds), "ids"},
      {"truncated", good.substr(0, good.size() - 1), "found 5 bytes"},
      {"trailing", good + "x", "found 7 bytes"},
      {"id at vocab_size",
       file_of(with([](Header& h) { h.vocab_size = 9; }), kIds),
       "found 9 at position 2"},
      {"id bit flip", flipped_id, "checksum of its ids"},
      {"header bit flip", flipped_header, "checksum of its header"},
      {"checksum bit flip", flipped_checksum, "checksum of its header"},
  };
}

TEST(TokenShard, RefusesEveryBadFileWithAReason) {
  const test::TemporaryFolder folder;
  for (const BadShard& bad : bad_shards()) {
    test::write_text(folder / "bad", bad.bytes);
    const auto shard = TokenShard::open(folder / "bad");
    ASSERT_FALSE(shard.ok()) << bad.name;
    EXPECT_EQ(shard.error().code, ErrorCode::kInputFile) << bad.name;
    EXPECT_NE(shard.error().message.find(bad.reason), std::string::npos)
        << bad.name << ": " << shard.error().text();
  }
}

TEST(TokenShard, RefusesMissingFilesAndFolders) {
  const test::TemporaryFolder folder;
  EXPECT_FALSE(TokenShard::open(folder / "none").ok());
  EXPECT_FALSE(TokenShard::open(folder.path()).ok());
}

TEST(TokenShardDeathTest, StopsAtARangeOutsideTheShard) {
  const test::TemporaryFolder folder;
  test::write_text(folder / "a", file_of(Header(), kIds));
  const auto shard = TokenShard::open(folder / "a");
  ASSERT_TRUE(shard.ok());
  std::vector<std::int64_t> ids(10);
  EXPECT_DEATH(shard->copy(1, 3, ids.data()), "outside the shard");
  EXPECT_DEATH(shard->copy(-1, 1, ids.data()), "outside the shard");
}

}  // namespace
}  // namespace switchyard::formats
