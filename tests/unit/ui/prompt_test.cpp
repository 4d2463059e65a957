// The prompt's model: comparing, branching, stop texts, copying, pinned prompts, what is kept.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"
#include "ui/client/checkpoint_sampler.h"
#include "ui/client/launcher.h"
#include "ui/client/prompt_reader.h"
#include "ui/model/answer_compare.h"
#include "ui/model/answer_export.h"
#include "ui/model/pinned.h"
#include "ui/model/prompt_actions.h"

namespace switchyard::ui {
namespace {

Token token_of(std::int64_t id, const std::string& text, std::initializer_list<int> first_experts) {
  Token token;
  token.id = id;
  token.text = text;
  token.shown = shown_text(text);
  token.probability = 0.5;
  int layer = 0;
  for (const int expert : first_experts)
    token.route.push_back({layer++, {expert, expert + 1}, {0.75F, 0.25F}});
  return token;
}

Answer answer_of(std::initializer_list<Token> tokens) {
  Answer answer;
  answer.id = 7;
  answer.prompt = "a b";
  answer.state = AnswerState::kDone;
  answer.tokens = tokens;
  return answer;
}

template <typename Wanted>
const Wanted& command_at(const Studio& studio, std::size_t index) {
  return std::get<Wanted>(std::get<PromptCommand>(studio.commands.at(index)));
}

TEST(RouteAgreement, CountsEqualFirstExpertsOfTokensAndLayers) {
  const std::vector<Token> a = {token_of(1, "x", {0, 1}), token_of(2, "y", {2, 3})};
  const std::vector<Token> b = {token_of(1, "x", {0, 4}), token_of(2, "y", {2, 3})};
  const auto agreement = route_agreement(a, b);
  ASSERT_TRUE(agreement.has_value());
  EXPECT_DOUBLE_EQ(agreement->share, 0.75);
  EXPECT_EQ(agreement->num_pairs, 4);
  EXPECT_FALSE(route_agreement({}, b).has_value());
  const std::vector<Token> dense = {token_of(1, "x", {}), token_of(2, "y", {})};
  EXPECT_FALSE(route_agreement(dense, dense).has_value());
}

TEST(RouteAgreement, ComparesLayersByNumberNotByPosition) {
  std::vector<Token> a = {token_of(1, "x", {5, 6})}, b = {token_of(1, "x", {6})};
  b[0].route[0].layer = 1;
  const auto agreement = route_agreement(a, b);
  ASSERT_TRUE(agreement.has_value());
  EXPECT_EQ(agreement->num_pairs, 1);
  EXPECT_DOUBLE_EQ(agreement->share, 1.0);
}

TEST(AnswerCompare, ReadsTheTailOfTheEvidence) {
  const Answer shown = answer_of({token_of(3, "c", {0}), token_of(4, "d", {1})});
  Answer evidence =
      answer_of({token_of(1, "a", {9}), token_of(3, "c", {0}), token_of(4, "d", {2})});
  evidence.tokens[2].probability = 0.25;
  const auto tail = aligned_evidence(shown, &evidence);
  ASSERT_EQ(tail.size(), 2U);
  const TokenComparison one = compare_token(shown.tokens[1], tail[1]);
  EXPECT_EQ(one.num_same, 0);
  EXPECT_EQ(one.num_layers, 1);
  EXPECT_DOUBLE_EQ(one.probability, 0.25);
  evidence.tokens[1].id = 99;
  EXPECT_TRUE(aligned_evidence(shown, &evidence).empty());
  EXPECT_TRUE(aligned_evidence(shown, nullptr).empty());
}

TEST(AnswerCompare, FallsBackToWhatBothAnswersShare) {
  const Answer shown = answer_of({token_of(3, "c", {0}), token_of(4, "d", {1})});
  const Answer compared = answer_of({token_of(3, "c", {0}), token_of(5, "e", {1})});
  EXPECT_EQ(other_reading(shown, &compared, nullptr).size(), 1U);
  EXPECT_TRUE(other_reading(shown, nullptr, nullptr).empty());
}

TEST(StopTexts, TakeEscapesAndRefuseTheRest) {
  std::string problem;
  EXPECT_EQ(text_from_escapes("a\\n\\t\\\\", &problem), "a\n\t\\");
  EXPECT_TRUE(problem.empty());
  EXPECT_EQ(text_from_escapes("\\x", &problem), "");
  EXPECT_FALSE(problem.empty());
  EXPECT_EQ(escapes_from_text("a\n\\"), "a\\n\\\\");
  SamplingSettings settings;
  EXPECT_TRUE(add_stop(settings, "\\n\\n", &problem));
  EXPECT_EQ(settings.stop, std::vector<std::string>{"\n\n"});
  EXPECT_FALSE(add_stop(settings, "\\n\\n", &problem));
  EXPECT_FALSE(add_stop(settings, "", &problem));
  EXPECT_FALSE(add_stop(settings, std::string(65, 'x'), &problem));
  EXPECT_NE(problem.find("65"), std::string::npos);
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(add_stop(settings, std::to_string(i), &problem));
  EXPECT_FALSE(add_stop(settings, "ninth", &problem));
  EXPECT_EQ(settings.stop.size(), 8U);
}

TEST(Branch, GoesOnFromTheTextUpToTheAlternative) {
  Studio studio;
  studio.prompt.answers.push_back(
      answer_of({token_of(1, " one", {0}), token_of(2, " two", {1}), token_of(3, " three", {1})}));
  studio.prompt.next_answer_id = 8;
  ASSERT_TRUE(branch_at(studio, 7, 1, {9, " nine", 0.1}));
  const Generate& request = command_at<Generate>(studio, 0);
  EXPECT_EQ(request.prompt, "a b one nine");
  const Answer* branch = studio.prompt.shown();
  ASSERT_NE(branch, nullptr);
  EXPECT_EQ(branch->branch.parent_id, 7);
  EXPECT_EQ(branch->branch.token, 1);
  EXPECT_EQ(branch->branch.from, " two");
  EXPECT_EQ(branch->branch.to, " nine");
  EXPECT_EQ(branches_of(studio.prompt, 7).size(), 1U);
  EXPECT_FALSE(branch_at(studio, 7, 1, {9, "", 0.1})) << "a part of a character cannot be asked";
  EXPECT_FALSE(branch_at(studio, 7, 3, {9, "x", 0.1}));
  EXPECT_EQ(asked_prompts(studio.prompt).size(), 1U) << "a branch is no prompt of its own";
}

TEST(Again, TakesTheNextSeedAndKeepsAllAnswers) {
  Studio studio;
  studio.prompt.draft = "a";
  studio.prompt.settings.seed = 5;
  studio.generate();
  const std::int64_t first = studio.prompt.shown()->id;
  ask_again(studio, first, studio.prompt.settings);
  ask_again(studio, first, studio.prompt.settings);
  EXPECT_EQ(studio.prompt.shown()->settings.seed, 7);
  EXPECT_EQ(answers_to(studio.prompt, *studio.prompt.shown()).size(), 3U);
  EXPECT_EQ(asked_prompts(studio.prompt).front().num_answers, 3);
  studio.prompt.is_seed_locked = false;
  studio.generate();
  EXPECT_EQ(studio.prompt.shown()->settings.seed, 5);
  EXPECT_EQ(studio.prompt.settings.seed, 6);
}

TEST(Compare, AsksBothSourcesWithOneSeedAndThenReadsTheAnswer) {
  Studio studio;
  studio.prompt.draft = "a";
  studio.prompt.compare_with = {AnswerSource::Kind::kCheckpoint, 100};
  studio.generate();
  ASSERT_EQ(studio.commands.size(), 2U);
  const Generate& other = command_at<Generate>(studio, 1);
  EXPECT_EQ(other.source.step, 100);
  EXPECT_EQ(other.settings, command_at<Generate>(studio, 0).settings);
  const Answer* shown = studio.prompt.shown();
  ASSERT_EQ(shown->role, AnswerRole::kShown);
  EXPECT_EQ(shown->compared_id, other.answer_id);
  collect_evidence(studio);
  EXPECT_EQ(studio.commands.size(), 2U) << "nothing is read before both are done";
  for (Answer& answer : studio.prompt.answers) {
    answer.tokens.push_back(token_of(1, "x", {0}));
    answer.state = AnswerState::kDone;
  }
  collect_evidence(studio);
  collect_evidence(studio);
  ASSERT_EQ(studio.commands.size(), 3U);
  EXPECT_EQ(command_at<ScoreText>(studio, 2).text, "ax");
  EXPECT_EQ(command_at<ScoreText>(studio, 2).source.step, 100);
}

TEST(ScoreText, ReadsWhatIsTooLongForAMessageFromACheckpoint) {
  Studio studio;
  RunView run;
  run.root = "/runs/a";
  studio.run = std::make_shared<const RunView>(run);
  studio.prompt.score.text = "short";
  score_text(studio);
  EXPECT_EQ(command_at<ScoreText>(studio, 0).source.kind, AnswerSource::Kind::kLive);
  studio.prompt.score.text = std::string(kMaxLiveTextBytes + 1, 'x');
  score_text(studio);
  ASSERT_EQ(studio.commands.size(), 3U) << "the scoring before is stopped";
  EXPECT_EQ(command_at<ScoreText>(studio, 2).source.kind, AnswerSource::Kind::kCheckpoint);
  studio.prompt.draft = studio.prompt.score.text;
  EXPECT_NE(prompt_obstacle(studio).find("256 KiB"), std::string::npos);
}

TEST(Drafts, ComeBackInOrder) {
  PromptState prompt;
  prompt.draft = "one";
  prompt.replace_draft("two");
  prompt.replace_draft("two");
  prompt.replace_draft("three");
  EXPECT_TRUE(prompt.undo_draft());
  EXPECT_EQ(prompt.draft, "two");
  EXPECT_TRUE(prompt.undo_draft());
  EXPECT_EQ(prompt.draft, "one");
  EXPECT_FALSE(prompt.undo_draft());
}

TEST(CopyFormats, CarryPromptSettingsAndEvidence) {
  Answer answer = answer_of({token_of(3, "\xE2\x82\xAC", {4}), token_of(4, "\n", {1})});
  answer.settings.seed = 42;
  answer.settings.stop = {"\n\n"};
  answer.step = 12340;
  EXPECT_EQ(answer_as_text(answer), "a b\xE2\x82\xAC\n");
  const std::string markdown = answer_as_markdown(answer, "moe-001");
  for (const char* part : {"> a b", "| Seed | 42 |", "step 12,340", "moe-001", "`\\n\\n`"})
    EXPECT_NE(markdown.find(part), std::string::npos) << part;
  const auto json = parse_json(answer_as_json(answer, "moe-001").dump(2), "test");
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json.value()["settings"]["seed"].as_integer(), 42);
  EXPECT_EQ(json.value()["tokens"].size(), 2U);
  EXPECT_EQ(json.value()["tokens"][0]["text"].as_string(), "\xE2\x82\xAC");
  EXPECT_EQ(json.value()["tokens"][0]["route"][0]["experts"][0].as_integer(), 4);
  EXPECT_EQ(json.value()["step"].as_integer(), 12340);
}

TEST(AnswersFile, BringsAnswersOfTheSameRunBack) {
  PromptState before;
  open_prompt(before, "/runs/a");
  Answer answer = answer_of({token_of(3, "c", {4})});
  answer.tokens[0].entropy_nats = 1.5;
  answer.tokens[0].rank = 2;
  answer.settings.stop = {"\n"};
  answer.branch = {3, 1, "x", "y"};
  before.answers.push_back(answer);
  Answer scored = answer;
  scored.id = 8;
  scored.role = AnswerRole::kScored;
  before.answers.push_back(scored);
  const auto file = parse_json(answers_file(before), "answers", answers_file_limits());
  ASSERT_TRUE(file.ok());
  PromptState after;
  restore_answers(after, file.value());
  open_prompt(after, "/runs/other");
  EXPECT_TRUE(after.answers.empty());
  open_prompt(after, "/runs/a");
  ASSERT_EQ(after.answers.size(), 1U) << "scored texts are not kept";
  const Answer& back = after.answers.front();
  EXPECT_EQ(back.id, 7);
  EXPECT_EQ(back.settings, answer.settings);
  EXPECT_EQ(back.branch.to, "y");
  EXPECT_EQ(back.tokens[0].rank, 2);
  EXPECT_DOUBLE_EQ(back.tokens[0].entropy_nats, 1.5);
  EXPECT_EQ(back.tokens[0].route[0].experts, (std::vector<int>{4, 5}));
  EXPECT_GT(after.next_answer_id, 7);
}

TEST(AnswersFile, IsBoundedAndSurvivesNonsense) {
  PromptState prompt;
  open_prompt(prompt, "/runs/a");
  for (int i = 1; i <= 5; ++i) {
    Answer answer = answer_of({});
    answer.id = i;
    for (int k = 0; k < 900; ++k) answer.tokens.push_back(token_of(k, "x", {}));
    prompt.answers.push_back(answer);
  }
  const auto file = parse_json(answers_file(prompt), "answers", answers_file_limits());
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file.value()["answers"].size(), 2U);
  EXPECT_EQ(file.value()["answers"][1]["id"].as_integer(), 5);
  PromptState after;
  restore_answers(
      after,
      Json::object({{"root", "/runs/a"},
                    {"answers",
                     Json::array({Json(3),
                                  Json::object({{"id", 4},
                                                {"role", 99},
                                                {"state", "x"},
                                                {"tokens", Json::array({Json(1)})}})})}}));
  open_prompt(after, "/runs/a");
  ASSERT_EQ(after.answers.size(), 1U);
  EXPECT_FALSE(after.answers[0].is_open());
}

