#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace switchyard::ui {

struct Studio;  // ui/model/studio.h: snapshots, selection, command queue

/// The four jobs; a panel belongs to one or to all.
enum class Workspace { kTrain, kRouting, kPrompt, kRuns };

/// Where a panel stands in the default arrangement of its workspace.
enum class Slot { kLeft, kCentre, kRight, kBottom };

/// One window of the studio. Draws from snapshots only: no file, no network, no database, no
/// waiting.
class Panel {
 public:
  virtual ~Panel() = default;
  virtual void draw(Studio& studio) = 0;
};

struct PanelEntry {
  std::string_view id;     ///< stable; stored in layouts and used by tests: "train.plots"
  std::string_view title;  ///< shown to the user
  Workspace workspace = Workspace::kTrain;
  Slot slot = Slot::kCentre;
  std::unique_ptr<Panel> (*create)() = nullptr;
  std::size_t (*count)(const Studio&) = nullptr;  ///< behind the title; 0 is not shown
};

/// The only list of panels (registry.cpp), in tab order.
std::span<const PanelEntry> all_panels();

}  // namespace switchyard::ui
