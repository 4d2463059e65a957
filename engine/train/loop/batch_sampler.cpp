#include "engine/train/loop/batch_sampler.h"

#include <algorithm>
#include <map>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "engine/base/core/log.h"
#include "engine/train/cuda_graph.h"
#include "engine/train/fused/decode_step.h"
#include "engine/train/loop/decoder.h"
#include "engine/train/loop/torch_errors.h"
#include "engine/train/model/transformer.h"

namespace switchyard::train {
namespace {

constexpr std::size_t kMostRows = 32;
constexpr std::int64_t kBlock = 64;            // tokens of a row between two reads
constexpr std::int64_t kStepsPerGraph = 8;     // and one, for what is left
constexpr std::int64_t kShortestBucket = 128;  // lengths that share a graph double from here

Status check_prompts(std::span<const BatchSampler::Prompt> prompts, std::int64_t vocab_size) {
  for (const BatchSampler::Prompt& prompt : prompts) {
    const bool is_known = std::all_of(prompt.ids.begin(), prompt.ids.end(), [&](std::int32_t id) {
      return id >= 0 && id < vocab_size;
    });
    if (prompt.ids.empty() || !is_known) {
      return Error{ErrorCode::kUsage,
                   "prompt",
                   "expected at least one token, each below " + std::to_string(vocab_size) + ".",
                   "",
                   {}};
    }
  }
  return {};
}

}  // namespace

/// Rows that step together, with what was recorded for as many.
class BatchSampler::Group {
 public:
  Group(Transformer& model, std::int64_t num_rows, std::int64_t capacity, bool use_graph)
      : model_(model),
        num_rows_(num_rows),
        capacity_(capacity),
        use_graph_(use_graph),
        step_(model, num_rows, capacity) {
    step_.run(0);  // loads the kernels, which must not be while a graph is recorded
  }

  [[nodiscard]] bool fits(std::int64_t num_rows, std::int64_t max_tokens) const {
    return num_rows == num_rows_ && max_tokens <= capacity_;
  }

  [[nodiscard]] const std::string& why_no_graph() const { return why_no_graph_; }

  void sample(std::span<const Prompt> prompts,
              const SamplingSettings& settings,
              std::int64_t max_tokens,
              std::size_t first_row,
              const Listener& listener,
              std::span<Tokens> results) {
    begin(prompts, settings);
    std::vector<char> is_wanted(prompts.size(), 1);
    std::int64_t num_drawn = 0;
    while (num_drawn < max_tokens && std::count(is_wanted.begin(), is_wanted.end(), 1) > 0) {
      read_full_rows_again();
      const std::int64_t count = advance(std::min(kBlock, max_tokens - num_drawn));
      const at::Tensor block = step_.tokens.narrow(1, num_drawn, count).to(at::kCPU).contiguous();
      num_drawn += count;
      for (std::size_t row = 0; row < prompts.size(); ++row) {
        const std::int32_t* const drawn =
            block.const_data_ptr<std::int32_t>() + static_cast<std::int64_t>(row) * count;
        history_[row].insert(history_[row].end(), drawn, drawn + count);
        if (is_wanted[row] == 0) continue;
        results[row].insert(results[row].end(), drawn, drawn + count);
        const std::span<const std::int32_t> news(drawn, static_cast<std::size_t>(count));
        if (listener && !listener(first_row + row, news)) is_wanted[row] = 0;
      }
    }
  }

 private:
  void begin(std::span<const Prompt> prompts, const SamplingSettings& settings) {
    const std::size_t most = ContextReader::most_at_begin(model_.seq_len());
    const at::Tensor token = at::empty({num_rows_}, at::kInt);
    const at::Tensor seed = at::empty({num_rows_}, at::kLong);
    history_.clear();
    cached_.assign(prompts.size(), 0);
    for (std::size_t row = 0; row < prompts.size(); ++row) {
      history_.push_back(prompts[row].ids);
      token.mutable_data_ptr<std::int32_t>()[row] = history_[row].back();
      seed.mutable_data_ptr<std::int64_t>()[row] = static_cast<std::int64_t>(prompts[row].seed);
    }
    read(0, prompts.size(), most);
    step_.token.copy_(token);
    step_.seed.copy_(seed);
    step_.num_drawn.zero_();
    step_.set_settings(
        {static_cast<float>(settings.temperature),
         static_cast<float>(settings.top_p),
         static_cast<float>(settings.min_p),
         static_cast<std::int32_t>(std::min<std::int64_t>(settings.top_k, model_.vocab_size()))});
  }

  /// Fills the caches of some rows with their last `most` tokens, without the very last: the next
  /// step reads that. Rows shorter than the longest are padded behind; what a pad leaves in a cache
  /// is written over before it is read.
  void read(std::size_t begin, std::size_t end, std::size_t most) {
    std::int64_t longest = 0;
    for (std::size_t row = begin; row < end; ++row) {
      cached_[row] = static_cast<std::int64_t>(std::min(history_[row].size(), most)) - 1;
      longest = std::max(longest, cached_[row]);
    }
    if (longest > 0) {
      const auto first = static_cast<std::int64_t>(begin);
      const auto count = static_cast<std::int64_t>(end - begin);
      const at::Tensor ids = at::zeros({count, longest}, at::kLong);
      for (std::size_t row = begin; row < end; ++row) {
        const auto last = history_[row].end() - 1;
        std::copy(last - cached_[row],
                  last,
                  ids.mutable_data_ptr<std::int64_t>() +
                      static_cast<std::int64_t>(row - begin) * longest);
      }
      KvCache rows;
      for (std::size_t i = 0; i < step_.cache.key.size(); ++i) {
        rows.key.push_back(step_.cache.key[i].narrow(0, first, count));
        rows.value.push_back(step_.cache.value[i].narrow(0, first, count));
      }
      model_.decode(ids.to(step_.token.device()), rows, nullptr);
    }
    const at::Tensor length = at::empty({num_rows_}, at::kInt);
    std::copy(cached_.begin(), cached_.end(), length.mutable_data_ptr<std::int32_t>());
    step_.length.copy_(length);
  }

