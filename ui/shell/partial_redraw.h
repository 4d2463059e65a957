#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include <imgui.h>

namespace switchyard::ui {

/// Pixels from the top left corner; right and bottom are the first beyond.
struct PixelRect {
  int left = 0, top = 0, right = 0, bottom = 0;

  [[nodiscard]] bool is_empty() const { return right <= left || bottom <= top; }

  [[nodiscard]] bool holds(const PixelRect& other) const {
    return left <= other.left && top <= other.top && right >= other.right && bottom >= other.bottom;
  }

  [[nodiscard]] bool meets(const PixelRect& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

/// A part of the window to be drawn anew: filled with `fill`, then drawn over.
struct Change {
  PixelRect area;
  ImU32 fill = 0;
  std::size_t num_hidden = 0;  ///< of the frame's first triangles, below what `fill` stands for
};

/// Cuts a frame down to what differs from the one before, for where the processor draws the pixels.
///
/// Math:    the frame is a grid of tiles. A tile's hash is over all triangles that touch it, in
///          their order, with all that decides their pixels: vertices, clip rectangle, state, and
///          texture with the frame that last changed it. Equal hashes of 64 bits: equal pixels.
///          What lies below an opaque surface that covers a changed part is left out.
/// Units:   pixels; ImDrawData::FramebufferScale must be 1.
/// Threads: the main thread.
class PartialRedraw {
 public:
  /// Leaves in `frame` what has to be drawn over the last frame's pixels once the changes are
  /// filled; they do not overlap. The cut frame is good for drawing only, once.
  const std::vector<Change>& cut(ImDrawData& frame, ImU32 background);

  /// The next frame is drawn whole.
  void forget() { width_ = height_ = 0; }

 private:
  /// First and last column and row of tiles that a triangle touches; none where last < first.
  struct Tiles {
    std::int16_t left, top, right, bottom;
  };

  /// Whole pixels that an opaque surface of one colour hides.
  struct Cover {
    PixelRect area;
    ImU32 color;
    std::size_t end;  ///< one past its last triangle
  };

  void note_textures(const ImDrawData& frame);
  void hash(const ImDrawData& frame, ImU32 background);
  void hash_command(const ImDrawList& list, const ImDrawCmd& command, std::uint64_t state);
  void find_covers(const ImDrawList& list, const ImDrawCmd& command, std::size_t first_triangle);
  void find_changes();
  void add_change(PixelRect area);
  [[nodiscard]] Change change_of(const PixelRect& area) const;
  void keep_changes(ImDrawData& frame);
  [[nodiscard]] PixelRect clip_of(const ImDrawCmd& command) const;

  int width_ = 0, height_ = 0;  ///< of the frame
  int columns_ = 0, rows_ = 0;  ///< of the grid
  std::uint64_t frame_ = 0;
  std::map<const ImTextureData*, std::uint64_t> textures_;  ///< the frame that last changed each
  std::vector<std::uint64_t> hashes_, last_hashes_;         ///< by tile
  std::vector<std::uint64_t> vertex_hashes_;                ///< of one list
  std::vector<Tiles> triangles_;                            ///< of all lists
  std::vector<Cover> covers_;                               ///< the lowest first; the window's
  std::vector<std::size_t> tile_covers_;                    ///< the highest by tile
  std::vector<Change> changes_;
  ImVector<ImDrawCmd> commands_;  ///< those kept of one list
  ImVector<ImDrawIdx> indices_;
};

}  // namespace switchyard::ui
