#include "ui/model/answer_export.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "engine/base/core/text.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t kMaxKeptTokens = 2000;

Json json_from(const Token& token) {
  Json top = Json::array(), route = Json::array();
  for (const Alternative& other : token.top)
    top.push_back(
        Json::object({{"id", other.id}, {"text", other.text}, {"prob", other.probability}}));
  for (const RouteStep& step : token.route) {
    Json experts = Json::array(), weights = Json::array();
    for (const int expert : step.experts) experts.push_back(expert);
    for (const float weight : step.weights) weights.push_back(static_cast<double>(weight));
    route.push_back(Json::object(
        {{"layer", step.layer}, {"experts", std::move(experts)}, {"weights", std::move(weights)}}));
  }
  Json json = Json::object({{"id", token.id}, {"text", token.text}, {"prob", token.probability}});
  if (token.entropy_nats >= 0.0) json.set("entropy", token.entropy_nats);
  if (token.rank >= 0) json.set("rank", token.rank);
  if (token.is_context) json.set("is_context", true);
  json.set("top", std::move(top));
  json.set("route", std::move(route));
  return json;
}

Json json_from(const SamplingSettings& s) {
  Json stop = Json::array();
  for (const std::string& text : s.stop) stop.push_back(text);
  return Json::object({{"temperature", s.temperature},
                       {"top_k", s.top_k},
                       {"top_p", s.top_p},
                       {"min_p", s.min_p},
                       {"repetition_penalty", s.repetition_penalty},
                       {"seed", s.seed},
                       {"max_tokens", s.max_tokens},
                       {"stop", std::move(stop)}});
}

std::string weights_text(const Answer& answer) {
  const std::string step = answer.step >= 0 ? "step " + grouped(answer.step) : "unknown step";
  return (answer.is_live ? "live weights, " : "checkpoint, ") + step;
}

std::string quoted(const std::string& text) {
  std::string lines = "> ";
  for (const char c : text) {
    lines.push_back(c);
    if (c == '\n') lines += "> ";
  }
  return lines + "\n";
}

/// What a later start needs beside the fields for people.
Json kept_json(const Answer& answer) {
  Json json = answer_as_json(answer, "");
  json.set("id", answer.id);
  json.set("role", static_cast<int>(answer.role));
  json.set("state", static_cast<int>(answer.state));
  json.set(
      "source",
      Json::object({{"kind", static_cast<int>(answer.source.kind)}, {"step", answer.source.step}}));
  json.set("problem", answer.problem);
  json.set("compared_id", answer.compared_id);
  json.set("evidence_id", answer.evidence_id);
  if (answer.branch.parent_id >= 0)
    json.set("branch",
             Json::object({{"parent_id", answer.branch.parent_id},
                           {"token", answer.branch.token},
                           {"from", answer.branch.from},
                           {"to", answer.branch.to}}));
  return json;
}

int whole_in(const Json& value, int most, int fallback) {
  const std::int64_t number = value.as_integer(-1);
  return number >= 0 && number <= most ? static_cast<int>(number) : fallback;
}

Answer answer_from(const Json& json) {
  Answer answer;
  answer.id = json["id"].as_integer(-1);
  answer.role = static_cast<AnswerRole>(whole_in(json["role"], 2, 0));
  answer.state = static_cast<AnswerState>(whole_in(json["state"], 4, 3));
  if (answer.is_open()) answer.state = AnswerState::kCancelled;
  answer.prompt = json["prompt"].as_string();
  answer.settings = settings_from(json["settings"]);
  answer.source.kind = static_cast<AnswerSource::Kind>(whole_in(json["source"]["kind"], 2, 1));
  answer.source.step = json["source"]["step"].as_integer(-1);
  answer.is_live = json["is_live"].as_bool();
  answer.step = json["step"].as_integer(-1);
  answer.stopped_by = json["stopped_by"].as_string();
  answer.tokens_per_second = json["tokens_per_second"].as_number();
  answer.problem = json["problem"].as_string();
  answer.compared_id = json["compared_id"].as_integer(-1);
  answer.evidence_id = json["evidence_id"].as_integer(-1);
  const Json& branch = json["branch"];
  if (branch.is_object())
    answer.branch = {branch["parent_id"].as_integer(-1),
                     branch["token"].as_integer(-1),
                     branch["from"].as_string(),
                     branch["to"].as_string()};
  for (const Json& token : json["tokens"].items()) answer.tokens.push_back(token_from_json(token));
  return answer;
}

}  // namespace

