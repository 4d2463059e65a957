#include "ui/model/prompt.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "engine/base/core/text.h"

namespace switchyard::ui {
namespace {

std::vector<Alternative> alternatives(const Json& list) {
  std::vector<Alternative> top;
  for (const Json& item : list.items()) {
    top.push_back({item["id"].as_integer(), item["text"].as_string(), item["prob"].as_number()});
  }
  return top;
}

std::vector<RouteStep> route(const Json& list) {
  std::vector<RouteStep> steps;
  for (const Json& item : list.items()) {
    RouteStep step;
    step.layer = static_cast<int>(item["layer"].as_integer());
    for (const Json& expert : item["experts"].items())
      step.experts.push_back(static_cast<int>(expert.as_integer()));
    for (const Json& weight : item["weights"].items())
      step.weights.push_back(static_cast<float>(weight.as_number()));
    step.weights.resize(step.experts.size(), 0.0F);
    steps.push_back(std::move(step));
  }
  return steps;
}

bool starts_word(std::span<const Token> tokens, std::size_t i) {
  if (i == 0) return true;
  const std::string& text = tokens[i].text;
  const std::string& before = tokens[i - 1].text;
  const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\t'; };
  if (!text.empty() && is_space(text.front())) return true;
  return !before.empty() && is_space(before.back());
}

bool ends_line(const Token& token) {
  return !token.text.empty() && token.text.back() == '\n';
}

/// Width of the word that starts at `i`, gaps between its tokens included.
float word_width(std::span<const Token> tokens,
                 std::span<const float> widths,
                 std::size_t i,
                 float token_gap) {
  float width = widths[i];
  for (std::size_t k = i + 1; k < tokens.size(); ++k) {
    if (starts_word(tokens, k)) break;
    width += token_gap + widths[k];
  }
  return width;
}

}  // namespace

double Token::surprise_bits() const {
  return probability > 0.0 ? -std::log2(probability) : 64.0;
}

std::string Answer::text() const {
  std::string all;
  for (const Token& token : tokens) all += token.text;
  return all;
}

std::string Answer::text_before(std::size_t count) const {
  std::string all;
  for (std::size_t i = 0; i < std::min(count, tokens.size()); ++i) all += tokens[i].text;
  return all;
}

int Answer::num_layers() const {
  std::size_t layers = 0;
  for (const Token& token : tokens) layers = std::max(layers, token.route.size());
  return static_cast<int>(layers);
}

Token token_from_json(const Json& message) {
  Token token;
  // The socket names the sample in "id" of the command only; both forms carry the token's id here.
  token.id = message["id"].as_integer();
  token.text = message["text"].as_string();
  token.shown = shown_text(token.text);
  token.probability = std::clamp(message["prob"].as_number(), 0.0, 1.0);
  token.entropy_nats = message["entropy"].as_number(-1.0);
  token.rank = message["rank"].as_integer(-1);
  token.is_context = message["is_context"].as_bool();
  token.top = alternatives(message["top"]);
  token.route = route(message["route"]);
  return token;
}

std::string shown_text(const std::string& bytes) {
  if (bytes.empty()) return "‹…›";
  std::string shown;
  const bool is_blank =
      std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == ' ' || c == '\t'; });
  for (std::size_t i = 0; i < bytes.size();) {
    const CodePoint at = code_point_at(bytes, i);
    if (at.length == 0) {
      std::array<char, 16> hex{};
      std::snprintf(hex.data(), hex.size(), "‹%02x›", static_cast<unsigned char>(bytes[i]));
      shown += hex.data();
      ++i;
      continue;
    }
    if (at.value == '\n') {
      shown += "⏎";
    } else if (at.value == '\t') {
      shown += "⇥";
    } else if (at.value == ' ' && is_blank) {
      shown += "·";
    } else if (at.value < 0x20) {
      std::array<char, 16> hex{};
      std::snprintf(hex.data(), hex.size(), "‹%02x›", static_cast<unsigned>(at.value));
      shown += hex.data();
    } else {
      append_utf8(shown, at.value);
    }
    i += at.length;
  }
  if (!is_blank && shown.front() == ' ') shown.erase(0, 1);
  return shown;
}

void show_true_bytes(Token& token, std::span<const std::string> vocabulary) {
  const auto is_known = [&](std::int64_t id) {
    return id >= 0 && id < static_cast<std::int64_t>(vocabulary.size());
  };
  if (!is_known(token.id)) return;
  const std::string& bytes = vocabulary[static_cast<std::size_t>(token.id)];
  if (find_invalid_utf8(bytes) != std::string::npos) token.shown = shown_text(bytes);
}

float surprise_tint(double probability) {
  const double p = std::clamp(probability, 0.0, 1.0);
  return static_cast<float>(std::pow(1.0 - p, 1.3));
}

std::vector<ChipPlace> layout_chips(std::span<const Token> tokens,
                                    std::span<const float> widths,
                                    float line_width,
                                    float word_gap,
                                    float token_gap) {
  std::vector<ChipPlace> places(tokens.size());
  int line = 0;
  float x = 0.0F;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool is_word = starts_word(tokens, i);
    const float gap = x == 0.0F ? 0.0F : (is_word ? word_gap : token_gap);
    const float needed = is_word ? word_width(tokens, widths, i, token_gap) : widths[i];
    const bool word_fits = x + gap + needed <= line_width;
    const bool chip_fits = x + gap + widths[i] <= line_width;
    // A word longer than a whole line starts where it is only if the line is empty.
    if (x > 0.0F && (is_word ? !word_fits : !chip_fits)) {
      ++line;
      x = 0.0F;
    } else {
      x += gap;
    }
    places[i] = {line, x, widths[i]};
    x += widths[i];
    if (ends_line(tokens[i])) {
      ++line;
      x = 0.0F;
    }
  }
  return places;
}

}  // namespace switchyard::ui
