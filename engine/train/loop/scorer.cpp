#include "engine/train/loop/scorer.h"

#include <cmath>
#include <utility>

namespace switchyard::train {
namespace {

constexpr std::size_t kMostTextBytes = 1 << 20;

}  // namespace

Scorer::Scorer(Transformer& model, const formats::Tokenizer& tokenizer)
    : tokenizer_(tokenizer), decoder_(model, tokenizer) {}

Status Scorer::start(const std::string& text) {
  if (text.size() > kMostTextBytes) {
    return Error{ErrorCode::kUsage,
                 "text",
                 "expected at most 1 MiB, found " + std::to_string(text.size()) + " bytes.",
                 "Score a part of it.",
                 {}};
  }
  SY_ASSIGN_OR_RETURN(ids_, tokenizer_.encode(text));
  if (ids_.size() < 2) {
    return Error{ErrorCode::kUsage,
                 "text",
                 "expected at least two tokens, found " + std::to_string(ids_.size()) + ".",
                 "The first one is context for the second.",
                 {}};
  }
  next_ = 0;
  nats_ = 0.0;
  num_tokens_ = num_bytes_ = 0;
  stream_ = TextStream();
  return {};
}

Result<SampledToken> Scorer::next() {
  const std::int32_t id = ids_[next_];
  const std::string bytes = tokenizer_.decode(id);
  SampledToken token;
  if (next_ == 0) {
    token.id = id;
    token.is_context = true;
    SY_RETURN_IF_ERROR(decoder_.begin({id}, &token.route));
  } else {
    token = decoder_.describe(id);
    nats_ -= token.log_prob;
    ++num_tokens_;
    num_bytes_ += std::ssize(bytes);
    SY_RETURN_IF_ERROR(decoder_.append(id, &token.route));
  }
  ++next_;
  token.text = stream_.push(bytes);
  if (is_done()) token.text += stream_.finish();
  return token;
}

Scorer::Score Scorer::score() const {
  if (num_tokens_ == 0) return {};
  const double loss = nats_ / static_cast<double>(num_tokens_);
  return {
      loss, std::exp(loss), nats_ / std::log(2.0) / static_cast<double>(num_bytes_), num_tokens_};
}

Json Scorer::result() {
  const Score found = score();
  if (found.tokens == 0) return Json::object();
  return Json::object({{"loss", Json(found.loss)},
                       {"perplexity", Json(found.perplexity)},
                       {"bits_per_byte", Json(found.bits_per_byte)},
                       {"tokens", Json(found.tokens)}});
}

}  // namespace switchyard::train
