#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "app/cli.h"
#include "app/exit_codes.h"
#include "engine/base/core/log.h"
#include "engine/train/loop/stored_run.h"

namespace switchyard::cli {
namespace {

int run_eval(Context& context, const train::EvalRequest& options) {
  train::EvalRequest request = options;
  request.run_dir = run_directory(request.run_dir);
  const auto report = train::evaluate_stored_run(request);
  if (!report.ok()) return fail(context, report.error());
  if (context.use_json) {
    print_json(Json::object({{"split", Json(report->split)},
                             {"loss", Json(report->loss)},
                             {"perplexity", Json(report->perplexity)},
                             {"bits_per_byte", Json(report->bits_per_byte)},
                             {"tokens", Json(report->tokens)},
                             {"step", Json(report->step)}}));
    return kExitDone;
  }
  std::printf(
      "split          %s\nstep           %lld\nloss           %.6f nats/token\n"
      "perplexity     %.4f\nbits per byte  %.6f\ntokens         %lld\n",
      report->split.c_str(),
      static_cast<long long>(report->step),
      report->loss,
      report->perplexity,
      report->bits_per_byte,
      static_cast<long long>(report->tokens));
  return kExitDone;
}

void print_token(const train::SampledToken& token, const std::optional<std::int64_t>& sample) {
  Json event = Json::object({{"event", Json("token")}});
  const Json fields = train::json_from(token);
  for (const Json::Member& member : fields.members()) event.set(member.first, member.second);
  if (sample.has_value()) event.set("sample", Json(*sample));
  print_json(event);
}

struct SampleOptions {
  train::StoredSampleRequest request;
  std::int64_t seed = 1337;
};

int run_sample(Context& context, const SampleOptions& options) {
  train::StoredSampleRequest request = options.request;
  request.run_dir = run_directory(request.run_dir);
  request.sample.seed = static_cast<std::uint64_t>(options.seed);
  request.with_evidence = context.use_json;
  catch_stop_signals();
  train::SampleListener listener;
  listener.is_stop_requested = &is_stop_requested;
  listener.on_token = [&](std::int64_t sample, const train::SampledToken& token) {
    if (context.use_json) {
      print_token(token, sample);
    } else {
      std::fputs(token.text.c_str(), stdout);
      std::fflush(stdout);
    }
  };
  listener.on_done = [&](std::int64_t sample, const Json& result, std::int64_t step) {
    if (context.use_json) {
      Json event = Json::object({{"event", Json("done")}});
      for (const Json::Member& member : result.members()) event.set(member.first, member.second);
      event.set("sample", Json(sample));
      event.set("step", Json(step));
      print_json(event);
    } else {
      std::fputs(sample + 1 < request.num_samples ? "\n---\n" : "\n", stdout);
    }
    if (!context.use_json && sample + 1 < request.num_samples) {
      std::fputs(request.sample.prompt.c_str(), stdout);
    }
  };
  if (!context.use_json) std::fputs(request.sample.prompt.c_str(), stdout);
  const Status status = train::sample_stored_run(request, listener);
  if (status.ok()) return kExitDone;
  if (!context.use_json) std::fputc('\n', stdout);
  return fail(context, status.error());
}

struct ScoreOptions {
  train::StoredScoreRequest request;
  std::optional<std::string> text;
};

/// All of standard input, as far as it may be scored.
std::string read_standard_input() {
  constexpr std::size_t kMostBytes = (1 << 20) + 1;
  std::string text;
  char buffer[4096];
  while (text.size() < kMostBytes) {
    const std::size_t got = std::fread(buffer, 1, sizeof buffer, stdin);
    if (got == 0) break;
    text.append(buffer, got);
  }
  return text;
}

int run_score(Context& context, const ScoreOptions& options) {
  train::StoredScoreRequest request = options.request;
  request.run_dir = run_directory(request.run_dir);
  request.text = options.text.has_value() ? *options.text : read_standard_input();
  catch_stop_signals();
  const auto on_token = [&](const train::SampledToken& token) {
    if (context.use_json) print_token(token, std::nullopt);
  };
  const auto report = train::score_stored_run(request, on_token, &is_stop_requested);
  if (!report.ok()) return fail(context, report.error());
  const train::Scorer::Score& score = report->score;
  if (context.use_json) {
    print_json(Json::object({{"event", Json("done")},
                             {"loss", Json(score.loss)},
                             {"perplexity", Json(score.perplexity)},
                             {"bits_per_byte", Json(score.bits_per_byte)},
                             {"tokens", Json(score.tokens)},
                             {"step", Json(report->step)}}));
    return kExitDone;
  }
  std::printf(
      "step           %lld\nloss           %.6f nats/token\nperplexity     %.4f\n"
      "bits per byte  %.6f\ntokens         %lld\n",
      static_cast<long long>(report->step),
      score.loss,
      score.perplexity,
      score.bits_per_byte,
      static_cast<long long>(score.tokens));
  return kExitDone;
}

void add_score(CLI::App& app, Context& context) {
  auto options = std::make_shared<ScoreOptions>();
  CLI::App* command = app.add_subcommand("score", "Tell how well a checkpoint expects a text");
  command->add_option("--run", options->request.run_dir, "run folder or name")
      ->required()
      ->type_name("DIR");
  command->add_option("--checkpoint", options->request.checkpoint, "last, best or a step");
  command->add_option("--text", options->text, "the text; else standard input");
  command->add_option("--device", options->request.device, "auto, cpu or cuda:N");
  add_json_option(*command, context);
  command->callback([&context, options] { run_score(context, *options); });
}

void add_eval(CLI::App& app, Context& context) {
  auto request = std::make_shared<train::EvalRequest>();
  CLI::App* command = app.add_subcommand("eval", "Evaluate a checkpoint on a whole split");
  command->add_option("--run", request->run_dir, "run folder or name")
      ->required()
      ->type_name("DIR");
  command->add_option("--checkpoint", request->checkpoint, "last, best or a step");
  command->add_option("--split", request->split, "val or train");
  command->add_option("--device", request->device, "auto, cpu or cuda:N");
  add_json_option(*command, context);
  command->callback([&context, request] { run_eval(context, *request); });
}

void add_sample(CLI::App& app, Context& context) {
  auto options = std::make_shared<SampleOptions>();
  train::StoredSampleRequest& request = options->request;
  CLI::App* command = app.add_subcommand("sample", "Write on from a prompt");
  command->add_option("--run", request.run_dir, "run folder or name")->required()->type_name("DIR");
  command->add_option("--checkpoint", request.checkpoint, "last, best or a step");
  command->add_option("--prompt", request.sample.prompt, "text to continue");
  command->add_option("--max-tokens", request.sample.max_tokens, "tokens per sample");
  command->add_option(
      "--temperature", request.sample.settings.temperature, "0 takes the likeliest");
  command->add_option("--top-k", request.sample.settings.top_k, "0 is off");
  command->add_option("--top-p", request.sample.settings.top_p, "1 is off");
  command->add_option("--min-p", request.sample.settings.min_p, "0 is off");
  command->add_option(
      "--repetition-penalty", request.sample.settings.repetition_penalty, "1 is off");
  command->add_option("--seed", options->seed, "decides the text");
  command->add_option("--stop", request.sample.stop, "end before this text (repeatable, at most 8)")
      ->type_name("TEXT")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command
      ->add_option("--num-samples",
                   request.num_samples,
                   "samples, written together unless --json wants the evidence of each token")
      ->check(CLI::Range(1, 100000));
  command->add_option("--device", request.device, "auto, cpu or cuda:N");
  add_json_option(*command, context);
  command->callback([&context, options] { run_sample(context, *options); });
}

}  // namespace

void add_model_commands(CLI::App& app, Context& context) {
  add_eval(app, context);
  add_sample(app, context);
  add_score(app, context);
}

}  // namespace switchyard::cli
