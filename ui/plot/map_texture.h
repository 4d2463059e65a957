#pragma once

#include <memory>
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

  /// Replaces all pixels (row by row, top first). The size may change at any time.
  void set(std::span<const Color> pixels, int width, int height);

  [[nodiscard]] bool empty() const { return data_ == nullptr; }

  /// Draws into the rectangle, nearest sampling, then puts linear sampling back.
  void draw(ImDrawList* list, ImVec2 min, ImVec2 max) const;

 private:
  void release();

  ImTextureData* data_ = nullptr;
};

}  // namespace switchyard::ui
