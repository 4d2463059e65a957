#include "ui/shell/partial_redraw.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace switchyard::ui {
namespace {

constexpr int kTile = 32;
/// Pixels drawn in the time of the draw calls that one more change needs.
constexpr std::int64_t kPixelsPerChange = 8 * kTile * kTile;
constexpr std::size_t kMostChanges = 40;
/// Smaller surfaces cover no whole tile.
constexpr int kSmallestCover = 2 * kTile - 1;

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
  return hash ^ (hash >> 32U);
}

std::uint64_t mix_bytes(std::uint64_t hash, const void* bytes, std::size_t count) {
  const auto* from = static_cast<const unsigned char*>(bytes);
  for (std::size_t at = 0; at < count; at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + at, std::min(sizeof word, count - at));
    hash = mix(hash, word);
  }
  return hash;
}

/// Within the two; `low` for what is no number.
int whole_within(float value, int low, int high) {
  if (!(value > static_cast<float>(low))) return low;
  return value < static_cast<float>(high) ? static_cast<int>(value) : high;
}

std::int64_t pixels(const PixelRect& rect) {
  return std::int64_t{rect.right - rect.left} * (rect.bottom - rect.top);
}

PixelRect around(const PixelRect& a, const PixelRect& b) {
  return {std::min(a.left, b.left),
          std::min(a.top, b.top),
          std::max(a.right, b.right),
          std::max(a.bottom, b.bottom)};
}

PixelRect common(const PixelRect& a, const PixelRect& b) {
  return {std::max(a.left, b.left),
          std::max(a.top, b.top),
          std::min(a.right, b.right),
          std::min(a.bottom, b.bottom)};
}

}  // namespace

const std::vector<Change>& PartialRedraw::cut(ImDrawData& frame, ImU32 background) {
  const int width = static_cast<int>(frame.DisplaySize.x);
  const int height = static_cast<int>(frame.DisplaySize.y);
  const bool is_resized = width != width_ || height != height_;
  width_ = width;
  height_ = height;
  columns_ = (width + kTile - 1) / kTile;
  rows_ = (height + kTile - 1) / kTile;
  ++frame_;
  note_textures(frame);
  hash(frame, background);
  changes_.clear();
  if (is_resized) {
    changes_.push_back({{0, 0, width, height}, background, 0});
  } else {
    find_changes();
    keep_changes(frame);
  }
  std::swap(hashes_, last_hashes_);
  return changes_;
}

void PartialRedraw::note_textures(const ImDrawData& frame) {
  std::map<const ImTextureData*, std::uint64_t> now;
  for (const ImTextureData* texture : *frame.Textures) {
    const auto known = textures_.find(texture);
    // The atlas of the fonts only gains glyphs; when it moves them it is another texture.
    const bool is_atlas = texture == ImGui::GetIO().Fonts->TexData;
    const bool is_new =
        known == textures_.end() || (!is_atlas && texture->Status != ImTextureStatus_OK);
    now[texture] = is_new ? frame_ : known->second;
  }
  textures_ = std::move(now);
}

/// The scissor that Dear ImGui's back end sets, from the top.
PixelRect PartialRedraw::clip_of(const ImDrawCmd& command) const {
  const ImVec4& clip = command.ClipRect;
  const int left = static_cast<int>(clip.x);
  const int bottom = static_cast<int>(static_cast<float>(height_) - clip.w);
  const PixelRect scissor = {left,
                             height_ - bottom - static_cast<int>(clip.w - clip.y),
                             left + static_cast<int>(clip.z - clip.x),
                             height_ - bottom};
  return common(scissor, {0, 0, width_, height_});
}

