#pragma once

#include <optional>
#include <span>

#include "ui/model/prompt.h"

namespace switchyard::ui {

/// How alike two sources route the same tokens.
///
/// Math: share of (token, layer) pairs whose first expert is the same in both.
struct RouteAgreement {
  double share = 0.0;
  std::int64_t num_pairs = 0;
};

/// Compares token by token up to the shorter length; nothing when no pair has a route.
std::optional<RouteAgreement> route_agreement(std::span<const Token> a, std::span<const Token> b);

/// Number of leading tokens with the same id.
std::size_t common_prefix(std::span<const Token> a, std::span<const Token> b);

/// The tokens of `shown` as the other source read them: the tail of `evidence`. Empty when the
/// texts were cut into other tokens.
std::span<const Token> aligned_evidence(const Answer& shown, const Answer* evidence);

/// What the other source says about the tokens of `shown`: its reading of the same text, else the
/// part that both answers share. One token per token of `shown`, from the first.
std::span<const Token> other_reading(const Answer& shown,
                                     const Answer* compared,
                                     const Answer* evidence);

/// One token in both sources.
struct TokenComparison {
  int num_same = 0;  ///< layers with the same first expert
  int num_layers = 0;
  double probability = 0.0;  ///< by the other source
};

TokenComparison compare_token(const Token& token, const Token& other);

}  // namespace switchyard::ui
