#include "ui/model/run_query.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "engine/base/config/schema.h"
#include "engine/base/core/text.h"

namespace switchyard::ui {
namespace {

constexpr std::array kTextKeys = {
    "tag", "data", "state", "preset", "name", "notes", "parent", "device", "is"};
constexpr std::array kNumberKeys = {
    "steps", "loss", "train", "ppl", "bpb", "toks", "params", "active", "tokens", "time"};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

template <typename Keys>
bool holds(const Keys& keys, std::string_view key) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

/// Splits at blanks outside of quotes; the quotes go.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool is_quoted = false;
  for (const char c : text) {
    if (c == '"') {
      is_quoted = !is_quoted;
    } else if (c == ' ' && !is_quoted) {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
    } else {
      word += c;
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

struct Suffix {
  char letter;
  double factor;
};

/// "5k", "1.5M", "2h"; `h`, `m` and `s` count seconds where `is_time`.
std::optional<double> number_from(std::string_view text, bool is_time) {
  double value = 0.0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc()) return std::nullopt;
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (rest.empty()) return value;
  if (rest.size() > 1) return std::nullopt;
  static constexpr std::array kTimes = {Suffix{'s', 1.0}, Suffix{'m', 60.0}, Suffix{'h', 3600.0}};
  static constexpr std::array kScales = {Suffix{'k', 1e3},
                                         Suffix{'K', 1e3},
                                         Suffix{'M', 1e6},
                                         Suffix{'m', 1e6},
                                         Suffix{'G', 1e9},
                                         Suffix{'g', 1e9}};
  const auto scaled = [&](const auto& suffixes) -> std::optional<double> {
    for (const Suffix& suffix : suffixes) {
      if (rest[0] == suffix.letter) return value * suffix.factor;
    }
    return std::nullopt;
  };
  return is_time ? scaled(kTimes) : scaled(kScales);
}

struct Split {
  std::string key;
  std::string relation;  ///< ":", "<", "<=", "=", ">=", ">"; empty: a plain word
  std::string value;
};

Split split_at_relation(const std::string& word) {
  const std::size_t at = word.find_first_of(":<>=");
  if (at == std::string::npos || at == 0) return {"", "", word};
  std::size_t length = 1;
  if (word[at] != ':' && at + 1 < word.size() && word[at + 1] == '=') length = 2;
  return {lower(word.substr(0, at)), word.substr(at, length), word.substr(at + length)};
}

RunTerm::Relation relation_from(std::string_view text) {
  if (text == "<") return RunTerm::Relation::kLess;
  if (text == "<=") return RunTerm::Relation::kAtMost;
  if (text == ">") return RunTerm::Relation::kGreater;
  if (text == ">=") return RunTerm::Relation::kAtLeast;
  return RunTerm::Relation::kEqual;
}

std::string unknown_key(const std::string& key) {
  std::vector<std::string> known(kTextKeys.begin(), kTextKeys.end());
  known.insert(known.end(), kNumberKeys.begin(), kNumberKeys.end());
  const std::string nearest = config::suggest(key, known);
  return "“" + key + "” is no column to search in" +
         (nearest.empty() ? "; try " + join(known, ", ") + "." : "; did you mean " + nearest + "?");
}

/// Adds the term of one word, or says what is wrong with it.
std::string add_term(std::string word, std::vector<RunTerm>& terms) {
  RunTerm term;
  if (word.size() > 1 && word[0] == '-') {
    term.is_negated = true;
    word.erase(0, 1);
  }
  const Split split = split_at_relation(word);
  term.key = split.key;
  if (split.relation.empty()) {
    term.text = lower(split.value);
    terms.push_back(std::move(term));
    return "";
  }
  const bool is_text = holds(kTextKeys, split.key), is_number = holds(kNumberKeys, split.key);
  if (!is_text && !is_number) return unknown_key(split.key);
  if (split.value.empty()) return "";  // still being typed
  if (is_text) {
    if (split.relation != ":" && split.relation != "=")
      return split.key + " is a text: write " + split.key + ":" + split.value + ".";
    term.text = lower(split.value);
    terms.push_back(std::move(term));
    return "";
  }
  const auto number = number_from(split.value, split.key == "time");
  if (!number.has_value())
    return split.key + " is compared with a number, as in " +
           (split.key == "time" ? "time>30m." : split.key + "<3.2 or " + split.key + ">5k.");
  term.relation = relation_from(split.relation);
  term.number = *number;
  terms.push_back(std::move(term));
  return "";
}

bool contains(std::string_view text, const std::string& wanted) {
  return lower(text).find(wanted) != std::string::npos;
}

bool has_tag(const store::RunOverview& run, const RunMark& mark, const std::string& wanted) {
  const std::vector<std::string> tags = all_tags(run, mark);
  return std::any_of(
      tags.begin(), tags.end(), [&](const std::string& tag) { return contains(tag, wanted); });
}

/// "done" is what people read for "completed".
bool is_state(const store::RunOverview& run, const std::string& wanted) {
  return contains(run.state, wanted) || (run.state == "completed" && wanted == "done");
}

bool text_holds(const RunTerm& term, const store::RunOverview& run, const RunMark& mark) {
  if (term.key == "tag") return has_tag(run, mark, term.text);
  if (term.key == "data") return contains(run.data, term.text);
  if (term.key == "state") return is_state(run, term.text);
  if (term.key == "preset") return contains(run.preset, term.text);
  if (term.key == "name") return contains(run.name, term.text);
  if (term.key == "notes") return contains(mark.notes, term.text);
  if (term.key == "parent") return contains(run.parent_name, term.text);
  if (term.key == "device") return contains(run.device, term.text);
  if (term.key == "is") return mark.is_archived && contains("archived", term.text);
  return contains(run.name, term.text) || contains(run.preset, term.text) ||
         contains(run.data, term.text) || is_state(run, term.text) || has_tag(run, mark, term.text) ||
         contains(mark.notes, term.text);
}

bool number_holds(const RunTerm& term, double value) {
  switch (term.relation) {
    case RunTerm::Relation::kLess:
      return value < term.number;
    case RunTerm::Relation::kAtMost:
      return value <= term.number;
    case RunTerm::Relation::kGreater:
      return value > term.number;
    case RunTerm::Relation::kAtLeast:
      return value >= term.number;
    case RunTerm::Relation::kEqual:
      // As printed: 3.21 finds 3.2134.
      return std::abs(value - term.number) <= 5e-3 * std::max(1e-9, std::abs(term.number));
    case RunTerm::Relation::kContains:
      break;
  }
  return false;
}

}  // namespace

bool RunQuery::wants_archived() const {
  return std::any_of(
      terms.begin(), terms.end(), [](const RunTerm& term) { return term.key == "is"; });
}

RunQuery parse_run_query(std::string_view text) {
  RunQuery query;
  for (std::string& word : words_of(text)) {
    std::string problem = add_term(std::move(word), query.terms);
    if (query.error.empty()) query.error = std::move(problem);
  }
  return query;
}

double run_number(const store::RunOverview& run, std::string_view key) {
  const bool has_val = std::isfinite(run.best_val_loss);
  if (key == "steps") return static_cast<double>(run.step);
  if (key == "loss") return has_val ? run.best_val_loss : run.val_loss;
  if (key == "train") return run.train_loss;
  if (key == "ppl") return std::exp(has_val ? run.best_val_loss : run.val_loss);
  if (key == "bpb") return run.bits_per_byte;
  if (key == "toks") return run.tokens_per_second;
  if (key == "params") return static_cast<double>(run.params_total);
  if (key == "active") return static_cast<double>(run.params_active);
  if (key == "tokens") return static_cast<double>(run.tokens);
  if (key == "time") return run.seconds;
  if (key == "flops") return run.flops;
  return std::numeric_limits<double>::quiet_NaN();
}

bool matches(const RunQuery& query, const store::RunOverview& run, const RunMark& mark) {
  if (mark.is_archived && !query.wants_archived()) return false;
  return std::all_of(query.terms.begin(), query.terms.end(), [&](const RunTerm& term) {
    const bool holds_true = term.relation == RunTerm::Relation::kContains
                                ? text_holds(term, run, mark)
                                : number_holds(term, run_number(run, term.key));
    return holds_true != term.is_negated;
  });
}

}  // namespace switchyard::ui
