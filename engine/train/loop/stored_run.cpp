#include "engine/train/loop/stored_run.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "engine/base/core/file_system.h"
#include "engine/base/core/limits.h"
#include "engine/base/core/log.h"
#include "engine/base/formats/dataset.h"
#include "engine/base/store/run_folder.h"
#include "engine/train/loop/batch_sampler.h"
#include "engine/train/loop/checkpointer.h"
#include "engine/train/loop/evaluator.h"
#include "engine/train/loop/run_setup.h"
#include "engine/train/loop/torch_errors.h"
#include "engine/train/model/transformer.h"
#include "engine/train/torch_compat.h"

namespace switchyard::train {
namespace {

constexpr std::int64_t kSamplesAtOnce = 32;

struct OpenedRun {
  Json config;
  checkpoint::Found found;
};

Result<OpenedRun> open_run(const std::string& run_dir, const std::string& choice) {
  OpenedRun run;
  SY_ASSIGN_OR_RETURN(Json stored, store::read_run_config(run_dir));
  SY_ASSIGN_OR_RETURN(stored, config::migrate(std::move(stored), run_dir + "/config.json"));
  config::Resolved resolved = config::resolve(program_schema(), stored, run_dir + "/config.json");
  if (!resolved.ok()) {
    Error error = resolved.errors.front();
    error.code = ErrorCode::kInputFile;
    return error;
  }
  run.config = std::move(resolved.config);
  const store::RunPaths paths{run_dir};
  const checkpoint::ScanResult scan =
      checkpoint::scan(paths.checkpoints(), checkpoint::ScanDepth::kChecksums);
  for (const std::string& reason : scan.rejected) {
    log_warning("a damaged checkpoint is left aside", {{"reason", Json(reason)}});
  }
  SY_ASSIGN_OR_RETURN(run.found, choose_checkpoint(scan, choice));
  return run;
}

Result<std::unique_ptr<Transformer>> load_model(const OpenedRun& run,
                                                std::int64_t vocab_size,
                                                const std::string& device_name) {
  SY_ASSIGN_OR_RETURN(const at::Device device, device_from_name(device_name));
  const std::int64_t num_threads = run.found.manifest["num_threads"].as_integer();
  if (num_threads > 0) at::set_num_threads(static_cast<int>(num_threads));
  use_own_stream(device);
  const Transformer::Options options = Transformer::options_for(run.config, device);
  SY_ASSIGN_OR_RETURN(auto model, Transformer::create(run.config, vocab_size, options));
  SY_RETURN_IF_ERROR(Checkpointer::restore_weights(model->parameters(), run.found.path));
  return model;
}

}  // namespace

Result<std::unique_ptr<formats::Tokenizer>> load_tokenizer(const std::string& run_dir) {
  const std::string path = store::RunPaths{run_dir}.tokenizer();
  SY_ASSIGN_OR_RETURN(const std::string text, read_file(path, limits::kTokenizerBytes));
  JsonLimits bounds;
  bounds.max_bytes = limits::kTokenizerBytes;
  bounds.max_values = limits::kTokenizerEntries;
  SY_ASSIGN_OR_RETURN(const Json document, parse_json(text, path, bounds));
  return formats::tokenizer_from_json(document, path);
}

Result<EvalReport> evaluate_stored_run(const EvalRequest& request) {
  if (request.split != "val" && request.split != "train") {
    return Error{ErrorCode::kUsage,
                 "--split",
                 "expected val or train, found `" + request.split + "`.",
                 "",
                 {}};
  }
  SY_ASSIGN_OR_RETURN(const OpenedRun run, open_run(request.run_dir, request.checkpoint));
  const std::int64_t seq_len = run.config["model"]["seq_len"].as_integer();
  SY_ASSIGN_OR_RETURN(const auto data, formats::prepare_data(run.config["data"], seq_len));
  SY_ASSIGN_OR_RETURN(const auto model,
                      load_model(run, data.tokenizer->vocab_size(), request.device));
  try {
    const bool is_val = request.split == "val";
    SY_ASSIGN_OR_RETURN(const Evaluation result,
                        evaluate(*model, is_val ? *data.val : *data.train, 0));
    EvalReport report;
    report.split = request.split;
    report.loss = result.loss;
    report.perplexity = std::exp(result.loss);
    report.bits_per_byte = result.loss / std::log(2.0) / data.val_bytes_per_token;
    report.tokens = result.tokens;
    report.step = run.found.step;
    return report;
  } catch (const std::exception& error) {
    return error_from_exception(error, "evaluation");
  }
}

namespace {

Error stopped() {
  return {ErrorCode::kStopped, "sample", "stopped on request.", "", {}};
}

bool is_asked_to_stop(const SampleListener& listener) {
  return listener.is_stop_requested && listener.is_stop_requested();
}

/// Writes all samples at once and reports them one after another.
Status sample_together(Transformer& model,
                       const formats::Tokenizer& tokenizer,
                       const StoredSampleRequest& request,
                       const SampleListener& listener,
                       std::int64_t step) {
  SY_ASSIGN_OR_RETURN(const auto ids, prompt_tokens(tokenizer, request.sample.prompt));
  BatchSampler sampler(model);
  for (std::int64_t first = 0; first < request.num_samples; first += kSamplesAtOnce) {
    const std::int64_t count = std::min(kSamplesAtOnce, request.num_samples - first);
    std::vector<BatchSampler::Prompt> prompts;
    for (std::int64_t i = first; i < first + count; ++i) {
      prompts.push_back({ids, request.sample.seed + static_cast<std::uint64_t>(i)});
    }
    std::vector<AnswerText> answers(prompts.size(), AnswerText(request.sample.stop));
    std::vector<std::vector<SampledToken>> tokens(prompts.size());
    const auto on_tokens = [&](std::size_t row, std::span<const std::int32_t> news) {
      for (const std::int32_t id : news) {
        if (!answers[row].stopped_by().empty()) break;
        SampledToken& token = tokens[row].emplace_back();
        token.id = id;
        token.text = answers[row].push(tokenizer.decode(id));
      }
      return answers[row].stopped_by().empty() && !is_asked_to_stop(listener);
    };
    SY_RETURN_IF_ERROR(
        sampler.sample(prompts, request.sample.settings, request.sample.max_tokens, on_tokens));
    if (is_asked_to_stop(listener)) return stopped();
    for (std::size_t row = 0; row < prompts.size(); ++row) {
      const std::int64_t sample = first + static_cast<std::int64_t>(row);
      for (const SampledToken& token : tokens[row]) {
        if (listener.on_token) listener.on_token(sample, token);
      }
      if (listener.on_done) listener.on_done(sample, answers[row].result(), step);
    }
  }
  return {};
}

}  // namespace

Status sample_stored_run(const StoredSampleRequest& request, const SampleListener& listener) {
  SY_RETURN_IF_ERROR(check_request(request.sample));
  SY_ASSIGN_OR_RETURN(const OpenedRun run, open_run(request.run_dir, request.checkpoint));
  SY_ASSIGN_OR_RETURN(const auto tokenizer, load_tokenizer(request.run_dir));
  SY_ASSIGN_OR_RETURN(const auto model, load_model(run, tokenizer->vocab_size(), request.device));
  if (!request.with_evidence && request.num_samples > 1) {
    return sample_together(*model, *tokenizer, request, listener, run.found.step);
  }
  for (std::int64_t i = 0; i < request.num_samples; ++i) {
    Sampler sampler(*model, *tokenizer);
    SampleRequest sample = request.sample;
    sample.seed += static_cast<std::uint64_t>(i);
    SY_RETURN_IF_ERROR(sampler.start(sample));
    while (!sampler.is_done()) {
      if (is_asked_to_stop(listener)) return stopped();
      SY_ASSIGN_OR_RETURN(const SampledToken token, sampler.next());
      if (listener.on_token) listener.on_token(i, token);
    }
    if (listener.on_done) listener.on_done(i, sampler.result(), run.found.step);
  }
  return {};
}

Result<ScoreReport> score_stored_run(const StoredScoreRequest& request,
                                     const std::function<void(const SampledToken&)>& on_token,
                                     const std::function<bool()>& is_stop_requested) {
  SY_ASSIGN_OR_RETURN(const OpenedRun run, open_run(request.run_dir, request.checkpoint));
  SY_ASSIGN_OR_RETURN(const auto tokenizer, load_tokenizer(request.run_dir));
  SY_ASSIGN_OR_RETURN(const auto model, load_model(run, tokenizer->vocab_size(), request.device));
  Scorer scorer(*model, *tokenizer);
  SY_RETURN_IF_ERROR(scorer.start(request.text));
  while (!scorer.is_done()) {
    if (is_stop_requested && is_stop_requested()) {
      return Error{ErrorCode::kStopped, "score", "stopped on request.", "", {}};
    }
    SY_ASSIGN_OR_RETURN(const SampledToken token, scorer.next());
    if (on_token) on_token(token);
  }
  return ScoreReport{scorer.score(), run.found.step};
}

}  // namespace switchyard::train
