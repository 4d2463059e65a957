#include "engine/train/loop/sample_bench.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "engine/base/config/node.h"
#include "engine/train/loop/batch_sampler.h"
#include "engine/train/loop/torch_errors.h"
#include "engine/train/model/transformer.h"
#include "engine/train/torch_compat.h"

namespace switchyard::train {
namespace {

std::vector<BatchSampler::Prompt> random_prompts(const SampleBenchRequest& request) {
  std::vector<BatchSampler::Prompt> prompts;
  for (std::int64_t row = 0; row < request.batch; ++row) {
    BatchSampler::Prompt prompt;
    prompt.seed = static_cast<std::uint64_t>(row);
    for (std::int64_t i = 0; i < request.num_prompt_tokens; ++i) {
      const double u = uniform(prompt.seed, static_cast<std::uint64_t>(i));
      prompt.ids.push_back(static_cast<std::int32_t>(u * static_cast<double>(request.vocab_size)));
    }
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

Result<Json> measure(const SampleBenchRequest& request) {
  if (request.batch < 1 || request.num_prompt_tokens < 1 || request.num_tokens < 1) {
    return Error{ErrorCode::kUsage,
                 "bench sample",
                 "expected at least one prompt, one token in it and one to draw.",
                 "",
                 {}};
  }
  SY_ASSIGN_OR_RETURN(const c10::Device device, device_from_name(request.device));
  const config::Node train = config::Node(request.config).child("train");
  if (const std::int64_t threads = train.integer("num_threads"); threads > 0) {
    at::set_num_threads(static_cast<int>(threads));
  }
  use_own_stream(device);
  const Transformer::Options options = Transformer::options_for(request.config, device);
  SY_ASSIGN_OR_RETURN(auto model, Transformer::create(request.config, request.vocab_size, options));
  BatchSampler sampler(*model);
  const std::vector<BatchSampler::Prompt> prompts = random_prompts(request);
  std::vector<double> times;
  for (std::int64_t round = 0; round <= std::max<std::int64_t>(request.num_rounds, 1); ++round) {
    synchronize(device);
    const auto start = std::chrono::steady_clock::now();
    SY_RETURN_IF_ERROR(sampler.sample(prompts, request.settings, request.num_tokens));
    synchronize(device);
    const std::chrono::duration<double, std::milli> passed =
        std::chrono::steady_clock::now() - start;
    if (round > 0) times.push_back(passed.count());
  }
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2];
  const auto num_tokens = static_cast<double>(request.num_tokens);
  const std::int64_t peak =
      device.is_cpu() ? peak_resident_bytes() : device_memory(device).peak_bytes;
  return Json::object(
      {{"bench", "sample"},
       {"name", request.config["name"]},
       {"device", device.str()},
       {"compute_dtype", options.compute == at::kBFloat16 ? "bfloat16" : "float32"},
       {"residual_dtype", options.use_bfloat16_residual ? "bfloat16" : "float32"},
       {"why_slow", sampler.why_slow()},
       {"num_threads", at::get_num_threads()},
       {"batch", request.batch},
       {"prompt_tokens", request.num_prompt_tokens},
       {"tokens", request.num_tokens},
       {"temperature", request.settings.temperature},
       {"top_k", request.settings.top_k},
       {"ms", median},
       {"ms_min", times.front()},
       {"ms_per_step", median / num_tokens},
       {"tokens_per_second", static_cast<double>(request.batch) * num_tokens * 1e3 / median},
       {"peak_bytes", peak},
       {"peak_gib", static_cast<double>(peak) / (1024.0 * 1024.0 * 1024.0)}});
}

}  // namespace

Result<Json> sample_bench(const SampleBenchRequest& request) {
  try {
    return measure(request);
  } catch (const std::exception& exception) {
    return error_from_exception(exception, "bench sample");
  }
}

}  // namespace switchyard::train
