#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"
#include "ui/model/run_view.h"
#include "ui/plot/plot_group.h"
#include "ui/plot/y_scale.h"

namespace switchyard::ui {

/// Names of the cards that show maps instead of a scalar.
inline constexpr std::string_view kUtilisationCard = "map.utilisation";
inline constexpr std::string_view kEntropyCard = "map.entropy";

enum class CardSize { kSmall, kMedium, kLarge };

std::string_view card_size_name(CardSize size);  ///< "small", "medium", "large"

/// One plot or map on the board.
struct PlotCard {
  std::string metric;
  CardSize size = CardSize::kMedium;
  bool is_pinned = false;  ///< stands before all that are not

  friend bool operator==(const PlotCard&, const PlotCard&) = default;
};

/// How one plot shows its metric where that differs from all others. Nothing set: as all.
struct CardView {
  std::optional<XAxis> axis;
  std::optional<YScaleKind> y_scale;
  std::optional<double> y_min, y_max;
  std::optional<bool> is_clipped;  ///< outliers do not decide the y axis

  friend bool operator==(const CardView&, const CardView&) = default;
};

/// The plots of the Train workspace as the user arranged them. Until something is moved, added or
/// removed it follows what the run records.
///
/// Limits: a metric has one card at most. Threads: a value of the frame thread.
struct PlotBoard {
  std::optional<std::vector<PlotCard>> arranged;  ///< nullopt: the default
  std::map<std::string, CardView> views;          ///< by metric

  /// What stands on the board for this run, in order; pinned cards first.
  [[nodiscard]] std::vector<PlotCard> cards(const RunView& run) const;
  [[nodiscard]] bool contains(const RunView& run, std::string_view metric) const;

  void add(const RunView& run, const std::string& metric);
  void remove(const RunView& run, std::string_view metric);
  /// Moves a card to stand where `to` (an index of cards) is; it never crosses the border between
  /// pinned and other cards. False when it stays where it is.
  bool move(const RunView& run, std::string_view metric, std::size_t to);
  void set_pinned(const RunView& run, std::string_view metric, bool is_pinned);
  void set_size(const RunView& run, std::string_view metric, CardSize size);

  /// Back to the default arrangement; views stay.
  void reset() { arranged.reset(); }

  [[nodiscard]] const CardView& view(const std::string& metric) const;

 private:
  std::vector<PlotCard>& edit(const RunView& run);
};

/// Loss, perplexity, throughput, maps of a routed model, learning rate, gradient norm, validation
/// loss, memory once recorded.
std::vector<PlotCard> default_cards(const RunView& run);

/// What a person reads of a metric.
struct MetricText {
  std::string title;    ///< "Gradient norm"
  std::string caption;  ///< "before clipping"; may be empty
  std::string unit;     ///< "nats/token"; may be empty
  std::string help;     ///< one line; may be empty
  bool is_smoothed = true;
  bool may_be_log = false;     ///< follows the switch "Log y" of all plots
  bool has_points = false;     ///< few samples far apart: each is marked
  bool is_zero_based = false;  ///< the y axis starts at 0
  bool is_filled = false;      ///< the area below is filled
};

MetricText metric_text(const RunView& run, const std::string& metric);

/// All that can stand on a board for this run: recorded scalars by name, then the maps.
std::vector<std::string> board_metrics(const RunView& run);

/// Where a card stands. Units: pixels, relative to the board.
struct CardBox {
  float x = 0.0F, y = 0.0F, width = 0.0F, height = 0.0F;
};

struct BoardLayout {
  std::vector<CardBox> boxes;  ///< one for each card
  float height = 0.0F;
};

/// Cards in bands of 12 columns. A large card takes two thirds of a band with two small ones or one
/// other beside it; others stand up to four abreast. Bands fill `height` when there is room and
/// never fall below a readable height; narrow boards have one or two cards abreast.
BoardLayout arrange_board(
    std::span<const PlotCard> cards, float width, float height, float em, float gap);

Json board_json(const PlotBoard& board);
void restore_board(PlotBoard& board, const Json& saved);

}  // namespace switchyard::ui
