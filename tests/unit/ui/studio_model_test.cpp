// Prompt chips, presets, configuration rows, what is remembered, the machine.
#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "engine/base/config/presets.h"
#include "tests/support/temporary_folder.h"
#include "ui/client/checkpoint_sampler.h"
#include "ui/client/run_watcher.h"
#include "ui/model/config_text.h"
#include "ui/model/machine_info.h"
#include "ui/model/preset_list.h"
#include "ui/model/prompt.h"
#include "ui/model/studio.h"

namespace switchyard::ui {
namespace {

std::string source_configs() {
  return std::string(SY_SOURCE_DIR) + "/configs";
}

std::vector<Token> tokens_of(std::initializer_list<const char*> texts) {
  std::vector<Token> tokens;
  for (const char* text : texts) {
    Token token;
    token.text = text;
    tokens.push_back(token);
  }
  return tokens;
}

TEST(Prompt, ReadsATokenWithItsAlternativesAndRoute) {
  const auto message = parse_json(
      R"({"id":5,"text":"a","prob":0.25,"top":[{"id":5,"text":"a","prob":0.25},{"id":1,"text":"\n","prob":0.1}],
          "route":[{"layer":3,"experts":[7,2],"weights":[0.75,0.25]}]})",
      "test");
  ASSERT_TRUE(message.ok());
  const Token token = token_from_json(message.value());
  EXPECT_EQ(token.id, 5);
  EXPECT_DOUBLE_EQ(token.surprise_bits(), 2.0);
  ASSERT_EQ(token.top.size(), 2U);
  EXPECT_EQ(shown_text(token.top[1].text), "⏎");
  ASSERT_EQ(token.route.size(), 1U);
  EXPECT_EQ(token.route[0].layer, 3);
  EXPECT_EQ(token.route[0].experts, (std::vector<int>{7, 2}));
}

TEST(Prompt, KeepsBadMessagesHarmless) {
  const Token token =
      token_from_json(Json::object({{"prob", "no number"}, {"route", Json::array({Json(3)})}}));
  EXPECT_DOUBLE_EQ(token.probability, 0.0);
  EXPECT_EQ(token.route.size(), 1U);
  EXPECT_TRUE(token.route[0].experts.empty());
}

TEST(Prompt, ShowsBytesThatAreNoText) {
  EXPECT_EQ(shown_text(" "), "·");
  EXPECT_EQ(shown_text(" the"), "the");
  EXPECT_EQ(shown_text("\xC3"), "‹c3›");
  EXPECT_EQ(shown_text("é"), "é");
  EXPECT_EQ(surprise_tint(1.0), 0.0F);
  EXPECT_EQ(surprise_tint(0.0), 1.0F);
}

TEST(PromptLayout, BreaksBetweenWordsAndAfterLineEnds) {
  const auto tokens = tokens_of({"on", "ce", " upon", " a", "\n", "time"});
  const std::vector<float> widths(tokens.size(), 10.0F);
  const auto places = layout_chips(tokens, widths, 42.0F, 5.0F, 1.0F);
  EXPECT_EQ(places[0].line, 0);
  EXPECT_FLOAT_EQ(places[1].x, 11.0F);  // inside the word
  EXPECT_FLOAT_EQ(places[2].x, 26.0F);  // a new word
  EXPECT_EQ(places[3].line, 1);
  EXPECT_EQ(places[4].line, 1);
  EXPECT_EQ(places[5].line, 2);
}

TEST(PromptLayout, BreaksAWordThatIsLongerThanALine) {
  const auto tokens = tokens_of({"a", "b", "c", "d", "e"});
  const std::vector<float> widths(tokens.size(), 10.0F);
  const auto places = layout_chips(tokens, widths, 25.0F, 5.0F, 1.0F);
  for (const ChipPlace& place : places) EXPECT_LE(place.x + place.width, 25.0F);
  EXPECT_EQ(places.back().line, 2);
}

TEST(Presets, AllOfTheHouseResolveAndHaveFacts) {
  const PresetList list = read_preset_list(source_configs());
  EXPECT_TRUE(list.problem.empty()) << list.problem;
  EXPECT_EQ(list.default_name(), "shakespeare-char-moe-cpu");
  for (const SizedPreset& preset : list.presets) {
    EXPECT_TRUE(preset.problem.empty()) << preset.card.name << ": " << preset.problem;
    EXPECT_GT(preset.facts.num_layers, 0);
    EXPECT_FALSE(preset.data_note.empty());
    EXPECT_EQ(preset.command, "switchyard-engine train --preset " + preset.card.name);
  }
  EXPECT_EQ(list.find("shakespeare-char-moe-cpu")->facts.num_experts, 8);
  EXPECT_EQ(list.find("shakespeare-char-dense-cpu")->facts.num_experts, 0);
  EXPECT_FALSE(read_preset_list("/nowhere").problem.empty());
}

