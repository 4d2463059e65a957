#include <filesystem>
#include <functional>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/base/config/schema.h"
#include "engine/base/core/file_system.h"
#include "engine/train/loop/checkpointer.h"
#include "engine/train/loop/sampler.h"
#include "engine/train/loop/trainer.h"
#include "engine/train/model/transformer.h"
#include "engine/train/optim/optimizer.h"
#include "engine/train/routing/router.h"
#include "tests/support/model_config.h"
#include "tests/support/temporary_folder.h"

namespace switchyard::train {
namespace {

/// A tiny routed model with dropout on a made-up text.
class Checkpoint : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string text;
    for (int i = 0; i < 4000; ++i) text += static_cast<char>('a' + (i * i + i / 7) % 11);
    ASSERT_TRUE(write_file_durably(folder.path() + "/text.txt", text).ok());
    ::setenv("SWITCHYARD_DATA", (folder.path() + "/data").c_str(), 1);
    config = test::small_config(test::routed({"model.dropout=0.2",
                                              "data.dataset=\"\"",
                                              "data.text_file=" + folder.path() + "/text.txt",
                                              "schedule.warmup_steps=3",
                                              "schedule.decay_steps=50",
                                              "guard.window_steps=8",
                                              "guard.spike_sigma=3.0",
                                              "train.num_threads=1"}));
  }

  std::unique_ptr<Trainer> trainer() const {
    auto data = formats::prepare_data(config["data"], 12);
    EXPECT_TRUE(data.ok());
    auto made = Trainer::create({config, *data, "cpu", 1});
    EXPECT_TRUE(made.ok());
    return std::move(made).value();
  }

  /// Losses, norms and guard decisions of the next `num_steps`.
  static std::vector<double> run(Trainer& trainer, int num_steps) {
    std::vector<double> numbers;
    for (int i = 0; i < num_steps; ++i) {
      const auto report = trainer.step(true);
      EXPECT_TRUE(report.ok()) << report.error().text();
      numbers.insert(numbers.end(),
                     {report->train_loss,
                      report->grad_norm,
                      report->learning_rate,
                      report->verdict.robust_z,
                      static_cast<double>(report->verdict.action)});
    }
    return numbers;
  }

  test::TemporaryFolder folder;
  Json config;
};

TEST_F(Checkpoint, GivesBackEveryBitThatMatters) {
  const auto original = trainer();
  run(*original, 12);
  Checkpointer checkpointer(folder.path());
  const auto saved = checkpointer.save(*original, 2);
  ASSERT_TRUE(saved.ok()) << saved.error().text();
  const std::vector<double> want = run(*original, 12);
  const auto scan = checkpoint::scan(folder.path(), checkpoint::ScanDepth::kChecksums);
  ASSERT_EQ(scan.valid.size(), 1U);
  const auto resumed = trainer();
  const Status restored = Checkpointer::restore(*resumed, scan.valid[0]);
  ASSERT_TRUE(restored.ok()) << restored.error().text();
  EXPECT_EQ(run(*resumed, 12), want);
  EXPECT_TRUE(at::equal(resumed->model().parameters().flat_master,
                        original->model().parameters().flat_master));
  EXPECT_TRUE(at::equal(resumed->model().parameters().flat_moment2,
                        original->model().parameters().flat_moment2));
}

TEST_F(Checkpoint, GivesBackTheStateOfEveryOptimizer) {
  for (const OptimizerEntry& entry : all_optimizers()) {
    SCOPED_TRACE(entry.name);
    config::Resolved resolved = config::resolve(
        config::run_schema(routing_declarations()),
        [&] {
          Json changed = config;
          changed.set("optimizer",
                      Json::object({{"type", Json(entry.name)}, {"learning_rate", 2e-3}}));
          return changed;
        }(),
        "test");
    ASSERT_TRUE(resolved.ok()) << resolved.errors.front().text();
    config = std::move(resolved.config);
    const std::string dir = folder.path() + "/" + std::string(entry.name);
    const auto original = trainer();
    run(*original, 7);
    Checkpointer checkpointer(dir);
    const auto saved = checkpointer.save(*original, 2);
    ASSERT_TRUE(saved.ok()) << saved.error().text();
    const std::vector<double> want = run(*original, 7);
    const auto scan = checkpoint::scan(dir, checkpoint::ScanDepth::kChecksums);
    ASSERT_EQ(scan.valid.size(), 1U);
    const auto resumed = trainer();
    const Status restored = Checkpointer::restore(*resumed, scan.valid[0]);
    ASSERT_TRUE(restored.ok()) << restored.error().text();
    EXPECT_EQ(run(*resumed, 7), want);
    const ParameterStore& a = resumed->model().parameters();
    const ParameterStore& b = original->model().parameters();
    EXPECT_TRUE(at::equal(a.flat_master, b.flat_master));
    EXPECT_TRUE(at::equal(a.flat_moment1, b.flat_moment1));
    EXPECT_TRUE(at::equal(a.flat_moment2, b.flat_moment2));
    EXPECT_EQ(a.flat_moment3.defined(), entry.name == "amsgrad");
    if (a.flat_moment3.defined()) {
      EXPECT_TRUE(at::equal(a.flat_moment3, b.flat_moment3));
    }
  }
}