store::Event event_of(std::int64_t step, const char* kind, Json detail) {
  store::Event event;
  event.step = step;
  event.kind = kind;
  event.detail = std::move(detail);
  return event;
}

TEST(PinnedPrompts, CollectAnswersByStepWithTheLossThen) {
  const std::vector<store::Event> events = {
      event_of(0, "pin", Json::object({{"pin_id", 1}, {"prompt", "once"}, {"seed", 42}})),
      event_of(200, "pinned_answer", Json::object({{"pin_id", 1}, {"text", "b"}})),
      event_of(
          100, "pinned_answer", Json::object({{"pin_id", 1}, {"text", "a"}, {"num_tokens", 3}})),
      event_of(200, "pinned_answer", Json::object({{"pin_id", 1}, {"text", "b again"}})),
      event_of(200, "pinned_answer", Json::object({{"pin_id", 9}, {"text", "of nobody"}})),
      event_of(250, "pin", Json::object({{"pin_id", 2}, {"prompt", "then"}})),
      event_of(260, "unpin", Json::object({{"pin_id", 2}}))};
  Series loss("val_loss");
  store::Position at;
  at.step = 50;
  loss.append(at, 3.0);
  at.step = 150;
  loss.append(at, 2.0);
  const auto pins = pinned_prompts(events, &loss);
  ASSERT_EQ(pins.size(), 2U);
  EXPECT_EQ(pins[0].settings.seed, 42);
  ASSERT_EQ(pins[0].answers.size(), 2U);
  EXPECT_EQ(pins[0].answers[0].text, "a");
  EXPECT_DOUBLE_EQ(pins[0].answers[0].val_loss, 3.0);
  EXPECT_EQ(pins[0].answers[1].text, "b again") << "a resumed run answers a step again";
  EXPECT_DOUBLE_EQ(pins[0].answers[1].val_loss, 2.0);
  EXPECT_FALSE(pins[1].is_pinned);
  EXPECT_TRUE(std::isnan(value_at_step(&loss, 10)));
  EXPECT_TRUE(std::isnan(value_at_step(nullptr, 10)));
}

