#pragma once

#include <span>
#include <string_view>

namespace switchyard::ui {

/// A word of the window, explained once for every place that shows it.
struct GlossaryTerm {
  std::string_view key;         ///< metric or config key, e.g. "train_loss"
  std::string_view term;        ///< as labels write it
  std::string_view also;        ///< other labels and metrics for the same, separated by "|"
  std::string_view definition;  ///< one or two sentences
  std::string_view formula;     ///< plain text; empty: none
  std::string_view source;      ///< where the definition comes from; empty: common knowledge
};

/// The only table, in alphabetical order of the terms.
std::span<const GlossaryTerm> glossary();

/// The entry for a label or a metric, any case; nullptr when there is none.
const GlossaryTerm* find_term(std::string_view name);

}  // namespace switchyard::ui
