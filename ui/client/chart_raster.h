#pragma once

#include <memory>
#include <string>

#include "engine/base/core/result.h"
#include "ui/plot/chart.h"

namespace switchyard::ui {

/// Draws charts into pictures without a window: lines by coverage, text with the house's fonts.
///
/// Errors: kInputFile when a font cannot be read.
/// Determinism: the same chart and fonts give the same bytes.
/// Threads: one thread per object.
class ChartRaster {
 public:
  /// `assets`: the folder with fonts/.
  static Result<ChartRaster> create(const std::string& assets);
  ~ChartRaster();
  ChartRaster(ChartRaster&& other) noexcept;
  ChartRaster& operator=(ChartRaster&& other) noexcept;
  ChartRaster(const ChartRaster&) = delete;
  ChartRaster& operator=(const ChartRaster&) = delete;

  /// Width of a text in pixels at scale 1.
  [[nodiscard]] double measure(std::string_view text, double size, bool is_strong) const;

  /// The chart as PNG, `scale` pixels per chart pixel.
  [[nodiscard]] std::string png(const Chart& chart, double scale) const;

 private:
  struct Fonts;
  explicit ChartRaster(std::unique_ptr<Fonts> fonts);
  std::unique_ptr<Fonts> fonts_;
};

}  // namespace switchyard::ui
