#pragma once

#include "ui/model/studio.h"

namespace switchyard::ui {

/// Every metric and term with definition, formula and source.
void draw_glossary(Studio& studio);

/// The search field of the glossary, ending at `right`.
void draw_glossary_controls(Studio& studio, float right, float top, float height);

}  // namespace switchyard::ui
