#include "ui/panels/studio_app.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "engine/base/core/clock.h"
#include "engine/base/core/file_system.h"
#include "engine/base/formats/dataset.h"
#include "engine/base/store/run_folder.h"
#include "ui/model/answer_export.h"
#include "ui/model/prompt_actions.h"
#include "ui/model/run_state.h"
#include "ui/panels/common.h"
#include "ui/panels/file_browser_view.h"
#include "ui/panels/help_menu.h"
#include "ui/panels/notice_popover.h"
#include "ui/panels/registry.h"
#include "ui/panels/run_bar.h"
#include "ui/panels/shortcuts.h"
#include "ui/panels/start_screen.h"
#include "ui/panels/tour_overlay.h"
#include "ui/plot/ticks.h"
#include "ui/shell/fonts.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/focus.h"
#include "ui/widgets/shortcut_keys.h"
#include "ui/widgets/term.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr const char* kSessionFile = "session.json";
constexpr const char* kMarksFile = "studio.json";
constexpr const char* kAnswersFile = "answers.json";
constexpr const char* kDraftFile = "draft.json";

constexpr const char* kSettingsFile = "settings.json";

/// $SWITCHYARD_TOUR=0 keeps the tour from starting by itself.
bool may_start_tour() {
  const char* wish = std::getenv("SWITCHYARD_TOUR");
  return wish == nullptr || std::string_view(wish) != "0";
}

/// Where plots are saved until the user says otherwise: beside the runs.
std::string default_export_folder() {
  return parent_directory(store::runs_directory()) + "/plots";
}

}  // namespace

Result<std::unique_ptr<StudioApp>> StudioApp::create(const Options& options) {
  std::unique_ptr<StudioApp> app(new StudioApp(options));
  SY_ASSIGN_OR_RETURN(app->window_, Window::create(options.window));
  app->start();
  return app;
}

void StudioApp::start() {
  writer_ = std::make_unique<StateWriter>(state_dir());
  loop_ = std::make_unique<FrameLoop>(*window_);
  const Library::Places folders = default_places();
  places_ = {folders.runs, writer_->folder(), formats::data_directory()};
  shell_ = std::make_unique<DockShell>(all_panels(), writer_.get());
  seen_requests_ = shell_->workspace_requests();
  const char* home = std::getenv("HOME");
  studio_.files.home = home == nullptr ? "/" : home;
  studio_.files.bookmarks = {{"Home", studio_.files.home},
                             {"Runs", folders.runs},
                             {"Presets", folders.configs},
                             {"Data", places_.data}};
  restore();
  FrameLoop* loop = loop_.get();
  Library::Places places = default_places();
  places.assets = assets_dir();
  client_ = std::make_unique<Client>(std::move(places), [loop] { loop->notify_data(); });
  client_->submit(studio_);
}

void StudioApp::restore() {
  studio_.plots.export_folder = default_export_folder();
  if (const auto content = writer_->read(kSessionFile); content.has_value()) {
    const Result<Json> parsed = parse_json(*content, kSessionFile);
    if (parsed.ok()) {
      restore_session(studio_, parsed.value());
    } else {
      writer_->set_aside(kSessionFile);
    }
    session_ = *content;
  }
  if (const auto content = writer_->read(kMarksFile); content.has_value()) {
    JsonLimits limits;
    limits.max_bytes = std::size_t{16} << 20;
    const Result<Json> parsed = parse_json(*content, kMarksFile, limits);
    if (parsed.ok()) {
      studio_.marks.restore(parsed.value());
    } else {
      writer_->set_aside(kMarksFile);
    }
  }
  saved_marks_ = studio_.marks.revision();
  if (const auto content = writer_->read(kAnswersFile); content.has_value()) {
    const Result<Json> parsed = parse_json(*content, kAnswersFile, answers_file_limits());
    if (parsed.ok()) {
      restore_answers(studio_.prompt, parsed.value());
    } else {
      writer_->set_aside(kAnswersFile);
    }
  }
  restore_draft();
  restore_settings();
  if (options_.run.empty()) return;
  studio_.commands.clear();
  studio_.send(OpenRun{options_.run});
}

void StudioApp::restore_draft() {
  const auto content = writer_->read(kDraftFile);
  if (!content.has_value() || content->empty()) return;
  auto draft = parse_saved_draft(*content);
  if (draft.ok()) {
    studio_.config.restored = std::move(draft).value();
    return;
  }
  writer_->set_aside(kDraftFile);
  studio_.notices.push_back({NoticeKind::kAttention,
                             "The saved draft could not be read",
                             draft.error().text() + " It was set aside as draft.json.broken."});
}

void StudioApp::restore_settings() {
  if (const auto content = writer_->read(kSettingsFile); content.has_value()) {
    const Result<Json> parsed = parse_json(*content, kSettingsFile);
    if (parsed.ok()) {
      studio_.settings = window_settings_from(parsed.value());
    } else {
      writer_->set_aside(kSettingsFile);
    }
  }
  saved_settings_ = studio_.settings;
  if (studio_.gallery.is_open && !studio_.settings.has_seen_tour && may_start_tour())
    studio_.tour.start();
}