TEST(PinnedPrompts, AreCompletedByReplays) {
  Studio studio;
  auto facts = std::make_shared<PromptFacts>();
  facts->checkpoints = {100, 200};
  studio.prompt.facts = facts;
  SamplingSettings settings;
  settings.seed = 3;
  replay_at_checkpoints(studio, "p", settings);
  replay_at_checkpoints(studio, "p", settings);
  ASSERT_EQ(studio.commands.size(), 2U) << "each checkpoint once";
  EXPECT_EQ(command_at<Generate>(studio, 1).source.step, 200);
  studio.prompt.answers[0].tokens = {token_of(1, "x", {}), token_of(2, "y", {})};
  studio.prompt.answers[0].state = AnswerState::kDone;
  std::vector<AnswerAt> rows = {{200, 1.0, "pinned", 1, 0.5, false, ""}};
  add_replays(studio.prompt.answers, "p", 3, nullptr, &rows);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].text, "xy");
  EXPECT_DOUBLE_EQ(rows[0].mean_probability, 0.5);
  EXPECT_EQ(rows[1].text, "pinned");
  studio.prompt.answers[0].state = AnswerState::kFailed;
  studio.prompt.answers[0].problem = "no such checkpoint";
  rows.clear();
  add_replays(studio.prompt.answers, "p", 3, nullptr, &rows);
  EXPECT_EQ(rows[0].problem, "no such checkpoint");
  replay_at_checkpoints(studio, "p", settings);
  EXPECT_EQ(command_at<Generate>(studio, 2).source.step, 100) << "a failed one may be tried again";
}

