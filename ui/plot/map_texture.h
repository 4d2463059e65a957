#pragma once

#include <span>

#include <imgui.h>

#include "ui/shell/theme_tokens.h"

namespace switchyard::ui {

/// A picture on the graphics card for one heat map: uploaded through Dear ImGui's texture queue,
/// only when its pixels changed, drawn with nearest sampling.
///
/// Threads: main thread, within the life of one ImGui context.
class MapTexture {
 public:
  MapTexture() = default;
  ~MapTexture();
  MapTexture(const MapTexture&) = delete;
  MapTexture& operator=(const MapTexture&) = delete;

  /// The pixels (row by row, top first) for the caller to fill, all of them, before the next draw;
  /// they are uploaded with this frame. Sizes are at least 1; they may change at any time.
  std::span<Color> renew(int width, int height);

  [[nodiscard]] bool empty() const { return data_ == nullptr; }

  /// Draws into the rectangle, nearest sampling, then puts linear sampling back.
  void draw(ImDrawList* list, ImVec2 min, ImVec2 max) const;

 private:
  void release();

  ImTextureData* data_ = nullptr;
};

}  // namespace switchyard::ui
