#pragma once

#include "ui/model/studio.h"

namespace switchyard::ui {

/// A combo of whose weights answer: live (or the last checkpoint) and every kept checkpoint, newest
/// first; with `has_none` also nothing. True when changed.
bool source_combo(
    Studio& studio, const char* label, float width, bool has_none, AnswerSource* source);

}  // namespace switchyard::ui
