#include "engine/train/loop/sampler.h"

#include <algorithm>
#include <utility>

namespace switchyard::train {

Sampler::Sampler(Transformer& model, const formats::Tokenizer& tokenizer)
    : tokenizer_(tokenizer), decoder_(model, tokenizer) {}

Status Sampler::start(const SampleRequest& request) {
  SY_RETURN_IF_ERROR(check_request(request));
  SY_ASSIGN_OR_RETURN(auto ids, tokenizer_.encode(request.prompt));
  if (ids.empty()) {  // a model needs one token to continue: a line break where there is one
    auto line_break = tokenizer_.encode("\n");
    ids.push_back(line_break.ok() && !line_break->empty() ? line_break->front() : 0);
  }
  request_ = request;
  num_generated_ = 0;
  text_.clear();
  stopped_by_.clear();
  stream_ = TextStream();
  return decoder_.begin(std::move(ids));
}

bool Sampler::is_done() const {
  return num_generated_ >= request_.max_tokens || !stopped_by_.empty();
}

Result<SampledToken> Sampler::next() {
  const std::vector<double> chosen_from =
      sampling_distribution(decoder_.logits(), decoder_.history(), request_.settings);
  const double u = uniform(request_.seed, static_cast<std::uint64_t>(num_generated_));
  SampledToken token = decoder_.describe(draw(chosen_from, u));
  token.text = stream_.push(tokenizer_.decode(token.id));
  const std::size_t before = text_.size();
  text_ += token.text;
  ++num_generated_;
  if (const auto match = find_stop(text_, before, request_.stop)) {
    stopped_by_ = request_.stop[match->index];
    text_.resize(match->position);
    token.text.resize(std::max(match->position, before) - before);
    stream_ = TextStream();
  }
  SY_RETURN_IF_ERROR(decoder_.append(token.id, &token.route));
  return token;
}

void Sampler::finish() {
  text_ += stream_.finish();
}

Json Sampler::result() {
  finish();
  Json out = Json::object({{"text", Json(text_)}});
  if (!stopped_by_.empty()) out.set("stopped_by", Json(stopped_by_));
  return out;
}

}  // namespace switchyard::train
