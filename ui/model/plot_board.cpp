#include "ui/model/plot_board.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "ui/model/preset_list.h"
#include "ui/model/routing_view.h"
#include "ui/model/run_state.h"

namespace switchyard::ui {
namespace {

struct KnownMetric {
  const char* name;
  MetricText text;
};

/// Titles and manners of the metrics that every run records; others are derived from their names.
const std::vector<KnownMetric>& known_metrics() {
  static const std::vector<KnownMetric> known = {
      {"train_loss", {"Loss", "training, cross-entropy", "nats/token", "", true, true}},
      {"val_loss", {"Validation loss", "held-out text", "nats/token", "", false, true, true}},
      {"train_perplexity", {"Perplexity", "training", "", "exp of the training loss", true, true}},
      {"val_perplexity",
       {"Perplexity", "validation", "", "exp of the validation loss", false, true, true}},
      {"tokens_per_second", {"Throughput", "", "tok/s", "", true, false, false, true}},
      {"learning_rate", {"Learning rate", "", "", "", false, false, false, true}},
      {"grad_norm", {"Gradient norm", "before clipping", "", "", true, true}},
      {"memory_bytes", {"Memory", "peak per step", "bytes", "", false, false, false, true, true}},
  };
  return known;
}

/// "router_z_loss" → "Router z loss".
std::string title_of(std::string_view metric) {
  std::string title(metric);
  std::replace(title.begin(), title.end(), '_', ' ');
  std::replace(title.begin(), title.end(), '/', ' ');
  if (!title.empty())
    title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  return title;
}

bool has_samples(const RunView& run, const std::string& metric, std::size_t at_least) {
  const Series* series = run.scalar(metric);
  return series != nullptr && series->size() >= at_least;
}

bool is_routed(const RunView& run) {
  return !routed_layers(run).empty() || model_facts(run.config).num_experts > 0;
}

std::size_t place_of(const std::vector<PlotCard>& cards, std::string_view metric) {
  const auto found = std::find_if(
      cards.begin(), cards.end(), [&](const PlotCard& card) { return card.metric == metric; });
  return static_cast<std::size_t>(found - cards.begin());
}

std::size_t num_pinned(const std::vector<PlotCard>& cards) {
  return static_cast<std::size_t>(std::count_if(
      cards.begin(), cards.end(), [](const PlotCard& card) { return card.is_pinned; }));
}

CardSize size_from_name(std::string_view name) {
  for (const CardSize size : {CardSize::kSmall, CardSize::kLarge}) {
    if (card_size_name(size) == name) return size;
  }
  return CardSize::kMedium;
}

// ---- arrangement

constexpr float kLargeShare = 0.635F;
constexpr float kNarrowEm = 44.0F, kWideEm = 60.0F;  ///< below: one card, two cards abreast

struct Band {
  std::vector<std::size_t> cards;  ///< indices, in order
  bool has_large = false;          ///< the first one
  float weight = 1.0F, least_em = 11.5F;
};

/// Cards [first, last) without a large one, in bands of equal length, at most `most` abreast.
void add_even_bands(std::vector<Band>& bands,
                    std::span<const PlotCard> cards,
                    std::size_t first,
                    std::size_t last,
                    std::size_t most) {
  const std::size_t count = last - first;
  if (count == 0) return;
  const std::size_t rows = (count + most - 1) / most;
  std::size_t at = first;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t take = (last - at + (rows - row) - 1) / (rows - row);
    Band band;
    bool is_small = true;
    for (std::size_t i = 0; i < take; ++i, ++at) {
      band.cards.push_back(at);
      is_small = is_small && cards[at].size == CardSize::kSmall;
    }
    band.weight = is_small ? 0.85F : 1.0F;
    band.least_em = is_small ? 9.5F : 11.5F;
    bands.push_back(std::move(band));
  }
}

std::vector<Band> bands_of(std::span<const PlotCard> cards, float width_em) {
  std::vector<Band> bands;
  const bool is_narrow = width_em < kNarrowEm;
  const std::size_t most = is_narrow ? 1 : (width_em < kWideEm ? 2 : 4);
  std::size_t at = 0;
  while (at < cards.size()) {
    if (cards[at].size != CardSize::kLarge) {
      std::size_t end = at;
      while (end < cards.size() && cards[end].size != CardSize::kLarge) ++end;
      add_even_bands(bands, cards, at, end, std::min<std::size_t>(most, end - at == 3 ? 3 : most));
      at = end;
      continue;
    }
    Band band;
    band.has_large = true;
    band.weight = 1.55F;
    band.least_em = 17.0F;
    band.cards.push_back(at++);
    if (!is_narrow && at < cards.size() && cards[at].size != CardSize::kLarge) {
      const bool are_small = cards[at].size == CardSize::kSmall && at + 1 < cards.size() &&
                             cards[at + 1].size == CardSize::kSmall;
      band.cards.push_back(at++);
      if (are_small) band.cards.push_back(at++);
    }
    bands.push_back(std::move(band));
  }
  return bands;
}

void place_band(
    const Band& band, float y, float width, float height, float gap, std::vector<CardBox>& boxes) {
  const std::size_t n = band.cards.size();
  if (band.has_large && n > 1) {
    const float wide = std::round((width - gap) * kLargeShare), x = wide + gap;
    boxes[band.cards[0]] = {0.0F, y, wide, height};
    if (n == 2) {
      boxes[band.cards[1]] = {x, y, width - x, height};
      return;
    }
    const float half = std::round((height - gap) * 0.5F);
    boxes[band.cards[1]] = {x, y, width - x, half};
    boxes[band.cards[2]] = {x, y + half + gap, width - x, height - half - gap};
    return;
  }
  const float each = std::floor((width - gap * static_cast<float>(n - 1)) / static_cast<float>(n));
  for (std::size_t i = 0; i < n; ++i) {
    const float x = static_cast<float>(i) * (each + gap);
    boxes[band.cards[i]] = {x, y, i + 1 == n ? width - x : each, height};
  }
}

// ---- session

Json optional_json(const std::optional<double>& value) {
  return value.has_value() ? Json(*value) : Json();
}

std::optional<double> optional_number(const Json& value) {
  if (!value.is_number() || !std::isfinite(value.as_number())) return std::nullopt;
  return value.as_number();
}

}  // namespace

