#include "engine/base/formats/dataset.h"

#include <filesystem>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "engine/base/core/sha256.h"
#include "tests/support/temporary_folder.h"

namespace switchyard::formats {
namespace {

/// A data folder and a catalogue of its own.
class Dataset : public testing::Test {
 protected:
  /// One line of the catalogue for `text`.
  static std::string entry(const std::string& name,
                           const std::string& text,
                           const std::string& url = "") {
    return R"({"datasets":[{"name":")" + name +
           R"(","title":"T","licence":"L","source":"S","url":")" + url + R"(","sha256":")" +
           sha256_hex(text) + R"(","bytes":)" + std::to_string(text.size()) + "}]}";
  }

  void catalogue(const std::string& text) { test::write_text(assets_ / "datasets.json", text); }

  Json config(const std::string& text_file, const std::string& tokenizer = "char") const {
    return Json::object({{"dataset", "verse"},
                         {"text_file", text_file},
                         {"tokenizer", tokenizer},
                         {"train_frac", 0.75}});
  }

  std::string own_text(const std::string& text) {
    test::write_text(data_ / "own.txt", text);
    return data_ / "own.txt";
  }

  static std::vector<std::int64_t> ids(const TokenShard& shard) {
    std::vector<std::int64_t> out(static_cast<std::size_t>(shard.size()));
    shard.copy(0, shard.size(), out.data());
    return out;
  }

  test::TemporaryFolder data_;
  test::TemporaryFolder assets_;
  test::ScopedEnvironment use_data_{"SWITCHYARD_DATA", data_.path()};
  test::ScopedEnvironment use_assets_{"SWITCHYARD_ASSETS", assets_.path()};
};

TEST_F(Dataset, TheFirstPartTrainsAndTheRestValidates) {
  const auto data = prepare_data(config(own_text("abcabcéa")), 1);
  ASSERT_TRUE(data.ok()) << data.error().text();
  EXPECT_EQ(data->tokenizer->vocab_size(), 4);
  EXPECT_EQ(ids(*data->train), (std::vector<std::int64_t>{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(ids(*data->val), (std::vector<std::int64_t>{3, 0}));
  EXPECT_EQ(data->val_bytes_per_token, 1.5);
  EXPECT_EQ(data->text_sha256, sha256_hex("abcabcéa"));
}

TEST_F(Dataset, BytesAreSplitAtTheSameCharacter) {
  const auto data = prepare_data(config(own_text("abcabcéa"), "byte"), 1);
  ASSERT_TRUE(data.ok()) << data.error().text();
  EXPECT_EQ(data->train->size(), 6);
  EXPECT_EQ(ids(*data->val), (std::vector<std::int64_t>{0xC3, 0xA9, 'a'}));
  EXPECT_EQ(data->val_bytes_per_token, 1.0);
  EXPECT_EQ(data->train->vocab_size(), 256);
}

TEST_F(Dataset, TheCacheIsUsedAgain) {
  const std::string path = own_text("abcabcabcabc");
  const auto first = prepare_data(config(path), 1);
  ASSERT_TRUE(first.ok());
  const auto written = std::filesystem::last_write_time(first->directory + "/train.tokens");
  const auto second = prepare_data(config(path), 1);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->directory, first->directory);
  EXPECT_EQ(std::filesystem::last_write_time(first->directory + "/train.tokens"), written);
  EXPECT_EQ(ids(*second->train), ids(*first->train));
}

TEST_F(Dataset, ADamagedCacheIsPreparedAnew) {
  const std::string path = own_text("abcabcabcabc");
  const auto first = prepare_data(config(path), 1);
  ASSERT_TRUE(first.ok());
  const std::vector<std::int64_t> wanted = ids(*first->train);
  for (const char* name : {"/train.tokens", "/val.tokens", "/tokenizer.json", "/prepared.json"}) {
    test::write_text(first->directory + name, "damage");
    const auto again = prepare_data(config(path), 1);
    ASSERT_TRUE(again.ok()) << name << ": " << again.error().text();
    EXPECT_EQ(ids(*again->train), wanted) << name;
  }
  std::filesystem::remove(first->directory + "/val.tokens");
  EXPECT_TRUE(prepare_data(config(path), 1).ok());
}

TEST_F(Dataset, AChangedTextIsPreparedAnew) {
  const auto first = prepare_data(config(own_text("abcabcabcabc")), 1);
  const auto second = prepare_data(config(own_text("xyzxyzxyzxyz")), 1);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first->directory, second->directory);
  EXPECT_EQ(second->tokenizer->decode(0), "x");
}

TEST_F(Dataset, UnsuitableTextsAreRefusedWithAWayOut) {
  struct Bad {
    std::string text;
    const char* reason;
  };

  for (const Bad& bad : {Bad{"", "empty file"},
                         Bad{std::string("ab\0cd", 5), "binary file (NUL at offset 2)"},
                         Bad{"ab\xFFgh", "invalid byte at offset 2"},
                         Bad{"abc", "training part (seq_len + 1), found 2"},
                         Bad{"abcdefgh", "validation part (seq_len + 1), found 2"}}) {
    const auto data = prepare_data(config(own_text(bad.text)), 4);
    ASSERT_FALSE(data.ok()) << bad.reason;
    EXPECT_EQ(data.error().code, ErrorCode::kInputFile);
    EXPECT_NE(data.error().message.find(bad.reason), std::string::npos) << data.error().text();
    EXPECT_FALSE(data.error().hint.empty());
    EXPECT_EQ(data.error().where, data_ / "own.txt");
  }
  EXPECT_FALSE(prepare_data(config(data_ / "none.txt"), 4).ok());
  EXPECT_FALSE(prepare_data(config(data_.path()), 4).ok());
  // Nothing half-done is left behind.
  EXPECT_TRUE(!std::filesystem::exists(data_ / "prepared") ||
              std::filesystem::is_empty(data_ / "prepared"));
}

TEST_F(Dataset, ACachedTextIsCheckedAgainstALongerWindow) {
  const std::string path = own_text("abcabcabcabc");
  ASSERT_TRUE(prepare_data(config(path), 2).ok());
  EXPECT_FALSE(prepare_data(config(path), 3).ok());
}

TEST_F(Dataset, AMissingDataSetNamesTheCommand) {
  catalogue(entry("verse", "some text", "https://example.org/verse.txt"));
  const auto data = prepare_data(config(""), 1);
  ASSERT_FALSE(data.ok());
  EXPECT_EQ(data.error().code, ErrorCode::kInputFile);
  EXPECT_EQ(data.error().hint, "Run: switchyard-engine data get verse.");
}

TEST_F(Dataset, AnUnknownDataSetSuggestsTheNearest) {
  catalogue(entry("verses", "some text"));
  const auto data = prepare_data(config(""), 1);
  ASSERT_FALSE(data.ok());
  EXPECT_EQ(data.error().code, ErrorCode::kConfig);
  EXPECT_NE(data.error().hint.find("Did you mean \"verses\"?"), std::string::npos);
}

TEST_F(Dataset, AFileOfTheUserIsCheckedAndPutInPlace) {
  catalogue(entry("verse", "abcabcabcabc"));
  test::write_text(data_ / "other.txt", "abcabcabcabd");
  const auto refused = get_dataset("verse", data_ / "other.txt");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInputFile);
  EXPECT_FALSE((*list_datasets())[0].is_present);
  test::write_text(data_ / "right.txt", "abcabcabcabc");
  const auto info = get_dataset("verse", data_ / "right.txt");
  ASSERT_TRUE(info.ok()) << info.error().text();
  EXPECT_EQ(test::read_text(info->path), "abcabcabcabc");
  EXPECT_TRUE((*list_datasets())[0].is_present);
  EXPECT_TRUE(prepare_data(config(""), 1).ok());
  EXPECT_TRUE(get_dataset("verse", "").ok());  // already there
}

