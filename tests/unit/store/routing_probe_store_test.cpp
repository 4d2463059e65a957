// Routing probes in the run store: round trip, thinning, rollback, older stores, damage.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include "engine/base/store/probe_blob.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/store/store_access.h"

namespace switchyard::store {
namespace {

using routing::ProbeReading;
using routing::RoutingProbe;
using test::TemporaryFolder;

/// A probe of 64 tokens in two layers of `E` and 3 experts; `shift` changes what is chosen.
RoutingProbe probe_of(std::int64_t E, std::uint16_t shift) {
  routing::ProbeText text;
  text.seq_len = 32;
  ProbeReading first{0, E, 2, {}, 1.5, 0.25, 0.125};
  ProbeReading second{2, 3, 1, {}, 0.5, 0.75, 0.5};
  for (std::int32_t n = 0; n < 64; ++n) {
    text.inputs.push_back(n % 5);
    text.targets.push_back((n + 1) % 5);
    const auto e = static_cast<std::uint16_t>((n + shift) % E);
    first.experts.push_back(e);
    first.experts.push_back(static_cast<std::uint16_t>((e + 1) % E));
    second.experts.push_back(static_cast<std::uint16_t>(n % 3));
  }
  return routing::make_probe(text, {first, second});
}

std::vector<std::int64_t> probe_steps(const Delta& delta) {
  std::vector<std::int64_t> steps;
  for (const ProbeSample& sample : delta.probes) steps.push_back(sample.at.step);
  return steps;
}

TEST(ProbeBlob, KeepsEveryNumber) {
  for (const std::int64_t E : {4, 300, 1500}) {
    const RoutingProbe probe = probe_of(E, 1);
    const auto back = probe_from_bytes(bytes_from_probe(probe), "here");
    ASSERT_TRUE(back.ok()) << back.error().text();
    EXPECT_EQ(*back, probe) << E;
    EXPECT_EQ(back->layers[0].coactivation.empty(), E == 1500);
  }
  RoutingProbe unknown = probe_of(4, 1);  // everything zero, and what is not known
  unknown.layers[0].boundary_margin = std::numeric_limits<double>::quiet_NaN();
  for (std::uint32_t& count : unknown.layers[0].coactivation) count = 0;
  EXPECT_EQ(*probe_from_bytes(bytes_from_probe(unknown), "here"), unknown);
}

TEST(ProbeBlob, RefusesEveryCutAndSurvivesEveryChangedByte) {
  const std::string bytes = bytes_from_probe(probe_of(300, 1));
  for (std::size_t n = 0; n < bytes.size(); ++n)
    ASSERT_FALSE(probe_from_bytes(bytes.substr(0, n), "here").ok()) << n;
  EXPECT_FALSE(probe_from_bytes(bytes + "x", "here").ok());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    std::string changed = bytes;
    changed[n] = static_cast<char>(~changed[n]);
    const auto probe = probe_from_bytes(changed, "here");  // may be another probe: the store's
    if (probe.ok()) continue;                              // checksum tells
    EXPECT_EQ(probe.error().code, ErrorCode::kInputFile);
  }
}

TEST(ProbeBlob, OfManyExpertsIsSmall) {
  routing::ProbeText text;
  std::vector<ProbeReading> readings;
  for (int layer = 0; layer < 16; ++layer) readings.push_back({layer, 512, 2, {}, 1.0, 0.1, 0.1});
  std::uint32_t state = 1;
  for (std::int32_t n = 0; n < 4096; ++n) {
    text.inputs.push_back(n % 700);
    text.targets.push_back((n + 1) % 700);
    for (ProbeReading& reading : readings) {
      state = state * 1664525 + 1013904223;
      const auto e = static_cast<std::uint16_t>(state >> 23);
      reading.experts.push_back(e);
      reading.experts.push_back(static_cast<std::uint16_t>((e + 1 + (state >> 10) % 500) % 512));
    }
  }
  text.seq_len = 1024;
  const RoutingProbe probe = routing::make_probe(text, std::move(readings));
  std::size_t set_bytes = 0;
  for (const auto& layer : probe.layers) set_bytes += 2 * layer.experts.size();
  EXPECT_LE(set_bytes, 256U << 10);
  EXPECT_GT(set_bytes, 250U << 10);
  const std::size_t bytes = bytes_from_probe(probe).size();
  RecordProperty("bytes", std::to_string(bytes));
  EXPECT_LT(bytes, 2'200'000U);
}

TEST(RoutingProbes, AreReadByBothPollsAndOnlyOnce) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  const auto writer = open_writer(path);
  writer->routing_probe(at(10), probe_of(4, 0));
  ASSERT_TRUE(writer->flush().ok());
  const auto all = open_reader(path), window = open_reader(path);
  const std::vector<std::string> wanted;
  for (const Delta& delta : {*all->poll(), *window->poll(wanted)}) {
    ASSERT_EQ(delta.probes.size(), 1U);
    EXPECT_EQ(*delta.probes[0].probe, probe_of(4, 0));
    EXPECT_EQ(delta.probes[0].at.tokens, at(10).tokens);
  }
  writer->routing_probe(at(20), probe_of(4, 1));
  ASSERT_TRUE(writer->flush().ok());
  EXPECT_EQ(probe_steps(*all->poll()), std::vector<std::int64_t>{20});
  EXPECT_EQ(probe_steps(*window->poll(wanted)), std::vector<std::int64_t>{20});
  window->rewind();
  EXPECT_EQ(probe_steps(*window->poll(wanted)), (std::vector<std::int64_t>{10, 20}));
  EXPECT_TRUE(all->verify()->empty());
}