StudioApp::~StudioApp() {
  client_.reset();  // its threads must not wake a loop that is gone
  shell_.reset();
  loop_.reset();
}

void StudioApp::run() {
  loop_->run([this] { frame(); }, [this] { between_frames(); });
}

bool StudioApp::turn() {
  return loop_->turn([this] { frame(); }, [this] { between_frames(); });
}

Picture StudioApp::picture(int width, int height, int num_frames) {
  window_->override_size(width, height);
  Picture result;
  for (int i = 0; i < num_frames; ++i) {
    between_frames();
    window_->begin_frame();
    frame();
    if (i + 1 == num_frames) {
      result = window_->end_frame_to_picture();
    } else {
      window_->end_frame();
    }
  }
  window_->override_size(0, 0);
  return result;
}

void StudioApp::repeat_frame() {
  window_->begin_frame();
  frame();
  window_->end_frame();
}

Picture StudioApp::repeat_frame_to_picture() {
  window_->begin_frame();
  frame();
  return window_->end_frame_to_picture();
}

void StudioApp::between_frames() {
  studio_.now = system_clock().monotonic_seconds();
  studio_.wall_now = system_clock().wall_seconds();
  client_->take(studio_);
  collect_evidence(studio_);
  update_config(studio_);
  apply_settings();
  shell_->before_frame(options_.scale > 0.0F ? options_.scale : window_->content_scale());
}

/// What settings change outside of panels.
void StudioApp::apply_settings() {
  const WindowSettings& settings = studio_.settings;
  loop_->set_eco(settings.is_eco);
  set_motion(!settings.has_reduced_motion);
  use_binary_bytes(settings.use_binary_units);
  if (settings.follows_system_theme && studio_.machine->prefers_dark)
    shell_->set_theme(*studio_.machine->prefers_dark ? ThemeKind::kDark : ThemeKind::kLight);
}

void StudioApp::frame() {
  keyboard_.begin_frame();
  const RunView& run = *studio_.run;
  const bool is_runs = shell_->workspace() == Workspace::kRuns;
  const bool is_damaged = run.state == RunState::kDamaged && !is_runs;
  ShellParts parts;
  if (!studio_.gallery.is_open) parts.run_bar = [this] { draw_run_bar(studio_); };
  parts.status_strip = [this] { draw_status_strip(studio_); };
  parts.top_right = [this] { draw_top_right(); };
  parts.num_top_right = 3;
  parts.open_palette = [this] { palette_.open(); };
  parts.search_hint = "Search actions, runs, settings";
  parts.drawer_height = Drawer::height(studio_, ImGui::GetMainViewport()->Size.y);
  parts.drawer = [this] { drawer_.draw(studio_); };
  if (studio_.gallery.is_open) {
    parts.full_page = [this] { draw_start_screen(studio_); };
    parts.is_outside_workspaces = true;
  } else if (is_damaged) {
    parts.full_page = [this] { draw_problem_page(studio_); };
  }
  studio_.reads_texts = !studio_.gallery.is_open && (shell_->workspace() == Workspace::kPrompt ||
                                                     shell_->workspace() == Workspace::kRouting);
  studio_.shows_run_list = studio_.gallery.is_open || is_runs;
  shell_->draw(studio_, parts);
  palette_.draw(studio_, *shell_);
  draw_shortcuts(&shows_shortcuts_);
  draw_tour(studio_);
  draw_run_folder_browser(studio_);
  handle_keys();
  take_dropped();
  show_notices();
  follow_requests();
  show_cut_text();
  draw_keyboard_focus();
  keyboard_.end_frame(shell_->focus_areas());
  client_->submit(studio_);
  remember();
}

void StudioApp::draw_top_right() {
  draw_bell(studio_);
  ImGui::SameLine(0.0F, 0.0F);
  draw_help_button(studio_, &shows_shortcuts_);
  ImGui::SameLine(0.0F, 0.0F);
  settings_.draw(studio_, *shell_, places_);
}

/// F1: the glossary at the term under the mouse, else the list of keys.
void StudioApp::show_help() {
  const std::string& term = term_under_mouse();
  if (term.empty()) {
    shows_shortcuts_ = !shows_shortcuts_;
    return;
  }
  studio_.drawer.glossary_term = term;
  studio_.drawer.show(DrawerTab::kGlossary);
}

