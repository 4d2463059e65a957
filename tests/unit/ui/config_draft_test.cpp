// The draft: edits, undo, differences, the command, files.
#include "ui/model/config_draft.h"

#include "tests/support/shell_words.h"
#include "tests/unit/ui/config_fixture.h"

namespace switchyard::ui {
namespace {

constexpr const char* kExperts = "/model/layers/0/feed_forward/num_experts";
constexpr const char* kTopK = "/model/layers/0/feed_forward/router/top_k";
constexpr const char* kRate = "/optimizer/learning_rate";

/// What the engine makes of the equivalent command: its document, the settings applied, resolved.
Json config_of_command(const std::string& command, const Json& document) {
  const std::vector<std::string> words = test::shell_words(command);
  Json changed = document;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] != "--set") continue;
    const Status applied = config::apply_setting(changed, words[i + 1]);
    EXPECT_TRUE(applied.ok()) << applied.error().text();
  }
  const config::Resolved resolved = config::resolve(*test_schema(), changed, "");
  for (const Error& error : resolved.errors) ADD_FAILURE() << error.text();
  return resolved.config;
}

TEST(ConfigDraft, BeginsWithThePresetUnchanged) {
  const ConfigDraft draft = preset_draft();
  EXPECT_TRUE(draft.is_valid());
  EXPECT_TRUE(draft.changes().empty());
  EXPECT_EQ(draft.value(kExperts).as_integer(), 8);
  EXPECT_FALSE(draft.value("/model/use_bias").as_bool(true));  // from the default
  EXPECT_FALSE(draft.can_undo());
  EXPECT_EQ(draft.command_line(), "switchyard-engine train --preset shakespeare-char-moe-cpu");
}

TEST(ConfigDraft, ChangesAreCountedAndReverted) {
  ConfigDraft draft = preset_draft();
  draft.set(kExperts, Json(16));
  draft.set(kRate, Json(0.0006));
  EXPECT_EQ(draft.changes().size(), 2U);
  EXPECT_TRUE(draft.is_changed(kExperts));
  EXPECT_FALSE(draft.is_changed(kTopK));
  draft.revert(kExperts);
  EXPECT_EQ(draft.value(kExperts).as_integer(), 8);
  EXPECT_EQ(draft.changes().size(), 1U);
  draft.revert_all();
  EXPECT_TRUE(draft.changes().empty());
  EXPECT_EQ(draft.document(), preset_draft().document());
}

TEST(ConfigDraft, UndoesAndRedoesEveryCommittedEdit) {
  ConfigDraft draft = preset_draft();
  std::vector<Json> states{draft.document()};
  for (int i = 0; i < 300; ++i) {
    draft.set("/train/max_steps", Json(3000 + i));
    states.push_back(draft.document());
  }
  for (std::size_t i = states.size() - 1; i-- > 0;) {
    ASSERT_TRUE(draft.can_undo());
    draft.undo();
    ASSERT_EQ(draft.document(), states[i]);
  }
  EXPECT_FALSE(draft.can_undo());
  for (std::size_t i = 1; i < states.size(); ++i) {
    draft.redo();
    ASSERT_EQ(draft.document(), states[i]);
  }
  EXPECT_FALSE(draft.can_redo());
  draft.undo();
  draft.set("/train/max_steps", Json(5));
  EXPECT_FALSE(draft.can_redo()) << "a new edit ends what could be redone";
}

TEST(ConfigDraft, TypingIsOneEntry) {
  ConfigDraft draft = preset_draft();
  const std::int64_t before = draft.committed_revision();
  draft.type(kExperts, Json(1));
  draft.type(kExperts, Json(16));
  draft.type(kExperts, Json(160));
  EXPECT_EQ(draft.value(kExperts).as_integer(), 160) << "figures follow every key";
  EXPECT_EQ(draft.committed_revision(), before) << "autosave waits for the end";
  draft.commit();
  EXPECT_EQ(draft.committed_revision(), before + 1);
  draft.undo();
  EXPECT_EQ(draft.value(kExperts).as_integer(), 8);
  EXPECT_FALSE(draft.can_undo());
  draft.type(kExperts, Json(9));
  draft.type(kExperts, Json(8));
  draft.commit();
  EXPECT_FALSE(draft.can_undo()) << "typed back: nothing happened";
}

TEST(ConfigDraft, KeepsWhatDoesNotFitBesideItsError) {
  ConfigDraft draft = preset_draft();
  draft.set(kTopK, Json(9));
  ASSERT_EQ(draft.errors().size(), 1U);
  EXPECT_EQ(draft.errors()[0].where, kTopK);
  EXPECT_EQ(draft.value(kTopK).as_integer(), 9);
  draft.set("/model/d_model", Json("wide"));
  EXPECT_EQ(draft.value("/model/d_model").as_string(), "wide");
  EXPECT_TRUE(draft.is_changed("/model/d_model"));
}

