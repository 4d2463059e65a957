// Longer than 500 lines because every ability of the prompt is one short journey on one fixture.
// The prompt with a real engine: live answers, stopping, branching, comparing, pinning, scoring.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "tests/gui/app_driver.h"
#include "ui/model/answer_compare.h"
#include "ui/model/prompt_actions.h"
#include "ui/panels/token_flow.h"

namespace switchyard::test {
namespace {

using ui::Answer;
using ui::AnswerState;
using ui::RunState;
using ui::Workspace;

class PromptTest : public GuiTest {
 protected:
  static void start_training(Hands& hands, std::int64_t at_least) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().step >= at_least; }, 240));
    hands.app().shell().set_workspace(Workspace::kPrompt);
    hands.frames(6);
  }

  static const Answer& shown(Hands& hands) { return *hands.studio().prompt.shown(); }

  static void ask(Hands& hands, const std::string& prompt, std::int64_t max_tokens) {
    hands.studio().prompt.settings.max_tokens = max_tokens;
    hands.type_into("prompt.text", prompt);
    hands.click("prompt.generate");
    hands.frames(2);
  }

  static bool wait_done(Hands& hands) {
    return hands.wait(
        [&] {
          const Answer* answer = hands.studio().prompt.shown();
          return answer != nullptr && !answer->is_open();
        },
        120);
  }

  /// A pause, so that the run outlasts the script on fast machines.
  static void pause(Hands& hands) {
    hands.click("run.pause");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kPaused; }, 60));
    // The list of checkpoints may lag behind the folder: the last save retires one.
    ASSERT_TRUE(hands.wait([&] { return listed(hands) == kept(hands.run().root); }, 30));
  }

  static std::set<std::int64_t> listed(Hands& hands) {
    const auto& steps = hands.studio().prompt.facts->checkpoints;
    return {steps.begin(), steps.end()};
  }

  /// The checkpoints that stand in the run folder.
  static std::set<std::int64_t> kept(const std::string& root) {
    std::set<std::int64_t> steps;
    for (const auto& entry : std::filesystem::directory_iterator(root + "/checkpoints")) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("step_")) steps.insert(std::stoll(name.substr(5)));
    }
    return steps;
  }
};

TEST_F(PromptTest, StreamsWhileTrainingAndStopsOnEscape) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("stop", [](Hands& hands) {
    start_training(hands, 20);
    ask(hands, "the king ", 5000);
    ASSERT_TRUE(hands.wait([&] { return shown(hands).tokens.size() >= 10; }, 60));
    EXPECT_TRUE(shown(hands).is_live);
    hands.key(ImGuiKey_Escape);
    ASSERT_TRUE(wait_done(hands));
    EXPECT_EQ(shown(hands).state, AnswerState::kCancelled);
    const std::size_t stopped_at = shown(hands).tokens.size();
    hands.wait([] { return false; }, 0.5);
    EXPECT_EQ(shown(hands).tokens.size(), stopped_at);
    EXPECT_LT(stopped_at, 5000U);
    EXPECT_FALSE(hands.is_enabled("prompt.stop"));
  }));
}

TEST_F(PromptTest, BranchesAndCyclesThroughKeptAnswers) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("branch", [](Hands& hands) {
    start_training(hands, 100);
    pause(hands);
    ask(hands, "the king ", 30);
    ASSERT_TRUE(wait_done(hands));
    const std::int64_t parent = shown(hands).id;
    const std::string before = shown(hands).text_before(5);
    hands.click("answer." + std::to_string(parent) + ".token.5");
    hands.frames(3);
    ASSERT_TRUE(hands.is_there("popover.branch"));
    hands.click("popover.alternative.1");
    hands.frames(2);
    const std::string other = shown(hands).tokens[5].top[1].text;
    hands.click("popover.branch");
    hands.frames(2);
    ASSERT_TRUE(wait_done(hands));
    EXPECT_NE(shown(hands).id, parent);
    EXPECT_EQ(shown(hands).branch.parent_id, parent);
    EXPECT_EQ(shown(hands).prompt, "the king " + before + other);
    EXPECT_FALSE(hands.is_there("popover.branch"));
    hands.click("answers.parent");
    hands.frames(3);
    EXPECT_EQ(shown(hands).id, parent);
    hands.click("prompt.again");
    hands.frames(2);
    ASSERT_TRUE(wait_done(hands));
    const std::int64_t again = shown(hands).id;
    EXPECT_EQ(shown(hands).settings.seed, hands.studio().prompt.settings.seed + 1);
    hands.click("answers.previous");
    hands.frames(3);
    EXPECT_EQ(shown(hands).id, parent);
    hands.click("answers.next");
    hands.frames(3);
    EXPECT_EQ(shown(hands).id, again);
  }));
}

