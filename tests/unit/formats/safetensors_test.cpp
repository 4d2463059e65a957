#include "engine/base/formats/safetensors.h"

#include <cstring>
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace switchyard::formats {
namespace {

std::string length_bytes(std::uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) {
    bytes.push_back(static_cast<char>(value & 0xFFU));
    value >>= 8U;
  }
  return bytes;
}

/// A file with this header text and so many zero bytes of data.
std::string file_of(const std::string& header, std::size_t data_bytes = 0) {
  return length_bytes(header.size()) + header + std::string(data_bytes, '\0');
}

/// A header with one tensor "a" and these members.
std::string one(const std::string& members) {
  return "{\"a\":{" + members + "}}";
}

struct BadFile {
  const char* name;
  std::string bytes;
  const char* reason;  ///< part of the error's text
};

std::vector<BadFile> bad_files() {
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  const std::string a = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  std::string many_dims = R"("dtype":"U8","shape":[1)";
  for (int i = 0; i < 8; ++i) many_dims += ",1";
  return {
      {"no bytes", "", "at least 8 bytes"},
      {"seven bytes", std::string(7, 'x'), "at least 8 bytes"},
      {"length only", length_bytes(100), "found the length 100"},
      {"length zero", length_bytes(0) + std::string(50, ' '), "found the length 0"},
      {"length one", length_bytes(1) + "{", "found the length 1"},
      {"length past the end by one", length_bytes(3) + "{}", "found the length 3"},
      {"length 2^40", length_bytes(std::uint64_t{1} << 40U) + "{}", "found the length"},
      {"length 2^63", length_bytes(std::uint64_t{1} << 63U) + "{}", "found the length"},
      {"length 2^64-1", length_bytes(~std::uint64_t{0}) + "{}", "18446744073709551615"},
      {"length 2^64-8", length_bytes(~std::uint64_t{7}) + "{}", "found the length"},
      {"empty list", file_of("[]"), "begin with '{'"},
      {"header without brace", file_of("a{}"), "begin with '{'"},
      {"leading space", file_of(" {}"), "begin with '{'"},
      {"unclosed", file_of("{\"a\":"), "unexpected end"},
      {"two objects", file_of("{}{}"), "syntax error"},
      {"padding of another kind", file_of("{}\n"), "nothing but spaces"},
      {"padding with NUL", file_of(std::string("{}\0", 3)), "NUL byte"},
      {"not UTF-8", file_of("{\"\xFF\":1}"), "UTF-8"},
      {"deep nesting", file_of("{\"a\":" + std::string(50'000, '[')), "depth"},
      {"entry is null", file_of(R"({"a":null})"), "expected an object"},
      {"entry is a list", file_of(R"({"a":[]})"), "expected an object"},
      {"no dtype", file_of(one(R"("shape":[2],"data_offsets":[0,8])"), 8), "known dtype"},
      {"dtype number", file_of(one(R"("dtype":5,"shape":[2],"data_offsets":[0,8])"), 8), "dtype"},
      {"dtype unknown",
       file_of(one(R"("dtype":"F31","shape":[2],"data_offsets":[0,8])"), 8),
       "\"F31\""},
      {"dtype lower case",
       file_of(one(R"("dtype":"f32","shape":[2],"data_offsets":[0,8])"), 8),
       "\"f32\""},
      {"no shape", file_of(one(R"("dtype":"F32","data_offsets":[0,8])"), 8), "shape"},
      {"shape number", file_of(one(R"("dtype":"F32","shape":2,"data_offsets":[0,8])"), 8), "shape"},
      {"shape text",
       file_of(one(R"("dtype":"F32","shape":["2"],"data_offsets":[0,8])"), 8),
       "integers >= 0"},
      {"shape fraction",
       file_of(one(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"), 8),
       "integers >= 0"},
      {"shape negative",
       file_of(one(R"("dtype":"F32","shape":[-1,-2],"data_offsets":[0,8])"), 8),
       "integers >= 0"},
      {"nine dimensions",
       file_of(one(many_dims + R"(],"data_offsets":[0,1])"), 1),
       "at most 8 dimensions"},
      {"shape overflows",
       file_of(one(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])")),
       "overflows"},
      {"shape beyond 64 bits",
       file_of(one(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8])"), 8),
       "64 bits"},
      {"no offsets", file_of(one(R"("dtype":"F32","shape":[2])"), 8), "data_offsets"},
      {"one offset",
       file_of(one(R"("dtype":"F32","shape":[2],"data_offsets":[8])"), 8),
       "data_offsets"},
      {"three offsets",
       file_of(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,8])"), 8),
       "data_offsets"},
      {"offsets reversed",
       file_of(one(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), 8),
       "data_offsets"},
      {"offset negative",
       file_of(one(R"("dtype":"F32","shape":[2],"data_offsets":[-8,0])"), 8),
       "data_offsets"},
      {"offset fraction",
       file_of(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8.0])"), 8),
       "data_offsets"},
      {"wrong size", file_of(one(R"("dtype":"F64","shape":[2],"data_offsets":[0,8])"), 8), "16"},
      {"unknown key", file_of(one(good + R"(,"extra":1)"), 8), "\"extra\""},
      {"first not at zero",
       file_of(one(R"("dtype":"F32","shape":[2],"data_offsets":[4,12])"), 12),
       "hole"},
      {"hole",
       file_of("{" + a + R"(,"b":{"dtype":"U8","shape":[1],"data_offsets":[9,10]}})", 10),
       "hole"},
      {"overlap",
       file_of("{" + a + R"(,"b":{"dtype":"U8","shape":[2],"data_offsets":[7,9]}})", 9),
       "overlaps"},
      {"same bytes twice",
       file_of("{" + a + R"(,"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8),
       "overlaps"},
      {"duplicate name", file_of("{" + a + "," + a + "}", 8), "occurs twice"},
      {"data cut", file_of(one(good), 7), "expected 8 bytes of data, found 7"},
      {"data missing", file_of(one(good), 0), "expected 8 bytes of data, found 0"},
      {"data trailing", file_of(one(good), 9), "expected 8 bytes of data, found 9"},
      {"data without tensors", file_of("{}", 1), "expected 0 bytes of data, found 1"},
      {"metadata is a list", file_of(R"({"__metadata__":[]})"), "__metadata__"},
      {"metadata with a number", file_of(R"({"__metadata__":{"k":1}})"), "texts only"},
      {"metadata nested", file_of(R"({"__metadata__":{"k":{}}})"), "texts only"},
      {"tensor in metadata's place", file_of("{\"__metadata__\":{" + good + "}}", 8), "texts only"},
  };
}

TEST(Safetensors, RefusesEveryBadFileWithAReason) {
  const test::TemporaryFolder folder;
  for (const BadFile& bad : bad_files()) {
    const auto from_memory = SafetensorsReader::from_bytes(bad.bytes, "weights");
    ASSERT_FALSE(from_memory.ok()) << bad.name;
    EXPECT_EQ(from_memory.error().code, ErrorCode::kInputFile) << bad.name;
    EXPECT_NE(from_memory.error().text().find(bad.reason), std::string::npos)
        << bad.name << ": " << from_memory.error().text();
    EXPECT_EQ(from_memory.error().where.substr(0, 7), "weights") << bad.name;
    const std::string path = folder / "bad.safetensors";
    test::write_text(path, bad.bytes);
    const auto from_file = SafetensorsReader::open(path);
    ASSERT_FALSE(from_file.ok()) << bad.name;
    EXPECT_NE(from_file.error().where.find(path), std::string::npos) << bad.name;
  }
}

TEST(Safetensors, RefusesMissingFilesAndFolders) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(SafetensorsReader::open(folder / "none").error().code, ErrorCode::kInputFile);
  EXPECT_EQ(SafetensorsReader::open(folder.path()).error().code, ErrorCode::kInputFile);
}

TEST(Safetensors, RefusesMoreThanSixteenMebibytesOfHeader) {
  const std::string padding((std::size_t{16} << 20U) + 1, ' ');
  EXPECT_FALSE(SafetensorsReader::from_bytes(file_of("{}" + padding), "t").ok());
}

TEST(Safetensors, AcceptsTheCornersOfTheFormat) {
  for (const std::string& bytes :
       {file_of("{}"),
        file_of("{}      "),
        file_of(one(R"("dtype":"F32","shape":[],"data_offsets":[0,4])"), 4),
        file_of(one(R"("dtype":"F32","shape":[0,9],"data_offsets":[0,0])")),
        file_of(R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[8,9]},)"
                R"("z":{"dtype":"U8","shape":[0],"data_offsets":[8,8]},)"
                R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                9)}) {
    const auto reader = SafetensorsReader::from_bytes(bytes, "t");
    EXPECT_TRUE(reader.ok()) << reader.error().text();
  }
}

TEST(Safetensors, WritesWhatItReads) {
  const test::TemporaryFolder folder;
  const std::vector<float> weights{1.5F, -2.0F, 3.25F, 0.0F, 5.0F, 6.0F};
  const std::vector<std::int64_t> steps{42};
  const std::vector<TensorView> tensors{
      {"block.0.weight", "F32", {2, 3}, weights.data(), weights.size() * sizeof(float)},
      {"é \"quoted\"", "I64", {}, steps.data(), sizeof(std::int64_t)},
      {"empty", "BF16", {0, 4}, nullptr, 0}};
  const std::string path = folder / "w.safetensors";
  const Status written = write_safetensors(path, tensors, {{"format", "pt"}, {"note", "é日"}});
  ASSERT_TRUE(written.ok()) << written.error().text();
  const auto reader = SafetensorsReader::open(path);
  ASSERT_TRUE(reader.ok()) << reader.error().text();
  ASSERT_EQ(reader->tensors().size(), 3U);
  EXPECT_EQ(reader->metadata().at("note"), "é日");
  const TensorInfo* tensor = reader->find("block.0.weight");
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->shape, (std::vector<std::int64_t>{2, 3}));
  std::vector<float> back(6);
  ASSERT_TRUE(reader->read(*tensor, back.data()).ok());
  EXPECT_EQ(back, weights);
  std::int64_t step = 0;
  ASSERT_NE(reader->find("é \"quoted\""), nullptr);
  ASSERT_TRUE(reader->read(*reader->find("é \"quoted\""), &step).ok());
  EXPECT_EQ(step, 42);
  EXPECT_EQ(reader->find("nothing"), nullptr);
}

TEST(Safetensors, DataStartsOnAMultipleOfEight) {
  for (int length = 1; length < 20; ++length) {
    const unsigned char byte = 7;
    const auto header = safetensors_header(
        {{std::string(static_cast<std::size_t>(length), 'n'), "U8", {1}, &byte, 1}}, {});
    ASSERT_TRUE(header.ok());
    EXPECT_EQ(header->size() % 8, 0U);
  }
}

TEST(Safetensors, WritingLeavesNoOtherFile) {
  const test::TemporaryFolder folder;
  const float value = 1.0F;
  ASSERT_TRUE(write_safetensors(folder / "w.safetensors", {{"a", "F32", {1}, &value, 4}}).ok());
  ASSERT_TRUE(write_safetensors(folder / "w.safetensors", {{"b", "F32", {1}, &value, 4}}).ok());
  int num_files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path()))
    ++num_files;
  EXPECT_EQ(num_files, 1);
  EXPECT_NE(SafetensorsReader::open(folder / "w.safetensors")->find("b"), nullptr);
  EXPECT_FALSE(write_safetensors(folder / "no/such/folder", {{"a", "F32", {1}, &value, 4}}).ok());
}

