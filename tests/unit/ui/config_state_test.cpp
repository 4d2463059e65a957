// What the form does with drafts, runs and answers.
#include "ui/model/config_state.h"

#include <chrono>

#include "tests/unit/ui/config_fixture.h"
#include "ui/client/step_probe.h"
#include "ui/model/studio.h"

namespace switchyard::ui {
namespace {

constexpr const char* kPreset = "shakespeare-char-moe-cpu";
constexpr const char* kRate = "/optimizer/learning_rate";

std::shared_ptr<const PresetList> presets() {
  static const auto list = std::make_shared<const PresetList>(read_preset_list(source_configs()));
  return list;
}

Studio studio_with_presets() {
  Studio studio;
  studio.presets = presets();
  return studio;
}

std::shared_ptr<RunView> running_run() {
  auto run = std::make_shared<RunView>();
  run->root = "/runs/a-001";
  run->name = "a-001";
  run->config = preset_draft().resolved();
  run->state = RunState::kRunning;
  run->is_engine_attached = true;
  return run;
}

store::Event setting_event(double to) {
  store::Event event;
  event.kind = "setting";
  event.detail = Json::object({{"pointer", kRate}, {"from", 1e-3}, {"to", to}});
  return event;
}

template <typename T>
const T* sent(const Studio& studio) {
  for (const Command& command : studio.commands) {
    const auto* config = std::get_if<ConfigCommand>(&command);
    if (config != nullptr && std::holds_alternative<T>(*config)) return &std::get<T>(*config);
  }
  return nullptr;
}

TEST(ConfigState, CustomisesAPresetAndTrainsIt) {
  Studio studio = studio_with_presets();
  customise_preset(studio, kPreset);
  update_config(studio);
  ASSERT_TRUE(studio.config.draft.has_value());
  EXPECT_FALSE(studio.gallery.is_open);
  EXPECT_TRUE(studio.config.wants_form);
  EXPECT_NE(sent<LookAtData>(studio), nullptr);
  train_draft(studio);
  const TrainDraft* train = sent<TrainDraft>(studio);
  ASSERT_NE(train, nullptr);
  EXPECT_EQ(train->name, kPreset);
  const auto document = config_document(train->document, "draft");
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(document.value(), studio.config.draft->document());
  studio.commands.clear();
  train_draft(studio);
  EXPECT_EQ(sent<TrainDraft>(studio), nullptr) << "one wish is sent once";
  put_config_event(studio, TrainAnswer{{"config.json /name: too short."}});
  EXPECT_EQ(studio.config.train_problems.size(), 1U);
  EXPECT_TRUE(studio.config.shows_draft);
  put_config_event(studio, TrainAnswer{});
  EXPECT_FALSE(studio.config.shows_draft) << "the run takes its place";
}

TEST(ConfigState, ABrokenDraftIsNotTrained) {
  Studio studio = studio_with_presets();
  customise_preset(studio, kPreset);
  studio.config.draft->set("/train/max_steps", Json(0));
  train_draft(studio);
  queue_draft(studio);
  probe_draft(studio);
  EXPECT_TRUE(studio.commands.empty());
}

TEST(ConfigState, FiguresFollowEveryKey) {
  Studio studio = studio_with_presets();
  customise_preset(studio, kPreset);
  auto facts = std::make_shared<DataFacts>();
  update_config(studio);
  facts->key = studio.config.asked_data;
  facts->vocab_size = 84;
  facts->num_train_tokens = 1000;
  put_config_event(studio, DataLooked{facts});
  update_config(studio);
  const std::int64_t before = studio.config.figures.params_total;
  ASSERT_GT(before, 0);
  studio.config.draft->type("/model/layers/0/feed_forward/num_experts", Json(16));
  update_config(studio);
  const std::int64_t experts = std::int64_t{4} * 8 * (2 * 128 * 256 + 128);
  EXPECT_EQ(studio.config.figures.params_total, before + experts);
  EXPECT_EQ(studio.config.architecture.params_total, before + experts);
  studio.config.draft->type("/model/layers/0/feed_forward/num_experts", Json(0));
  update_config(studio);
  EXPECT_EQ(studio.config.figures.params_total, before + experts) << "the last that was valid";
  studio.config.draft->commit();
  const auto start = std::chrono::steady_clock::now();
  constexpr int kRounds = 200;
  for (int i = 0; i < kRounds; ++i) {
    studio.config.draft->type("/model/layers/0/feed_forward/num_experts", Json(8 + i % 2));
    update_config(studio);
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("[ measured ] one key: %.3f ms\n", 1e3 * seconds / kRounds);
}

TEST(ConfigState, LateDataIsNotTakenForOtherData) {
  Studio studio = studio_with_presets();
  customise_preset(studio, kPreset);
  update_config(studio);
  auto late = std::make_shared<DataFacts>();
  late->key = "something else";
  put_config_event(studio, DataLooked{late});
  EXPECT_EQ(studio.config.data, nullptr);
}

TEST(ConfigState, KeepsTheDraftThatANewOneReplaces) {
  Studio studio = studio_with_presets();
  customise_preset(studio, kPreset);
  studio.config.draft->set(kRate, Json(2e-3));
  customise_preset(studio, "shakespeare-char-dense-cpu");
  EXPECT_TRUE(studio.config.draft->changes().empty());
  bring_back_previous(studio);
  EXPECT_DOUBLE_EQ(studio.config.draft->value(kRate).as_number(), 2e-3);
  discard_draft(studio);
  EXPECT_FALSE(studio.config.draft.has_value());
  bring_back_previous(studio);
  EXPECT_DOUBLE_EQ(studio.config.draft->value(kRate).as_number(), 2e-3);
}

TEST(ConfigState, AutosavesCommittedEditsAndRestoresThem) {
  Studio studio = studio_with_presets();
  EXPECT_FALSE(take_autosave(studio.config).has_value()) << "nothing to write at the start";
  customise_preset(studio, kPreset);
  ASSERT_TRUE(take_autosave(studio.config).has_value());
  EXPECT_FALSE(take_autosave(studio.config).has_value());
  studio.config.draft->type(kRate, Json(2e-3));
  EXPECT_FALSE(take_autosave(studio.config).has_value()) << "not before the edit is complete";
  studio.config.draft->commit();
  const auto text = take_autosave(studio.config);
  ASSERT_TRUE(text.has_value());

  Studio next;
  auto saved = parse_saved_draft(*text);
  ASSERT_TRUE(saved.ok()) << saved.error().text();
  next.config.restored = std::move(saved).value();
  update_config(next);
  EXPECT_FALSE(next.config.draft.has_value()) << "the schema is not here yet";
  EXPECT_FALSE(take_autosave(next.config).has_value()) << "the file stays until it was taken";
  next.presets = presets();
  update_config(next);
  ASSERT_TRUE(next.config.draft.has_value());
  EXPECT_EQ(next.config.draft->document(), studio.config.draft->document());
  EXPECT_EQ(next.config.draft->command_line(), studio.config.draft->command_line());
  EXPECT_EQ(next.config.draft->changes().size(), 1U);
  EXPECT_EQ(next.notices.size(), 1U);
  discard_draft(studio);
  EXPECT_EQ(take_autosave(studio.config), std::optional<std::string>(""));
}

TEST(ConfigState, RefusesBrokenSavedDrafts) {
  EXPECT_FALSE(parse_saved_draft("").ok());
  EXPECT_FALSE(parse_saved_draft("{").ok());
  EXPECT_FALSE(parse_saved_draft("{}").ok());
  EXPECT_FALSE(parse_saved_draft(R"({"schema":"switchyard.draft","version":1})").ok());
  EXPECT_FALSE(
      parse_saved_draft(
          R"({"schema":"switchyard.draft","version":1,"first":{},"base":{},"config":{},"origin":{"kind":7}})")
          .ok());
}

TEST(ConfigState, ShowsTheRunWithTheSettingsItHasNow) {
  Studio studio = studio_with_presets();
  auto run = running_run();
  run->events.push_back(setting_event(5e-4));
  studio.run = run;
  update_config(studio);
  ASSERT_TRUE(is_run_shown(studio));
  EXPECT_DOUBLE_EQ(shown_draft(studio)->value(kRate).as_number(), 5e-4);
  EXPECT_EQ(shown_draft(studio)->changes().size(), 1U) << "against the preset";
  edit_run_as_new(studio);
  ASSERT_TRUE(studio.config.draft.has_value());
  EXPECT_FALSE(is_run_shown(studio));
  EXPECT_DOUBLE_EQ(studio.config.draft->value(kRate).as_number(), 5e-4);
  EXPECT_TRUE(studio.config.draft->changes().empty()) << "against the run";
}

TEST(ConfigState, AsksBeforeALiveSettingChanges) {
  Studio studio = studio_with_presets();
  auto run = running_run();
  studio.run = run;
  update_config(studio);
  EXPECT_TRUE(pending_settings(studio).empty());
  shown_draft(studio)->set(kRate, Json(5e-4));
  const auto pending = pending_settings(studio);
  ASSERT_EQ(pending.size(), 1U);
  EXPECT_EQ(pending[0].question, "Change learning rate 1e-3 → 5e-4 now?");
  EXPECT_EQ(sent<ChangeSetting>(studio), nullptr) << "nothing is sent without a yes";
  confirm_setting(studio, pending[0]);
  const ChangeSetting* change = sent<ChangeSetting>(studio);
  ASSERT_NE(change, nullptr);
  Json document = run->config;
  ASSERT_TRUE(config::apply_setting(document, change->assignment).ok());
  EXPECT_DOUBLE_EQ(document["optimizer"]["learning_rate"].as_number(), 5e-4);
  EXPECT_TRUE(pending_settings(studio).empty());
  auto later = std::make_shared<RunView>(*run);
  later->events.push_back(setting_event(5e-4));
  studio.run = later;
  update_config(studio);
  EXPECT_DOUBLE_EQ(shown_draft(studio)->value(kRate).as_number(), 5e-4);
  shown_draft(studio)->set(kRate, Json(1e-5));
  drop_settings(studio);
  update_config(studio);
  EXPECT_DOUBLE_EQ(shown_draft(studio)->value(kRate).as_number(), 5e-4);
}

TEST(ConfigState, SaysWhyASettingIsFixed) {
  Studio studio = studio_with_presets();
  auto run = running_run();
  studio.run = run;
  const Json& config = run->config;
  const config::Field& rate = *field_at(*studio.presets->schema, config, kRate);
  const config::Field& width = *field_at(*studio.presets->schema, config, "/model/d_model");
  EXPECT_EQ(setting_obstacle(studio, rate), nullptr);
  EXPECT_NE(setting_obstacle(studio, width), nullptr);
  run->is_engine_attached = false;
  EXPECT_NE(setting_obstacle(studio, rate), nullptr);
}

TEST(ConfigState, AProbeBelongsToWhatItMeasured) {
  Studio studio = studio_with_presets();
  customise_preset(studio, kPreset);
  probe_draft(studio);
  const ProbeConfig* asked = sent<ProbeConfig>(studio);
  ASSERT_NE(asked, nullptr);
  ProbeReport report;
  report.key = asked->key;
  report.peak_bytes = 1e9;
  put_config_event(studio, report);
  EXPECT_NE(probe_of(studio.config, studio.config.draft->resolved()), nullptr);
  studio.config.draft->set("/train/max_steps", Json(7));
  EXPECT_NE(probe_of(studio.config, studio.config.draft->resolved()), nullptr)
      << "a step costs the same in a longer run";
  studio.config.draft->set("/train/micro_batch_size", Json(7));
  EXPECT_EQ(probe_of(studio.config, studio.config.draft->resolved()), nullptr);
}

TEST(StepProbe, ReadsTheReportOrTheError) {
  const ProbeReport good = probe_report(
      "noise\n{\"bench\":\"step\",\"device\":\"cpu\",\"ms\":12.5,\"ms_min\":12.0,\"ms_p95\":14.0,"
      "\"tokens_per_second\":61440.0,\"peak_bytes\":300000000}\n",
      "");
  EXPECT_TRUE(good.problem.empty());
  EXPECT_DOUBLE_EQ(good.peak_bytes, 3e8);
  EXPECT_DOUBLE_EQ(good.ms_p95, 14.0);
  const ProbeReport refused = probe_report(
      R"({"event":"error","code":"config","where":"/model/d_model","message":"too wide.","hint":"Lower it."})",
      "");
  EXPECT_NE(refused.problem.find("too wide."), std::string::npos);
  EXPECT_EQ(probe_report("", "first\nno memory\n").problem, "no memory");
  EXPECT_FALSE(probe_report("", "").problem.empty());
}

}  // namespace
}  // namespace switchyard::ui
