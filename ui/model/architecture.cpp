#include "ui/model/architecture.h"

#include <algorithm>
#include <cmath>

#include "ui/model/config_form.h"
#include "ui/plot/ticks.h"

namespace switchyard::ui {
namespace {

using Kind = config::ModelPart::Kind;

// Sizes of the drawing in em.
constexpr float kWidest = 58.0F;
constexpr float kBlockHeight = 4.6F;
constexpr float kTallHeight = 8.6F;  ///< with a grid of experts
constexpr float kArrow = 1.3F;       ///< between blocks above each other
constexpr float kSide = 2.1F;        ///< between blocks beside each other
constexpr float kGroupHead = 2.3F;
constexpr float kGroupPad = 1.1F;
constexpr float kSideBySide = 40.0F;  ///< narrower: blocks of a group stand above each other

std::string count(std::int64_t number) {
  return grouped_number(number);
}

std::string activation_word(const Json& feed_forward) {
  return word_label(feed_forward["activation"].as_string());
}

const char* formula_of(const std::string& activation) {
  if (activation == "swiglu") return "x + (silu(x W₁) ⊙ x W₂) W₃";
  if (activation == "geglu") return "x + (gelu(x W₁) ⊙ x W₂) W₃";
  return activation == "relu" ? "x + relu(x W₁) W₂" : "x + gelu(x W₁) W₂";
}

void describe_mixer(ArchitectureBlock& block, const Json& model) {
  const std::int64_t d_model = model["d_model"].as_integer();
  const std::int64_t heads = std::max<std::int64_t>(1, model["num_heads"].as_integer());
  block.title = "Attention";
  block.detail = count(heads) + (heads == 1 ? " head of " : " heads of ") + count(d_model / heads) +
                 ", " + count(model["seq_len"].as_integer()) + " tokens back";
  block.help = "Each token gathers from the tokens before it what fits its query.";
  block.formula = "x + softmax(QKᵀ / √d) V W";
  block.section = "model";
}

void describe_feed_forward(ArchitectureBlock& block, const Json& feed_forward) {
  const std::string width = count(feed_forward["d_ff"].as_integer());
  const Json& router = feed_forward["router"];
  block.num_experts = feed_forward["num_experts"].as_integer();
  block.top_k = router["top_k"].as_integer(block.num_experts);
  switch (block.part.kind) {
    case Kind::kDense:
      block.title = "Feed-forward";
      block.detail = "dense, hidden width " + width + ", " + activation_word(feed_forward);
      block.help = "One block that every token passes.";
      block.formula = formula_of(feed_forward["activation"].as_string());
      break;
    case Kind::kRouter:
      block.title = "Router";
      block.detail = word_label(router["type"].as_string()) + ", " + count(block.top_k) + " of " +
                     count(block.num_experts);
      block.help = "Scores every expert for each token and keeps the best.";
      block.formula = "top-k(softmax(x Wᵣ))";
      break;
    default:
      block.title = "Experts";
      block.detail = count(block.num_experts) + " of width " + width + ", " + count(block.top_k) +
                     " for each token";
      block.help = "Small feed-forward blocks; a token passes only those its router chose.";
      block.formula = "x + Σ pₑ(x) expertₑ(x), e in top-k";
      break;
  }
}

void describe(ArchitectureBlock& block, const Json& model) {
  switch (block.part.kind) {
    case Kind::kEmbedding:
      block.title = "Embedding";
      block.detail = "width " + count(model["d_model"].as_integer()) + ", " +
                     word_label(model["position"].as_string()) + " positions";
      block.help = "Looks up a vector for each token, and one for its place.";
      block.formula = "x = E[token] + P[place]";
      block.section = "model";
      break;
    case Kind::kMixer:
      describe_mixer(block, model);
      break;
    case Kind::kHead:
      block.title = "Head";
      block.detail = model["use_tied_head"].as_bool() ? "the embedding's own table, transposed"
                                                      : "a table of its own";
      block.help = "Turns the last vector into a probability for every token.";
      block.formula = "p = softmax(norm(x) Eᵀ)";
      block.section = "model";
      break;
    default: {
      const auto group = static_cast<std::size_t>(block.part.layer_group);
      describe_feed_forward(block, model["layers"][group]["feed_forward"]);
      block.section = "layers." + std::to_string(group);
    }
  }
}

std::vector<ArchitectureGroup> groups_of(const Json& layers) {
  std::vector<ArchitectureGroup> groups;
  std::int64_t first = 1;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    ArchitectureGroup group;
    group.index = static_cast<int>(i);
    group.repeat = layers[i]["repeat"].as_integer(1);
    const std::int64_t last = first + group.repeat - 1;
    group.title = group.repeat == 1 ? "Layer " + count(first)
                                    : "Layers " + count(first) + " to " + count(last);
    first = last + 1;
    groups.push_back(std::move(group));
  }
  return groups;
}

float height_of(const ArchitectureBlock& block) {
  return block.part.kind == Kind::kExperts ? kTallHeight : kBlockHeight;
}

/// Share of a group's width that a block gets beside the others.
float weight_of(const ArchitectureBlock& block) {
  if (block.part.kind == Kind::kExperts) return 1.35F;
  return block.part.kind == Kind::kRouter ? 0.8F : 1.0F;
}

class LayoutMaker {
 public:
  LayoutMaker(const Architecture& architecture, float width) : architecture_(architecture) {
    layout_.width = width;
    inner_ = std::min(width, kWidest);
    left_ = (width - inner_) * 0.5F;
  }