  void read_full_rows_again() {
    const std::size_t most = ContextReader::most_when_full(model_.seq_len());
    const auto is_full = [&](std::size_t row) { return cached_[row] >= model_.seq_len(); };
    for (std::size_t row = 0; row < cached_.size(); ++row) {
      if (!is_full(row)) continue;
      std::size_t end = row + 1;
      while (end < cached_.size() && is_full(end)) ++end;
      read(row, end, most);
    }
  }

  /// Steps all rows up to `most` times, as often as their caches and the bucket have room for.
  std::int64_t advance(std::int64_t most) {
    const std::int64_t longest = *std::max_element(cached_.begin(), cached_.end());
    std::int64_t bucket = kShortestBucket;
    while (bucket <= longest) bucket *= 2;
    bucket = std::min(bucket, model_.seq_len());
    const std::int64_t count = std::min(most, bucket - longest);
    for (std::int64_t done = 0; done < count;) {
      const std::int64_t at_once = count - done >= kStepsPerGraph ? kStepsPerGraph : 1;
      run(bucket, at_once);
      done += at_once;
    }
    for (std::int64_t& length : cached_) length += count;
    return count;
  }

  void run(std::int64_t bucket, std::int64_t num_steps) {
    const auto launch = [&] {
      for (std::int64_t i = 0; i < num_steps; ++i) step_.run(bucket);
    };
    if (!use_graph_) return launch();
    std::unique_ptr<CudaGraph>& graph = graphs_[{bucket, num_steps}];
    if (graph == nullptr) {
      auto recording = std::make_unique<CudaGraph>();
      const Status recorded = recording->record(launch);
      if (!recorded.ok()) {
        use_graph_ = false;
        why_no_graph_ = recorded.error().message;
        log_info("tokens are launched one kernel at a time", {{"reason", Json(why_no_graph_)}});
        return launch();
      }
      graph = std::move(recording);
    }
    graph->replay();
  }

  Transformer& model_;
  std::int64_t num_rows_, capacity_;
  bool use_graph_;
  std::string why_no_graph_;
  DecodeStep step_;
  std::vector<Tokens> history_;
  std::vector<std::int64_t> cached_;  ///< positions in each row's cache
  std::map<std::pair<std::int64_t, std::int64_t>, std::unique_ptr<CudaGraph>> graphs_;
};

BatchSampler::BatchSampler(Transformer& model) : BatchSampler(model, Options{}) {}

BatchSampler::BatchSampler(Transformer& model, Options options)
    : model_(model), options_(options) {}

BatchSampler::~BatchSampler() = default;

Result<std::vector<BatchSampler::Tokens>> BatchSampler::sample(std::span<const Prompt> prompts,
                                                               const SamplingSettings& settings,
                                                               std::int64_t max_tokens,
                                                               const Listener& listener) {
  SY_RETURN_IF_ERROR(check_settings(settings));
  SY_RETURN_IF_ERROR(check_prompts(prompts, model_.vocab_size()));
  std::vector<Tokens> results(prompts.size());
  const at::Device device = model_.parameters().flat_master.device();
  why_slow_ = DecodeStep::why_not(model_, device);
  if (settings.repetition_penalty != 1.0) why_slow_ = "there is a repetition penalty";
  if (device.is_cpu() && !options_.use_kernels_on_cpu) why_slow_ = "the CPU steps a row at a time";
  try {
    const at::NoGradGuard no_grad;
    for (std::size_t row = 0; row < prompts.size();) {
      if (!why_slow_.empty()) {
        SY_RETURN_IF_ERROR(
            sample_alone(prompts[row], row, settings, max_tokens, listener, &results[row]));
        ++row;
        continue;
      }
      const std::size_t count = std::min(kMostRows, prompts.size() - row);
      const auto num_rows = static_cast<std::int64_t>(count);
      if (group_ == nullptr || !group_->fits(num_rows, max_tokens)) {
        group_.reset();
        group_ = std::make_unique<Group>(
            model_, num_rows, max_tokens, options_.use_graph && !device.is_cpu());
      }
      group_->sample(prompts.subspan(row, count),
                     settings,
                     max_tokens,
                     row,
                     listener,
                     std::span(results).subspan(row, count));
      row += count;
    }
  } catch (const std::exception& error) {
    group_.reset();
    return error_from_exception(error, "sampling");
  }
  if (group_ != nullptr && why_slow_.empty()) why_slow_ = group_->why_no_graph();
  return results;
}

Status BatchSampler::sample_alone(const Prompt& prompt,
                                  std::size_t row,
                                  const SamplingSettings& settings,
                                  std::int64_t max_tokens,
                                  const Listener& listener,
                                  Tokens* tokens) {
  ContextReader reader(model_);
  SY_RETURN_IF_ERROR(reader.begin(prompt.ids));
  for (std::int64_t i = 0; i < max_tokens; ++i) {
    const std::vector<double> chosen_from =
        sampling_distribution(reader.logits(), reader.history(), settings);
    const std::int32_t id = draw(chosen_from, uniform(prompt.seed, static_cast<std::uint64_t>(i)));
    tokens->push_back(id);
    if (listener && !listener(row, std::span(&id, 1))) break;
    if (i + 1 < max_tokens) SY_RETURN_IF_ERROR(reader.append(id));
  }
  return {};
}

}  // namespace switchyard::train