TEST_F(PromptTest, ComparesLiveWeightsWithACheckpoint) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("compare", [](Hands& hands) {
    start_training(hands, 230);
    pause(hands);
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().prompt.facts->checkpoints.empty(); }, 30));
    const std::int64_t step = hands.studio().prompt.facts->checkpoints.front();
    hands.studio().prompt.compare_with = {ui::AnswerSource::Kind::kCheckpoint, step};
    ask(hands, "the king ", 20);
    ASSERT_TRUE(wait_done(hands));
    const std::int64_t other_id = shown(hands).compared_id;
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().prompt.find(other_id)->is_open(); }, 120));
    const Answer& other = *hands.studio().prompt.find(other_id);
    ASSERT_EQ(other.state, AnswerState::kDone) << other.problem;
    EXPECT_EQ(other.step, step);
    EXPECT_FALSE(other.is_live);
    EXPECT_TRUE(shown(hands).is_live);
    hands.frames(4);
    const std::int64_t evidence_id = shown(hands).evidence_id;
    ASSERT_GT(evidence_id, 0);
    ASSERT_TRUE(
        hands.wait([&] { return !hands.studio().prompt.find(evidence_id)->is_open(); }, 120));
    const Answer& evidence = *hands.studio().prompt.find(evidence_id);
    if (evidence.state == AnswerState::kDone) {
      EXPECT_EQ(ui::aligned_evidence(shown(hands), &evidence).size(), shown(hands).tokens.size());
    }
    const auto reading = ui::other_reading(shown(hands), &other, &evidence);
    if (!reading.empty()) {
      const auto agreement = ui::route_agreement(shown(hands).tokens, reading);
      ASSERT_TRUE(agreement.has_value());
      EXPECT_GE(agreement->share, 0.0);
      EXPECT_LE(agreement->share, 1.0);
    }
  }));
}

TEST_F(PromptTest, IsDrivenByKeysAlone) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("keys", [](Hands& hands) {
    start_training(hands, 40);
    pause(hands);
    hands.studio().prompt.settings.max_tokens = 12;
    hands.context()->NavMoveTo("//**/###prompt.text");
    hands.context()->NavInput();
    hands.context()->KeyPress(ImGuiMod_Ctrl | ImGuiKey_A);
    hands.context()->KeyChars("my lord ");
    hands.frames(2);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_Enter);
    ASSERT_TRUE(wait_done(hands));
    EXPECT_EQ(shown(hands).prompt, "my lord ");
    const std::string token = "//**/###answer." + std::to_string(shown(hands).id) + ".token.3";
    hands.context()->NavMoveTo(token.c_str());
    hands.context()->NavActivate();
    hands.frames(3);
    EXPECT_EQ(hands.studio().selection.token, 3);
    ASSERT_TRUE(hands.is_there("popover.branch"));
    hands.key(ImGuiKey_Escape);
    hands.frames(2);
    EXPECT_FALSE(hands.is_there("popover.branch"));
  }));
}

TEST_F(PromptTest, KeepsAnswersOverARestart) {
  std::string text;
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("ask", [&](Hands& hands) {
      start_training(hands, 30);
      ask(hands, "my lord ", 16);
      ASSERT_TRUE(wait_done(hands));
      text = shown(hands).text();
      hands.frames(3);
    }));
  }
  DrivenApp driven;
  ASSERT_TRUE(driven.play("reopen", [&](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return hands.studio().prompt.shown() != nullptr; }, 30));
    EXPECT_EQ(shown(hands).text(), text);
    EXPECT_EQ(shown(hands).prompt, "my lord ");
    EXPECT_FALSE(shown(hands).tokens.front().route.empty());
  }));
}

TEST_F(PromptTest, LightsTheTokensOfAnExpertAndShowsItInRouting) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("expert", [](Hands& hands) {
    start_training(hands, 100);
    pause(hands);
    ask(hands, "the king ", 12);
    ASSERT_TRUE(wait_done(hands));
    hands.click("answer." + std::to_string(shown(hands).id) + ".token.2");
    hands.key(ImGuiKey_Escape);
    hands.click("token.route.1");
    hands.frames(2);
    EXPECT_EQ(hands.studio().selection.layer, 1);
    const int expert = shown(hands).tokens[2].route[1].experts.front();
    EXPECT_EQ(hands.studio().selection.expert, expert);
    hands.click("token.show_expert");
    hands.frames(4);
    EXPECT_EQ(hands.app().shell().workspace(), Workspace::kRouting);
    EXPECT_EQ(hands.studio().selection.expert, expert);
  }));
}

