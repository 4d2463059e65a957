#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ui/model/studio.h"

namespace switchyard::ui {

// The parts of the configuration panel.

/// A setting that can be edited: label, field, problems below. The draft changes while it is typed.
void draw_setting(Studio& studio, ConfigDraft& draft, const FormRow& row);

/// A setting that cannot: label and value, and why when the mouse or the keyboard asks.
void draw_fixed_setting(const FormRow& row, const char* reason);

/// Problems with a link that puts them right.
void draw_problems(ConfigDraft& draft,
                   const std::string& id,
                   const std::vector<Error>& problems,
                   const std::optional<ConfigFix>& fix);

/// Duplicate, move and remove for the group of layers with this index.
void draw_layer_tools(ConfigDraft& draft, int group);

/// Everything the form can count, row by row, with formulas.
void draw_costs(const Studio& studio, const ConfigDraft& draft);

/// Estimate, probe and the button that trains. The height is that of the mock-up's foot.
void draw_config_foot(Studio& studio, ConfigDraft& draft, float pad_em);
float config_foot_height(const Studio& studio);

/// What the memory of the machine allows: RAM, or 0 when a GPU's is not known.
double memory_available(const Studio& studio);

}  // namespace switchyard::ui
