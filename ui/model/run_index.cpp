#include "ui/model/run_index.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>

namespace switchyard::ui {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return result;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : lower(text) + " ") {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  return words;
}

/// -1, 0, 1; unknown numbers compare equal to each other and after all others.
int compare_numbers(double a, double b, bool is_descending) {
  const bool has_a = std::isfinite(a), has_b = std::isfinite(b);
  if (has_a != has_b) return has_a == !is_descending ? -1 : 1;
  if (!has_a || a == b) return 0;
  return a < b ? -1 : 1;
}

int compare_runs(const store::RunSummary& a, const store::RunSummary& b, RunOrder order) {
  switch (order.column) {
    case RunColumn::kName:
      return a.name.compare(b.name);
    case RunColumn::kState:
      return a.state.compare(b.state);
    case RunColumn::kPreset:
      return a.preset.compare(b.preset);
    case RunColumn::kStep:
      return a.step < b.step ? -1 : (a.step > b.step ? 1 : 0);
    case RunColumn::kTrainLoss:
      return compare_numbers(a.train_loss, b.train_loss, order.is_descending);
    case RunColumn::kValLoss:
      return compare_numbers(a.val_loss, b.val_loss, order.is_descending);
    case RunColumn::kModified:
      return compare_numbers(a.modified_wall_time, b.modified_wall_time, order.is_descending);
  }
  return 0;
}

std::string plural(long long count, const char* unit) {
  return std::to_string(count) + " " + unit + (count == 1 ? " ago" : "s ago");
}

}  // namespace

std::vector<std::size_t> select_runs(const std::vector<store::RunSummary>& runs,
                                     std::string_view filter,
                                     RunOrder order) {
  const std::vector<std::string> words = words_of(filter);
  std::vector<std::size_t> selected;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string text = lower(runs[i].name + " " + runs[i].preset + " " + runs[i].state);
    if (std::all_of(words.begin(), words.end(), [&](const std::string& word) {
          return text.find(word) != std::string::npos;
        }))
      selected.push_back(i);
  }
  std::stable_sort(selected.begin(), selected.end(), [&](std::size_t a, std::size_t b) {
    const int compared = compare_runs(runs[a], runs[b], order);
    return order.is_descending ? compared > 0 : compared < 0;
  });
  return selected;
}

int run_color_index(std::string_view name) {
  std::size_t digits = name.size();
  while (digits > 0 && std::isdigit(static_cast<unsigned char>(name[digits - 1])) != 0) --digits;
  unsigned number = 0;
  for (const char c : name.substr(digits)) number = number * 10U + static_cast<unsigned>(c - '0');
  unsigned hash = 2166136261U;
  for (const char c : name.substr(0, digits))
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return static_cast<int>((hash + number) % 8U);
}

std::string age_text(double seconds) {
  if (!std::isfinite(seconds)) return "–";
  if (seconds < 10.0) return "just now";
  if (seconds < 60.0) return std::to_string(std::llround(seconds)) + " s ago";
  if (seconds < 3600.0) return std::to_string(std::llround(seconds / 60.0)) + " min ago";
  if (seconds < 86400.0) return std::to_string(std::llround(seconds / 3600.0)) + " h ago";
  return plural(std::llround(seconds / 86400.0), "day");
}

}  // namespace switchyard::ui