TEST_F(PromptTest, PinsAPromptAndSeesItsAnswersArrive) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("pin", [](Hands& hands) {
    start_training(hands, 20);
    hands.studio().prompt.settings.max_tokens = 20;
    hands.type_into("prompt.text", "the king ");
    ASSERT_TRUE(hands.wait([&] { return hands.is_enabled("prompt.pin"); }, 30));
    hands.click("prompt.pin");
    const auto pins = [&]() -> const std::vector<ui::PinnedPrompt>& {
      return hands.studio().prompt.pins.of(hands.run());
    };
    ASSERT_TRUE(hands.wait([&] { return !pins().empty(); }, 60));
    EXPECT_EQ(pins()[0].prompt, "the king ");
    ASSERT_TRUE(hands.wait([&] { return pins()[0].answers.size() >= 2; }, 240));
    pause(hands);
    const std::vector<ui::AnswerAt> answers = pins()[0].answers;
    EXPECT_FALSE(answers[0].text.empty());
    EXPECT_EQ(answers[0].step % 100, 0);
    EXPECT_LT(answers[0].step, answers[1].step);
    EXPECT_TRUE(std::isfinite(answers[1].val_loss));
    hands.app().shell().focus_panel("prompt.over_training");
    hands.frames(6);
    EXPECT_TRUE(hands.is_there("over.row." + std::to_string(answers[0].step)));
    hands.click("over.earlier");
    hands.frames(2);
    EXPECT_EQ(hands.studio().prompt.replay_step, pins()[0].answers.end()[-2].step);
    hands.click("over.row." + std::to_string(answers[0].step));
    EXPECT_EQ(hands.studio().prompt.replay_step, answers[0].step);
    hands.click("prompt.pinned." + std::to_string(pins()[0].pin_id) + ".unpin");
    ASSERT_TRUE(hands.wait([&] { return !pins()[0].is_pinned; }, 60));
    EXPECT_GE(pins()[0].answers.size(), 2U) << "what was answered stays";
  }));
}

/// Mean of -ln p of the scored tokens.
double mean_loss(const Answer& answer) {
  double sum = 0.0;
  std::int64_t count = 0;
  for (const ui::Token& token : answer.tokens) {
    if (token.is_context) continue;
    sum -= std::log(token.probability);
    ++count;
  }
  return sum / static_cast<double>(count);
}

TEST_F(PromptTest, ScoresATextLiveAndFromACheckpoint) {
  DrivenApp driven;
  const std::string text = "the king has lost the crown,";
  write_text(place.folder / "text/some.txt", text);
  ASSERT_TRUE(driven.play("score", [&](Hands& hands) {
    start_training(hands, 130);
    pause(hands);
    hands.app().shell().focus_panel("prompt.score");
    hands.frames(6);
    hands.type_into("score.path", place.folder / "text/none.txt");
    hands.click("score.read");
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().prompt.score.problem.empty(); }, 20));
    hands.type_into("score.path", place.folder / "text/some.txt");
    hands.click("score.read");
    ASSERT_TRUE(hands.wait([&] { return hands.studio().prompt.score.text == text; }, 20));
    const auto scored = [&]() -> const Answer* {
      return hands.studio().prompt.find(hands.studio().prompt.score.answer_id);
    };
    const auto score = [&](bool is_live) {
      hands.click("score.run");
      hands.frames(2);
      ASSERT_TRUE(hands.wait([&] { return scored() != nullptr && !scored()->is_open(); }, 120));
      ASSERT_EQ(scored()->state, AnswerState::kDone) << scored()->problem;
      EXPECT_EQ(scored()->is_live, is_live);
      ASSERT_EQ(scored()->tokens.size(), text.size());
      EXPECT_TRUE(scored()->tokens.front().is_context);
      EXPECT_EQ(scored()->text(), text);
      EXPECT_NEAR(scored()->score.loss, mean_loss(*scored()), 1e-3);
      EXPECT_NEAR(scored()->score.perplexity, std::exp(scored()->score.loss), 1e-2);
      EXPECT_FALSE(scored()->tokens.back().route.empty());
    };
    score(true);
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().prompt.facts->checkpoints.empty(); }, 30));
    hands.studio().prompt.score.source = {ui::AnswerSource::Kind::kCheckpoint,
                                          hands.studio().prompt.facts->checkpoints.front()};
    score(false);
  }));
}

