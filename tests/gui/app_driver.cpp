#include "tests/gui/app_driver.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include <unistd.h>

#include <GLFW/glfw3.h>
#include <imgui_internal.h>

#include "tests/gui/shown_pixels.h"

namespace switchyard::test {
namespace {

using Clock = std::chrono::steady_clock;

/// After new data: some sizes follow from those of the frame before.
constexpr int kSettlingFrames = 3;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string reference(const std::string& id) {
  return "//**/###" + id;
}

}  // namespace

void Hands::click(const std::string& id) {
  context_->ItemClick(reference(id).c_str());
}

bool Hands::is_there(const std::string& id) {
  return context_->ItemInfo(reference(id).c_str(), ImGuiTestOpFlags_NoError).ID != 0;
}

bool Hands::is_enabled(const std::string& id) {
  const ImGuiTestItemInfo info =
      context_->ItemInfo(reference(id).c_str(), ImGuiTestOpFlags_NoError);
  return info.ID != 0 && (info.ItemFlags & ImGuiItemFlags_Disabled) == 0;
}

void Hands::type_into(const std::string& id, const std::string& text) {
  context_->ItemClick(reference(id).c_str());
  context_->KeyPress(ImGuiMod_Ctrl | ImGuiKey_A);
  context_->KeyPress(ImGuiKey_Delete);
  context_->KeyChars(text.c_str());
  context_->Yield(2);
}

void Hands::key(ImGuiKeyChord chord) {
  context_->KeyPress(chord);
  context_->Yield(2);
}

bool Hands::tab_to(const std::string& id) {
  constexpr int kMostStops = 250;
  for (int i = 0; i < kMostStops; ++i) {
    const ImGuiID wanted = context_->ItemInfo(reference(id).c_str(), ImGuiTestOpFlags_NoError).ID;
    if (wanted != 0 && ImGui::GetCurrentContext()->NavId == wanted) return true;
    context_->KeyPress(ImGuiKey_Tab);
    frames(2);
  }
  return false;
}

bool Hands::wait(const std::function<bool()>& condition, double seconds) {
  const auto start = Clock::now();
  while (!condition()) {
    if (seconds_since(start) > seconds || context_->IsError()) return false;
    // The engine needs the processor more than the picture does.
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
    context_->Yield();
  }
  return true;
}

void Hands::save_picture(const std::string& name) {
  frames(4);
  wish_ = [this, name] {
    std::filesystem::create_directories(gallery_folder());
    write_text(gallery_folder() + "/" + name + ".png", app_.picture(1440, 900, 2).png());
  };
  frames(4);
}

Hands::Difference Hands::difference_from_whole() {
  Difference found;
  wish_ = [this, &found] {
    glfwSetTime(glfwGetTime() + 2.0);  // the rate of frames that the status strip shows is 0 then
    for (int i = 0; i < kSettlingFrames; ++i) app_.repeat_frame();
    const ui::Picture shown = shown_pixels(app_.window().handle());
    const ui::Picture whole = app_.repeat_frame_to_picture();
    found = {0, shown.width, shown.height, 0, 0};
    for (std::size_t i = 0; i < whole.pixels.size(); i += 4) {
      if (std::equal(&whole.pixels[i], &whole.pixels[i] + 4, &shown.pixels[i])) continue;
      const int pixel = static_cast<int>(i / 4);
      const int x = pixel % whole.width, y = pixel / whole.width;
      ++found.num_pixels;
      found.left = std::min(found.left, x), found.right = std::max(found.right, x);
      found.top = std::min(found.top, y), found.bottom = std::max(found.bottom, y);
    }
  };
  frames(kSettlingFrames + 4);
  return found;
}

DrivenApp::DrivenApp(const std::string& run, float scale) {
  ui::StudioApp::Options options;
  options.run = run;
  options.scale = scale;
  options.window.width = static_cast<int>(1440.0F * scale);  // the same room at every scale
  options.window.height = static_cast<int>(900.0F * scale);
  auto app = ui::StudioApp::create(options);
  if (!app.ok()) {
    ADD_FAILURE() << app.error().text();
    return;
  }
  app_ = std::move(app).value();
  engine_ = ImGuiTestEngine_CreateContext();
  ImGuiTestEngineIO& io = ImGuiTestEngine_GetIO(engine_);
  io.ConfigVerboseLevel = ImGuiTestVerboseLevel_Warning;
  io.ConfigVerboseLevelOnError = ImGuiTestVerboseLevel_Debug;
  io.ConfigLogToTTY = true;
  io.ConfigRunSpeed = ImGuiTestRunSpeed_Fast;
  io.ConfigSavedSettings = false;
  io.ConfigNoThrottle = false;
  io.ConfigWatchdogWarning = io.ConfigWatchdogKillTest = io.ConfigWatchdogKillApp = 3600.0F;
  ImGuiTestEngine_Start(engine_, ImGui::GetCurrentContext());
}

DrivenApp::~DrivenApp() {
  if (app_ == nullptr) return;
  ImGuiTestEngine_Stop(engine_);
  app_.reset();
  ImGuiTestEngine_DestroyContext(engine_);
}

bool DrivenApp::play(const std::string& name, const std::function<void(Hands&)>& script) {
  if (app_ == nullptr) return false;
  const std::string unique = name + "." + std::to_string(++num_tests_);
  ImGuiTest* test =
      ImGuiTestEngine_RegisterTest(engine_, "studio", unique.c_str(), __FILE__, __LINE__);
  test->SetOwnedName(unique.c_str());
  test->TestFunc = [this, &script](ImGuiTestContext* context) {
    Hands hands(context, *app_, wish_);
    script(hands);
  };
  ImGuiTestEngine_QueueTest(engine_, test, ImGuiTestRunFlags_RunFromCommandLine);
  while (!ImGuiTestEngine_IsTestQueueEmpty(engine_)) {
    glfwPollEvents();
    app_->loop().request_frames(1);
    if (app_->turn()) {
      ImGuiTestEngine_PostSwap(engine_);
      fulfil_wish();
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  return test->Output.Status == ImGuiTestStatus_Success;
}

std::int64_t DrivenApp::idle(double seconds) {
  const auto start = Clock::now();
  const std::int64_t before = app_->loop().frames_drawn();
  while (seconds_since(start) < seconds) {
    glfwWaitEventsTimeout(0.02);
    if (app_->turn()) ImGuiTestEngine_PostSwap(engine_);
  }
  return app_->loop().frames_drawn() - before;
}

std::string gallery_folder() {
  const char* chosen = std::getenv("SWITCHYARD_GALLERY");
  return chosen != nullptr && *chosen != '\0' ? chosen : SY_GALLERY_DIR;
}

/// While the script waits: popovers close when it ends.
void DrivenApp::fulfil_wish() {
  if (const Hands::Wish wish = std::exchange(wish_, nullptr)) wish();
}

void DrivenApp::save_picture(const std::string& name, int width, int height) {
  glfwSetCursorPos(app_->window().handle(), 2.0, 1.0);  // no card under the mouse
  glfwPollEvents();
  const ui::Picture picture = app_->picture(width, height, 6);
  std::filesystem::create_directories(gallery_folder());
  write_text(gallery_folder() + "/" + name + ".png", picture.png());
}

void GuiTest::SetUp() {
  const std::string engine = engine_program();
  if (engine.empty() || access(engine.c_str(), X_OK) != 0)
    GTEST_SKIP() << "no switchyard-engine: build with SY_WITH_TORCH=ON or set SWITCHYARD_ENGINE";
}

}  // namespace switchyard::test
