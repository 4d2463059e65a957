// The drawing: blocks that add up to the model, boxes that do not collide.
#include "ui/model/architecture.h"

#include "tests/unit/ui/config_fixture.h"

namespace switchyard::ui {
namespace {

ConfigDraft mixed_draft() {
  ConfigDraft draft = preset_draft();
  draft.add_layer_group();
  draft.set("/model/layers/1/repeat", Json(3));
  draft.duplicate_layer_group(0);
  return draft;
}

bool overlaps(const Box& a, const Box& b) {
  constexpr float kSlack = 1e-3F;
  return a.x < b.right() - kSlack && b.x < a.right() - kSlack && a.y < b.bottom() - kSlack &&
         b.y < a.bottom() - kSlack;
}

bool contains(const Box& outer, const Box& inner) {
  constexpr float kSlack = 1e-3F;
  return inner.x >= outer.x - kSlack && inner.right() <= outer.right() + kSlack &&
         inner.y >= outer.y - kSlack && inner.bottom() <= outer.bottom() + kSlack;
}

TEST(Architecture, AddsUpToTheModel) {
  const ConfigDraft draft = mixed_draft();
  const Architecture a = architecture_of(draft.resolved(), 84);
  const config::ModelSize size = config::model_size(draft.resolved(), 84);
  EXPECT_EQ(a.params_total, size.params_total);
  EXPECT_EQ(a.params_active, size.params_active);
  EXPECT_DOUBLE_EQ(a.flops_per_token, size.flops_per_token_forward);
  double share = 0.0;
  for (const ArchitectureBlock& block : a.blocks) share += block.flop_share;
  EXPECT_NEAR(share, 1.0, 1e-12);
}

TEST(Architecture, NamesBlocksAndTheirSections) {
  const Architecture a = architecture_of(mixed_draft().resolved(), 84);
  ASSERT_EQ(a.blocks.size(), 10U);  // embedding, 2 × (mixer, router, experts), mixer, dense, head
  EXPECT_EQ(a.blocks.front().title, "Embedding");
  EXPECT_EQ(a.blocks[3].title, "Experts");
  EXPECT_EQ(a.blocks[3].section, "layers.0");
  EXPECT_EQ(a.blocks[3].num_experts, 8);
  EXPECT_EQ(a.blocks[3].top_k, 2);
  EXPECT_EQ(a.blocks[8].title, "Feed-forward");
  EXPECT_EQ(a.blocks[8].section, "layers.2");
  EXPECT_EQ(a.blocks.back().part.params_total, 128) << "a tied head owns its norm only";
  ASSERT_EQ(a.groups.size(), 3U);
  EXPECT_EQ(a.groups[0].title, "Layers 1 to 4");
  EXPECT_EQ(a.groups[2].title, "Layers 9 to 11");
}

TEST(Architecture, PlacesBlocksWithoutCollisions) {
  const Architecture a = architecture_of(mixed_draft().resolved(), 84);
  for (const float width : {14.0F, 24.0F, 39.9F, 40.0F, 58.0F, 120.0F}) {
    const ArchitectureLayout layout = layout_of(a, width);
    ASSERT_EQ(layout.blocks.size(), a.blocks.size());
    ASSERT_EQ(layout.groups.size(), a.groups.size());
    const Box whole{0.0F, 0.0F, width, layout.height};
    for (std::size_t i = 0; i < layout.blocks.size(); ++i) {
      EXPECT_TRUE(contains(whole, layout.blocks[i])) << width;
      EXPECT_GT(layout.blocks[i].width, 3.0F) << width;
      for (std::size_t j = 0; j < i; ++j)
        EXPECT_FALSE(overlaps(layout.blocks[i], layout.blocks[j])) << width << " " << i << " " << j;
      const int group = a.blocks[i].part.layer_group;
      if (group < 0) continue;
      EXPECT_TRUE(contains(layout.groups[static_cast<std::size_t>(group)], layout.blocks[i]));
    }
    EXPECT_EQ(layout.arrows.size(), a.blocks.size() - 1);
  }
}

TEST(Architecture, FitsExpertsIntoTheirRoom) {
  for (const std::int64_t experts : {1, 2, 7, 8, 64, 100, 4096}) {
    const ExpertCells cells = expert_cells(experts, 20.0F, 4.0F, 0.5F);
    EXPECT_GE(std::int64_t{cells.columns} * cells.rows, cells.num_shown);
    EXPECT_LE(cells.columns, 40);
    EXPECT_LE(cells.rows, 8);
    EXPECT_EQ(cells.num_shown, std::min<std::int64_t>(experts, 320));
  }
  EXPECT_EQ(expert_cells(8, 20.0F, 4.0F, 0.5F).rows, 2);
}

}  // namespace
}  // namespace switchyard::ui
