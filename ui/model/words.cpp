#include "ui/model/words.h"

#include <algorithm>

namespace switchyard::ui {
namespace {

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

bool starts_word(std::string_view text, std::size_t at) {
  return at == 0 || !is_word_character(text[at - 1]);
}

int position_cost(std::size_t at) {
  return static_cast<int>(std::min<std::size_t>(at / 8, 10));
}

std::optional<int> whole_score(std::string_view word, std::string_view title) {
  std::optional<int> best;
  for (std::size_t at = title.find(word); at != std::string_view::npos;
       at = title.find(word, at + 1)) {
    const int place = at == 0 ? 120 : (starts_word(title, at) ? 100 : 60);
    best = std::max(best.value_or(0), place - position_cost(at));
  }
  return best;
}

/// The letters of the word in order with others between; the first must start a word.
std::optional<int> scattered_score(std::string_view word, std::string_view title) {
  std::size_t at = 0, first = 0;
  int score = 20;
  for (std::size_t i = 0; i < word.size(); ++i) {
    std::size_t found = title.find(word[i], at);
    while (i == 0 && found != std::string_view::npos && !starts_word(title, found))
      found = title.find(word[i], found + 1);
    if (found == std::string_view::npos) return std::nullopt;
    if (i == 0) first = found;
    if (starts_word(title, found) || (i > 0 && found == at)) score += 4;
    at = found + 1;
  }
  return std::max(1, score - position_cost(first));
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

std::vector<std::string> lower_words(std::string_view search) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : lower_case(search) + " ") {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  return words;
}

bool has_every_word(std::string_view text, const std::vector<std::string>& words) {
  const std::string lower = lower_case(text);
  return std::all_of(words.begin(), words.end(), [&](const std::string& word) {
    return lower.find(word) != std::string::npos;
  });
}

std::optional<int> fuzzy_score(std::string_view search, std::string_view title) {
  const std::string lower = lower_case(title);
  int total = 0;
  for (const std::string& word : lower_words(search)) {
    std::optional<int> score = whole_score(word, lower);
    if (!score && word.size() > 1) score = scattered_score(word, lower);
    if (!score) return std::nullopt;
    total += *score;
  }
  return total;
}

}  // namespace switchyard::ui
