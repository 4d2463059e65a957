// Memory, disk and time by formula, against numbers worked out by hand.
#include "ui/model/memory_estimate.h"

#include "engine/base/config/model_size.h"
#include "tests/unit/ui/config_fixture.h"

namespace switchyard::ui {
namespace {

double part(const MemoryEstimate& estimate, const std::string& name) {
  for (const MemoryPart& candidate : estimate.parts) {
    if (candidate.name == name) return candidate.bytes;
  }
  ADD_FAILURE() << "no part " << name;
  return 0.0;
}

TEST(MemoryEstimate, AddsUpADenseModelByHand) {
  ConfigDraft draft = preset_draft("shakespeare-char-dense-cpu");
  draft.set("/model/d_model", Json(10));
  draft.set("/model/num_heads", Json(2));
  draft.set("/model/seq_len", Json(7));
  draft.set("/model/layers/0/repeat", Json(3));
  draft.set("/model/layers/0/feed_forward/d_ff", Json(40));
  draft.set("/train/micro_batch_size", Json(2));
  ASSERT_TRUE(draft.is_valid());
  const MemoryEstimate cpu = memory_estimate(draft.resolved(), 1000, 5, false);
  EXPECT_DOUBLE_EQ(part(cpu, "weights"), 4000.0);
  EXPECT_DOUBLE_EQ(part(cpu, "gradients"), 4000.0);
  EXPECT_DOUBLE_EQ(part(cpu, "optimizer"), 8000.0);
  // 14 tokens; a layer: 8·10 + 4·(6·10 + 2·40) = 640; embedding and last norm: 8·10 + 4·10 = 120.
  EXPECT_DOUBLE_EQ(part(cpu, "activations"), 14.0 * (3.0 * 640.0 + 120.0));
  EXPECT_DOUBLE_EQ(part(cpu, "backward"), 14.0 * 640.0);
  EXPECT_DOUBLE_EQ(part(cpu, "logits"), 12.0 * 14.0 * 5.0);
  const MemoryEstimate gpu = memory_estimate(draft.resolved(), 1000, 5, true);
  EXPECT_DOUBLE_EQ(part(gpu, "weights"), 6000.0);
  // In bfloat16: 8·10 + 2·140 = 360 a layer, 8·10 + 2·10 = 100 around.
  EXPECT_DOUBLE_EQ(part(gpu, "activations"), 14.0 * (3.0 * 360.0 + 100.0));
  EXPECT_DOUBLE_EQ(part(gpu, "logits"), 14.0 * 2.0 * 10.0 + 4.0 * 5.0 * 10.0);
}

TEST(MemoryEstimate, CountsTheExpertsThatATokenUses) {
  ConfigDraft draft = preset_draft();  // width 128, 8 experts of 256, two a token, 12 × 64 tokens
  const MemoryEstimate two = memory_estimate(draft.resolved(), 1, 84, false);
  // 8·128 + 8·8 + 4·(5·128 + 2·(2·128 + 2·256)) = 9,792 a layer; 12·128 around.
  EXPECT_DOUBLE_EQ(part(two, "activations"), 768.0 * (4.0 * 9792.0 + 1536.0));
  draft.set("/model/layers/0/feed_forward/activation", Json("swiglu"));
  const MemoryEstimate gated = memory_estimate(draft.resolved(), 1, 84, false);
  EXPECT_DOUBLE_EQ(part(gated, "activations") - part(two, "activations"),
                   768.0 * 4.0 * 4.0 * 2.0 * 256.0);
}

TEST(MemoryEstimate, AgreesWithTheMeasuredGpt2) {
  // GPT-2 124M, 64 × 1,024 tokens in bfloat16 on an H100: 23.5 GiB at most, measured.
  ConfigDraft draft = preset_draft("gpt2-124m");
  draft.set("/train/micro_batch_size", Json(64));
  const DraftFigures figures = draft_figures(draft.resolved(), 50304, 0, true);
  const double gib = figures.memory.total_bytes / (1024.0 * 1024.0 * 1024.0);
  EXPECT_NEAR(gib, 23.5, 0.1 * 23.5);
}

TEST(MemoryEstimate, AgreesWithTheMeasuredExperts) {
  // Resident memory of `bench step` with the default preset on two cores, measured.
  ConfigDraft draft = preset_draft();
  for (const auto& [batch, measured_mb] :
       {std::pair{12, 236.2}, std::pair{48, 372.4}, std::pair{192, 923.0}}) {
    draft.set("/train/micro_batch_size", Json(batch));
    const DraftFigures figures = draft_figures(draft.resolved(), 84, 0, false);
    EXPECT_NEAR(figures.memory.total_bytes / 1e6, measured_mb, 0.15 * measured_mb) << batch;
  }
}

TEST(MemoryEstimate, JudgesWhatFits) {
  EXPECT_EQ(fit_of(1.0, 0.0), Fit::kUnknown);
  EXPECT_EQ(fit_of(0.0, 10.0), Fit::kUnknown);
  EXPECT_EQ(fit_of(8.5, 10.0), Fit::kFits);
  EXPECT_EQ(fit_of(8.6, 10.0), Fit::kTight);
  EXPECT_EQ(fit_of(10.1, 10.0), Fit::kTooLarge);
}

TEST(DraftFigures, FollowTheDraft) {
  ConfigDraft draft = preset_draft();
  const DraftFigures figures = draft_figures(draft.resolved(), 84, 4'551'551, false);
  const config::ModelSize size = config::model_size(draft.resolved(), 84);
  EXPECT_EQ(figures.params_total, size.params_total);
  EXPECT_EQ(figures.params_active, size.params_active);
  EXPECT_DOUBLE_EQ(figures.flops_per_token, size.flops_per_token_step);
  EXPECT_DOUBLE_EQ(figures.tokens_per_step, 768.0);
  EXPECT_DOUBLE_EQ(figures.tokens_total, 768.0 * 2000.0);
  EXPECT_NEAR(figures.epochs, 1'536'000.0 / 4'551'551.0, 1e-12);
  EXPECT_DOUBLE_EQ(figures.disk_bytes, 3.0 * 12.0 * static_cast<double>(size.params_total));
  draft.set("/checkpoint/interval_steps", Json(0));
  EXPECT_DOUBLE_EQ(draft_figures(draft.resolved(), 84, 0, false).disk_bytes,
                   12.0 * static_cast<double>(size.params_total));
  EXPECT_EQ(draft_figures(draft.resolved(), 0, 0, false).params_total, 0) << "vocabulary unknown";
  const double two_moments = figures.memory.total_bytes;
  draft.set("/optimizer", Json::object({{"type", "amsgrad"}}));  // keeps a third moment
  const DraftFigures more = draft_figures(draft.resolved(), 84, 0, false);
  EXPECT_DOUBLE_EQ(more.checkpoint_bytes, 16.0 * static_cast<double>(size.params_total));
  EXPECT_DOUBLE_EQ(more.memory.total_bytes - two_moments,
                   4.0 * static_cast<double>(size.params_total));
}

TEST(DraftFigures, TimeIsStepsAndEvaluations) {
  ConfigDraft draft = preset_draft();
  draft.set("/train/eval_windows", Json(36));  // three passes of twelve
  const TimeRange range = run_time(draft.resolved(), 10.0, 20.0);
  // 2,000 steps, 9 evaluations of 36 / 12 forward passes at a third of a step.
  EXPECT_DOUBLE_EQ(range.low_seconds, 20.09);
  EXPECT_DOUBLE_EQ(range.high_seconds, 40.18);
}

}  // namespace
}  // namespace switchyard::ui
