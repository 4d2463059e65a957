// The form: sections, rows, changes, problems, search.
#include "ui/model/config_form.h"

#include <algorithm>
#include <set>

#include "tests/unit/ui/config_fixture.h"

namespace switchyard::ui {
namespace {

const FormSection* section_named(const std::vector<FormSection>& sections, const std::string& id) {
  for (const FormSection& section : sections) {
    if (section.id == id) return &section;
  }
  return nullptr;
}

const FormRow* row_at(const std::vector<FormSection>& sections, const std::string& pointer) {
  for (const FormSection& section : sections) {
    for (const FormRow& row : section.rows) {
      if (row.pointer == pointer) return &row;
    }
  }
  return nullptr;
}

std::size_t count_leaves(const Json& value) {
  std::size_t count = 0;
  for (const auto& [key, member] : value.members()) {
    if (key == "note" || key == "schema" || key == "version") continue;
    count += member.is_object() ? count_leaves(member) : (member.is_array() ? 0 : 1);
    for (const Json& item : member.items()) count += count_leaves(item);
  }
  return count;
}

TEST(ConfigForm, ShowsEverySettingOnceInTheSchemasOrder) {
  const ConfigDraft draft = preset_draft();
  const auto sections = form_sections(draft);
  std::vector<std::string> ids;
  std::set<std::string> pointers;
  for (const FormSection& section : sections) {
    ids.push_back(section.id);
    for (const FormRow& row : section.rows) EXPECT_TRUE(pointers.insert(row.pointer).second);
  }
  EXPECT_EQ(ids,
            (std::vector<std::string>{"run",
                                      "model",
                                      "layers.0",
                                      "data",
                                      "optimizer",
                                      "schedule",
                                      "train",
                                      "checkpoint",
                                      "guard",
                                      "log"}));
  EXPECT_EQ(pointers.size(), count_leaves(draft.resolved()));
  EXPECT_EQ(section_named(sections, "layers.0")->title, "Layers 1 to 4");
}

TEST(ConfigForm, FollowsLayersAndVariants) {
  ConfigDraft draft = preset_draft();
  draft.add_layer_group();
  draft.set_variant("/schedule", "constant");
  const auto sections = form_sections(draft);
  ASSERT_NE(section_named(sections, "layers.1"), nullptr);
  EXPECT_EQ(section_named(sections, "layers.1")->title, "Layer 5");
  EXPECT_EQ(section_named(sections, "layers.1")->layer_group, 1);
  EXPECT_EQ(section_named(sections, "schedule")->rows.size(), 1U);
  EXPECT_EQ(row_at(sections, "/model/layers/1/feed_forward/router"), nullptr);
  EXPECT_NE(row_at(sections, "/model/layers/0/feed_forward/router"), nullptr);
}

TEST(ConfigForm, CountsChangesAndSaysWhatWas) {
  ConfigDraft draft = preset_draft();
  draft.set("/optimizer/learning_rate", Json(6e-4));
  draft.set_variant("/model/layers/0/feed_forward", "dense");
  const auto sections = form_sections(draft);
  EXPECT_EQ(section_named(sections, "optimizer")->num_changed, 1);
  EXPECT_EQ(section_named(sections, "train")->num_changed, 0);
  const FormRow* rate = row_at(sections, "/optimizer/learning_rate");
  EXPECT_TRUE(rate->is_changed);
  EXPECT_EQ(rate->base_text, "1e-3");
  const FormRow* kind = row_at(sections, "/model/layers/0/feed_forward");
  EXPECT_TRUE(kind->is_changed);
  EXPECT_EQ(kind->base_text, "Routed experts");
}

TEST(ConfigForm, PutsProblemsWhereTheyBelong) {
  ConfigDraft draft = preset_draft();
  draft.set("/model/layers/0/feed_forward/router/top_k", Json(9));
  draft.set("/optimizer/unheard_of", Json(1));
  draft.set("/train/max_steps", Json(0));
  auto sections = form_sections(draft);
  EXPECT_EQ(section_named(sections, "train")->num_problems, 1);
  EXPECT_EQ(row_at(sections, "/train/max_steps")->problems.size(), 1U);
  EXPECT_EQ(row_at(sections, "/train/max_steps")->fix->label, "Set to 1");
  const FormSection* optimizer = section_named(sections, "optimizer");
  ASSERT_EQ(optimizer->problems.size(), 1U);
  ASSERT_TRUE(optimizer->fix.has_value());
  apply_fix(draft, *optimizer->fix);
  sections = form_sections(draft);
  EXPECT_TRUE(section_named(sections, "optimizer")->problems.empty());
  // Rules speak once the fields are valid each by itself.
  const FormRow* top_k = row_at(sections, "/model/layers/0/feed_forward/router/top_k");
  EXPECT_EQ(top_k->problems.size(), 1U);
  EXPECT_EQ(top_k->fix->label, "Set to 8");
}

TEST(ConfigForm, SearchLooksAtLabelKeyAndHelp) {
  const ConfigDraft draft = preset_draft();
  const auto sections = form_sections(draft);
  const FormRow& top_k = *row_at(sections, "/model/layers/0/feed_forward/router/top_k");
  EXPECT_TRUE(matches(top_k, "active PER"));
  EXPECT_TRUE(matches(top_k, "top_k"));
  EXPECT_TRUE(matches(top_k, "router.top"));
  EXPECT_FALSE(matches(top_k, "learning"));
  const FormRow& rate = *row_at(sections, "/optimizer/learning_rate");
  EXPECT_TRUE(matches(rate, "highest rate"));
  EXPECT_EQ(section_of(sections, "/optimizer/learning_rate"), "optimizer");
  EXPECT_EQ(section_of(sections, "/nowhere"), "");
}

TEST(ConfigForm, SaysRangesInWords) {
  const ConfigDraft draft = preset_draft();
  const auto sections = form_sections(draft);
  EXPECT_EQ(range_text(*row_at(sections, "/model/layers/0/repeat")->field), "1 – 512");
  EXPECT_EQ(range_text(*row_at(sections, "/model/norm_eps")->field), "above 0 to 1");
  EXPECT_EQ(range_text(*row_at(sections, "/data/tokenizer")->field), "char, byte");
  EXPECT_EQ(word_label("routed_experts"), "Routed experts");
  EXPECT_EQ(word_label("rms_norm"), "RMS norm");
}

}  // namespace
}  // namespace switchyard::ui
