#include "ui/client/client.h"

#include <algorithm>
#include <utility>

#include "engine/base/config/presets.h"
#include "engine/base/store/run_folder.h"
#include "ui/model/run_state.h"

namespace switchyard::ui {
namespace {

constexpr double kOneWish = 1.0;  ///< seconds

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

}  // namespace

Library::Places default_places() {
  return {store::runs_directory(), config::configs_directory(), {}};
}

namespace {

constexpr std::size_t kMaxShownTokens = 100'000;
constexpr std::size_t kMaxExplainedTokens = 20'000;

void add_token(PromptState& prompt, AnswerToken arrived) {
  Answer* answer = prompt.find(arrived.answer_id);
  if (answer == nullptr || !answer->is_open()) return;
  answer->state = AnswerState::kStreaming;
  if (answer->tokens.size() >= kMaxShownTokens) {
    ++answer->num_dropped;
    return;
  }
  Token& token = arrived.token;
  if (prompt.facts->vocabulary != nullptr) show_true_bytes(token, *prompt.facts->vocabulary);
  if (answer->tokens.size() >= kMaxExplainedTokens) {
    token.top.clear();
    token.route.clear();
  }
  answer->tokens.push_back(std::move(token));
}

void finish(PromptState& prompt, AnswerDone done) {
  Answer* answer = prompt.find(done.answer_id);
  if (answer == nullptr) return;
  answer->state = done.is_cancelled ? AnswerState::kCancelled : AnswerState::kDone;
  if (done.step >= 0) answer->step = done.step;
  answer->tokens_per_second = done.tokens_per_second;
  answer->stopped_by = std::move(done.stopped_by);
  answer->score = done.score;
  ++prompt.revision;
}

void fail(PromptState& prompt, AnswerFailed failed) {
  Answer* answer = prompt.find(failed.answer_id);
  if (answer == nullptr) return;
  answer->state = AnswerState::kFailed;
  answer->problem = std::move(failed.problem);
  ++prompt.revision;
}

void take_text(Studio& studio, TextRead read) {
  ScoreState& score = studio.prompt.score;
  score.is_reading = false;
  score.problem = std::move(read.problem);
  if (score.problem.empty()) score.text = std::move(read.text);
}

}  // namespace

Client::Client(Library::Places places, std::function<void()> wake)
    : mailbox_(std::move(wake)),
      watcher_(mailbox_),
      overlay_(mailbox_),
      exporter_(places.assets, mailbox_),
      library_(places, mailbox_, watcher_),
      manager_(places.runs, mailbox_, library_),
      sampler_(mailbox_),
      prompt_reader_(mailbox_),
      folder_reader_(mailbox_),
      messages_(mailbox_,
                {[this] { return watcher_.is_engine_alive(); },
                 [this](bool is_attached) { watcher_.set_attached(is_attached); }}),
      config_worker_(
          mailbox_, places.runs, [this](const std::string& path) { library_.train_config(path); }),
      log_(mailbox_),
      hardware_(places.runs, mailbox_) {}

void Client::open(Studio& studio, const std::string& root) {
  studio.gallery.is_open = root.empty();
  if (root == open_root_) return;
  open_root_ = root;
  studio.plots.group.fit();
  studio.selection.expert = -1;
  open_prompt(studio.prompt, root);
  studio.selection.answer_id = studio.selection.token = -1;
  sampler_.stop_all();
  prompt_reader_.open(root);
  messages_.attach(root);
}

void Client::take(Studio& studio) {
  studio.presets = library_.presets();
  studio.runs = library_.runs();
  studio.runs_feed = manager_.feed();
  studio.machine = library_.machine();
  studio.prompt.facts = prompt_reader_.facts();
  for (ClientEvent& event : mailbox_.take()) put_event(studio, std::move(event));
  studio.run = watcher_.view();
  studio.overlay.views = overlay_.views();
  studio.drawer.log = log_.view();
  studio.drawer.hardware = hardware_.view();
  studio.files.take(folder_reader_.listing());
  announce_states(studio);
}

void Client::put_event(Studio& studio, ClientEvent event) {
  std::visit(Overloaded{
                 [&](Notice& notice) { studio.notices.push_back(std::move(notice)); },
                 [&](ClipboardText& copied) { studio.clipboard = std::move(copied.text); },
                 [&](AnswerToken& token) { add_token(studio.prompt, std::move(token)); },
                 [&](AnswerDone& done) { finish(studio.prompt, std::move(done)); },
                 [&](AnswerFailed& failed) { fail(studio.prompt, std::move(failed)); },
                 [&](TextRead& text) { take_text(studio, std::move(text)); },
                 [&](const RunChosen& chosen) {
                   open(studio, chosen.root);
                   library_.refresh();
                 },
                 [&](const DroppedPath& dropped) { use_dropped(studio, dropped); },
                 [&](ConfigEvent& config) { put_config_event(studio, std::move(config)); },
             },
             event);
}

/// Says once when the open run ends or dies, and that a running one was found again.
void Client::announce_states(Studio& studio) {
  const RunView& run = *studio.run;
  if (run.root != announced_root_) {
    announced_root_ = run.root;
    announced_state_ = RunState::kNone;
  }
  if (run.state == announced_state_) return;
  const RunState before = std::exchange(announced_state_, run.state);
  const std::string at = " at step " + std::to_string(run.step);
  if (before == RunState::kNone) {
    if (is_training(run.state) && run.step > 0)
      studio.notices.push_back({NoticeKind::kInfo,
                                "Reattached to " + run.name,
                                "Training went on while the window was closed."});
    return;
  }
  switch (run.state) {
    case RunState::kCompleted:
      studio.notices.push_back(
          {NoticeKind::kOk, run.name + " is done", "Ask it something in Prompt."});
      break;
    case RunState::kStopped:
      studio.notices.push_back({NoticeKind::kInfo,
                                run.name + " stopped" + at,
                                "Resume goes on from the last checkpoint."});
      break;
    case RunState::kFailed:
      studio.notices.push_back({NoticeKind::kFailure, run.name + " failed" + at, run.state_detail});
      break;
    case RunState::kKilled:
      studio.notices.push_back({NoticeKind::kAttention,
                                "The engine of " + run.name + " was killed",
                                "Nothing saved is lost: Resume goes on from the last checkpoint."});
      break;
    default:
      return;
  }
  if (studio.settings.has_desktop_notices && run.state != RunState::kStopped)
    library_.notify_desktop(studio.notices.back().title, studio.notices.back().detail);
}

void Client::carry_out(Studio& studio, const Command& command) {
  std::visit(Overloaded{
                 [&](const TrainPreset& train) {
                   // A double click is one wish.
                   if (studio.now - last_train_ < kOneWish) return;
                   last_train_ = studio.now;
                   library_.train_preset(train.preset);
                 },
                 [&](const TrainConfig& train) { library_.train_config(train.path); },
                 [&](const OpenRun& run) {
                   watcher_.watch(run.root);
                   open(studio, run.root);
                 },
                 [&](const ResumeRun& run) { library_.resume(run.root); },
                 [&](const EngineOrder& order) { messages_.order(order); },
                 [&](const PromptCommand& prompt) { carry_out_prompt(prompt); },
                 [&](const RefreshRuns&) { library_.refresh(); },
                 [&](const RunsOrder& order) { carry_out_runs(studio, order); },
                 [&](const ExportPlots& wanted) { exporter_.order(wanted); },
                 [&](const ConfigCommand& config) { carry_out_config(config); },
                 [&](const LookAtDropped& look) { folder_reader_.look_at_dropped(look.path); },
             },
             command);
}

void Client::carry_out_config(const ConfigCommand& command) {
  std::visit(Overloaded{
                 [&](const LookAtData& look) { config_worker_.look_at_data(look); },
                 [&](const ProbeConfig& probe) { config_worker_.probe(probe); },
                 [&](const CancelProbe&) { config_worker_.cancel_probe(); },
                 [&](const TrainDraft& train) { config_worker_.train(train); },
                 [&](const SaveConfigFile& save) { config_worker_.save(save); },
                 [&](const LoadConfigFile& load) { config_worker_.load(load); },
                 [&](const ChangeSetting& change) { messages_.change_setting(change); },
             },
             command);
}

void Client::carry_out_prompt(const PromptCommand& command) {
  const auto is_live = [](const AnswerSource& source) {
    return source.kind == AnswerSource::Kind::kLive;
  };
  const bool is_busy = watcher_.is_engine_alive();
  std::visit(Overloaded{
                 [&](const Generate& request) {
                   if (!is_live(request.source) || !messages_.generate(request))
                     sampler_.generate(open_root_, request, is_busy);
                 },
                 [&](const ScoreText& request) {
                   if (!is_live(request.source) || !messages_.score(request))
                     sampler_.score(open_root_, request, is_busy);
                 },
                 [&](const StopGenerating& stop) {
                   sampler_.stop(stop.answer_id);
                   messages_.stop_generating(stop.answer_id);
                 },
                 [&](const PinPrompt& pin) { messages_.pin(pin); },
                 [&](const UnpinPrompt& unpin) { messages_.unpin(unpin); },
                 [&](const CountTokens& count) { prompt_reader_.count(count.text); },
                 [&](const ReadTextFile& file) { prompt_reader_.read_file(file.path); },
             },
             command);
}

/// A run that goes to the trash is closed first: its folder moves.
void Client::carry_out_runs(const Studio& studio, const RunsOrder& order) {
  if (const auto* trash = std::get_if<TrashRuns>(&order); trash != nullptr) {
    const bool is_open =
        std::find(trash->roots.begin(), trash->roots.end(), open_root_) != trash->roots.end();
    if (is_open && !is_training(studio.run->state)) {
      open_root_.clear();
      watcher_.watch("");
      messages_.attach("");
    }
  }
  manager_.carry_out(order);
}

void Client::want_overlay(const Studio& studio) {
  std::vector<std::string> roots;
  for (const OverlayRun& run : studio.overlay.runs) {
    if (run.root != open_root_) roots.push_back(run.root);
  }
  overlay_.set_wanted(roots);
}

void Client::submit(Studio& studio) {
  library_.set_wanted(studio.shows_run_list);
  log_.follow(studio.drawer.shows(DrawerTab::kLog) ? open_root_ : std::string());
  hardware_.set_wanted(studio.drawer.shows(DrawerTab::kHardware));
  manager_.set_wanted(studio.shows_run_list);
  folder_reader_.want(studio.files.asked_folder(), studio.files.is_start());
  for (const Command& command : std::exchange(studio.commands, {})) carry_out(studio, command);
  want_overlay(studio);
}

}  // namespace switchyard::ui
