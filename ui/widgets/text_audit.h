#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <imgui.h>

namespace switchyard::ui {

/// A text that a person cannot read whole where it stands.
struct TextFault {
  std::string text;
  std::string window;
  std::string reason;  ///< "cut at the side by 12 px", "2 letters left of 14"
};

// Only the build with the Test Engine records texts; a release holds none of this.
#ifdef SY_TEST_ENGINE

/// Records every text drawn from now on, until the audit is stopped.
void start_text_audit();

/// The texts that were cut by their window, or shortened beyond recognition, since the start; each
/// once. Parts of a scrolling area that are scrolled out of sight are no fault.
std::vector<TextFault> stop_text_audit();

/// Called by the text functions: `whole` is what was to be shown, `shown` what was drawn in the
/// box.
void audit_text(
    const ImDrawList* list, ImVec2 min, ImVec2 max, std::string_view whole, std::string_view shown);

#else

inline void audit_text(const ImDrawList* /*list*/,
                       ImVec2 /*min*/,
                       ImVec2 /*max*/,
                       std::string_view /*whole*/,
                       std::string_view /*shown*/) {}

#endif

}  // namespace switchyard::ui
