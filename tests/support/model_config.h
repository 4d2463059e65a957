#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/base/config/schema.h"
#include "engine/train/routing/router.h"

namespace switchyard::test {

/// A small resolved configuration (2 layers, width 16, 2 heads, context 12) with settings applied
/// ("model.position=rope").
inline Json small_config(const std::vector<std::string>& settings = {}) {
  const char* text = R"({"schema": "switchyard.run", "version": 1,
    "model": {"d_model": 16, "num_heads": 2, "seq_len": 12,
              "layers": [{"repeat": 2, "feed_forward": {"type": "dense", "d_ff": 24}}]},
    "train": {"seed": 3}})";
  auto document = parse_json(text, "small");
  EXPECT_TRUE(document.ok());
  for (const std::string& setting : settings) {
    EXPECT_TRUE(config::apply_setting(*document, setting).ok()) << setting;
  }
  static const config::Schema schema = config::run_schema(train::routing_declarations());
  config::Resolved resolved = config::resolve(schema, *document, "small");
  for (const Error& error : resolved.errors) ADD_FAILURE() << error.text();
  return resolved.config;
}

/// Settings that turn the dense layers into routed ones: 4 experts of width 16, 2 per token.
inline std::vector<std::string> routed(std::vector<std::string> more = {}) {
  more.insert(more.begin(),
              R"(model.layers=[{"repeat": 2, "feed_forward": {"type": "routed_experts",
                 "num_experts": 4, "d_ff": 16, "activation": "swiglu",
                 "router": {"type": "top_k", "top_k": 2}}}])");
  return more;
}

}  // namespace switchyard::test
