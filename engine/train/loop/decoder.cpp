#include "engine/train/loop/decoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "engine/base/core/text.h"
#include "engine/train/loop/sampling.h"
#include "engine/train/loop/torch_errors.h"
#include "engine/train/model/transformer.h"

namespace switchyard::train {
namespace {

constexpr std::size_t kNumAlternatives = 5;

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

std::vector<std::int32_t> last_of(const std::vector<std::int32_t>& ids, std::size_t most) {
  return {ids.end() - std::min(std::ssize(ids), static_cast<std::ptrdiff_t>(most)), ids.end()};
}

Json json_from(const std::vector<SampledToken::Route>& layers) {
  Json out = Json::array();
  for (const SampledToken::Route& layer : layers) {
    Json experts = Json::array();
    Json weights = Json::array();
    for (const std::int64_t expert : layer.experts) experts.push_back(Json(expert));
    for (const double weight : layer.weights) weights.push_back(Json(weight));
    out.push_back(Json::object({{"layer", Json(layer.layer)},
                                {"experts", std::move(experts)},
                                {"weights", std::move(weights)}}));
  }
  return out;
}

}  // namespace

Json json_from(const SampledToken& token) {
  Json out = Json::object();
  out.set("id", Json(static_cast<std::int64_t>(token.id)));
  out.set("text", Json(token.text));
  if (token.is_context) {
    out.set("is_context", Json(true));
    out.set("route", json_from(token.route));
    return out;
  }
  out.set("prob", Json(token.prob));
  out.set("entropy", Json(token.entropy_nats));
  out.set("rank", Json(token.rank));
  Json top = Json::array();
  for (const SampledToken::Alternative& item : token.top) {
    top.push_back(Json::object({{"id", Json(static_cast<std::int64_t>(item.id))},
                                {"text", Json(item.text)},
                                {"prob", Json(item.prob)}}));
  }
  out.set("top", std::move(top));
  out.set("route", json_from(token.route));
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

struct ContextReader::Device {
  KvCache cache;
};

ContextReader::ContextReader(Transformer& model)
    : model_(model), device_(std::make_unique<Device>()) {}

ContextReader::~ContextReader() = default;

std::size_t ContextReader::most_at_begin(std::int64_t seq_len) {
  return static_cast<std::size_t>(std::max<std::int64_t>(seq_len - 1, 1));
}

std::size_t ContextReader::most_when_full(std::int64_t seq_len) {
  return static_cast<std::size_t>(std::max<std::int64_t>(seq_len * 3 / 4, 1));
}

Status ContextReader::begin(std::vector<std::int32_t> ids,
                            std::vector<SampledToken::Route>* route) {
  history_ = std::move(ids);
  try {
    at::NoGradGuard no_grad;
    device_->cache = model_.new_cache(1);
    read(last_of(history_, most_at_begin(model_.seq_len())), route);
  } catch (const std::exception& error) {
    return error_from_exception(error, "sampling");
  }
  return {};
}

Status ContextReader::append(std::int32_t id, std::vector<SampledToken::Route>* route) {
  history_.push_back(id);
  try {
    at::NoGradGuard no_grad;
    if (device_->cache.length < model_.seq_len()) {
      read({id}, route);
      return {};
    }
    device_->cache = model_.new_cache(1);
    read(last_of(history_, most_when_full(model_.seq_len())), route);
  } catch (const std::exception& error) {
    return error_from_exception(error, "sampling");
  }
  return {};
}

void ContextReader::read(const std::vector<std::int32_t>& ids,
                         std::vector<SampledToken::Route>* route) {
  at::Tensor tokens = at::empty({1, std::ssize(ids)}, at::kLong);
  std::copy(ids.begin(), ids.end(), tokens.data_ptr<std::int64_t>());
  std::vector<RoutingRecord> records;
  const at::Device device = model_.parameters().flat_master.device();
  at::Tensor logits =
      model_.decode(tokens.to(device), device_->cache, route == nullptr ? nullptr : &records);
  logits = logits.reshape({-1}).to(at::kCPU, at::kDouble).contiguous();
  const double* values = logits.data_ptr<double>();
  logits_.assign(values, values + logits.numel());
  for (const RoutingRecord& record : records) {
    const at::Tensor experts = record.expert_index.select(0, -1).to(at::kCPU).contiguous();
    const at::Tensor weights =
        record.combine_weight.select(0, -1).to(at::kCPU, at::kDouble).contiguous();
    SampledToken::Route entry;
    entry.layer = record.layer;
    const std::int64_t E = record.router_probs.size(1);
    for (std::int64_t k = 0; k < experts.numel(); ++k) {
      const std::int64_t expert = experts.const_data_ptr<std::int64_t>()[k];
      if (expert == E) continue;  // a slot without an expert
      entry.experts.push_back(expert);
      entry.weights.push_back(weights.const_data_ptr<double>()[k]);
    }
    route->push_back(std::move(entry));
  }
}

Decoder::Decoder(Transformer& model, const formats::Tokenizer& tokenizer)
    : ContextReader(model), tokenizer_(tokenizer) {}

SampledToken Decoder::describe(std::int32_t id) const {
  const std::vector<double> plain = sampling_distribution(logits(), {}, {.temperature = 1.0});
  SampledToken token;
  token.id = id;
  token.prob = plain[static_cast<std::size_t>(id)];
  token.log_prob = log_probability(logits(), id);
  token.entropy_nats = entropy_nats(plain);
  token.rank = rank_of(plain, id);
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
  return token;
}

}  // namespace switchyard::train
