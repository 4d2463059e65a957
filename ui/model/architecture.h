#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/config/model_size.h"
#include "engine/base/core/json.h"

namespace switchyard::ui {

/// One block of the drawing: what it is, what it costs, where it is set.
struct ArchitectureBlock {
  config::ModelPart part;
  std::string title;        ///< "Experts"
  std::string detail;       ///< "8 experts of width 256, 2 for each token"
  std::string help;         ///< a sentence for the tooltip
  std::string formula;      ///< what it computes
  std::string section;      ///< of the form: "model", "layers.0"
  double flop_share = 0.0;  ///< of the whole forward pass, all copies together
  std::int64_t num_experts = 0;
  std::int64_t top_k = 0;
};

struct ArchitectureGroup {
  int index = 0;
  std::string title;  ///< "Layers 1 to 4"
  std::int64_t repeat = 1;
};

/// A configuration as blocks in the order in which a token passes them.
struct Architecture {
  std::vector<ArchitectureBlock> blocks;
  std::vector<ArchitectureGroup> groups;
  std::int64_t params_total = 0;
  std::int64_t params_active = 0;
  double flops_per_token = 0.0;  ///< forward
};

/// Of a resolved, valid configuration.
Architecture architecture_of(const Json& resolved, std::int64_t vocab_size);

/// A rectangle of the drawing. Units: em, origin at the drawing's upper left.
struct Box {
  float x = 0.0F, y = 0.0F, width = 0.0F, height = 0.0F;

  [[nodiscard]] float right() const { return x + width; }

  [[nodiscard]] float bottom() const { return y + height; }
};

/// A line with a head, from the end of one block to the start of the next.
struct Arrow {
  float x0 = 0.0F, y0 = 0.0F, x1 = 0.0F, y1 = 0.0F;
};

struct ArchitectureLayout {
  std::vector<Box> blocks;  ///< one for each block
  std::vector<Box> groups;  ///< frames around the blocks of a group
  std::vector<Arrow> arrows;
  float width = 0.0F, height = 0.0F;
};

/// Places the blocks from top to bottom inside `width` em; the blocks of a group stand side by side
/// where there is room. Nothing overlaps, nothing is wider than `width`.
ArchitectureLayout layout_of(const Architecture& architecture, float width);

/// Cells of an expert grid.
struct ExpertCells {
  int columns = 1;
  int rows = 1;
  std::int64_t num_shown = 0;  ///< at most columns × rows
};

/// As many experts as fit into `width` × `height` em with cells of at least `smallest` em.
ExpertCells expert_cells(std::int64_t num_experts, float width, float height, float smallest);

}  // namespace switchyard::ui
