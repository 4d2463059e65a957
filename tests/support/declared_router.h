#pragma once

#include "engine/base/config/schema.h"

namespace switchyard::test {

inline void describe_top_k(config::Schema& schema) {
  schema.integer("top_k", 2)
      .range(1, 64)
      .in("experts")
      .says("experts per token")
      .at_level(config::Level::kEssential);
}

/// The run schema with one router, for tests without the training code.
inline config::Schema run_schema_for_tests() {
  return config::run_schema(
      {{"router", "top_k", "each token takes its k best experts", "Shazeer et al. 2017", &describe_top_k}});
}

}  // namespace switchyard::test