void PartialRedraw::hash(const ImDrawData& frame, ImU32 background) {
  hashes_.assign(static_cast<std::size_t>(columns_ * rows_), background);
  triangles_.clear();
  covers_.assign(1, {{0, 0, width_, height_}, background, 0});
  std::uint64_t state = 0;  // what callbacks set holds for all that follows
  for (const ImDrawList* list : frame.CmdLists) {
    vertex_hashes_.clear();
    for (const ImDrawVert& vertex : list->VtxBuffer)
      vertex_hashes_.push_back(mix_bytes(0, &vertex, sizeof vertex));
    for (const ImDrawCmd& command : list->CmdBuffer) {
      if (command.UserCallback != nullptr) {
        state = mix_bytes(state, &command.UserCallback, sizeof command.UserCallback);
      } else {
        const std::size_t first = triangles_.size();
        hash_command(*list, command, state);
        find_covers(*list, command, first);
      }
    }
  }
}

void PartialRedraw::hash_command(const ImDrawList& list,
                                 const ImDrawCmd& command,
                                 std::uint64_t state) {
  const PixelRect clip = clip_of(command);
  const ImTextureData* texture = command.TexRef._TexData;
  state = mix_bytes(state, &clip, sizeof clip);
  state = mix(state, texture == nullptr ? command.TexRef._TexID : textures_[texture]);
  state = mix_bytes(state, &texture, sizeof texture);
  const unsigned* index = list.IdxBuffer.Data + command.IdxOffset;
  for (const unsigned* end = index + command.ElemCount; index < end; index += 3) {
    std::uint64_t triangle = state;
    ImVec2 least(1e9F, 1e9F), most(-1e9F, -1e9F);
    for (int corner = 0; corner < 3; ++corner) {
      const unsigned vertex = index[corner] + command.VtxOffset;
      const ImVec2 at = list.VtxBuffer.Data[vertex].pos;
      least = {std::min(least.x, at.x), std::min(least.y, at.y)};
      most = {std::max(most.x, at.x), std::max(most.y, at.y)};
      triangle = mix(triangle, vertex_hashes_[vertex]);
    }
    Tiles tiles = {0, 0, -1, -1};
    const bool is_seen = most.x >= static_cast<float>(clip.left) &&
                         most.y >= static_cast<float>(clip.top) &&
                         least.x < static_cast<float>(clip.right) &&
                         least.y < static_cast<float>(clip.bottom) && !clip.is_empty();
    if (is_seen) {
      const auto tile = [](float value, int low, int high) {
        return static_cast<std::int16_t>(whole_within(value, low, high - 1) / kTile);
      };
      tiles = {tile(least.x, clip.left, clip.right),
               tile(least.y, clip.top, clip.bottom),
               tile(most.x, clip.left, clip.right),
               tile(most.y, clip.top, clip.bottom)};
    }
    triangles_.push_back(tiles);
    for (int row = tiles.top; row <= tiles.bottom; ++row) {
      std::uint64_t* hashes = &hashes_[static_cast<std::size_t>(row * columns_)];
      for (int column = tiles.left; column <= tiles.right; ++column)
        hashes[column] = mix(hashes[column], triangle);
    }
  }
}