std::string_view card_size_name(CardSize size) {
  switch (size) {
    case CardSize::kSmall:
      return "small";
    case CardSize::kLarge:
      return "large";
    case CardSize::kMedium:
      break;
  }
  return "medium";
}

std::vector<PlotCard> default_cards(const RunView& run) {
  using enum CardSize;
  std::vector<PlotCard> cards = {{"train_loss", kLarge}};
  cards.push_back(
      {has_samples(run, "val_perplexity", 2) ? "val_perplexity" : "train_perplexity", kSmall});
  cards.push_back({"tokens_per_second", kSmall});
  if (is_routed(run)) {
    cards.push_back({std::string(kUtilisationCard), kLarge});
    cards.push_back({std::string(kEntropyCard), kMedium});
  }
  for (const char* metric : {"learning_rate", "grad_norm", "val_loss"})
    cards.push_back({metric, kMedium});
  if (has_samples(run, "memory_bytes", 1)) cards.push_back({"memory_bytes", kMedium});
  return cards;
}

std::vector<PlotCard> PlotBoard::cards(const RunView& run) const {
  return arranged.has_value() ? *arranged : default_cards(run);
}

bool PlotBoard::contains(const RunView& run, std::string_view metric) const {
  const std::vector<PlotCard> shown = cards(run);
  return place_of(shown, metric) < shown.size();
}

std::vector<PlotCard>& PlotBoard::edit(const RunView& run) {
  if (!arranged.has_value()) arranged = default_cards(run);
  return *arranged;
}

void PlotBoard::add(const RunView& run, const std::string& metric) {
  std::vector<PlotCard>& shown = edit(run);
  if (metric.empty() || place_of(shown, metric) < shown.size()) return;
  const bool is_map = metric == kUtilisationCard || metric == kEntropyCard;
  shown.push_back({metric, is_map ? CardSize::kLarge : CardSize::kMedium});
}

void PlotBoard::remove(const RunView& run, std::string_view metric) {
  std::erase_if(edit(run), [&](const PlotCard& card) { return card.metric == metric; });
}

bool PlotBoard::move(const RunView& run, std::string_view metric, std::size_t to) {
  std::vector<PlotCard>& shown = edit(run);
  const std::size_t from = place_of(shown, metric);
  if (from >= shown.size()) return false;
  const std::size_t pinned = num_pinned(shown);
  const std::size_t first = shown[from].is_pinned ? 0 : pinned;
  const std::size_t last = shown[from].is_pinned ? pinned - 1 : shown.size() - 1;
  to = std::clamp(to, first, last);
  if (to == from) return false;
  const PlotCard card = shown[from];
  shown.erase(shown.begin() + static_cast<std::ptrdiff_t>(from));
  shown.insert(shown.begin() + static_cast<std::ptrdiff_t>(to), card);
  return true;
}

void PlotBoard::set_pinned(const RunView& run, std::string_view metric, bool is_pinned) {
  std::vector<PlotCard>& shown = edit(run);
  const std::size_t from = place_of(shown, metric);
  if (from >= shown.size() || shown[from].is_pinned == is_pinned) return;
  PlotCard card = shown[from];
  card.is_pinned = is_pinned;
  shown.erase(shown.begin() + static_cast<std::ptrdiff_t>(from));
  shown.insert(shown.begin() + static_cast<std::ptrdiff_t>(num_pinned(shown)), card);
}

void PlotBoard::set_size(const RunView& run, std::string_view metric, CardSize size) {
  std::vector<PlotCard>& shown = edit(run);
  const std::size_t at = place_of(shown, metric);
  if (at < shown.size()) shown[at].size = size;
}

