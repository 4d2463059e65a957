#pragma once

#include <cstdint>

namespace switchyard::ui {

/// The few OpenGL calls made outside Dear ImGui's back end, fetched from the current context.
struct GlCalls {
  void (*viewport)(int, int, int, int) = nullptr;
  void (*clear_color)(float, float, float, float) = nullptr;
  void (*clear)(std::uint32_t) = nullptr;
  void (*gen_framebuffers)(int, std::uint32_t*) = nullptr;
  void (*bind_framebuffer)(std::uint32_t, std::uint32_t) = nullptr;
  void (*delete_framebuffers)(int, const std::uint32_t*) = nullptr;
  void (*gen_renderbuffers)(int, std::uint32_t*) = nullptr;
  void (*bind_renderbuffer)(std::uint32_t, std::uint32_t) = nullptr;
  void (*delete_renderbuffers)(int, const std::uint32_t*) = nullptr;
  void (*renderbuffer_storage)(std::uint32_t, std::uint32_t, int, int) = nullptr;
  void (*framebuffer_renderbuffer)(std::uint32_t,
                                   std::uint32_t,
                                   std::uint32_t,
                                   std::uint32_t) = nullptr;
  void (*read_pixels)(int, int, int, int, std::uint32_t, std::uint32_t, void*) = nullptr;
  void (*pixel_store)(std::uint32_t, int) = nullptr;

  /// False when the context lacks one of them.
  bool load(void (*(*get_address)(const char*))());
};

inline constexpr std::uint32_t kGlColorBufferBit = 0x4000;
inline constexpr std::uint32_t kGlFramebuffer = 0x8D40;
inline constexpr std::uint32_t kGlRenderbuffer = 0x8D41;
inline constexpr std::uint32_t kGlColorAttachment0 = 0x8CE0;
inline constexpr std::uint32_t kGlRgba8 = 0x8058;
inline constexpr std::uint32_t kGlRgba = 0x1908;
inline constexpr std::uint32_t kGlUnsignedByte = 0x1401;
inline constexpr std::uint32_t kGlPackAlignment = 0x0D05;

}  // namespace switchyard::ui
