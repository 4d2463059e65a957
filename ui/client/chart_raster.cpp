#include "ui/client/chart_raster.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include <ft2build.h>
#include FT_FREETYPE_H

#include "engine/base/core/text.h"
#include "ui/shell/png.h"

namespace switchyard::ui {
namespace {

constexpr double kDashOn = 6.0, kDashOff = 3.0;

struct Box {
  double left = 0.0, top = 0.0, right = 0.0, bottom = 0.0;
};

/// RGBA pixels, with shapes laid over them through a coverage mask.
class Canvas {
 public:
  Canvas(int width, int height, Color background) : width_(width), height_(height) {
    const auto count = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    pixels_.resize(count * 4);
    mask_.resize(count, 0.0F);
    for (std::size_t i = 0; i < count; ++i) {
      pixels_[4 * i] = static_cast<std::uint8_t>(red(background));
      pixels_[4 * i + 1] = static_cast<std::uint8_t>(green(background));
      pixels_[4 * i + 2] = static_cast<std::uint8_t>(blue(background));
      pixels_[4 * i + 3] = 255;
    }
    clear_touched();
  }

  void set_clip(const Box& clip) { clip_ = clip; }

  void cover(int x, int y, float coverage) {
    if (x < 0 || y < 0 || x >= width_ || y >= height_) return;
    const double cx = x + 0.5, cy = y + 0.5;
    if (cx < clip_.left || cx > clip_.right || cy < clip_.top || cy > clip_.bottom) return;
    float& at = mask_[index(x, y)];
    at = std::max(at, std::min(1.0F, coverage));
    first_x_ = std::min(first_x_, x), last_x_ = std::max(last_x_, x);
    first_y_ = std::min(first_y_, y), last_y_ = std::max(last_y_, y);
  }

  /// All pixels nearer to the segment than half its width, with soft edges.
  void cover_segment(ChartPoint a, ChartPoint b, double width) {
    const double reach = width * 0.5 + 1.0;
    const int top = std::max(0, static_cast<int>(std::floor(std::min(a.y, b.y) - reach)));
    const int bottom =
        std::min(height_ - 1, static_cast<int>(std::ceil(std::max(a.y, b.y) + reach)));
    const double dx = b.x - a.x, dy = b.y - a.y, squared = dx * dx + dy * dy;
    for (int y = top; y <= bottom; ++y) {
      // Part of the segment near this line of pixels, so that long slopes cost what they cover.
      double low = std::min(a.x, b.x), high = std::max(a.x, b.x);
      if (std::abs(dy) > 1e-9) {
        const double t0 = std::clamp((y + 0.5 - reach - a.y) / dy, 0.0, 1.0);
        const double t1 = std::clamp((y + 0.5 + reach - a.y) / dy, 0.0, 1.0);
        low = std::min(a.x + dx * t0, a.x + dx * t1);
        high = std::max(a.x + dx * t0, a.x + dx * t1);
      }
      const int first = std::max(0, static_cast<int>(std::floor(low - reach)));
      const int last = std::min(width_ - 1, static_cast<int>(std::ceil(high + reach)));
      for (int x = first; x <= last; ++x) {
        const double px = x + 0.5 - a.x, py = y + 0.5 - a.y;
        const double t = squared > 0.0 ? std::clamp((px * dx + py * dy) / squared, 0.0, 1.0) : 0.0;
        const double distance = std::hypot(px - dx * t, py - dy * t);
        const double coverage =
            std::min(1.0, width) * std::clamp(width * 0.5 + 0.5 - distance, 0.0, 1.0);
        if (coverage > 0.0) cover(x, y, static_cast<float>(coverage));
      }
    }
  }

  /// Inside of a polygon (even-odd), four lines per pixel with exact ends.
  void cover_polygon(std::span<const ChartPoint> points) {
    constexpr int kLines = 4;
    double top = 1e9, bottom = -1e9;
    for (const ChartPoint& p : points) top = std::min(top, p.y), bottom = std::max(bottom, p.y);
    const int first = std::max(0, static_cast<int>(std::floor(top)));
    const int last = std::min(height_ - 1, static_cast<int>(std::ceil(bottom)));
    std::vector<float> row(static_cast<std::size_t>(width_));
    for (int y = first; y <= last; ++y) {
      std::fill(row.begin(), row.end(), 0.0F);
      for (int k = 0; k < kLines; ++k) add_scan_line(points, y + (k + 0.5) / kLines, row);
      for (int x = 0; x < width_; ++x) {
        if (row[static_cast<std::size_t>(x)] > 0.0F)
          cover(x, y, row[static_cast<std::size_t>(x)] / kLines);
      }
    }
  }

