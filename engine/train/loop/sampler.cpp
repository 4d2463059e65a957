#include "engine/train/loop/sampler.h"

#include <algorithm>
#include <utility>

namespace switchyard::train {

std::string AnswerText::push(std::string_view bytes) {
  if (!stopped_by_.empty()) return "";
  std::string added = stream_.push(bytes);
  const std::size_t before = text_.size();
  text_ += added;
  if (const auto match = find_stop(text_, before, stop_)) {
    stopped_by_ = stop_[match->index];
    text_.resize(match->position);
    added.resize(std::max(match->position, before) - before);
    stream_ = TextStream();
  }
  return added;
}

Json AnswerText::result() {
  finish();
  Json out = Json::object({{"text", Json(text_)}});
  if (!stopped_by_.empty()) out.set("stopped_by", Json(stopped_by_));
  return out;
}

Result<std::vector<std::int32_t>> prompt_tokens(const formats::Tokenizer& tokenizer,
                                                const std::string& prompt) {
  SY_ASSIGN_OR_RETURN(auto ids, tokenizer.encode(prompt));
  if (ids.empty()) {
    auto line_break = tokenizer.encode("\n");
    ids.push_back(line_break.ok() && !line_break->empty() ? line_break->front() : 0);
  }
  return ids;
}

Sampler::Sampler(Transformer& model, const formats::Tokenizer& tokenizer)
    : tokenizer_(tokenizer), decoder_(model, tokenizer) {}

Status Sampler::start(const SampleRequest& request) {
  SY_RETURN_IF_ERROR(check_request(request));
  SY_ASSIGN_OR_RETURN(auto ids, prompt_tokens(tokenizer_, request.prompt));
  request_ = request;
  num_generated_ = 0;
  answer_ = AnswerText(request.stop);
  return decoder_.begin(std::move(ids));
}

bool Sampler::is_done() const {
  return num_generated_ >= request_.max_tokens || !stopped_by().empty();
}

Result<SampledToken> Sampler::next() {
  const std::vector<double> chosen_from =
      sampling_distribution(decoder_.logits(), decoder_.history(), request_.settings);
  const double u = uniform(request_.seed, static_cast<std::uint64_t>(num_generated_));
  SampledToken token = decoder_.describe(draw(chosen_from, u));
  token.text = answer_.push(tokenizer_.decode(token.id));
  ++num_generated_;
  SY_RETURN_IF_ERROR(decoder_.append(token.id, &token.route));
  return token;
}

}  // namespace switchyard::train
