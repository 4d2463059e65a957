#include "ui/client/exporter.h"

#include <utility>

#include "ui/client/chart_raster.h"

namespace switchyard::ui {
namespace {

constexpr double kPictureScale = 2.0;
constexpr std::size_t kMostClipboardBytes = std::size_t{64} << 20;

/// The text of a single chart for the clipboard.
Result<std::string> text_of(const ExportPlots& order) {
  if (order.format == ExportFormat::kSvg) return svg_of_chart(lay_out_chart(order.charts.front()));
  std::string text;
  SY_RETURN_IF_ERROR(
      write_csv(order.charts.front(), order.is_visible_only, [&](std::string_view piece) -> Status {
        text += piece;
        if (text.size() <= kMostClipboardBytes) return {};
        return Error{ErrorCode::kUsage,
                     "clipboard",
                     "the samples take more than 64 MB.",
                     "Save them as a CSV file, or zoom in first.",
                     {}};
      }));
  return text;
}

}  // namespace

Exporter::Exporter(std::string assets, Mailbox& mailbox)
    : assets_(std::move(assets)), mailbox_(mailbox), thread_([this] { work(); }) {}

Exporter::~Exporter() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Exporter::order(ExportPlots wanted) {
  {
    const std::lock_guard lock(mutex_);
    orders_.push_back(std::move(wanted));
  }
  wake_.notify_all();
}

void Exporter::carry_out(const ExportPlots& wanted) {
  if (wanted.charts.empty()) return;
  if (wanted.to_clipboard) {
    Result<std::string> text = text_of(wanted);
    if (text.ok()) {
      mailbox_.put(ClipboardText{std::move(text).value()});
      mailbox_.put(Notice{NoticeKind::kOk, "Copied", "The samples are on the clipboard."});
    } else {
      mailbox_.put(Notice{NoticeKind::kFailure, "Could not be copied", text.error().text()});
    }
    return;
  }
  const auto png_of = [this](const ChartSpec& spec) -> Result<std::string> {
    SY_ASSIGN_OR_RETURN(const ChartRaster raster, ChartRaster::create(assets_));
    const MeasureText measure = [&](std::string_view text, double size, bool is_strong) {
      return raster.measure(text, size, is_strong);
    };
    return raster.png(lay_out_chart(spec, measure), kPictureScale);
  };
  const Result<std::vector<std::string>> paths = write_exports(wanted, png_of);
  if (!paths.ok()) {
    mailbox_.put(Notice{NoticeKind::kFailure, "The export failed", paths.error().text()});
  } else if (paths.value().empty()) {
    mailbox_.put(Notice{NoticeKind::kAttention, "Nothing to export", "No plot has samples yet."});
  } else if (paths.value().size() == 1) {
    mailbox_.put(Notice{NoticeKind::kOk, "Saved", paths.value().front()});
  } else {
    mailbox_.put(Notice{NoticeKind::kOk,
                        "Saved " + std::to_string(paths.value().size()) + " files",
                        wanted.folder});
  }
}

void Exporter::work() {
  for (;;) {
    std::vector<ExportPlots> orders;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return is_stopping_ || !orders_.empty(); });
      if (is_stopping_ && orders_.empty()) return;
      orders = std::exchange(orders_, {});
    }
    for (const ExportPlots& wanted : orders) carry_out(wanted);
  }
}

}  // namespace switchyard::ui
