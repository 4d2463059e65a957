#include "engine/base/ipc/channel.h"

#include <cstring>
#include <random>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace switchyard::ipc {
namespace {

using test::TemporaryFolder;

Json command(std::int64_t id) {
  return Json::object({{"type", Json("command")}, {"id", Json(id)}});
}

TEST(Channel, CarriesCommandsAndReplies) {
  const TemporaryFolder folder;
  const auto server = Server::listen(folder / "run.sock");
  ASSERT_TRUE(server.ok()) << server.error().text();

  struct stat known {};

  ASSERT_EQ(::stat((folder / "run.sock").c_str(), &known), 0);
  EXPECT_EQ(known.st_mode & 0777U, 0600U);
  const auto first = Connection::connect(folder / "run.sock");
  const auto second = Connection::connect(folder / "run.sock");
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_TRUE((*first)->send(command(1)).ok());
  ASSERT_TRUE((*second)->send(command(2)).ok());
  std::vector<Server::Incoming> incoming;
  for (int i = 0; i < 20 && incoming.size() < 2; ++i) {
    for (auto& message : (*server)->poll(100)) incoming.push_back(std::move(message));
  }
  ASSERT_EQ(incoming.size(), 2U);
  EXPECT_EQ((*server)->num_clients(), 2);
  (*server)->send(incoming[0].client, Json::object({{"ok", Json(true)}}));
  (*server)->broadcast(Json::object({{"type", Json("state")}}));
  const auto& asked = incoming[0].message["id"].as_integer() == 1 ? *first : *second;
  const auto replies = asked->receive(1000);
  ASSERT_TRUE(replies.ok());
  ASSERT_EQ(replies->size(), 2U);
  EXPECT_TRUE((*replies)[0]["ok"].as_bool());
}

TEST(Channel, TellsBothSidesWhenThePeerGoes) {
  const TemporaryFolder folder;
  auto server = Server::listen(folder / "run.sock");
  ASSERT_TRUE(server.ok());
  auto connection = Connection::connect(folder / "run.sock");
  ASSERT_TRUE(connection.ok());
  (*server)->poll(100);
  EXPECT_EQ((*server)->num_clients(), 1);
  (*connection).reset();
  (*server)->poll(100);
  EXPECT_EQ((*server)->num_clients(), 0);
  auto other = Connection::connect(folder / "run.sock");
  ASSERT_TRUE(other.ok());
  (*server)->poll(100);
  (*server)->broadcast(command(5));
  (*server).reset();
  const auto last_words = (*other)->receive(1000);
  ASSERT_TRUE(last_words.ok());
  EXPECT_EQ(last_words->size(), 1U);
  const auto gone = (*other)->receive(1000);
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(Connection::connect(folder / "run.sock").ok());
}

TEST(Channel, ASlowReaderLosesProgressButNoReply) {
  const TemporaryFolder folder;
  const auto server = Server::listen(folder / "run.sock");
  const auto connection = Connection::connect(folder / "run.sock");
  ASSERT_TRUE(server.ok() && connection.ok());
  ASSERT_TRUE((*connection)->send(command(1)).ok());
  std::vector<Server::Incoming> incoming = (*server)->poll(1000);
  ASSERT_EQ(incoming.size(), 1U);
  const Json progress =
      Json::object({{"type", Json("step")}, {"pad", Json(std::string(2000, 'p'))}});
  for (int i = 0; i < 5000; ++i) (*server)->broadcast(progress);  // 10 MB that nobody reads
  const Json reply = Json::object({{"type", Json("reply")}, {"id", Json(1)}});
  (*server)->send(incoming[0].client, reply);
  ASSERT_EQ((*server)->num_clients(), 1);
  std::size_t num_progress = 0;
  bool has_reply = false;
  for (int i = 0; i < 2000 && !has_reply; ++i) {
    (*server)->poll(0);
    const auto messages = (*connection)->receive(5);
    ASSERT_TRUE(messages.ok());
    for (const Json& message : *messages) {
      has_reply = has_reply || message["type"].as_string() == "reply";
      if (message["type"].as_string() == "step") ++num_progress;
    }
  }
  EXPECT_TRUE(has_reply);
  EXPECT_GT(num_progress, 0U);
  EXPECT_LT(num_progress, 5000U);
}

TEST(Channel, HostileBytesCloseOnlyTheirConnection) {
  const TemporaryFolder folder;
  const auto server = Server::listen(folder / "run.sock");
  const auto good = Connection::connect(folder / "run.sock");
  ASSERT_TRUE(server.ok() && good.ok());
  std::mt19937_64 random(11);
  for (int trial = 0; trial < 200; ++trial) {
    const int raw = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (folder / "run.sock").c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(::connect(raw, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    std::string bytes(random() % 200 + 1, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    if (trial % 3 == 0) bytes = "SYD1" + bytes;
    ASSERT_EQ(::send(raw, bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    EXPECT_TRUE((*server)->poll(20).empty());
    ::close(raw);
  }
  (*server)->poll(20);
  EXPECT_EQ((*server)->num_clients(), 1);
  ASSERT_TRUE((*good)->send(command(9)).ok());
  const auto incoming = (*server)->poll(1000);
  ASSERT_EQ(incoming.size(), 1U);
  EXPECT_EQ(incoming[0].message["id"].as_integer(), 9);
}

TEST(Channel, ReplacesAStaleSocketButNoOtherFile) {
  const TemporaryFolder folder;
  {
    const int raw = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (folder / "run.sock").c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(raw, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(raw);  // as a killed engine leaves it
  }
  EXPECT_TRUE(Server::listen(folder / "run.sock").ok());
  test::write_text(folder / "file", "x");
  EXPECT_FALSE(Server::listen(folder / "file").ok());
  EXPECT_EQ(test::read_text(folder / "file"), "x");
  EXPECT_FALSE(Server::listen(folder / std::string(120, 'x')).ok());
}

}  // namespace
}  // namespace switchyard::ipc