/// A section that could be changed without any effect would be saved in vain, or not used.
TEST_F(Checkpoint, EverySectionOfTheStateMatters) {
  using Change = std::function<void(Json&)>;
  const std::map<std::string, Change> changes{
      {"counters", [](Json& s) { s.set("step", Json(s["step"].as_integer() + 7)); }},
      {"optimizer", [](Json& s) { s.set("step_count", Json(1)); }},
      {"generator",
       [](Json& s) {
         const at::Generator other = at::detail::createCPUGenerator(99);
         const at::Tensor bytes = other.get_state();
         std::string hex;
         for (std::int64_t i = 0; i < bytes.numel(); ++i) {
           char digits[3];
           std::snprintf(digits, sizeof digits, "%02x", bytes.data_ptr<std::uint8_t>()[i]);
           hex += digits;
         }
         s.set("state", Json(hex));
       }},
      {"batches", [](Json& s) { s.set("batch_offset", Json(3)); }},
      {"guard", [](Json& s) { s.set("losses", Json::array()); }},
      {"best", [](Json& s) { s.set("step", Json(5)); }}};
  const auto original = trainer();
  run(*original, 12);
  Checkpointer checkpointer(folder.path());
  ASSERT_TRUE(checkpointer.save(*original, 2).ok());
  const Json state = original->state();
  const auto want = run(*original, 6);
  const auto scan = checkpoint::scan(folder.path(), checkpoint::ScanDepth::kSizes);
  for (const std::string& section : all_state_sections()) {
    ASSERT_TRUE(changes.contains(section)) << "no change planned for " << section;
    const auto resumed = trainer();
    ASSERT_TRUE(Checkpointer::restore(*resumed, scan.valid.at(0)).ok());
    Json changed = state;
    changes.at(section)(*changed.find(section));
    ASSERT_TRUE(resumed->restore_state(changed).ok()) << section;
    if (section == "best") {
      EXPECT_NE(resumed->best_step, original->best_step);
      continue;
    }
    EXPECT_NE(run(*resumed, 6), want) << section;
  }
}

TEST_F(Checkpoint, RefusesAStateWithoutASection) {
  const auto original = trainer();
  for (const std::string& section : all_state_sections()) {
    Json state = original->state();
    state.set(section, Json(nullptr));
    const Status status = original->restore_state(state);
    ASSERT_FALSE(status.ok()) << section;
    EXPECT_NE(status.error().where.find(section), std::string::npos);
  }
}

TEST_F(Checkpoint, KeepsTheNewestTwoAndTheBest) {
  const auto original = trainer();
  Checkpointer checkpointer(folder.path());
  original->best_step = 2;
  for (int i = 0; i < 6; ++i) {
    run(*original, 1);
    ASSERT_TRUE(checkpointer.save(*original, 2).ok());
  }
  const auto scan = checkpoint::scan(folder.path(), checkpoint::ScanDepth::kChecksums);
  std::vector<std::int64_t> steps;
  for (const auto& found : scan.valid) steps.push_back(found.step);
  EXPECT_EQ(steps, (std::vector<std::int64_t>{2, 5, 6}));
}

TEST_F(Checkpoint, WaitsLongerAfterEveryFailure) {
  Checkpointer checkpointer(folder.path());
  EXPECT_TRUE(checkpointer.may_try(0.0));
  checkpointer.note_outcome(false, 0.0);
  EXPECT_FALSE(checkpointer.may_try(59.0));
  EXPECT_TRUE(checkpointer.may_try(60.0));
  checkpointer.note_outcome(false, 60.0);
  EXPECT_FALSE(checkpointer.may_try(179.0));
  EXPECT_TRUE(checkpointer.may_try(180.0));
  EXPECT_FALSE(checkpointer.is_lost(1800.0));
  EXPECT_TRUE(checkpointer.is_lost(1801.0));
  checkpointer.note_outcome(true, 1801.0);
  EXPECT_FALSE(checkpointer.is_lost(9999.0));
}

/// The cache must not change what is predicted: compared with reading the whole context anew.
TEST_F(Checkpoint, SamplingWithTheCacheAgreesWithTheForwardPass) {
  const auto original = trainer();
  run(*original, 5);
  Sampler sampler(original->model(), *original->data().tokenizer);
  SampleRequest request;
  request.prompt = "abca";
  request.max_tokens = 30;
  ASSERT_TRUE(sampler.start(request).ok());
  std::vector<std::int32_t> ids = original->data().tokenizer->encode("abca").value();
  while (!sampler.is_done()) {
    const auto token = sampler.next();
    ASSERT_TRUE(token.ok()) << token.error().text();
    ASSERT_EQ(token->route.size(), 2U);
    if (std::ssize(ids) < 12) {  // before the context slides
      at::Tensor tokens = at::empty({1, std::ssize(ids)}, at::kLong);
      std::copy(ids.begin(), ids.end(), tokens.data_ptr<std::int64_t>());
      const at::NoGradGuard no_grad;
      const auto losses = original->model().forward(tokens, tokens, false, true);
      const at::Tensor last = losses.logits.select(0, 0).select(0, -1).to(at::kDouble);
      const double want = at::softmax(last, 0)[token->id].item<double>();
      EXPECT_NEAR(token->prob, want, 1e-5);
    }
    ids.push_back(token->id);
  }
}

}  // namespace
}  // namespace switchyard::train