TEST(Obstacle, SaysWhyNothingCanBeAsked) {
  Studio studio;
  EXPECT_FALSE(prompt_obstacle(studio).empty());
  RunView run;
  run.root = "/runs/a";
  run.num_checkpoints = 1;
  studio.run = std::make_shared<const RunView>(run);
  EXPECT_FALSE(prompt_obstacle(studio).empty()) << "there is no prompt";
  studio.prompt.draft = "é";
  EXPECT_EQ(prompt_obstacle(studio), "");
  auto facts = std::make_shared<PromptFacts>();
  facts->counted = "é";
  facts->count_problem = "the vocabulary lacks it";
  studio.prompt.facts = facts;
  EXPECT_EQ(prompt_obstacle(studio), "the vocabulary lacks it");
}

TEST(TokenText, ShowsTrueBytesAndPartsOfCharacters) {
  const std::vector<std::string> vocabulary = {"a", "\xC3"};
  Token token = token_of(1, "", {});
  EXPECT_EQ(token.shown, "‹…›");
  show_true_bytes(token, vocabulary);
  EXPECT_EQ(token.shown, "‹c3›");
  Token whole = token_of(0, "a", {});
  show_true_bytes(whole, vocabulary);
  EXPECT_EQ(whole.shown, "a");
}