/// Keys of the whole window; those for the engine act only when the buttons of the run bar would.
void StudioApp::handle_keys() {
  if (studio_.tour.is_on()) return;
  DrawerState& drawer = studio_.drawer;
  if (is_pressed(Shortcut::kHelp)) show_help();
  if (is_pressed(Shortcut::kShortcuts)) shows_shortcuts_ = true;
  if (is_pressed(Shortcut::kDrawer)) drawer.is_open = !drawer.is_open;
  if (is_pressed(Shortcut::kSettings)) studio_.wants_settings = true;
  if (is_pressed(Shortcut::kNewRun)) studio_.gallery.is_open = true;
  if (drawer.is_open && drawer.tab != DrawerTab::kEvents && is_pressed(Shortcut::kFind))
    drawer.wants_search = true;
  if (studio_.gallery.is_open) return;
  const RunButtons buttons = run_buttons(*studio_.run);
  if (is_pressed(Shortcut::kSave) && buttons.save.is_enabled)
    studio_.send(EngineOrder{EngineOrder::Kind::kSave});
  if (!is_pressed(Shortcut::kPauseResume)) return;
  if (buttons.pause.is_enabled) studio_.send(EngineOrder{EngineOrder::Kind::kPause});
  if (buttons.resume.is_enabled) studio_.send(EngineOrder{EngineOrder::Kind::kResume});
}

void StudioApp::take_dropped() {
  const std::vector<std::string> dropped = loop_->take_dropped();
  if (dropped.empty()) return;
  studio_.send(LookAtDropped{dropped.front()});
  if (dropped.size() > 1)
    studio_.notices.push_back({NoticeKind::kInfo,
                               "Only " + base_name(dropped.front()) + " was taken",
                               "Drop one file or folder at a time."});
}

void StudioApp::show_notices() {
  while (auto problem = writer_->take_problem()) {
    const bool is_input = problem->code == ErrorCode::kInputFile;
    studio_.notices.push_back(
        {NoticeKind::kAttention,
         is_input ? "A settings file was set aside" : "Settings could not be saved",
         problem->text()});
  }
  for (Notice& notice : std::exchange(studio_.notices, {})) {
    studio_.past_notices.add(notice, studio_.wall_now);
    std::string action;
    if (notice.command != nullptr) {
      action = notice.action + "##" + std::to_string(toast_commands_.size());
      toast_commands_[action] = notice.command;
    }
    toasts_.add(
        tone_of(notice.kind), std::move(notice.title), std::move(notice.detail), std::move(action));
  }
  const ImGuiViewport* view = ImGui::GetMainViewport();
  const std::string clicked =
      toasts_.draw(view->Pos.y + view->Size.y - em(2.8F) - Drawer::height(studio_, view->Size.y));
  if (const auto found = toast_commands_.find(clicked);
      found != toast_commands_.end() && found->second != nullptr)
    studio_.send(*std::exchange(found->second, nullptr));
}

/// A click on a workspace leaves the start screen, also when it names the workspace in use.
void StudioApp::follow_requests() {
  if (const std::string panel = std::exchange(studio_.wants_panel, {}); !panel.empty())
    shell_->focus_panel(panel);
  if (!studio_.clipboard.empty())
    ImGui::SetClipboardText(std::exchange(studio_.clipboard, {}).c_str());
  if (std::exchange(studio_.wants_runs_workspace, false)) shell_->set_workspace(Workspace::kRuns);
  if (std::exchange(studio_.wants_routing_workspace, false))
    shell_->set_workspace(Workspace::kRouting);
  if (std::exchange(studio_.config.wants_form, false)) {
    shell_->set_workspace(Workspace::kTrain);
    loop_->request_frames();
  }
  const int requests = shell_->workspace_requests();
  if (requests != std::exchange(seen_requests_, requests)) {
    studio_.gallery.is_open = false;
    loop_->request_frames();
  }
  const RunView& run = *studio_.run;
  const std::string title = run.root.empty() ? "Switchyard" : run.name + " - Switchyard";
  if (title != title_) window_->set_title(title_ = title);
}

void StudioApp::remember() {
  if (!(studio_.settings == saved_settings_)) {
    saved_settings_ = studio_.settings;
    writer_->put(kSettingsFile, json_from(saved_settings_).dump(2) + "\n");
  }
  if (const std::int64_t marks = studio_.marks.revision(); marks != saved_marks_) {
    saved_marks_ = marks;
    writer_->put(kMarksFile, studio_.marks.to_json().dump(2) + "\n");
  }
  const PromptState& prompt = studio_.prompt;
  const bool is_writing = std::any_of(prompt.answers.begin(),
                                      prompt.answers.end(),
                                      [](const Answer& answer) { return answer.is_open(); });
  if (!is_writing && !prompt.root.empty() && prompt.revision != answers_revision_) {
    answers_revision_ = prompt.revision;
    writer_->put(kAnswersFile, answers_file(prompt));
  }
  if (auto draft = take_autosave(studio_.config); draft.has_value())
    writer_->put(kDraftFile, *std::move(draft));
  std::string session = session_text(studio_);
  if (session == session_) return;
  session_ = std::move(session);
  writer_->put(kSessionFile, session_);
}

}  // namespace switchyard::ui
