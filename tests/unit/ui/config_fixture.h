#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "engine/base/config/presets.h"
#include "ui/model/config_draft.h"

namespace switchyard::ui {

inline std::string source_configs() {
  return std::string(SY_SOURCE_DIR) + "/configs";
}

/// The schema as the window knows it.
inline ConfigDraft::SchemaPtr test_schema() {
  static const ConfigDraft::SchemaPtr schema = [] {
    auto loaded = config::load_run_schema(source_configs());
    EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().text());
    return std::make_shared<const config::Schema>(std::move(loaded).value());
  }();
  return schema;
}

inline ConfigDraft preset_draft(const std::string& name = "shakespeare-char-moe-cpu") {
  const auto preset = config::load_preset(source_configs(), name);
  EXPECT_TRUE(preset.ok()) << (preset.ok() ? "" : preset.error().text());
  return {test_schema(), preset.value().config, {DraftOrigin::Kind::kPreset, name}};
}

}  // namespace switchyard::ui
