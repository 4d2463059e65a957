#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/core/file_system.h"
#include "engine/base/core/result.h"
#include "ui/plot/chart.h"

namespace switchyard::ui {

enum class ExportFormat { kCsv, kSvg, kPng };

std::string_view export_extension(ExportFormat format);  ///< "csv", "svg", "png"

/// An order to write plots, carried out by the client.
struct ExportPlots {
  std::string folder;
  ExportFormat format = ExportFormat::kCsv;
  std::vector<ChartSpec> charts;
  bool is_visible_only = false;  ///< CSV: the samples in the charts' x range; pictures always are
  bool to_clipboard = false;     ///< CSV and SVG of one chart as text instead of a file
};

/// Full-resolution samples of a chart, one line each: run, step, tokens, seconds, flops, value,
/// smoothed. `put` takes a piece of text and may refuse; the first refusal ends it.
Status write_csv(const ChartSpec& chart,
                 bool is_visible_only,
                 const std::function<Status(std::string_view)>& put);

/// Name of a chart's file without folder: "<run>-<metric>.<extension>", safe characters only.
std::string export_name(const ChartSpec& chart, ExportFormat format);

/// Writes all charts of an order into its folder (made if missing); returns the paths. `png_of`
/// draws a picture. Nothing half written is left: each file has its name only once it is whole.
/// Errors: kUsage without a folder; kDiskFull, kIo with the path.
Result<std::vector<std::string>> write_exports(
    const ExportPlots& order,
    const std::function<Result<std::string>(const ChartSpec&)>& png_of,
    FileSystem& fs = real_file_system());

}  // namespace switchyard::ui
