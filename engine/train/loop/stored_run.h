#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/base/formats/tokenizer.h"
#include "engine/train/loop/sampler.h"
#include "engine/train/loop/scorer.h"

namespace switchyard::train {

/// The evaluation of a checkpoint of a run folder, trained or still training (nothing is written).
struct EvalRequest {
  std::string run_dir;
  std::string checkpoint = "last";  ///< "last", "best" or a step
  std::string split = "val";        ///< "val" or "train"
  std::string device = "auto";
};

struct EvalReport {
  std::string split;
  double loss = 0.0;  ///< nats/token
  double perplexity = 0.0;
  double bits_per_byte = 0.0;
  std::int64_t tokens = 0;
  std::int64_t step = 0;  ///< of the checkpoint
};

/// Errors: kInputFile (no run, no intact checkpoint, text missing or changed), kUsage (split).
/// Determinism: the same number every time for a device, build and thread count; the thread count
///         is that of the run.
Result<EvalReport> evaluate_stored_run(const EvalRequest& request);

/// Samples from a checkpoint of a run folder. The tokenizer is that of the run folder, so no text
/// is needed.
struct StoredSampleRequest {
  std::string run_dir;
  std::string checkpoint = "last";
  std::string device = "auto";
  SampleRequest sample;
  std::int64_t num_samples = 1;  ///< seeds seed, seed + 1, …
  /// Without it several samples are written at once (BatchSampler), and their tokens have an id and
  /// a text only.
  bool with_evidence = true;
};

/// Scores a text with a checkpoint of a run folder.
struct StoredScoreRequest {
  std::string run_dir;
  std::string checkpoint = "last";
  std::string device = "auto";
  std::string text;
};

struct ScoreReport {
  Scorer::Score score;
  std::int64_t step = 0;  ///< of the checkpoint
};

/// Errors: as evaluate_stored_run and Scorer::start; kStopped when `is_stop_requested` says so.
Result<ScoreReport> score_stored_run(const StoredScoreRequest& request,
                                     const std::function<void(const SampledToken&)>& on_token,
                                     const std::function<bool()>& is_stop_requested);

/// What sampling reports: every token, and the whole text at the end of each sample.
struct SampleListener {
  std::function<void(std::int64_t sample, const SampledToken& token)> on_token;
  /// `result`: Sampler::result().
  std::function<void(std::int64_t sample, const Json& result, std::int64_t step)> on_done;
  std::function<bool()> is_stop_requested;
};

/// Errors: as evaluate_stored_run; kStopped when the listener asked for it.
Status sample_stored_run(const StoredSampleRequest& request, const SampleListener& listener);

/// The tokenizer that a run folder holds. Errors: kInputFile, kIo.
Result<std::unique_ptr<formats::Tokenizer>> load_tokenizer(const std::string& run_dir);

}  // namespace switchyard::train