TEST_F(Dataset, AChangedTextInPlaceIsNoticed) {
  catalogue(entry("verse", "abcabcabcabc"));
  test::write_text(data_ / "texts/verse.txt", "abcabcabcabd");
  const auto data = prepare_data(config(""), 1);
  ASSERT_FALSE(data.ok());
  EXPECT_NE(data.error().message.find("not that of the data set verse"), std::string::npos);
}

TEST_F(Dataset, OneWithoutADownloadSaysHowToGetIt) {
  catalogue(entry("verse", "some text"));
  const auto info = get_dataset("verse", "");
  ASSERT_FALSE(info.ok());
  EXPECT_EQ(info.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(info.error().hint.find("./studio --build"), std::string::npos);
}

/// Answers one HTTP request on the loopback interface.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : answer_(std::move(answer)) {
    socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* general = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(socket_, general, size), 0);
    EXPECT_EQ(listen(socket_, 1), 0);
    EXPECT_EQ(getsockname(socket_, general, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }

  OneAnswer(const OneAnswer&) = delete;
  OneAnswer& operator=(const OneAnswer&) = delete;

  ~OneAnswer() {
    thread_.join();
    close(socket_);
  }

  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_) + "/verse.txt";
  }

 private:
  void serve() {
    const int client = accept(socket_, nullptr, nullptr);
    std::string request;
    char byte = 0;
    while (request.find("\r\n\r\n") == std::string::npos && read(client, &byte, 1) == 1)
      request.push_back(byte);
    EXPECT_EQ(send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(answer_.size()));
    close(client);
  }

  std::string answer_;
  int socket_ = -1;
  int port_ = 0;
  std::thread thread_;
};

TEST_F(Dataset, IsDownloadedAndChecked) {
  const test::ScopedEnvironment no_proxy("no_proxy", "127.0.0.1");
  const std::string text = "abcabcabcabc";
  const OneAnswer server("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + text);
  catalogue(entry("verse", text, server.url()));
  const auto info = get_dataset("verse", "");
  ASSERT_TRUE(info.ok()) << info.error().text();
  EXPECT_EQ(test::read_text(info->path), text);
}

TEST_F(Dataset, AWrongOrFailedDownloadLeavesNothingBehind) {
  const test::ScopedEnvironment no_proxy("no_proxy", "127.0.0.1");
  const std::string text = "abcabcabcabc";
  for (const char* answer : {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcabcabcabd",
                             "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc",
                             "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcabcabcabcMORE",
                             "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"}) {
    const OneAnswer server(answer);
    catalogue(entry("verse", text, server.url()));
    const auto info = get_dataset("verse", "");
    ASSERT_FALSE(info.ok()) << answer;
    EXPECT_FALSE(info.error().hint.empty());
    EXPECT_FALSE(std::filesystem::exists(data_ / "texts/verse.txt")) << answer;
  }
}

TEST(DatasetCatalogue, OfTheProgramIsReadable) {
  const test::ScopedEnvironment assets("SWITCHYARD_ASSETS", std::string(SY_SOURCE_DIR) + "/assets");
  const auto datasets = list_datasets();
  ASSERT_TRUE(datasets.ok()) << datasets.error().text();
  ASSERT_GE(datasets->size(), 2U);
  EXPECT_EQ((*datasets)[0].name, "shakespeare");
  EXPECT_EQ((*datasets)[1].name, "tinyshakespeare");
  for (const DatasetInfo& info : *datasets) EXPECT_FALSE(info.licence.empty());
}

}  // namespace
}  // namespace switchyard::formats
