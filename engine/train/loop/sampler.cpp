#include "engine/train/loop/sampler.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "engine/base/core/text.h"
#include "engine/train/loop/torch_errors.h"
#include "engine/train/model/transformer.h"

namespace switchyard::train {
namespace {

constexpr std::size_t kNumAlternatives = 5;
constexpr std::int64_t kMostTokens = 1'000'000;
constexpr std::size_t kMostPromptBytes = 1 << 20;

Error bad_member(std::string name, std::string expected, const std::string& found) {
  return {ErrorCode::kUsage,
          std::move(name),
          "expected " + std::move(expected) + ", found " + found + ".",
          "",
          {}};
}

Status read_number(const Json& message, const char* name, double& out) {
  const Json* found = message.find(name);
  if (found == nullptr) return {};
  if (!found->is_number()) return bad_member(name, "a number", found->dump());
  out = found->as_number();
  return {};
}

Status read_integer(const Json& message, const char* name, std::int64_t& out) {
  const Json* found = message.find(name);
  if (found == nullptr) return {};
  if (!found->is_integer()) return bad_member(name, "an integer", found->dump());
  out = found->as_integer();
  return {};
}

/// Length of the UTF-8 character that starts at text[at]: 0 when more bytes are needed, -1 when it
/// is none.
int character_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  int length = 0;
  unsigned char low = 0x80, high = 0xBF;  // range of the second byte
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return -1;
  }
  for (int i = 1; i < length; ++i) {
    const std::size_t position = at + static_cast<std::size_t>(i);
    if (position >= text.size()) return 0;
    const unsigned char next = byte(position);
    if (next < low || next > high) return -1;
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

}  // namespace

Status check_request(const SampleRequest& request) {
  SY_RETURN_IF_ERROR(check_settings(request.settings));
  if (request.max_tokens < 1 || request.max_tokens > kMostTokens) {
    return bad_member(
        "max_tokens", "an integer in [1, 1000000]", std::to_string(request.max_tokens));
  }
  if (request.prompt.size() > kMostPromptBytes) {
    return bad_member("prompt", "at most 1 MiB of text", std::to_string(request.prompt.size()));
  }
  return {};
}

Result<SampleRequest> sample_request_from_json(const Json& message) {
  SampleRequest request;
  if (const Json* prompt = message.find("prompt")) {
    if (!prompt->is_string()) return bad_member("prompt", "text", prompt->dump());
    request.prompt = prompt->as_string();
  }
  std::int64_t seed = 1337;
  SY_RETURN_IF_ERROR(read_integer(message, "max_tokens", request.max_tokens));
  SY_RETURN_IF_ERROR(read_integer(message, "seed", seed));
  SY_RETURN_IF_ERROR(read_integer(message, "top_k", request.settings.top_k));
  SY_RETURN_IF_ERROR(read_number(message, "temperature", request.settings.temperature));
  SY_RETURN_IF_ERROR(read_number(message, "top_p", request.settings.top_p));
  SY_RETURN_IF_ERROR(read_number(message, "min_p", request.settings.min_p));
  SY_RETURN_IF_ERROR(
      read_number(message, "repetition_penalty", request.settings.repetition_penalty));
  request.seed = static_cast<std::uint64_t>(seed);
  SY_RETURN_IF_ERROR(check_request(request));
  return request;
}

Json json_from(const SampledToken& token) {
  Json out = Json::object();
  out.set("id", Json(static_cast<std::int64_t>(token.id)));
  out.set("text", Json(token.text));
  out.set("prob", Json(token.prob));
  Json top = Json::array();
  for (const SampledToken::Alternative& item : token.top) {
    top.push_back(Json::object({{"id", Json(static_cast<std::int64_t>(item.id))},
                                {"text", Json(item.text)},
                                {"prob", Json(item.prob)}}));
  }
  out.set("top", std::move(top));
  Json route = Json::array();
  for (const SampledToken::Route& layer : token.route) {
    Json experts = Json::array();
    Json weights = Json::array();
    for (const std::int64_t expert : layer.experts) experts.push_back(Json(expert));
    for (const double weight : layer.weights) weights.push_back(Json(weight));
    route.push_back(Json::object({{"layer", Json(layer.layer)},
                                  {"experts", std::move(experts)},
                                  {"weights", std::move(weights)}}));
  }
  out.set("route", std::move(route));
  return out;
}

std::string TextStream::push(std::string_view bytes) {
  pending_ += bytes;
  std::string out;
  std::size_t at = 0;
  while (at < pending_.size()) {
    const int length = character_length(pending_, at);
    if (length == 0) break;
    if (length < 0) {
      out += "\xEF\xBF\xBD";
      ++at;
    } else {
      out.append(pending_, at, static_cast<std::size_t>(length));
      at += static_cast<std::size_t>(length);
    }
  }
  pending_.erase(0, at);
  return out;
}

std::string TextStream::finish() {
  const bool is_incomplete = !pending_.empty();
  pending_.clear();
  return is_incomplete ? "\xEF\xBF\xBD" : "";
}

struct Sampler::Device {
  KvCache cache;
};

Sampler::Sampler(Transformer& model, const formats::Tokenizer& tokenizer)
    : model_(model), tokenizer_(tokenizer), device_(std::make_unique<Device>()) {}

Sampler::~Sampler() = default;

Status Sampler::start(const SampleRequest& request) {
  SY_RETURN_IF_ERROR(check_request(request));
  SY_ASSIGN_OR_RETURN(auto ids, tokenizer_.encode(request.prompt));
  if (ids.empty()) {  // a model needs one token to continue: a line break where there is one
    auto line_break = tokenizer_.encode("\n");
    ids.push_back(line_break.ok() && !line_break->empty() ? line_break->front() : 0);
  }
  request_ = request;
  history_ = std::move(ids);
  num_generated_ = 0;
  text_.clear();
  stream_ = TextStream();
  const auto limit = static_cast<std::ptrdiff_t>(std::max<std::int64_t>(model_.seq_len() - 1, 1));
  const std::ptrdiff_t skipped = std::max<std::ptrdiff_t>(std::ssize(history_) - limit, 0);
  try {
    at::NoGradGuard no_grad;
    device_->cache = model_.new_cache(1);
    read({history_.begin() + skipped, history_.end()}, nullptr);
  } catch (const std::exception& error) {
    return error_from_exception(error, "sampling");
  }
  return {};
}

bool Sampler::is_done() const {
  return num_generated_ >= request_.max_tokens;
}

void Sampler::read(const std::vector<std::int32_t>& ids, std::vector<SampledToken::Route>* route) {
  at::Tensor tokens = at::empty({1, std::ssize(ids)}, at::kLong);
  std::copy(ids.begin(), ids.end(), tokens.data_ptr<std::int64_t>());
  std::vector<RoutingRecord> records;
  const at::Device device = model_.parameters().flat_master.device();
  at::Tensor logits =
      model_.decode(tokens.to(device), device_->cache, route == nullptr ? nullptr : &records);
  logits = logits.reshape({-1}).to(at::kCPU, at::kDouble).contiguous();
  const double* values = logits.data_ptr<double>();
  logits_.assign(values, values + std::min(logits.numel(), tokenizer_.vocab_size()));
  for (const RoutingRecord& record : records) {
    const at::Tensor experts = record.expert_index.select(0, -1).to(at::kCPU).contiguous();
    const at::Tensor weights =
        record.combine_weight.select(0, -1).to(at::kCPU, at::kDouble).contiguous();
    SampledToken::Route entry;
    entry.layer = record.layer;
    entry.experts.assign(experts.data_ptr<std::int64_t>(),
                         experts.data_ptr<std::int64_t>() + experts.numel());
    entry.weights.assign(weights.data_ptr<double>(), weights.data_ptr<double>() + weights.numel());
    route->push_back(std::move(entry));
  }
}

SampledToken Sampler::take(std::int32_t id, const std::vector<double>& plain) {
  SampledToken token;
  token.id = id;
  token.prob = plain[static_cast<std::size_t>(id)];
  token.text = stream_.push(tokenizer_.decode(id));
  std::vector<std::int32_t> order(plain.size());
  std::iota(order.begin(), order.end(), 0);
  const std::size_t num_top = std::min(kNumAlternatives, order.size());
  const auto is_likelier = [&](std::int32_t a, std::int32_t b) {
    const double pa = plain[static_cast<std::size_t>(a)];
    const double pb = plain[static_cast<std::size_t>(b)];
    return pa != pb ? pa > pb : a < b;
  };
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(num_top);
  std::partial_sort(order.begin(), middle, order.end(), is_likelier);
  for (std::size_t i = 0; i < num_top; ++i) {
    token.top.push_back({order[i],
                         valid_utf8(tokenizer_.decode(order[i])),
                         plain[static_cast<std::size_t>(order[i])]});
  }
  text_ += token.text;
  history_.push_back(id);
  ++num_generated_;
  return token;
}

Result<SampledToken> Sampler::next() {
  try {
    at::NoGradGuard no_grad;
    const std::vector<double> plain = sampling_distribution(logits_, {}, {.temperature = 1.0});
    const std::vector<double> chosen_from =
        sampling_distribution(logits_, history_, request_.settings);
    const double u = uniform(request_.seed, static_cast<std::uint64_t>(num_generated_));
    SampledToken token = take(draw(chosen_from, u), plain);
    if (device_->cache.length < model_.seq_len()) {
      read({token.id}, &token.route);
      return token;
    }
    const std::ptrdiff_t kept = std::max<std::ptrdiff_t>(model_.seq_len() * 3 / 4, 1);
    device_->cache = model_.new_cache(1);
    read({history_.end() - std::min(kept, std::ssize(history_)), history_.end()}, &token.route);
    return token;
  } catch (const std::exception& error) {
    return error_from_exception(error, "sampling");
  }
}

void Sampler::finish() {
  text_ += stream_.finish();
}

}  // namespace switchyard::train