TEST_F(PromptTest, StopsAtAStopTextAndCopiesAsJson) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("stop text", [](Hands& hands) {
    start_training(hands, 150);
    pause(hands);
    hands.type_into("prompt.stop_field", "\\n");
    hands.click("prompt.stop_add");
    hands.frames(2);
    ASSERT_EQ(hands.studio().prompt.settings.stop, std::vector<std::string>{"\n"});
    ask(hands, "the king ", 400);
    ASSERT_TRUE(wait_done(hands));
    EXPECT_EQ(shown(hands).stopped_by, "\n");
    EXPECT_LT(shown(hands).tokens.size(), 400U);
    hands.click("answers.menu");
    hands.frames(2);
    hands.click("answers.copy_json");
    hands.frames(2);
    const auto copied = parse_json(ImGui::GetClipboardText(), "clipboard");
    ASSERT_TRUE(copied.ok());
    EXPECT_EQ(copied.value()["prompt"].as_string(), "the king ");
    EXPECT_EQ(copied.value()["settings"]["stop"][0].as_string(), "\n");
    EXPECT_EQ(copied.value()["tokens"].size(), shown(hands).tokens.size());
    hands.click("prompt.stop_text.0");
    hands.frames(2);
    EXPECT_TRUE(hands.studio().prompt.settings.stop.empty());
  }));
}

TEST_F(PromptTest, SaysWhatTheVocabularyLacksAndBringsDraftsBack) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("draft", [](Hands& hands) {
    start_training(hands, 30);
    pause(hands);
    ask(hands, "the king ", 5);
    ASSERT_TRUE(wait_done(hands));
    hands.type_into("prompt.text", "$$");
    ASSERT_TRUE(
        hands.wait([&] { return !hands.studio().prompt.facts->count_problem.empty(); }, 20));
    hands.frames(2);
    EXPECT_FALSE(hands.is_enabled("prompt.generate"));
    hands.click("prompt.history.1");
    hands.frames(2);
    EXPECT_EQ(hands.studio().prompt.draft, "the king ");
    ASSERT_TRUE(hands.wait([&] { return hands.studio().prompt.facts->num_tokens == 9; }, 20));
    hands.key(ImGuiMod_Ctrl | ImGuiKey_Z);
    EXPECT_EQ(hands.studio().prompt.draft, "$$");
  }));
}

TEST_F(PromptTest, AsksAFinishedRunAtEachKeptCheckpoint) {
  place.set_default_steps(260);
  DrivenApp driven;
  ASSERT_TRUE(driven.play("finished", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
    hands.click("preset.tiny-moe.train");
    ASSERT_TRUE(hands.wait([&] { return hands.run().state == RunState::kCompleted; }, 240));
    hands.app().shell().set_workspace(Workspace::kPrompt);
    hands.frames(6);
    ASSERT_TRUE(
        hands.wait([&] { return hands.studio().prompt.facts->checkpoints.size() >= 2; }, 30));
    ask(hands, "my lord ", 12);
    ASSERT_TRUE(wait_done(hands));
    EXPECT_FALSE(shown(hands).is_live);
    EXPECT_GT(shown(hands).tokens_per_second, 0.0);
    EXPECT_FALSE(hands.is_enabled("prompt.pin"));
    hands.app().shell().focus_panel("prompt.over_training");
    hands.frames(6);
    hands.click("over.run");
    hands.frames(2);
    for (const std::int64_t step : hands.studio().prompt.facts->checkpoints)
      EXPECT_TRUE(
          hands.wait([&] { return hands.is_there("over.row." + std::to_string(step)); }, 120));
    ASSERT_TRUE(hands.wait(
        [&] {
          const auto& answers = hands.studio().prompt.answers;
          return std::none_of(
              answers.begin(), answers.end(), [](const Answer& one) { return one.is_open(); });
        },
        120));
    for (const Answer& answer : hands.studio().prompt.answers)
      EXPECT_EQ(answer.state, AnswerState::kDone) << answer.problem;
  }));
}

