#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/result.h"

namespace switchyard::ui {

/// A search that people type: words, a glob, or a regular expression.
///
/// "loss val"   every word occurs, any case · "router_*" a glob over the whole name (* ? [a-z]) ·
/// "/^val_|norm$/" a POSIX extended regular expression, any case.
/// Errors: kUsage with the reason when an expression cannot be read.
class TextFilter {
 public:
  static Result<TextFilter> parse(std::string_view text);

  /// An empty filter matches everything. `name` is what globs and expressions see; words are looked
  /// for in `more` too.
  [[nodiscard]] bool matches(std::string_view name, std::string_view more = {}) const;

 private:
  struct Expression;
  std::vector<std::string> words_;
  std::string glob_;
  std::shared_ptr<const Expression> expression_;
};

}  // namespace switchyard::ui