  ArchitectureLayout make() {
    const auto& blocks = architecture_.blocks;
    layout_.blocks.resize(blocks.size());
    for (std::size_t i = 0; i < blocks.size();) {
      const int group = blocks[i].part.layer_group;
      std::size_t end = i + 1;
      while (end < blocks.size() && group >= 0 && blocks[end].part.layer_group == group) ++end;
      if (i > 0) {
        const float x = left_ + inner_ * 0.5F;
        layout_.arrows.push_back({x, y_, x, y_ + kArrow});
        y_ += kArrow;
      }
      if (group < 0) {
        layout_.blocks[i] = {left_, y_, inner_, height_of(blocks[i])};
        y_ += height_of(blocks[i]);
      } else {
        place_group(i, end);
      }
      i = end;
    }
    layout_.height = y_;
    return std::move(layout_);
  }

 private:
  void place_group(std::size_t begin, std::size_t end) {
    const float top = y_;
    const float x = left_ + kGroupPad, width = inner_ - 2.0F * kGroupPad;
    y_ += kGroupHead;
    if (inner_ >= kSideBySide) {
      place_row(begin, end, x, width);
    } else {
      place_column(begin, end, x, width);
    }
    y_ += kGroupPad;
    layout_.groups.push_back({left_, top, inner_, y_ - top});
  }

  void place_row(std::size_t begin, std::size_t end, float x, float width) {
    float weights = 0.0F, height = 0.0F;
    for (std::size_t i = begin; i < end; ++i) {
      weights += weight_of(architecture_.blocks[i]);
      height = std::max(height, height_of(architecture_.blocks[i]));
    }
    const float room = width - kSide * static_cast<float>(end - begin - 1);
    for (std::size_t i = begin; i < end; ++i) {
      const float share = room * weight_of(architecture_.blocks[i]) / weights;
      layout_.blocks[i] = {x, y_, share, height};
      if (i + 1 < end) {
        const float middle = y_ + height * 0.5F;
        layout_.arrows.push_back({x + share, middle, x + share + kSide, middle});
      }
      x += share + kSide;
    }
    y_ += height;
  }

  void place_column(std::size_t begin, std::size_t end, float x, float width) {
    for (std::size_t i = begin; i < end; ++i) {
      if (i > begin) {
        const float middle = x + width * 0.5F;
        layout_.arrows.push_back({middle, y_, middle, y_ + kArrow});
        y_ += kArrow;
      }
      const float height = height_of(architecture_.blocks[i]);
      layout_.blocks[i] = {x, y_, width, height};
      y_ += height;
    }
  }

  const Architecture& architecture_;
  ArchitectureLayout layout_;
  float inner_ = 0.0F, left_ = 0.0F, y_ = 0.0F;
};

}  // namespace

Architecture architecture_of(const Json& resolved, std::int64_t vocab_size) {
  Architecture architecture;
  const Json& model = resolved["model"];
  architecture.groups = groups_of(model["layers"]);
  for (const config::ModelPart& part : config::model_parts(resolved, vocab_size)) {
    ArchitectureBlock block;
    block.part = part;
    describe(block, model);
    architecture.params_total += part.repeat * part.params_total;
    architecture.params_active += part.repeat * part.params_active;
    architecture.flops_per_token += static_cast<double>(part.repeat) * part.flops_per_token;
    architecture.blocks.push_back(std::move(block));
  }
  for (ArchitectureBlock& block : architecture.blocks) {
    if (architecture.flops_per_token > 0.0)
      block.flop_share = static_cast<double>(block.part.repeat) * block.part.flops_per_token /
                         architecture.flops_per_token;
  }
  return architecture;
}

ArchitectureLayout layout_of(const Architecture& architecture, float width) {
  return LayoutMaker(architecture, width).make();
}

ExpertCells expert_cells(std::int64_t num_experts, float width, float height, float smallest) {
  ExpertCells cells;
  const int most_columns = std::max(1, static_cast<int>(width / smallest));
  const int most_rows = std::max(1, static_cast<int>(height / smallest));
  const auto shown = std::min<std::int64_t>(num_experts, std::int64_t{most_columns} * most_rows);
  if (shown < 1) return cells;
  // Cells as square as the room allows.
  const double ratio = static_cast<double>(width) / static_cast<double>(height);
  const auto wanted = static_cast<int>(std::ceil(std::sqrt(static_cast<double>(shown) * ratio)));
  cells.columns = std::clamp(wanted, 1, most_columns);
  cells.rows = static_cast<int>((shown + cells.columns - 1) / cells.columns);
  while (cells.rows > most_rows) {
    ++cells.columns;
    cells.rows = static_cast<int>((shown + cells.columns - 1) / cells.columns);
  }
  cells.num_shown = shown;
  return cells;
}

}  // namespace switchyard::ui