TEST(PromptReader, RefusesWhatIsNoTextForScoring) {
  const test::TemporaryFolder folder;
  EXPECT_FALSE(read_text_for_scoring(folder / "gone").ok());
  EXPECT_FALSE(read_text_for_scoring(folder.path()).ok());
  test::write_text(folder / "long.txt", std::string((1U << 20) + 1, 'x'));
  const auto too_long = read_text_for_scoring(folder / "long.txt");
  ASSERT_FALSE(too_long.ok());
  EXPECT_NE(too_long.error().message.find("1,048,577"), std::string::npos);
  test::write_text(folder / "bytes.txt", "ab\xFF");
  const auto no_text = read_text_for_scoring(folder / "bytes.txt");
  ASSERT_FALSE(no_text.ok());
  EXPECT_NE(no_text.error().message.find("offset 2"), std::string::npos);
  test::write_text(folder / "good.txt", "ab");
  EXPECT_EQ(read_text_for_scoring(folder / "good.txt").value(), "ab");
}

TEST(CheckpointSampler, NamesCheckpointStopTextsAndDevice) {
  Generate request;
  request.prompt = "p";
  request.source = {AnswerSource::Kind::kCheckpoint, 300};
  request.settings.stop = {"--x", "\n"};
  const auto arguments = sample_arguments("/bin/engine", "/runs/a", request, true);
  const auto has = [&](const std::string& word) {
    return std::find(arguments.begin(), arguments.end(), word) != arguments.end();
  };
  EXPECT_TRUE(has("--checkpoint"));
  EXPECT_TRUE(has("300"));
  EXPECT_TRUE(has("--stop=--x"));
  EXPECT_TRUE(has("--stop=\n"));
  EXPECT_TRUE(has("cpu"));
  const auto score = score_arguments("/bin/engine", "/runs/a", {1, "text", {}});
  EXPECT_EQ(score[1], "score");
  EXPECT_EQ(std::find(score.begin(), score.end(), "text"), score.end()) << "it goes to stdin";
}

TEST(Launcher, GivesAChildItsInput) {
  const std::string text(300'000, 'x');
  auto child = start_piped({"/usr/bin/wc", "-c"}, text);
  ASSERT_TRUE(child.ok());
  char buffer[64] = {};
  const ssize_t got = read(child.value().output.get(), buffer, sizeof buffer - 1);
  ASSERT_GT(got, 0);
  EXPECT_EQ(std::atoi(buffer), 300'000);
  int status = 0;
  waitpid(child.value().pid, &status, 0);
}

}  // namespace
}  // namespace switchyard::ui