  /// Lays the colour over what was covered, and forgets the mask.
  void paint(Color color) {
    const float strength = static_cast<float>(alpha(color)) / 255.0F;
    const std::array<float, 3> rgb = {static_cast<float>(red(color)),
                                      static_cast<float>(green(color)),
                                      static_cast<float>(blue(color))};
    for (int y = first_y_; y <= last_y_; ++y) {
      for (int x = first_x_; x <= last_x_; ++x) {
        float& coverage = mask_[index(x, y)];
        if (coverage <= 0.0F) continue;
        const float part = coverage * strength;
        coverage = 0.0F;
        for (std::size_t c = 0; c < 3; ++c) {
          std::uint8_t& value = pixels_[4 * index(x, y) + c];
          value = static_cast<std::uint8_t>(
              std::lround(static_cast<float>(value) * (1.0F - part) + rgb[c] * part));
        }
      }
    }
    clear_touched();
  }

  [[nodiscard]] const std::vector<std::uint8_t>& pixels() const { return pixels_; }

 private:
  [[nodiscard]] std::size_t index(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) +
           static_cast<std::size_t>(x);
  }

  void clear_touched() { first_x_ = first_y_ = 1 << 30, last_x_ = last_y_ = -1; }

  void add_scan_line(std::span<const ChartPoint> points, double y, std::vector<float>& row) const {
    std::vector<double> crossings;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const ChartPoint a = points[i], b = points[(i + 1) % points.size()];
      if ((a.y <= y) == (b.y <= y)) continue;
      crossings.push_back(a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y));
    }
    std::sort(crossings.begin(), crossings.end());
    for (std::size_t i = 0; i + 1 < crossings.size(); i += 2) {
      const double left = std::max(0.0, crossings[i]);
      const double right = std::min(static_cast<double>(width_), crossings[i + 1]);
      for (int x = static_cast<int>(left); x < width_ && x < right; ++x) {
        const double part = std::min(right, x + 1.0) - std::max(left, static_cast<double>(x));
        if (part > 0.0) row[static_cast<std::size_t>(x)] += static_cast<float>(part);
      }
    }
  }

  int width_, height_;
  Box clip_{0.0, 0.0, 1e9, 1e9};
  std::vector<std::uint8_t> pixels_;
  std::vector<float> mask_;
  int first_x_ = 0, first_y_ = 0, last_x_ = -1, last_y_ = -1;
};

void cover_line(Canvas& canvas, const ChartShape& shape, double scale) {
  double phase = 0.0;
  const double period = kDashOn + kDashOff;
  for (std::size_t i = 1; i < shape.points.size(); ++i) {
    const ChartPoint a = {shape.points[i - 1].x * scale, shape.points[i - 1].y * scale};
    const ChartPoint b = {shape.points[i].x * scale, shape.points[i].y * scale};
    if (!shape.is_dashed) {
      canvas.cover_segment(a, b, shape.width * scale);
      continue;
    }
    const double length = std::hypot(b.x - a.x, b.y - a.y) / scale;
    for (double at = 0.0; at < length;) {
      const bool is_on = phase < kDashOn;
      const double step = std::min(length - at, (is_on ? kDashOn : period) - phase);
      const double u = at / length, v = (at + step) / length;
      if (is_on)
        canvas.cover_segment({a.x + (b.x - a.x) * u, a.y + (b.y - a.y) * u},
                             {a.x + (b.x - a.x) * v, a.y + (b.y - a.y) * v},
                             shape.width * scale);
      at += std::max(step, 1e-3);
      phase = std::fmod(phase + step, period);
    }
  }
}

std::string font_file(const std::string& assets, const std::string& stem) {
  for (const char* extension : {".otf", ".ttf"}) {
    const std::string path = assets + "/fonts/" + stem + extension;
    std::error_code problem;
    if (std::filesystem::exists(path, problem)) return path;
  }
  return assets + "/fonts/" + stem + ".otf";
}

}  // namespace

struct ChartRaster::Fonts {
  FT_Library library = nullptr;
  std::vector<FT_Face> regular, strong;  ///< with fallbacks, in order of preference

  Fonts() = default;
  Fonts(const Fonts&) = delete;
  Fonts& operator=(const Fonts&) = delete;

  ~Fonts() {
    for (const FT_Face face : regular) FT_Done_Face(face);
    for (const FT_Face face : strong) FT_Done_Face(face);
    if (library != nullptr) FT_Done_FreeType(library);
  }

  bool load(const std::string& path, std::vector<FT_Face>& into) const {
    FT_Face face = nullptr;
    if (FT_New_Face(library, path.c_str(), 0, &face) != 0) return false;
    into.push_back(face);
    return true;
  }

  /// Calls `visit(face, glyph index)` for each code point; the face has the size set.
  template <typename Visit>
  void walk(std::string_view text, double size, bool is_strong, Visit visit) const {
    const std::vector<FT_Face>& faces = is_strong ? strong : regular;
    for (std::size_t at = 0; at < text.size();) {
      CodePoint point = code_point_at(text, at);
      if (point.length == 0) point = {0xFFFD, 1};
      at += point.length;
      if (point.value == 0x2009) point.value = ' ';  // thin space: half of it below
      FT_Face face = faces.front();
      for (const FT_Face candidate : faces) {
        if (FT_Get_Char_Index(candidate, point.value) == 0) continue;
        face = candidate;
        break;
      }
      FT_Set_Char_Size(face, 0, static_cast<FT_F26Dot6>(std::lround(size * 64.0)), 72, 72);
      visit(face, FT_Get_Char_Index(face, point.value));
    }
  }
};