/// Runs of triangles around one corner that have one opaque colour: rectangles, rounded ones too.
void PartialRedraw::find_covers(const ImDrawList& list,
                                const ImDrawCmd& command,
                                std::size_t first_triangle) {
  if (command.TexRef._TexData != ImGui::GetIO().Fonts->TexData) return;
  const PixelRect clip = clip_of(command);
  const ImVec2 white = ImGui::GetIO().Fonts->TexUvWhitePixel;
  const unsigned* const index = list.IdxBuffer.Data + command.IdxOffset;
  const auto vertex = [&](unsigned at) -> const ImDrawVert& {
    return list.VtxBuffer.Data[index[at] + command.VtxOffset];
  };
  unsigned next = 0;
  for (unsigned at = 0; at < command.ElemCount; at = next) {
    const ImU32 color = vertex(at).col;
    const auto is_flat = [&](unsigned i) {
      const ImDrawVert& v = vertex(i);
      return v.col == color && v.uv.x == white.x && v.uv.y == white.y;
    };
    const auto goes_on = [&](unsigned i) {
      return index[i] == index[at] && (i == at || index[i + 1] == index[i - 1]) && is_flat(i) &&
             is_flat(i + 1) && is_flat(i + 2);
    };
    for (next = at + 3; next < command.ElemCount && goes_on(next);) next += 3;
    if ((color >> IM_COL32_A_SHIFT) != 0xFF || next < at + 6 || !goes_on(at)) continue;
    float top = vertex(at).pos.y, bottom = top;
    for (unsigned i = at; i < next; ++i) {
      top = std::min(top, vertex(i).pos.y);
      bottom = std::max(bottom, vertex(i).pos.y);
    }
    // A convex surface holds all between its corners at the top and those at the bottom.
    float lefts[2] = {1e9F, 1e9F}, rights[2] = {-1e9F, -1e9F};
    for (unsigned i = at; i < next; ++i) {
      const ImVec2 corner = vertex(i).pos;
      for (const int end : {0, 1}) {
        if (corner.y != (end == 0 ? top : bottom)) continue;
        lefts[end] = std::min(lefts[end], corner.x);
        rights[end] = std::max(rights[end], corner.x);
      }
    }
    const auto whole = [](float value) { return whole_within(value, -1, 1 << 20); };
    const PixelRect area = common(clip,
                                  {whole(std::ceil(std::max(lefts[0], lefts[1]))),
                                   whole(std::ceil(top)),
                                   whole(std::floor(std::min(rights[0], rights[1]))),
                                   whole(std::floor(bottom))});
    if (area.right - area.left >= kSmallestCover && area.bottom - area.top >= kSmallestCover)
      covers_.push_back({area, color, first_triangle + next / 3});
  }
}