TEST(Safetensors, RefusesToWriteWhatItCouldNotRead) {
  const float value = 1.0F;
  const TensorView good{"a", "F32", {1}, &value, 4};
  for (TensorView bad : {TensorView{"", "F32", {1}, &value, 4},
                         TensorView{"__metadata__", "F32", {1}, &value, 4},
                         TensorView{"\xFF", "F32", {1}, &value, 4},
                         TensorView{"a", "F32", {1}, &value, 4},
                         TensorView{"b", "F31", {1}, &value, 4},
                         TensorView{"b", "F32", {-1}, &value, 4},
                         TensorView{"b", "F32", {2}, &value, 4}})
    EXPECT_FALSE(safetensors_header({good, bad}, {}).ok()) << bad.name;
}

TEST(Safetensors, AFileThatShrinksIsAnErrorNotACrash) {
  const test::TemporaryFolder folder;
  const std::vector<float> values(1000, 1.0F);
  const std::string path = folder / "w.safetensors";
  ASSERT_TRUE(write_safetensors(path, {{"a", "F32", {1000}, values.data(), 4000}}).ok());
  const auto reader = SafetensorsReader::open(path);
  ASSERT_TRUE(reader.ok());
  std::filesystem::resize_file(path, 200);
  std::vector<float> out(1000);
  const Status status = reader->read(reader->tensors()[0], out.data());
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("became shorter"), std::string::npos);
}

}  // namespace
}  // namespace switchyard::formats