const CardView& PlotBoard::view(const std::string& metric) const {
  static const CardView kNone;
  const auto found = views.find(metric);
  return found == views.end() ? kNone : found->second;
}

MetricText metric_text(const RunView& run, const std::string& metric) {
  MetricText text;
  if (metric == kUtilisationCard)
    return {"Expert utilisation", "", "load ÷ fair share", "Tokens of each expert over time"};
  if (metric == kEntropyCard)
    return {"Routing entropy", "", "1 = even", "Evenness of each layer's routing over time"};
  text.title = title_of(metric);
  text.is_smoothed = true;
  for (const KnownMetric& known : known_metrics()) {
    if (metric == known.name) text = known.text;
  }
  const auto series = run.series.find(metric);
  if (series == run.series.end()) return text;
  if (!series->second.info.unit.empty()) text.unit = series->second.info.unit;
  if (!series->second.info.help.empty()) text.help = series->second.info.help;
  if (metric == "tokens_per_second") text.unit = "tok/s";
  return text;
}

std::vector<std::string> board_metrics(const RunView& run) {
  std::vector<std::string> metrics;
  for (const auto& [metric, series] : run.series) metrics.push_back(metric);
  if (is_routed(run)) {
    metrics.emplace_back(kUtilisationCard);
    metrics.emplace_back(kEntropyCard);
  }
  return metrics;
}

BoardLayout arrange_board(
    std::span<const PlotCard> cards, float width, float height, float em, float gap) {
  BoardLayout layout;
  layout.boxes.resize(cards.size());
  const std::vector<Band> bands = bands_of(cards, width / em);
  if (bands.empty()) return layout;
  float weights = 0.0F, least = 0.0F;
  for (const Band& band : bands) weights += band.weight, least += band.least_em * em;
  const float gaps = gap * static_cast<float>(bands.size() - 1);
  const float spare = std::max(0.0F, height - gaps - least);
  float y = 0.0F;
  for (std::size_t i = 0; i < bands.size(); ++i) {
    const Band& band = bands[i];
    float tall = std::round(band.least_em * em + spare * band.weight / weights);
    if (i + 1 == bands.size() && spare > 0.0F) tall = std::round(height - y);
    place_band(band, y, width, tall, gap, layout.boxes);
    y += tall + gap;
  }
  layout.height = y - gap;
  return layout;
}

Json board_json(const PlotBoard& board) {
  Json json = Json::object();
  if (board.arranged.has_value()) {
    Json cards = Json::array();
    for (const PlotCard& card : *board.arranged) {
      cards.push_back(Json::object({{"metric", card.metric},
                                    {"size", card_size_name(card.size)},
                                    {"is_pinned", card.is_pinned}}));
    }
    json.set("cards", std::move(cards));
  }
  Json views = Json::object();
  for (const auto& [metric, view] : board.views) {
    if (view == CardView{}) continue;
    Json saved = Json::object();
    if (view.axis.has_value()) saved.set("x_axis", static_cast<int>(*view.axis));
    if (view.y_scale.has_value()) saved.set("y_scale", y_scale_name(*view.y_scale));
    if (view.is_clipped.has_value()) saved.set("is_clipped", *view.is_clipped);
    saved.set("y_min", optional_json(view.y_min));
    saved.set("y_max", optional_json(view.y_max));
    views.set(metric, std::move(saved));
  }
  json.set("views", std::move(views));
  return json;
}

void restore_board(PlotBoard& board, const Json& saved) {
  board = PlotBoard();
  if (const Json* cards = saved.find("cards"); cards != nullptr && cards->is_array()) {
    std::vector<PlotCard> shown;
    for (const Json& card : cards->items()) {
      const std::string& metric = card["metric"].as_string();
      if (metric.empty() || place_of(shown, metric) < shown.size()) continue;
      shown.push_back(
          {metric, size_from_name(card["size"].as_string()), card["is_pinned"].as_bool()});
    }
    std::stable_partition(
        shown.begin(), shown.end(), [](const PlotCard& card) { return card.is_pinned; });
    board.arranged = std::move(shown);
  }
  for (const auto& [metric, json] : saved["views"].members()) {
    CardView view;
    const std::int64_t axis = json["x_axis"].as_integer(-1);
    if (axis >= 0 && axis <= static_cast<int>(XAxis::kFlops)) view.axis = static_cast<XAxis>(axis);
    for (const YScaleKind kind : {YScaleKind::kLinear, YScaleKind::kLog, YScaleKind::kSymlog}) {
      if (json["y_scale"].as_string() == y_scale_name(kind)) view.y_scale = kind;
    }
    if (json["is_clipped"].is_bool()) view.is_clipped = json["is_clipped"].as_bool();
    view.y_min = optional_number(json["y_min"]);
    view.y_max = optional_number(json["y_max"]);
    board.views[metric] = view;
  }
}

}  // namespace switchyard::ui