/// Runs of changed tiles on the same cover, joined with equal runs above them.
void PartialRedraw::find_changes() {
  tile_covers_.assign(hashes_.size(), 0);
  for (std::size_t i = 1; i < covers_.size(); ++i) {
    const PixelRect& area = covers_[i].area;
    const int right = area.right == width_ ? columns_ : area.right / kTile;
    const int bottom = area.bottom == height_ ? rows_ : area.bottom / kTile;
    for (int row = (area.top + kTile - 1) / kTile; row < bottom; ++row) {
      for (int column = (area.left + kTile - 1) / kTile; column < right; ++column)
        tile_covers_[static_cast<std::size_t>(row * columns_ + column)] = i;
    }
  }

  struct Run {
    PixelRect tiles;
    std::size_t cover;
  };

  std::vector<Run> runs;
  for (int row = 0; row < rows_; ++row) {
    const std::size_t num_above = runs.size();
    for (int column = 0; column < columns_; ++column) {
      const auto tile = static_cast<std::size_t>(row * columns_ + column);
      if (hashes_[tile] == last_hashes_[tile]) continue;
      const std::size_t cover = tile_covers_[tile];
      if (runs.size() == num_above || runs.back().tiles.right != column ||
          runs.back().cover != cover)
        runs.push_back({{column, row, column, row + 1}, cover});
      ++runs.back().tiles.right;
    }
    for (std::size_t i = num_above; i < runs.size();) {
      const Run run = runs[i];
      const auto end = runs.begin() + static_cast<std::ptrdiff_t>(num_above);
      const auto above = std::find_if(runs.begin(), end, [&](const Run& other) {
        return other.cover == run.cover && other.tiles.left == run.tiles.left &&
               other.tiles.right == run.tiles.right && other.tiles.bottom == row;
      });
      if (above == end) {
        ++i;
        continue;
      }
      above->tiles.bottom = row + 1;
      runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  for (const auto& [tiles, cover] : runs)
    add_change(
        common({tiles.left * kTile, tiles.top * kTile, tiles.right * kTile, tiles.bottom * kTile},
               {0, 0, width_, height_}));
}

Change PartialRedraw::change_of(const PixelRect& area) const {
  const auto cover = std::find_if(
      covers_.rbegin(), covers_.rend(), [&](const Cover& other) { return other.area.holds(area); });
  return {area, cover->color, cover->end};
}

/// Joins it with changes that it meets or that are cheaper drawn with it; when there are too many,
/// the two that waste the least.
void PartialRedraw::add_change(PixelRect area) {
  Change change = change_of(area);
  const auto waste = [](const Change& a, const Change& b) {
    return pixels(around(a.area, b.area)) - pixels(a.area) - pixels(b.area);
  };
  for (auto other = changes_.begin(); other != changes_.end();) {
    const bool is_joined =
        other->area.meets(change.area) ||
        (other->num_hidden == change.num_hidden && waste(*other, change) <= kPixelsPerChange);
    if (!is_joined) {
      ++other;
      continue;
    }
    change = change_of(around(change.area, other->area));
    changes_.erase(other);
    other = changes_.begin();
  }
  changes_.push_back(change);
  if (changes_.size() <= kMostChanges) return;
  std::size_t first = 0, second = 1;
  for (std::size_t a = 0; a < changes_.size(); ++a) {
    for (std::size_t b = a + 1; b < changes_.size(); ++b) {
      if (waste(changes_[a], changes_[b]) >= waste(changes_[first], changes_[second])) continue;
      first = a;
      second = b;
    }
  }
  const PixelRect joined = around(changes_[first].area, changes_[second].area);
  changes_.erase(changes_.begin() + static_cast<std::ptrdiff_t>(second));
  changes_.erase(changes_.begin() + static_cast<std::ptrdiff_t>(first));
  add_change(joined);
}

void PartialRedraw::keep_changes(ImDrawData& frame) {
  std::size_t first = 0;  // triangle of the command
  for (ImDrawList* list : frame.CmdLists) {
    commands_.resize(0);
    indices_.resize(0);
    for (const ImDrawCmd& command : list->CmdBuffer) {
      if (command.UserCallback != nullptr) {
        commands_.push_back(command);
        continue;
      }
      const PixelRect clip = clip_of(command);
      const std::size_t end = first + command.ElemCount / 3;
      for (const Change& change : changes_) {
        const PixelRect seen = common(clip, change.area);
        if (seen.is_empty()) continue;
        ImDrawCmd kept = command;
        kept.ClipRect = {static_cast<float>(seen.left),
                         static_cast<float>(seen.top),
                         static_cast<float>(seen.right),
                         static_cast<float>(seen.bottom)};
        kept.IdxOffset = static_cast<unsigned>(indices_.Size);
        const int left = seen.left / kTile, right = (seen.right - 1) / kTile;
        const int top = seen.top / kTile, bottom = (seen.bottom - 1) / kTile;
        for (std::size_t i = std::max(first, change.num_hidden); i < end; ++i) {
          const Tiles& tiles = triangles_[i];
          if (tiles.left > right || tiles.right < left || tiles.top > bottom || tiles.bottom < top)
            continue;
          const ImDrawIdx* index = list->IdxBuffer.Data + command.IdxOffset + 3 * (i - first);
          for (int corner = 0; corner < 3; ++corner) indices_.push_back(index[corner]);
        }
        kept.ElemCount = static_cast<unsigned>(indices_.Size) - kept.IdxOffset;
        if (kept.ElemCount > 0) commands_.push_back(kept);
      }
      first = end;
    }
    list->CmdBuffer.swap(commands_);
    list->IdxBuffer.swap(indices_);
  }
  ImDrawList** end =
      std::remove_if(frame.CmdLists.begin(), frame.CmdLists.end(), [](const ImDrawList* list) {
        return list->IdxBuffer.empty();  // else its vertices would be uploaded for nothing
      });
  frame.CmdLists.resize(static_cast<int>(end - frame.CmdLists.begin()));
}

}  // namespace switchyard::ui
