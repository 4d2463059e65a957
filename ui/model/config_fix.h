#pragma once

#include <optional>
#include <string>

#include "ui/model/config_draft.h"

namespace switchyard::ui {

/// A change that makes an error of a configuration go away, in one click.
struct ConfigFix {
  std::string label;  ///< "Set to 8"
  std::string pointer;
  Json value;
  bool is_removal = false;  ///< the key goes, instead of getting a value
};

/// The smallest change that answers `error`: the nearest bound of a number, the nearest word of a
/// choice, the value that a rule between two settings asks for. Nothing when only a person can
/// know.
std::optional<ConfigFix> suggested_fix(const ConfigDraft& draft, const Error& error);

void apply_fix(ConfigDraft& draft, const ConfigFix& fix);

/// The pointer of an error of resolve(): its `where` without the source.
std::string error_pointer(const Error& error);

/// An error as the form says it below the field: without the pointer, first letter upper case.
std::string error_sentence(const Error& error);

}  // namespace switchyard::ui
