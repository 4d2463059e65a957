#include "ui/shell/window.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include <GLFW/glfw3.h>
#include <imgui.h>
#include <imgui_impl_glfw.h>
#include <imgui_impl_opengl3.h>
#include <implot.h>

#include "ui/shell/fonts.h"
#include "ui/shell/gl_calls.h"
#include "ui/shell/png.h"
#include "ui/shell/theme.h"

namespace switchyard::ui {
namespace {

GlCalls gl;
std::string last_glfw_error;

void remember_error(int code, const char* text) {
  last_glfw_error = std::string(text) + " (" + std::to_string(code) + ")";
}

Error no_window(const std::string& what) {
  return Error{ErrorCode::kUnavailable,
               "display",
               what + (last_glfw_error.empty() ? "" : ": " + last_glfw_error),
               "start it in a desktop session, or use switchyard-engine, which needs no display",
               {}};
}

/// Whether Mesa's software rasteriser draws; with a GPU pixels cost nothing worth to be saved.
bool draws_on_processor() {
  const auto* renderer = reinterpret_cast<const char*>(gl.get_string(kGlRenderer));
  const std::string_view name = renderer == nullptr ? "" : renderer;
  return name.find("llvmpipe") != name.npos || name.find("softpipe") != name.npos;
}

/// Two tracks that part at a switch, drawn pixel by pixel: the window's icon.
void set_icon(GLFWwindow* window) {
  constexpr int kSize = 64;
  std::vector<unsigned char> pixels(std::size_t{kSize} * kSize * 4);
  const auto& tokens = theme_tokens(ThemeKind::kDark);
  for (int y = 0; y < kSize; ++y) {
    for (int x = 0; x < kSize; ++x) {
      const float fx = static_cast<float>(x) + 0.5F, fy = static_cast<float>(y) + 0.5F;
      const float t = std::clamp((fx - 14.0F) / 36.0F, 0.0F, 1.0F);
      const float curve = 46.0F - 28.0F * t * t * (3.0F - 2.0F * t);
      const bool in_x = fx > 8.0F && fx < 56.0F;
      Color color = tokens.bg1;
      if (in_x && std::abs(fy - 46.0F) < 3.0F) color = tokens.text1;
      if (in_x && std::abs(fy - curve) < 4.0F) color = tokens.accent;
      unsigned char* p = &pixels[static_cast<std::size_t>(y * kSize + x) * 4];
      p[0] = static_cast<unsigned char>(red(color));
      p[1] = static_cast<unsigned char>(green(color));
      p[2] = static_cast<unsigned char>(blue(color));
      p[3] = 255;
    }
  }
  const GLFWimage image = {kSize, kSize, pixels.data()};
  glfwSetWindowIcon(window, 1, &image);
}

GLFWwindow* open_window(const WindowOptions& options) {
  glfwWindowHint(GLFW_CONTEXT_VERSION_MAJOR, 3);
  glfwWindowHint(GLFW_CONTEXT_VERSION_MINOR, 3);
  glfwWindowHint(GLFW_OPENGL_PROFILE, GLFW_OPENGL_CORE_PROFILE);
  glfwWindowHint(GLFW_OPENGL_FORWARD_COMPAT, GLFW_TRUE);
  glfwWindowHint(GLFW_SAMPLES, 0);
  glfwWindowHint(GLFW_VISIBLE, options.is_visible ? GLFW_TRUE : GLFW_FALSE);
  glfwWindowHint(GLFW_SCALE_TO_MONITOR, GLFW_TRUE);
  glfwWindowHintString(GLFW_X11_CLASS_NAME, "Switchyard");
  glfwWindowHintString(GLFW_X11_INSTANCE_NAME, "switchyard");
  glfwWindowHintString(GLFW_WAYLAND_APP_ID, "switchyard");
  return glfwCreateWindow(options.width, options.height, options.title.c_str(), nullptr, nullptr);
}

}  // namespace

bool GlCalls::load(void (*(*get_address)(const char*))()) {
  bool all = true;
  const auto fetch = [&](auto& target, const char* name) {
    target = reinterpret_cast<std::remove_reference_t<decltype(target)>>(get_address(name));
    all = all && target != nullptr;
  };
  fetch(viewport, "glViewport");
  fetch(clear_color, "glClearColor");
  fetch(clear, "glClear");
  fetch(enable, "glEnable");
  fetch(disable, "glDisable");
  fetch(scissor, "glScissor");
  fetch(get_string, "glGetString");
  fetch(blit_framebuffer, "glBlitFramebuffer");
  fetch(gen_framebuffers, "glGenFramebuffers");
  fetch(bind_framebuffer, "glBindFramebuffer");
  fetch(delete_framebuffers, "glDeleteFramebuffers");
  fetch(framebuffer_texture, "glFramebufferTexture2D");
  fetch(gen_textures, "glGenTextures");
  fetch(bind_texture, "glBindTexture");
  fetch(delete_textures, "glDeleteTextures");
  fetch(tex_image_2d, "glTexImage2D");
  fetch(read_pixels, "glReadPixels");
  fetch(pixel_store, "glPixelStorei");
  const bool is_whole = all;
  fetch(framebuffer_parameter, "glFramebufferParameteriMESA");
  return is_whole;
}

std::string Picture::png() const {
  return png_from_rgba(pixels, width, height);
}

Result<std::unique_ptr<Window>> Window::create(const WindowOptions& options) {
  glfwSetErrorCallback(&remember_error);
  const char* display = std::getenv("DISPLAY");
  if (display != nullptr && *display != '\0') glfwInitHint(GLFW_PLATFORM, GLFW_PLATFORM_X11);
  if (glfwInit() != GLFW_TRUE) {
    glfwInitHint(GLFW_PLATFORM, GLFW_ANY_PLATFORM);
    if (glfwInit() != GLFW_TRUE) return no_window("no display to open a window on");
  }
  std::unique_ptr<Window> self(new Window);
  self->window_ = open_window(options);
  if (self->window_ == nullptr) return no_window("no window with OpenGL 3.3 can be opened");
  glfwMakeContextCurrent(self->window_);
  glfwSwapInterval(1);
  if (!gl.load(&glfwGetProcAddress)) return no_window("the OpenGL driver lacks framebuffers");
  if (draws_on_processor()) self->redraw_ = std::make_unique<PartialRedraw>();
  set_icon(self->window_);
  glfwSetWindowSizeLimits(self->window_, 1024, 640, GLFW_DONT_CARE, GLFW_DONT_CARE);

  IMGUI_CHECKVERSION();
  ImGui::CreateContext();
  ImPlot::CreateContext();
  ImGuiIO& io = ImGui::GetIO();
  io.IniFilename = nullptr;
  io.LogFilename = nullptr;
  io.ConfigFlags |= ImGuiConfigFlags_DockingEnable | ImGuiConfigFlags_NavEnableKeyboard;
  io.ConfigDockingWithShift = false;
  io.ConfigWindowsMoveFromTitleBarOnly = true;
  io.ConfigInputTextCursorBlink = false;
  io.ConfigErrorRecovery = true;
  io.ConfigErrorRecoveryEnableAssert = false;
  apply_theme(ThemeKind::kDark, self->content_scale());
  SY_RETURN_IF_ERROR(load_fonts(assets_dir()));
  return self;
}

Window::~Window() {
  canvas_.reset();
  if (ImGui::GetCurrentContext() != nullptr) {
    if (has_backends_) {
      ImGui_ImplOpenGL3_Shutdown();
      ImGui_ImplGlfw_Shutdown();
    }
    ImPlot::DestroyContext();
    ImGui::DestroyContext();
  }
  if (window_ != nullptr) glfwDestroyWindow(window_);
  glfwTerminate();
}

float Window::content_scale() const {
  float x = 1.0F, y = 1.0F;
  glfwGetWindowContentScale(window_, &x, &y);
  return std::clamp(x, 0.5F, 4.0F);
}

bool Window::should_close() const {
  return glfwWindowShouldClose(window_) == GLFW_TRUE;
}

bool Window::is_focused() const {
  if (attention_) return attention_->is_focused;
  return glfwGetWindowAttrib(window_, GLFW_FOCUSED) == GLFW_TRUE;
}

bool Window::is_minimised() const {
  if (attention_) return attention_->is_minimised;
  return glfwGetWindowAttrib(window_, GLFW_ICONIFIED) == GLFW_TRUE;
}

void Window::set_title(const std::string& title) {
  glfwSetWindowTitle(window_, title.c_str());
}

void Window::override_size(int width, int height) {
  override_width_ = width;
  override_height_ = height;
}

void Window::begin_frame() {
  if (!has_backends_) {  // late, so that callbacks set before are chained, not replaced
    ImGui_ImplGlfw_InitForOpenGL(window_, true);
    ImGui_ImplOpenGL3_Init("#version 330 core");
    has_backends_ = true;
  }
  ImGui_ImplOpenGL3_NewFrame();
  ImGui_ImplGlfw_NewFrame();
  if (override_width_ > 0) {
    ImGuiIO& io = ImGui::GetIO();
    io.DisplaySize = {static_cast<float>(override_width_), static_cast<float>(override_height_)};
    io.DisplayFramebufferScale = {1.0F, 1.0F};
    io.DeltaTime = 1.0F / 60.0F;
  }
  ImGui::NewFrame();
}

Window::Canvas::Canvas(int canvas_width, int canvas_height)
    : width(canvas_width), height(canvas_height) {
  gl.gen_textures(1, &texture);
  gl.bind_texture(kGlTexture2d, texture);
  // As a window's pixels lie in memory, from the top: the copy to it is then a plain one.
  gl.tex_image_2d(kGlTexture2d, 0, kGlRgba, width, height, 0, kGlBgra, kGlUnsignedByte, nullptr);
  gl.bind_texture(kGlTexture2d, 0);
  gl.gen_framebuffers(1, &framebuffer);
  gl.bind_framebuffer(kGlFramebuffer, framebuffer);
  gl.framebuffer_texture(kGlFramebuffer, kGlColorAttachment0, kGlTexture2d, texture, 0);
  if (gl.framebuffer_parameter != nullptr)
    gl.framebuffer_parameter(kGlFramebuffer, kGlFramebufferFlipY, 1);
  gl.bind_framebuffer(kGlFramebuffer, 0);
}

Window::Canvas::~Canvas() {
  gl.delete_framebuffers(1, &framebuffer);
  gl.delete_textures(1, &texture);
}

void Window::draw(int width, int height) {
  const ImVec4 back = vec(theme().bg0);
  gl.viewport(0, 0, width, height);
  gl.clear_color(back.x, back.y, back.z, 1.0F);
  gl.clear(kGlColorBufferBit);
  ImGui_ImplOpenGL3_RenderDrawData(ImGui::GetDrawData());
}

/// The last frame stays in the canvas; only what changed is drawn over it.
void Window::draw_changes() {
  ImDrawData& frame = *ImGui::GetDrawData();
  const int width = static_cast<int>(frame.DisplaySize.x);
  const int height = static_cast<int>(frame.DisplaySize.y);
  if (width <= 0 || height <= 0) return;
  if (canvas_ == nullptr || canvas_->width != width || canvas_->height != height)
    canvas_ = std::make_unique<Canvas>(width, height);
  const auto& changes = redraw_->cut(frame, theme().bg0);
  gl.bind_framebuffer(kGlFramebuffer, canvas_->framebuffer);
  gl.enable(kGlScissorTest);
  for (const Change& change : changes) {
    const ImVec4 fill = vec(change.fill);
    const PixelRect& area = change.area;
    gl.clear_color(fill.x, fill.y, fill.z, 1.0F);
    gl.scissor(area.left, height - area.bottom, area.right - area.left, area.bottom - area.top);
    gl.clear(kGlColorBufferBit);
  }
  gl.disable(kGlScissorTest);
  ImGui_ImplOpenGL3_RenderDrawData(&frame);
  gl.bind_framebuffer(kGlFramebuffer, 0);
  gl.bind_framebuffer(kGlReadFramebuffer, canvas_->framebuffer);
  gl.blit_framebuffer(0, 0, width, height, 0, 0, width, height, kGlColorBufferBit, kGlNearest);
  gl.bind_framebuffer(kGlReadFramebuffer, 0);
}

void Window::end_frame() {
  ImGui::Render();
  int width = 0, height = 0;
  glfwGetFramebufferSize(window_, &width, &height);
  const ImVec2 scale = ImGui::GetDrawData()->FramebufferScale;
  if (redraw_ != nullptr && scale.x == 1.0F && scale.y == 1.0F) {
    draw_changes();
  } else {
    if (redraw_ != nullptr) redraw_->forget();
    draw(width, height);
  }
  glfwSwapBuffers(window_);
}

Picture Window::end_frame_to_picture() {
  ImGui::Render();
  const ImDrawData* data = ImGui::GetDrawData();
  Picture picture;
  picture.width = static_cast<int>(data->DisplaySize.x * data->FramebufferScale.x);
  picture.height = static_cast<int>(data->DisplaySize.y * data->FramebufferScale.y);
  if (picture.width <= 0 || picture.height <= 0) return picture;
  if (redraw_ != nullptr) redraw_->forget();  // it sees no textures that change in this frame
  const Canvas canvas(picture.width, picture.height);
  gl.bind_framebuffer(kGlFramebuffer, canvas.framebuffer);
  draw(picture.width, picture.height);
  const auto row = static_cast<std::size_t>(picture.width) * 4;
  std::vector<std::uint8_t> bottom_up(row * static_cast<std::size_t>(picture.height));
  gl.pixel_store(kGlPackAlignment, 1);
  gl.read_pixels(0, 0, picture.width, picture.height, kGlRgba, kGlUnsignedByte, bottom_up.data());
  gl.bind_framebuffer(kGlFramebuffer, 0);
  picture.pixels.resize(bottom_up.size());
  const auto height = static_cast<std::size_t>(picture.height);
  for (std::size_t y = 0; y < height; ++y) {
    std::copy_n(&bottom_up[(height - 1 - y) * row], row, &picture.pixels[y * row]);
  }
  for (std::size_t i = 3; i < picture.pixels.size(); i += 4) picture.pixels[i] = 255;
  return picture;
}

}  // namespace switchyard::ui