ChartRaster::ChartRaster(std::unique_ptr<Fonts> fonts) : fonts_(std::move(fonts)) {}

ChartRaster::~ChartRaster() = default;
ChartRaster::ChartRaster(ChartRaster&& other) noexcept = default;
ChartRaster& ChartRaster::operator=(ChartRaster&& other) noexcept = default;

Result<ChartRaster> ChartRaster::create(const std::string& assets) {
  auto fonts = std::make_unique<Fonts>();
  const std::string regular = font_file(assets, "Inter-Regular");
  const std::string strong = font_file(assets, "Inter-SemiBold");
  const bool is_loaded = FT_Init_FreeType(&fonts->library) == 0 &&
                         fonts->load(regular, fonts->regular) && fonts->load(strong, fonts->strong);
  if (!is_loaded) {
    return Error{ErrorCode::kInputFile,
                 regular,
                 "expected a font for the text of pictures, found none that can be read.",
                 "Install the window's assets again, or save SVG, which needs no font.",
                 {}};
  }
  for (const char* fallback : {"DejaVuSans"}) {  // what Inter lacks; none is no failure
    const std::string path = font_file(assets, fallback);
    if (fonts->load(path, fonts->regular)) (void)fonts->load(path, fonts->strong);
  }
  return ChartRaster(std::move(fonts));
}

double ChartRaster::measure(std::string_view text, double size, bool is_strong) const {
  double width = 0.0;
  fonts_->walk(text, size, is_strong, [&](FT_Face face, FT_UInt glyph) {
    if (FT_Load_Glyph(face, glyph, FT_LOAD_NO_HINTING) == 0)
      width += static_cast<double>(face->glyph->linearHoriAdvance) / 65536.0;
  });
  return width;
}

std::string ChartRaster::png(const Chart& chart, double scale) const {
  const int width = static_cast<int>(std::lround(chart.width * scale));
  const int height = static_cast<int>(std::lround(chart.height * scale));
  Canvas canvas(width, height, chart.background);
  const Box whole = {0.0, 0.0, static_cast<double>(width), static_cast<double>(height)};
  const Box plot = {chart.plot_min.x * scale,
                    chart.plot_min.y * scale,
                    chart.plot_max.x * scale,
                    chart.plot_max.y * scale};
  for (const ChartShape& shape : chart.shapes) {
    canvas.set_clip(shape.is_clipped ? plot : whole);
    if (shape.kind == ChartShape::Kind::kLine) {
      cover_line(canvas, shape, scale);
    } else if (shape.kind == ChartShape::Kind::kText) {
      double x = shape.points[0].x * scale;
      const double length = measure(shape.text, shape.size * scale, shape.is_strong);
      x -= shape.anchor < 0 ? length : (shape.anchor == 0 ? length * 0.5 : 0.0);
      const int base = static_cast<int>(std::lround(shape.points[0].y * scale));
      fonts_->walk(
          shape.text, shape.size * scale, shape.is_strong, [&](FT_Face face, FT_UInt glyph) {
            if (FT_Load_Glyph(face, glyph, FT_LOAD_RENDER | FT_LOAD_NO_HINTING) != 0) return;
            const FT_GlyphSlot slot = face->glyph;
            const int left = static_cast<int>(std::lround(x)) + slot->bitmap_left;
            for (unsigned row = 0; row < slot->bitmap.rows; ++row) {
              for (unsigned column = 0; column < slot->bitmap.width; ++column) {
                const std::size_t at = static_cast<std::size_t>(row) *
                                           static_cast<std::size_t>(std::abs(slot->bitmap.pitch)) +
                                       column;
                const unsigned char value = slot->bitmap.buffer[at];
                if (value > 0)
                  canvas.cover(left + static_cast<int>(column),
                               base - slot->bitmap_top + static_cast<int>(row),
                               static_cast<float>(value) / 255.0F);
              }
            }
            x += static_cast<double>(slot->linearHoriAdvance) / 65536.0;
          });
    } else {
      std::vector<ChartPoint> points;
      for (const ChartPoint& p : shape.points) points.push_back({p.x * scale, p.y * scale});
      if (shape.kind == ChartShape::Kind::kRect) {
        const ChartPoint a = points[0], b = points[1];
        points = {a, {b.x, a.y}, b, {a.x, b.y}};
      }
      canvas.cover_polygon(points);
    }
    canvas.paint(shape.color);
  }
  return png_from_rgba(canvas.pixels(), width, height);
}

}  // namespace switchyard::ui
