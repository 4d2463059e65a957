#pragma once

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <imgui_te_context.h>
#include <imgui_te_engine.h>

#include "tests/gui/gui_workplace.h"
#include "ui/panels/studio_app.h"

namespace switchyard::test {

/// The hands of a test: finds items by their stable ids and waits for what the real engine does.
class Hands {
 public:
  /// What the loop does between frames while the script waits for it.
  using Wish = std::function<void()>;

  Hands(ImGuiTestContext* context, ui::StudioApp& app, Wish& wish)
      : context_(context), app_(app), wish_(wish) {}

  /// Clicks the item whose id stands after "###".
  void click(const std::string& id);
  [[nodiscard]] bool is_there(const std::string& id);
  [[nodiscard]] bool is_enabled(const std::string& id);
  /// Replaces the text of a field.
  void type_into(const std::string& id, const std::string& text);
  void key(ImGuiKeyChord chord);
  /// Walks to an item with Tab; false when Tab does not get there.
  bool tab_to(const std::string& id);
  /// Draws until the condition holds; false after `seconds`.
  bool wait(const std::function<bool()>& condition, double seconds = 60.0);

  void frames(int count) { context_->Yield(count); }

  /// A picture of the window as it stands, with its open popovers, written below the gallery
  /// folder.
  void save_picture(const std::string& name);

  /// Where what the window shows differs from a whole frame of the same data.
  struct Difference {
    int num_pixels = 0;
    int left = 0, top = 0, right = 0, bottom = 0;
  };

  Difference difference_from_whole();

  ui::Studio& studio() { return app_.studio(); }

  const ui::RunView& run() { return *app_.studio().run; }

  ui::StudioApp& app() { return app_; }

  ImGuiTestContext* context() { return context_; }

 private:
  ImGuiTestContext* context_;
  ui::StudioApp& app_;
  Wish& wish_;
};

/// A real window with the Test Engine in it. One at a time.
class DrivenApp {
 public:
  explicit DrivenApp(const std::string& run = "", float scale = 1.0F);
  ~DrivenApp();
  DrivenApp(const DrivenApp&) = delete;
  DrivenApp& operator=(const DrivenApp&) = delete;

  /// Runs a script on the Test Engine to its end; false when an item was not found or a check of
  /// the engine failed.
  bool play(const std::string& name, const std::function<void(Hands&)>& script);

  /// Turns of the loop as the program makes them, for `seconds`; the number of frames drawn.
  std::int64_t idle(double seconds);

  ui::StudioApp& app() { return *app_; }

  /// A picture of the window at a size, written below the gallery folder.
  void save_picture(const std::string& name, int width = 1440, int height = 900);

 private:
  std::unique_ptr<ui::StudioApp> app_;
  void fulfil_wish();

  ImGuiTestEngine* engine_ = nullptr;
  Hands::Wish wish_;
  int num_tests_ = 0;
};

/// Where pictures go: $SWITCHYARD_GALLERY, else the build's gallery folder.
std::string gallery_folder();

/// Common to tests with window and engine: skips without an engine, ends engines that are left.
class GuiTest : public ::testing::Test {
 protected:
  void SetUp() override;

  void TearDown() override { kill_engines(place.runs()); }

  GuiWorkplace place;
};

}  // namespace switchyard::test
