#include "ui/model/answer_compare.h"

#include <algorithm>

namespace switchyard::ui {
namespace {

/// Same first expert in layers that both tokens have.
void count_pairs(const Token& a, const Token& b, std::int64_t* num_same, std::int64_t* num_pairs) {
  for (const RouteStep& step : a.route) {
    if (step.experts.empty()) continue;
    const auto other = std::find_if(b.route.begin(), b.route.end(), [&](const RouteStep& one) {
      return one.layer == step.layer && !one.experts.empty();
    });
    if (other == b.route.end()) continue;
    ++*num_pairs;
    if (other->experts.front() == step.experts.front()) ++*num_same;
  }
}

}  // namespace

std::optional<RouteAgreement> route_agreement(std::span<const Token> a, std::span<const Token> b) {
  std::int64_t num_same = 0, num_pairs = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    count_pairs(a[i], b[i], &num_same, &num_pairs);
  if (num_pairs == 0) return std::nullopt;
  return RouteAgreement{static_cast<double>(num_same) / static_cast<double>(num_pairs), num_pairs};
}

std::size_t common_prefix(std::span<const Token> a, std::span<const Token> b) {
  std::size_t count = 0;
  while (count < std::min(a.size(), b.size()) && a[count].id == b[count].id) ++count;
  return count;
}

std::span<const Token> aligned_evidence(const Answer& shown, const Answer* evidence) {
  if (evidence == nullptr || evidence->state != AnswerState::kDone ||
      evidence->tokens.size() < shown.tokens.size())
    return {};
  const std::span<const Token> tail = std::span(evidence->tokens).last(shown.tokens.size());
  return common_prefix(shown.tokens, tail) == shown.tokens.size() ? tail : std::span<const Token>();
}

std::span<const Token> other_reading(const Answer& shown,
                                     const Answer* compared,
                                     const Answer* evidence) {
  if (const auto tail = aligned_evidence(shown, evidence); !tail.empty()) return tail;
  if (compared == nullptr) return {};
  return std::span(compared->tokens).first(common_prefix(shown.tokens, compared->tokens));
}

TokenComparison compare_token(const Token& token, const Token& other) {
  std::int64_t num_same = 0, num_pairs = 0;
  count_pairs(token, other, &num_same, &num_pairs);
  return {static_cast<int>(num_same), static_cast<int>(num_pairs), other.probability};
}

}  // namespace switchyard::ui
