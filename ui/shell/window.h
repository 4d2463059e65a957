#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/core/result.h"
#include "ui/shell/partial_redraw.h"

struct GLFWwindow;

namespace switchyard::ui {

struct WindowOptions {
  std::string title = "Switchyard";
  int width = 1440;
  int height = 900;
  bool is_visible = true;
};

/// Whether somebody looks at the window.
struct Attention {
  bool is_focused = true;
  bool is_minimised = false;
};

/// An RGBA picture, top row first.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;

  [[nodiscard]] std::string png() const;
};

/// The one window of the program: GLFW, OpenGL 3.3 core, Dear ImGui and ImPlot contexts, fonts.
///
/// Errors: kUnavailable without a display or without OpenGL 3.3; kInputFile without fonts.
/// Threads: the main thread only.
class Window {
 public:
  static Result<std::unique_ptr<Window>> create(const WindowOptions& options);
  ~Window();
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  [[nodiscard]] GLFWwindow* handle() const { return window_; }

  /// Pixels per virtual pixel of the monitor the window is on.
  [[nodiscard]] float content_scale() const;
  [[nodiscard]] bool should_close() const;
  [[nodiscard]] bool is_focused() const;
  [[nodiscard]] bool is_minimised() const;
  void set_title(const std::string& title);

  void begin_frame();  ///< back ends and ImGui::NewFrame
  void end_frame();    ///< ImGui::Render, draws and swaps

  /// Draws the frame into an off-screen buffer and reads it back instead of showing it. Call in
  /// place of end_frame. The size is that of the frame: ImGui's DisplaySize.
  Picture end_frame_to_picture();

  /// What the loop is to believe instead of asking the window system; nullopt asks it again.
  void override_attention(std::optional<Attention> attention) { attention_ = attention; }

  /// Makes the next frames `width` × `height` pixels whatever the window's size (0: the window's).
  void override_size(int width, int height);

 private:
  /// Pixels off screen.
  struct Canvas {
    Canvas(int canvas_width, int canvas_height);
    ~Canvas();
    Canvas(const Canvas&) = delete;
    Canvas& operator=(const Canvas&) = delete;

    int width, height;
    std::uint32_t framebuffer = 0, texture = 0;
  };

  Window() = default;
  void draw(int width, int height);
  void draw_changes();

  GLFWwindow* window_ = nullptr;
  int override_width_ = 0;
  int override_height_ = 0;
  bool has_backends_ = false;
  std::unique_ptr<PartialRedraw> redraw_;  ///< where the processor draws
  std::unique_ptr<Canvas> canvas_;         ///< the last frame
  std::optional<Attention> attention_;
};

}  // namespace switchyard::ui
