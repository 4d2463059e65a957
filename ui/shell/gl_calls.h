#pragma once

#include <cstdint>

namespace switchyard::ui {

/// The few OpenGL calls made outside Dear ImGui's back end, fetched from the current context.
struct GlCalls {
  void (*viewport)(int, int, int, int) = nullptr;
  void (*clear_color)(float, float, float, float) = nullptr;
  void (*clear)(std::uint32_t) = nullptr;
  void (*enable)(std::uint32_t) = nullptr;
  void (*disable)(std::uint32_t) = nullptr;
  void (*scissor)(int, int, int, int) = nullptr;
  const unsigned char* (*get_string)(std::uint32_t) = nullptr;
  void (*gen_framebuffers)(int, std::uint32_t*) = nullptr;
  void (*bind_framebuffer)(std::uint32_t, std::uint32_t) = nullptr;
  void (*delete_framebuffers)(int, const std::uint32_t*) = nullptr;
  void (*framebuffer_texture)(std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t, int) =
      nullptr;
  void (*framebuffer_parameter)(std::uint32_t, std::uint32_t, int) = nullptr;  ///< Mesa alone
  void (*gen_textures)(int, std::uint32_t*) = nullptr;
  void (*bind_texture)(std::uint32_t, std::uint32_t) = nullptr;
  void (*delete_textures)(int, const std::uint32_t*) = nullptr;
  void (*tex_image_2d)(
      std::uint32_t, int, int, int, int, int, std::uint32_t, std::uint32_t, const void*) = nullptr;
  void (*blit_framebuffer)(int, int, int, int, int, int, int, int, std::uint32_t, std::uint32_t) =
      nullptr;
  void (*read_pixels)(int, int, int, int, std::uint32_t, std::uint32_t, void*) = nullptr;
  void (*pixel_store)(std::uint32_t, int) = nullptr;

  /// False when the context lacks one of them.
  bool load(void (*(*get_address)(const char*))());
};

inline constexpr std::uint32_t kGlColorBufferBit = 0x4000;
inline constexpr std::uint32_t kGlScissorTest = 0x0C11;
inline constexpr std::uint32_t kGlRenderer = 0x1F01;
inline constexpr std::uint32_t kGlNearest = 0x2600;
inline constexpr std::uint32_t kGlReadFramebuffer = 0x8CA8;
inline constexpr std::uint32_t kGlFramebuffer = 0x8D40;
inline constexpr std::uint32_t kGlTexture2d = 0x0DE1;
inline constexpr std::uint32_t kGlFramebufferFlipY = 0x8BBB;
inline constexpr std::uint32_t kGlColorAttachment0 = 0x8CE0;
inline constexpr std::uint32_t kGlRgba = 0x1908;
inline constexpr std::uint32_t kGlBgra = 0x80E1;
inline constexpr std::uint32_t kGlUnsignedByte = 0x1401;
inline constexpr std::uint32_t kGlPackAlignment = 0x0D05;

}  // namespace switchyard::ui
