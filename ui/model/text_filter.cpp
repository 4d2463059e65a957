#include "ui/model/text_filter.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>

#include <fnmatch.h>
#include <regex.h>

namespace switchyard::ui {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return result;
}

}  // namespace

struct TextFilter::Expression {
  regex_t compiled{};
  bool is_compiled = false;

  Expression() = default;
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;

  ~Expression() {
    if (is_compiled) regfree(&compiled);
  }
};

Result<TextFilter> TextFilter::parse(std::string_view text) {
  TextFilter filter;
  if (text.starts_with('/')) {
    std::string pattern(text.substr(1));
    if (pattern.ends_with('/')) pattern.pop_back();
    auto expression = std::make_shared<Expression>();
    const int code =
        regcomp(&expression->compiled, pattern.c_str(), REG_EXTENDED | REG_ICASE | REG_NOSUB);
    if (code != 0) {
      std::array<char, 160> reason{};
      regerror(code, &expression->compiled, reason.data(), reason.size());
      return Error{ErrorCode::kUsage,
                   pattern,
                   std::string("this is no regular expression: ") + reason.data() + ".",
                   "Without the leading / it is searched for as words.",
                   {}};
    }
    expression->is_compiled = true;
    filter.expression_ = std::move(expression);
    return filter;
  }
  const std::string small = lower(text);
  if (small.find_first_of("*?[") != std::string::npos) {
    filter.glob_ = small;
    return filter;
  }
  std::istringstream words(small);
  for (std::string word; words >> word;) filter.words_.push_back(word);
  return filter;
}

bool TextFilter::matches(std::string_view name, std::string_view more) const {
  if (expression_ != nullptr)
    return regexec(&expression_->compiled, std::string(name).c_str(), 0, nullptr, 0) == 0;
  if (!glob_.empty()) return fnmatch(glob_.c_str(), lower(name).c_str(), 0) == 0;
  const std::string all = lower(name) + " " + lower(more);
  return std::all_of(words_.begin(), words_.end(), [&](const std::string& word) {
    return all.find(word) != std::string::npos;
  });
}

}  // namespace switchyard::ui
