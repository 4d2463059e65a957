#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::ui {

/// ASCII letters in lower case; all other bytes as they are.
std::string lower_case(std::string_view text);

/// The words of a search in lower case, without the blanks between them.
std::vector<std::string> lower_words(std::string_view search);

/// Whether the text, in any case, contains every word.
bool has_every_word(std::string_view text, const std::vector<std::string>& words);

/// How well a search fits a title; larger is better, nothing when it does not fit.
///
/// Math: each word of the search adds the best of: whole start of the title 120, start of a word
///       100, inside a word 60, letters in order 20 + 4 per letter that starts a word or follows
///       the letter before it; minus the position / 8 (at most 10). A word that is nowhere: no fit.
std::optional<int> fuzzy_score(std::string_view search, std::string_view title);

}  // namespace switchyard::ui