TEST_F(PromptTest, ShowsOtherScriptsAndCopiesTheTrueText) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("scripts", [](Hands& hands) {
    start_training(hands, 20);
    pause(hands);
    Answer answer;
    answer.id = hands.studio().prompt.next_answer_id++;
    answer.prompt = "жизнь ";
    answer.state = AnswerState::kDone;
    for (const char* text : {"Ωmega", " 日本", " 🦓", "", "\n"}) {
      ui::Token token;
      token.text = text;
      token.shown = ui::shown_text(text);
      token.probability = 0.5;
      answer.tokens.push_back(token);
    }
    hands.studio().prompt.answers.push_back(answer);
    ui::show_answer(hands.studio(), answer.id);
    hands.frames(4);
    EXPECT_EQ(ui::drawable_text("Ωmega"), "Ωmega");
    EXPECT_TRUE(ui::drawable_text("🦓") == "🦓" || ui::drawable_text("🦓") == "U+1F993");
    EXPECT_TRUE(ui::drawable_text("日") == "日" || ui::drawable_text("日") == "U+65E5");
    EXPECT_TRUE(hands.is_there("answer." + std::to_string(answer.id) + ".token.4"));
    hands.click("answers.copy");
    hands.frames(2);
    EXPECT_STREQ(ImGui::GetClipboardText(), "жизнь Ωmega 日本 🦓\n");
    // A range marked with Shift is copied alone.
    hands.click("answer." + std::to_string(answer.id) + ".token.0");
    hands.key(ImGuiKey_Escape);
    hands.context()->KeyDown(ImGuiMod_Shift);
    hands.click("answer." + std::to_string(answer.id) + ".token.1");
    hands.context()->KeyUp(ImGuiMod_Shift);
    hands.key(ImGuiMod_Ctrl | ImGuiKey_C);
    EXPECT_STREQ(ImGui::GetClipboardText(), "Ωmega 日本");
  }));
}

/// Pictures for people: an answer beside a checkpoint's, with the card of a token, in every theme.
TEST_F(PromptTest, ShowsItselfInEveryThemeAndSize) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("prepare", [](Hands& hands) {
    start_training(hands, 420);
    pause(hands);
    ASSERT_TRUE(hands.wait([&] { return !hands.studio().prompt.facts->checkpoints.empty(); }, 30));
    const std::int64_t step = hands.studio().prompt.facts->checkpoints.front();
    hands.studio().prompt.compare_with = {ui::AnswerSource::Kind::kCheckpoint, step};
    hands.studio().prompt.settings.stop = {"\n\n"};
    hands.studio().selection.layer = 1;
    ask(hands, "the king ", 150);
    ASSERT_TRUE(wait_done(hands));
    ui::replay_at_checkpoints(hands.studio(), shown(hands).prompt, hands.studio().prompt.settings);
    ASSERT_TRUE(hands.wait(
        [&] {
          const auto& answers = hands.studio().prompt.answers;
          return std::none_of(
              answers.begin(), answers.end(), [](const Answer& one) { return one.is_open(); });
        },
        240));
    for (const Answer& answer : hands.studio().prompt.answers)
      EXPECT_EQ(answer.state, AnswerState::kDone) << answer.source.step << ": " << answer.problem;
    hands.studio().selection.expert = shown(hands).tokens[24].route[1].experts.front();
    hands.click("answer." + std::to_string(shown(hands).id) + ".token.24");
    hands.frames(4);
  }));
  const auto take = [&](const std::string& name, const char* panel) {
    const auto save = [&](const std::string& suffix, int width, int height) {
      driven.app().picture(width, height, 4);  // a size may have an arrangement of its own
      driven.app().shell().focus_panel(panel);
      driven.save_picture(name + "-" + suffix, width, height);
    };
    for (const auto& [kind, theme] : {std::pair{ui::ThemeKind::kDark, "dark"},
                                      std::pair{ui::ThemeKind::kLight, "light"},
                                      std::pair{ui::ThemeKind::kContrast, "contrast"}}) {
      driven.app().shell().set_theme(kind);
      save(theme, 1440, 900);
    }
    driven.app().shell().set_theme(ui::ThemeKind::kDark);
    save("small", 1024, 640);
    driven.app().shell().set_zoom(2.0F);
    save("zoom2", 1024, 640);
    save("dark@2x", 2880, 1800);
    driven.app().shell().set_zoom(1.0F);
  };
  take("prompt-answers", "prompt.answers");
  ASSERT_TRUE(driven.play("over", [](Hands& hands) {
    hands.key(ImGuiKey_Escape);
    hands.app().shell().focus_panel("prompt.over_training");
    hands.frames(6);
  }));
  take("prompt-over", "prompt.over_training");
  ASSERT_TRUE(driven.play("score", [](Hands& hands) {
    hands.app().shell().focus_panel("prompt.score");
    hands.frames(6);
    hands.type_into("score.text", "the king has lost the crown,");
    hands.click("score.run");
    hands.wait(
        [&] {
          const Answer* answer = hands.studio().prompt.find(hands.studio().prompt.score.answer_id);
          return answer != nullptr && !answer->is_open();
        },
        60);
    hands.frames(4);
  }));
  take("prompt-score", "prompt.score");
}

}  // namespace
}  // namespace switchyard::test