TEST(ConfigText, ReadsAsPeopleWriteIt) {
  EXPECT_EQ(config_value_text(Json(true)), "on");
  EXPECT_EQ(config_value_text(Json(12340)), "12,340");
  EXPECT_EQ(config_value_text(Json(0.001)), "1e-3");
  EXPECT_EQ(config_value_text(Json(0.0005)), "5e-4");
}

TEST(Session, ComesBackAsItWas) {
  Studio before;
  RunView run;
  run.root = "/runs/a-001";
  before.run = std::make_shared<const RunView>(run);
  before.gallery.is_open = false;
  before.prompt.draft = "ROMEO:\n\"quoted\"";
  before.prompt.settings.temperature = 0.5;
  before.prompt.settings.max_tokens = 77;
  before.plots.group.axis = XAxis::kTokens;
  before.plots.y_scale = YScaleKind::kSymlog;
  before.plots.group.is_log_x = true;
  before.plots.export_folder = "/somewhere";
  before.selection.layer = 3;
  const auto parsed = parse_json(session_text(before), "session");
  ASSERT_TRUE(parsed.ok());
  Studio after;
  restore_session(after, parsed.value());
  EXPECT_EQ(after.prompt.draft, before.prompt.draft);
  EXPECT_EQ(after.prompt.settings, before.prompt.settings);
  EXPECT_EQ(after.plots.group.axis, XAxis::kTokens);
  EXPECT_EQ(after.plots.y_scale, YScaleKind::kSymlog);
  EXPECT_TRUE(after.plots.group.is_log_x);
  EXPECT_EQ(after.plots.export_folder, "/somewhere");
  EXPECT_EQ(after.selection.layer, 3);
  EXPECT_FALSE(after.gallery.is_open);
  ASSERT_EQ(after.commands.size(), 1U);
  EXPECT_EQ(std::get<OpenRun>(after.commands[0]).root, "/runs/a-001");
}

TEST(Session, KeepsDefaultsWhereTheFileIsWrong) {
  Studio studio;
  restore_session(
      studio,
      Json::object({{"sampling", Json::object({{"temperature", 900.0}, {"max_tokens", "many"}})},
                    {"layer", -4}}));
  EXPECT_EQ(studio.prompt.settings, SamplingSettings{});
  EXPECT_EQ(studio.selection.layer, 0);
  EXPECT_TRUE(studio.commands.empty());
}

TEST(Studio, StopsTheOpenAnswerBeforeTheNext) {
  Studio studio;
  studio.prompt.draft = "a";
  studio.generate();
  studio.prompt.draft = "b";
  studio.generate();
  ASSERT_EQ(studio.commands.size(), 3U);
  EXPECT_EQ(std::get<StopGenerating>(std::get<PromptCommand>(studio.commands[1])).answer_id, 1);
  EXPECT_EQ(std::get<Generate>(std::get<PromptCommand>(studio.commands[2])).prompt, "b");
  EXPECT_EQ(studio.selection.answer_id, 2);
}

TEST(MachineInfo, ReadsWhatFilesTell) {
  const test::TemporaryFolder folder;
  test::write_text(folder / "meminfo", "MemTotal:       1024 kB\nMemAvailable:    512 kB\n");
  test::write_text(folder / "driver/nvidia/gpus/0000:01:00.0/information",
                   "Model: \t NVIDIA H100\nIRQ: 1\n");
  const MachineInfo info = read_machine_info(folder.path(), folder / "runs/not/yet");
  EXPECT_GE(info.num_cores, 1);
  EXPECT_EQ(info.memory_bytes, 1024U * 1024U);
  ASSERT_EQ(info.gpus.size(), 1U);
  EXPECT_EQ(info.gpus[0], "NVIDIA H100");
  EXPECT_GT(info.disk_free_bytes, 0U);
}

TEST(RunFolder, IsToldApartFromOtherFolders) {
  const test::TemporaryFolder folder;
  EXPECT_TRUE(run_folder_problem(folder / "gone").has_value());
  EXPECT_TRUE(run_folder_problem(folder.path()).has_value());
  test::write_text(folder / "run/config.json", "{}");
  EXPECT_FALSE(run_folder_problem(folder / "run").has_value());
  test::write_text(folder / "run/checkpoints/step_00000001/x", "");
  EXPECT_TRUE(run_folder_problem(folder / "run").has_value());
  test::write_text(folder / "run/run.db", "");
  EXPECT_FALSE(run_folder_problem(folder / "run").has_value());
  std::filesystem::remove(folder / "run/config.json");
  EXPECT_TRUE(run_folder_problem(folder / "run").has_value());
}

TEST(CheckpointSampler, PassesAPromptThatLooksLikeAnOption) {
  Generate request;
  request.prompt = "--help";
  const auto arguments = sample_arguments("/bin/engine", "/runs/a", request);
  EXPECT_NE(std::find(arguments.begin(), arguments.end(), "--prompt=--help"), arguments.end());
}

}  // namespace
}  // namespace switchyard::ui
