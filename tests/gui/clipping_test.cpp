// No text is cut or shortened beyond recognition: every workspace, in the smallest window, from the
// smallest zoom to twice the normal one, on plain and on dense monitors.
#include <chrono>
#include <string>
#include <thread>

#include <GLFW/glfw3.h>
#include <imgui_internal.h>

#include "tests/gui/app_driver.h"
#include "ui/model/run_state.h"
#include "ui/shell/theme.h"
#include "ui/widgets/text.h"
#include "ui/widgets/text_audit.h"

namespace switchyard::test {
namespace {

using ui::TextFault;
using ui::Workspace;

constexpr int kWidth = 1024;
constexpr int kHeight = 640;

class Clipping : public GuiTest {};

std::string report(const std::vector<TextFault>& faults) {
  std::string text;
  for (const TextFault& fault : faults)
    text += "\n  \"" + fault.text + "\" in " + fault.window + ": " + fault.reason;
  return text;
}

/// Everything that a frame of the page would cut.
std::vector<TextFault> faults_of(ui::StudioApp& app, float scale) {
  const int width = static_cast<int>(kWidth * scale), height = static_cast<int>(kHeight * scale);
  glfwSetCursorPos(app.window().handle(), 2.0, 1.0);  // no card under the mouse
  app.picture(width, height, 8);                      // layout and sizes settle
  ui::start_text_audit();
  app.picture(width, height, 1);
  return ui::stop_text_audit();
}

/// Brings every panel of the workspace to the front once and looks at each.
void check_workspace(ui::StudioApp& app, Workspace workspace, float scale, const std::string& at) {
  for (const ui::PanelEntry& panel : app.shell().panels()) {
    if (panel.workspace != workspace) continue;
    app.shell().focus_panel(panel.id);
    app.studio().gallery.is_open = false;
    const std::vector<TextFault> faults = faults_of(app, scale);
    EXPECT_TRUE(faults.empty()) << panel.id << at << report(faults);
  }
}

/// A draft of the run, with other buttons than the run's settings have.
void check_draft(ui::StudioApp& app, float scale, const std::string& at) {
  app.shell().set_workspace(Workspace::kTrain);
  ui::edit_run_as_new(app.studio());
  app.shell().focus_panel("train.config");
  const std::vector<TextFault> faults = faults_of(app, scale);
  EXPECT_TRUE(app.studio().config.draft.has_value());
  EXPECT_TRUE(faults.empty()) << "draft" << at << report(faults);
  ui::discard_draft(app.studio());
}

void check_drawer(ui::StudioApp& app, float scale, const std::string& at) {
  app.studio().gallery.is_open = false;
  for (int tab = 0; tab < 4; ++tab) {
    app.studio().drawer.show(static_cast<ui::DrawerTab>(tab));
    app.picture(kWidth, kHeight, 4);
    std::this_thread::sleep_for(std::chrono::milliseconds(tab == 2 ? 2200 : 400));
    const std::vector<TextFault> faults = faults_of(app, scale);
    EXPECT_TRUE(faults.empty()) << "drawer " << tab << at << report(faults);
  }
  app.studio().drawer.is_open = false;
}

/// The file browser over the start screen, with names of every kind.
void check_file_browser(ui::StudioApp& app, float scale, const std::string& at) {
  app.studio().gallery.is_open = true;
  app.studio().wants_run_folder = true;
  app.picture(kWidth, kHeight, 4);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const std::vector<TextFault> faults = faults_of(app, scale);
  EXPECT_NE(app.studio().files.listing(), nullptr);
  EXPECT_TRUE(faults.empty()) << "file browser" << at << report(faults);
  ImGui::ClosePopupsOverWindow(nullptr, false);
}

void check_all(ui::StudioApp& app, float scale) {
  for (const float zoom : {0.75F, 1.0F, 1.5F, 2.0F}) {
    app.shell().set_zoom(zoom);
    const std::string at =
        " at zoom " + std::to_string(zoom) + ", monitor scale " + std::to_string(scale);
    app.studio().gallery.is_open = true;
    const std::vector<TextFault> faults = faults_of(app, scale);
    EXPECT_TRUE(faults.empty()) << "start screen" << at << report(faults);
    check_file_browser(app, scale, at);
    for (const Workspace workspace :
         {Workspace::kTrain, Workspace::kRouting, Workspace::kPrompt, Workspace::kRuns})
      check_workspace(app, workspace, scale, at);
    check_draft(app, scale, at);
    check_drawer(app, scale, at);
  }
  app.shell().set_zoom(1.0F);
}

/// A run with routed layers, samples, a checkpoint and one answer.
void record(Hands& hands) {
  ASSERT_TRUE(hands.wait([&] { return !hands.studio().presets->presets.empty(); }));
  hands.click("preset.tiny-moe.train");
  ASSERT_TRUE(hands.wait([&] { return hands.run().step >= 120; }, 240));
  hands.studio().prompt.settings.max_tokens = 40;
  hands.studio().prompt.draft = "the king ";
  hands.studio().generate();
  ASSERT_TRUE(hands.wait(
      [&] {
        const ui::Answer* answer = hands.studio().prompt.newest();
        return answer != nullptr && !answer->is_open() && !answer->tokens.empty();
      },
      120));
  hands.studio().selection.token = 12;
  hands.studio().selection.expert = 3;
}

TEST_F(Clipping, NoTextIsCutInTheSmallestWindow) {
  {
    DrivenApp driven;
    ASSERT_TRUE(driven.play("record", record));
    check_all(driven.app(), 1.0F);
  }
  DrivenApp driven("", 2.0F);
  ASSERT_TRUE(driven.play("reopen", [](Hands& hands) {
    ASSERT_TRUE(hands.wait([&] { return hands.run().step >= 120; }, 60));
  }));
  check_all(driven.app(), 2.0F);
}

TEST_F(Clipping, TheAuditSeesWhatIsCut) {
  DrivenApp driven;
  ASSERT_TRUE(driven.play("cut", [](Hands& hands) { hands.frames(4); }));
  const auto audit = [&](float width, float room) {
    ui::Window& window = driven.app().window();
    window.begin_frame();
    ImGui::SetNextWindowPos({20, 20});
    ImGui::SetNextWindowSize({width, 80});
    ImGui::Begin("###audited", nullptr, ImGuiWindowFlags_NoDecoration);
    ui::start_text_audit();
    ui::draw_text(ImGui::GetWindowDrawList(),
                  ui::Type::kBody,
                  {24, 30},
                  ui::theme().text1,
                  "Tokens per expert",
                  room);
    std::vector<TextFault> faults = ui::stop_text_audit();
    ImGui::End();
    window.end_frame();
    return faults;
  };
  EXPECT_TRUE(audit(400, 0).empty());
  EXPECT_TRUE(audit(400, 80).empty());  // "Tokens per…" says enough
  EXPECT_EQ(audit(60, 0).size(), 1U);   // cut by the window
  EXPECT_EQ(audit(400, 20).size(), 1U);
  EXPECT_EQ(audit(400, -5).size(), 1U);
}

}  // namespace
}  // namespace switchyard::test