TEST(RoutingProbes, AreThinnedToTheFirstTheLastAndLogSpacedOnes) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  const auto writer = open_writer(path);
  for (std::int64_t step = 100; step <= 20'000; step += 100)
    writer->routing_probe(at(step), probe_of(4, 0));
  ASSERT_TRUE(writer->flush().ok());
  const std::vector<std::int64_t> steps = probe_steps(poll(*open_reader(path)));
  ASSERT_EQ(steps.size(), routing::kMostProbes);
  EXPECT_EQ(steps.front(), 100);
  EXPECT_EQ(steps.back(), 20'000);
  EXPECT_EQ(steps[steps.size() - 2], 19'900);
  for (std::size_t i = 1; i < steps.size(); ++i)
    EXPECT_LE(static_cast<double>(steps[i]), 2.0 * static_cast<double>(steps[i - 1])) << i;
}

TEST(RoutingProbes, OfStepsThatARollbackMadeVoidAreGone) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  auto writer = open_writer(path);
  for (const std::int64_t step : {10, 20, 30}) writer->routing_probe(at(step), probe_of(4, 0));
  writer.reset();
  writer = open_writer(path, 0, 20);  // a resume
  EXPECT_EQ(probe_steps(poll(*open_reader(path))), (std::vector<std::int64_t>{10, 20}));
  writer.reset();
  writer = open_writer(path, 1, 10);  // a rollback
  EXPECT_EQ(probe_steps(poll(*open_reader(path))), std::vector<std::int64_t>{10});
}

TEST(RoutingProbes, ComeToStoresOfVersionTwo) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  open_writer(path)->scalar("x", at(1), 1.0);
  {
    SQLite::Database database(path, SQLite::OPEN_READWRITE);
    database.exec("DROP TABLE routing_probe");
    database.exec("PRAGMA user_version = 2");
  }
  const auto reader = open_reader(path);
  EXPECT_EQ(steps_of(poll(*reader), "x").size(), 1U);
  EXPECT_TRUE(reader->verify()->empty());
  const auto writer = open_writer(path, 0, 5);
  writer->routing_probe(at(6), probe_of(4, 0));
  ASSERT_TRUE(writer->flush().ok());
  EXPECT_EQ(probe_steps(poll(*reader)), std::vector<std::int64_t>{6});
}

TEST(RoutingProbes, ThatAreDamagedAreNamed) {
  const TemporaryFolder folder;
  const std::string path = folder / "run.db";
  {
    const auto writer = open_writer(path);
    writer->routing_probe(at(7), probe_of(4, 0));
  }
  SQLite::Database(path, SQLite::OPEN_READWRITE)
      .exec("UPDATE routing_probe SET probe = X'00FF', crc32c = 5");
  const auto reader = open_reader(path);
  const auto delta = reader->poll();
  ASSERT_FALSE(delta.ok());
  EXPECT_NE(delta.error().text().find("step 7"), std::string::npos);
  const auto findings = reader->verify();
  ASSERT_TRUE(findings.ok());
  ASSERT_EQ(findings->size(), 1U);
  EXPECT_NE(findings->front().find("step 7"), std::string::npos);
}

}  // namespace
}  // namespace switchyard::store