TEST(ConfigDraft, SwitchesVariantsAndKeepsWhatBothHave) {
  ConfigDraft draft = preset_draft();
  draft.set("/schedule/warmup_steps", Json(77));
  draft.set_variant("/schedule", "wsd");
  EXPECT_TRUE(draft.is_valid());
  EXPECT_EQ(draft.value("/schedule/type").as_string(), "wsd");
  EXPECT_EQ(draft.value("/schedule/warmup_steps").as_integer(), 77);
  EXPECT_EQ(draft.value("/schedule/stable_steps").as_integer(), 1500);
  EXPECT_TRUE(draft.value("/schedule/decay_steps").is_null());
  draft.set_variant("/model/layers/0/feed_forward", "dense");
  EXPECT_TRUE(draft.is_valid());
  EXPECT_EQ(draft.value("/model/layers/0/feed_forward/d_ff").as_integer(), 256);
  EXPECT_TRUE(draft.value(kExperts).is_null());
  draft.revert("/model/layers/0/feed_forward");
  EXPECT_EQ(draft.value(kExperts).as_integer(), 8);
  draft.undo();
  draft.undo();
  draft.undo();
  EXPECT_EQ(draft.value("/schedule/type").as_string(), "cosine");
}

TEST(ConfigDraft, AnotherOptimizerBringsItsOwnRateAndDecay) {
  ConfigDraft draft = preset_draft();
  draft.set("/optimizer/learning_rate", Json(2e-3));
  draft.set("/optimizer/beta2", Json(0.95));
  draft.set("/optimizer/grad_clip_norm", Json(0.5));
  draft.set_variant("/optimizer", "muon");  // at home at AdamW's rates
  EXPECT_EQ(draft.value("/optimizer/learning_rate").as_number(), 2e-3);
  EXPECT_EQ(draft.value("/optimizer/beta2").as_number(), 0.95);
  draft.set_variant("/optimizer", "sgd");
  EXPECT_TRUE(draft.is_valid());
  EXPECT_EQ(draft.value("/optimizer/learning_rate").as_number(), 0.1);
  EXPECT_EQ(draft.value("/optimizer/weight_decay").as_number(), 0.0);
  EXPECT_EQ(draft.value("/optimizer/grad_clip_norm").as_number(), 0.5);
  EXPECT_TRUE(draft.value("/optimizer/beta2").is_null());
}

TEST(ConfigDraft, EditsTheLayerList) {
  ConfigDraft draft = preset_draft();
  draft.add_layer_group();
  ASSERT_EQ(draft.num_layer_groups(), 2U);
  EXPECT_EQ(draft.value("/model/layers/1/feed_forward/type").as_string(), "dense");
  draft.duplicate_layer_group(0);
  ASSERT_EQ(draft.num_layer_groups(), 3U);
  EXPECT_EQ(draft.value("/model/layers/1/feed_forward/num_experts").as_integer(), 8);
  draft.set("/model/layers/1/repeat", Json(2));
  draft.move_layer_group(1, 2);
  EXPECT_EQ(draft.value("/model/layers/1/feed_forward/type").as_string(), "dense");
  EXPECT_EQ(draft.value("/model/layers/2/repeat").as_integer(), 2);
  draft.remove_layer_group(0);
  draft.remove_layer_group(0);
  ASSERT_EQ(draft.num_layer_groups(), 1U);
  EXPECT_EQ(draft.value("/model/layers/0/repeat").as_integer(), 2);
  draft.remove_layer_group(0);
  EXPECT_EQ(draft.num_layer_groups(), 1U) << "a model needs a layer";
  EXPECT_TRUE(draft.is_valid());
}

TEST(ConfigDraft, LayersThatOnlyTheDefaultNamesCanBeEdited) {
  ConfigDraft draft(test_schema(), Json::object(), {DraftOrigin::Kind::kFile, "/x.json"});
  draft.set("/model/layers/0/repeat", Json(3));
  EXPECT_TRUE(draft.is_valid());
  EXPECT_EQ(draft.value("/model/layers/0/repeat").as_integer(), 3);
  EXPECT_EQ(config_of_command(draft.command_line(), Json::object()), draft.resolved());
}