SamplingSettings settings_from(const Json& json) {
  SamplingSettings s;
  s.temperature = json["temperature"].as_number(s.temperature);
  s.top_k = json["top_k"].as_integer(s.top_k);
  s.top_p = json["top_p"].as_number(s.top_p);
  s.min_p = json["min_p"].as_number(s.min_p);
  s.repetition_penalty = json["repetition_penalty"].as_number(s.repetition_penalty);
  s.seed = json["seed"].as_integer(s.seed);
  s.max_tokens = json["max_tokens"].as_integer(s.max_tokens);
  for (const Json& text : json["stop"].items())
    add_stop(s, escapes_from_text(text.as_string()), nullptr);
  return s;
}

std::string answer_as_text(const Answer& answer) {
  return answer.prompt + answer.text();
}

std::string answer_as_markdown(const Answer& answer, const std::string& run_name) {
  const SamplingSettings& s = answer.settings;
  std::string text = "**Prompt**\n\n" + quoted(answer.prompt) + "\n**Answer**\n\n" +
                     quoted(answer.text()) + "\n| Setting | Value |\n|---|---|\n";
  const auto row = [&text](const char* name, const std::string& value) {
    text += std::string("| ") + name + " | " + value + " |\n";
  };
  row("Run", run_name);
  row("Weights", weights_text(answer));
  row("Seed", std::to_string(s.seed));
  row("Temperature", short_number(s.temperature));
  row("Top-k", s.top_k > 0 ? std::to_string(s.top_k) : "off");
  row("Top-p", s.top_p < 1.0 ? short_number(s.top_p) : "off");
  row("Min-p", s.min_p > 0.0 ? short_number(s.min_p) : "off");
  row("Repetition penalty",
      s.repetition_penalty != 1.0 ? short_number(s.repetition_penalty) : "off");
  row("Max tokens", std::to_string(s.max_tokens));
  std::vector<std::string> stops;
  for (const std::string& stop : s.stop) stops.push_back("`" + escapes_from_text(stop) + "`");
  if (!stops.empty()) row("Stop", join(stops, " "));
  return text;
}

Json answer_as_json(const Answer& answer, const std::string& run_name) {
  Json tokens = Json::array();
  for (const Token& token : answer.tokens) tokens.push_back(json_from(token));
  Json json = Json::object({{"run", run_name},
                            {"is_live", answer.is_live},
                            {"step", answer.step},
                            {"prompt", answer.prompt},
                            {"text", answer.text()},
                            {"settings", json_from(answer.settings)},
                            {"stopped_by", answer.stopped_by},
                            {"tokens_per_second", answer.tokens_per_second},
                            {"tokens", std::move(tokens)}});
  if (answer.score.loss >= 0.0)
    json.set("score",
             Json::object({{"loss", answer.score.loss},
                           {"perplexity", answer.score.perplexity},
                           {"bits_per_byte", answer.score.bits_per_byte},
                           {"tokens", answer.score.num_tokens}}));
  return json;
}

std::string answers_file(const PromptState& prompt) {
  Json list = Json::array();
  std::vector<Json> kept;
  std::size_t num_tokens = 0;
  for (auto answer = prompt.answers.rbegin(); answer != prompt.answers.rend(); ++answer) {
    if (answer->role == AnswerRole::kScored || answer->role == AnswerRole::kReplay) continue;
    num_tokens += answer->tokens.size();
    if (num_tokens > kMaxKeptTokens) break;
    kept.push_back(kept_json(*answer));
  }
  for (auto json = kept.rbegin(); json != kept.rend(); ++json) list.push_back(std::move(*json));
  return Json::object({{"schema", "switchyard.answers"},
                       {"version", 1},
                       {"root", prompt.root},
                       {"answers", std::move(list)}})
             .dump() +
         "\n";
}

JsonLimits answers_file_limits() {
  JsonLimits limits;
  limits.max_bytes = std::size_t{16} << 20;
  limits.max_values = 2'000'000;
  return limits;
}

void restore_answers(PromptState& prompt, const Json& file) {
  const std::string& root = file["root"].as_string();
  if (root.empty()) return;
  std::vector<Answer> answers;
  for (const Json& json : file["answers"].items()) {
    Answer answer = answer_from(json);
    const bool is_known = std::any_of(
        answers.begin(), answers.end(), [&](const Answer& other) { return other.id == answer.id; });
    if (answer.id <= 0 || is_known || answers.size() >= PromptState::kMaxAnswers) continue;
    prompt.next_answer_id = std::max(prompt.next_answer_id, answer.id + 1);
    answers.push_back(std::move(answer));
  }
  prompt.kept[root] = std::move(answers);
}

}  // namespace switchyard::ui