TEST(ConfigDraft, TheCommandMakesTheSameConfiguration) {
  ConfigDraft draft = preset_draft();
  const Json document = draft.document();
  draft.set("/name", Json("it's-mine"));  // not allowed, but quoted all the same
  EXPECT_NE(draft.command_line().find("'name=it'\\''s-mine'"), std::string::npos);
  draft.set("/name", Json("mine"));
  draft.set("/note", Json("two words, 'quoted' and $HOME `date` \"x\" 3"));
  draft.set(kExperts, Json(16));
  draft.set(kRate, Json(3.3e-5));
  draft.set("/schedule/min_learning_rate", Json(1e-6));
  draft.set("/optimizer/eps", Json(1e-12));
  draft.set("/data/text_file", Json("true"));
  draft.set("/model/norm", Json("rms_norm"));
  draft.set("/model/use_bias", Json(true));
  EXPECT_EQ(config_of_command(draft.command_line(), document), draft.resolved());
  draft.set_variant("/schedule", "wsd");
  draft.duplicate_layer_group(0);
  draft.set_variant("/model/layers/1/feed_forward", "dense");
  ASSERT_TRUE(draft.is_valid());
  EXPECT_EQ(config_of_command(draft.command_line(), document), draft.resolved());
}

TEST(ConfigDraft, TheCommandOfARunNamesItsFile) {
  const Json run = preset_draft().resolved();
  ConfigDraft draft(test_schema(), run, {DraftOrigin::Kind::kRun, "/runs/my run-001"});
  draft.set(kTopK, Json(1));
  EXPECT_EQ(draft.command_line(),
            "switchyard-engine train --config '/runs/my run-001/config.json' --set "
            "model.layers.0.feed_forward.router.top_k=1");
}

TEST(ConfigDraft, FilesRoundTripExactly) {
  ConfigDraft draft = preset_draft();
  draft.set("/note", Json("Grüße: \"α\"\n"));
  draft.set(kRate, Json(0.1 + 0.2));
  draft.set("/train/seed", Json(std::int64_t{9007199254740991}));
  draft.duplicate_layer_group(0);
  const auto back = config_document(config_file_text(draft.document()), "x.json");
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_EQ(back.value(), draft.document());
  EXPECT_EQ(config::resolve(*test_schema(), back.value(), "").config, draft.resolved());
}

TEST(ConfigDraft, FilesBringNoCardAndNoOtherKind) {
  const auto card = config_document(R"({"preset":{"summary":"s"},"name":"a"})", "x.json");
  ASSERT_TRUE(card.ok());
  EXPECT_EQ(card.value().find("preset"), nullptr);
  EXPECT_FALSE(config_document("[1]", "x.json").ok());
  EXPECT_FALSE(config_document("{", "x.json").ok());
  EXPECT_FALSE(config_document(R"({"schema":"switchyard.session"})", "x.json").ok());
  EXPECT_FALSE(config_document(R"({"version":99})", "x.json").ok());
}

TEST(ConfigPaths, FindFieldsThroughListsAndVariants) {
  const ConfigDraft draft = preset_draft();
  const config::Field* field = field_at(draft.schema(), draft.document(), kTopK);
  ASSERT_NE(field, nullptr);
  EXPECT_EQ(field->key, "top_k");
  EXPECT_EQ(field_at(draft.schema(), draft.document(), "/model/layers/0/nothing"), nullptr);
  EXPECT_EQ(dotted_path(kTopK), "model.layers.0.feed_forward.router.top_k");
  EXPECT_EQ(pointer_parts("/a~1b/c~0d"), (std::vector<std::string>{"a/b", "c~d"}));
  EXPECT_TRUE(pointer_parts("").empty());
}

TEST(ConfigPaths, ReadWhatPeopleType) {
  const ConfigDraft draft = preset_draft();
  const config::Field& steps = *field_at(draft.schema(), draft.document(), "/train/max_steps");
  const config::Field& rate = *field_at(draft.schema(), draft.document(), kRate);
  EXPECT_EQ(value_from_text(steps, "2,000"), Json(2000));
  EXPECT_EQ(value_from_text(steps, "1e3"), Json(1000));
  EXPECT_EQ(value_from_text(steps, "1.5"), Json(1.5));
  EXPECT_EQ(value_from_text(steps, "-3"), Json(-3));
  EXPECT_EQ(value_from_text(steps, ""), Json(""));
  EXPECT_EQ(value_from_text(steps, "many"), Json("many"));
  EXPECT_EQ(value_from_text(rate, "1e-3"), Json(0.001));
  EXPECT_EQ(value_from_text(rate, "1e999"), Json("1e999"));
  EXPECT_EQ(value_from_text(rate, "nan"), Json("nan"));
  for (const double number : {0.001, 1e-8, 1.0 / 3.0, 123456.789})
    EXPECT_EQ(value_from_text(rate, text_from_value(Json(number))), Json(number));
}

TEST(ConfigPaths, QuoteOnlyWhatAShellWouldChange) {
  EXPECT_EQ(shell_quoted("a.b=1e-3"), "a.b=1e-3");
  EXPECT_EQ(shell_quoted(""), "''");
  EXPECT_EQ(shell_quoted("two words"), "'two words'");
  EXPECT_EQ(test::shell_words(shell_quoted("it's $a `b` \\ \"c\"")),
            std::vector<std::string>{"it's $a `b` \\ \"c\""});
}

}  // namespace
}  // namespace switchyard::ui
