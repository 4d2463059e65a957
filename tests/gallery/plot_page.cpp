#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <imgui.h>

#include "tests/gallery/pages.h"
#include "ui/plot/heat_map.h"
#include "ui/plot/line_plot.h"
#include "ui/shell/fonts.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr int kSteps = 2000;
constexpr int kExperts = 16;

struct MadeUp {
  std::vector<PlotLine> loss, grad, rate;
  std::shared_ptr<MapColumns> load = std::make_shared<MapColumns>();
  std::shared_ptr<MapColumns> entropy = std::make_shared<MapColumns>();
};

PlotLine make_line(
    const std::string& name, int run, double end, double noise, unsigned seed, bool is_loss) {
  auto series = std::make_shared<Series>(name);
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0.0, noise);
  for (int step = 10; step <= kSteps; step += 2) {
    const double u = static_cast<double>(step) / kSteps;
    double value =
        is_loss ? end + 2.9 * std::exp(-6.0 * u) : end * (0.4 + 1.2 * std::exp(-8.0 * u));
    value += normal(random) * (is_loss ? 1.0 + std::exp(-4.0 * u) : 1.0);
    if (run == 0 && step > 1200 && step < 1240) value += 0.5;
    series->append({step, step * 768, step * 0.05, step * 3e10},
                   run == 1 && step > 700 && step < 740 ? std::nan("") : value);
  }
  PlotLine line;
  line.name = name;
  line.data = series;
  line.color = theme().run(run);
  line.is_own = run == 0;
  return line;
}

const MadeUp& made_up() {
  static MadeUp data = [] {
    MadeUp d;
    d.loss = {make_line("moe-small-042", 0, 1.51, 0.09, 1, true),
              make_line("moe-small-038", 1, 1.62, 0.09, 2, true),
              make_line("dense-067", 2, 1.75, 0.09, 3, true)};
    d.grad = {make_line("moe-small-042", 0, 0.9, 0.06, 4, false)};
    d.rate = {make_line("moe-small-042", 0, 6e-4, 0.0, 5, false)};
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0.0F, 1.0F);
    for (int step = 10; step <= kSteps; step += 5) {
      std::vector<float> load(kExperts), entropy(8);
      for (int e = 0; e < kExperts; ++e) {
        const float drift =
            1.2F * std::sin(static_cast<float>(e) * 2.4F) * static_cast<float>(step) / kSteps;
        float& cell = load[static_cast<std::size_t>(e)];
        cell = 96.0F * std::exp2(drift + 0.25F * normal(random));
        if ((e == 3 && step > 1500) || (e == 9 && step > 1100)) cell = 0.0F;
      }
      for (std::size_t l = 0; l < entropy.size(); ++l) {
        entropy[l] =
            0.97F - 0.02F * std::abs(normal(random)) -
            (l == 5 && step > 800 ? 0.25F * static_cast<float>(step - 800) / 1200.0F : 0.0F);
      }
      const store::Position position{step, step * 768, step * 0.05, step * 3e10};
      d.load->append(position, load);
      d.entropy->append(position, entropy);
    }
    return d;
  }();
  for (std::vector<PlotLine>* lines : {&data.loss, &data.grad, &data.rate}) {
    for (std::size_t i = 0; i < lines->size(); ++i)
      (*lines)[i].color = theme().run(static_cast<int>(i));
  }
  return data;
}

double ratio_to_fair(float cell, std::span<const float> column) {
  double sum = 0.0;
  for (const float v : column) sum += static_cast<double>(v);
  return sum > 0.0 ? static_cast<double>(cell) * static_cast<double>(column.size()) / sum
                   : std::nan("");
}

class PlotsPanel : public Panel {
 public:
  void draw(Studio&) override {
    draw_toolbar();
    const MadeUp& data = made_up();
    group_.begin_frame();
    group_.include(0.0, x_of({kSteps, kSteps * 768, kSteps * 0.05, kSteps * 3e10}, group_.axis));
    group_.update_range();
    const float gap = em(0.46F), pad = em(0.46F);
    const ImVec2 start = ImGui::GetCursorScreenPos(), avail = ImGui::GetContentRegionAvail();
    ImGui::GetWindowDrawList()->AddRectFilled(
        start, {start.x + avail.x, start.y + avail.y}, theme().bg0);
    const float wide = std::floor((avail.x - 2 * pad - gap) * 0.62F),
                narrow = avail.x - 2 * pad - gap - wide;
    const float top = std::floor((avail.y - 2 * pad - 2 * gap) * 0.40F),
                middle = std::floor((avail.y - 2 * pad - 2 * gap) * 0.34F);
    const float bottom = avail.y - 2 * pad - 2 * gap - top - middle;
    std::vector<PlotMark> marks;
    for (const int step : {250, 500, 750, 1000, 1250, 1500, 1750})
      marks.push_back({x_of({step, step * 768, step * 0.05, step * 3e10}, group_.axis),
                       MarkKind::kCheckpoint,
                       "",
                       "checkpoint"});
    marks.push_back(
        {x_of({1210, 1210 * 768, 60.5, 3.6e13}, group_.axis), MarkKind::kAlert, "L5: 2 dead", ""});
    marks.push_back({x_of({1300, 1300 * 768, 65, 3.9e13}, group_.axis),
                     MarkKind::kChange,
                     "LR \xC3\xB7 2",
                     ""});
    LinePlotOptions loss;
    loss.title = "Loss", loss.caption = "training, cross-entropy", loss.unit = "nats/token";
    loss.smoothing = smoothing_, loss.show_raw = is_raw_,
    loss.y.kind = is_log_ ? YScaleKind::kLog : YScaleKind::kLinear;
    loss.width = wide, loss.height = top;
    ImGui::SetCursorScreenPos({start.x + pad, start.y + pad});
    loss_.draw(group_, data.loss, marks, loss);
    LinePlotOptions grad;
    grad.title = "Gradient norm", grad.caption = "before clipping", grad.smoothing = smoothing_,
    grad.y.limit = 1.6;
    grad.width = narrow, grad.height = top, grad.y.is_zero_based = true;
    ImGui::SetCursorScreenPos({start.x + pad + wide + gap, start.y + pad});
    grad_.draw(group_, data.grad, std::span(marks).first(7), grad);
    draw_maps({start.x + pad, start.y + pad + top + gap}, wide, narrow, middle);
    LinePlotOptions rate;
    rate.title = "Learning rate", rate.width = wide, rate.height = bottom, rate.is_filled = true,
    rate.y.is_zero_based = true;
    ImGui::SetCursorScreenPos({start.x + pad, start.y + pad + top + middle + 2 * gap});
    rate_.draw(group_, data.rate, {}, rate);
    draw_grid({start.x + pad + wide + gap, start.y + pad + top + middle + 2 * gap}, narrow, bottom);
  }

 private:
  void draw_toolbar() {
    constexpr std::array<const char*, 4> kAxes = {"Steps", "Tokens", "Time", "FLOPs"};
    const ImVec2 pos = ImGui::GetCursorScreenPos();
    const auto place = [&](float x, float height) {
      ImGui::SetCursorScreenPos({pos.x + x, pos.y + (em(2.9F) - height) * 0.5F});
    };
    place(em(0.8F), line_height(Type::kBody));
    text(Type::kBody, theme().text3, "x axis");
    place(em(4.2F), em(1.85F));
    int axis = static_cast<int>(group_.axis);
    if (segmented("plots.axis", kAxes, &axis)) group_.axis = static_cast<XAxis>(axis);
    ImGui::SameLine(0.0F, em(1.2F));
    const float x = ImGui::GetCursorScreenPos().x - pos.x;
    place(x, line_height(Type::kBody));
    text(Type::kBody, theme().text2, "Smooth");
    place(x + em(4.2F), em(1.7F));
    slider("Smooth###plots.smooth", &smoothing_, 0.0, 0.999, em(6.5F));
    place(x + em(11.4F), line_height(Type::kDigits));
    text(Type::kDigits, theme().text1, "0.90");
    place(x + em(14.5F), em(1.08F));
    checkbox("Raw###plots.raw", &is_raw_);
    ImGui::SameLine(0.0F, em(1.1F));
    checkbox("Log y###plots.log_y", &is_log_);
    ImGui::SameLine(0.0F, em(1.1F));
    checkbox("Follow###plots.follow", &group_.is_following);
    ImGui::SetCursorScreenPos({pos.x, pos.y + em(2.9F)});
  }

  void draw_maps(ImVec2 at, float wide, float narrow, float height) {
    const MadeUp& data = made_up();
    TimeMapOptions load;
    load.title = "Expert utilisation", load.caption = "layer 5, load \xC3\xB7 fair share",
    load.scale = fair_share_scale();
    load.width = wide, load.height = height;
    load.row_name = [](int row) { return "e" + std::to_string(row); };
    load.is_relative = true;
    ImGui::SetCursorScreenPos(at);
    load_.draw(group_, data.load, load);
    TimeMapOptions entropy;
    entropy.title = "Routing entropy", entropy.caption = "normalised",
    entropy.scale = entropy_scale();
    entropy.width = narrow, entropy.height = height;
    entropy.row_name = [](int row) { return "L" + std::to_string(row); };
    ImGui::SetCursorScreenPos({at.x + wide + em(0.46F), at.y});
    entropy_.draw(group_, data.entropy, entropy);
  }

  void draw_grid(ImVec2 at, float width, float height) {
    const MadeUp& data = made_up();
    CardOptions card;
    card.size = {width, height};
    card.caption = "load \xC3\xB7 fair share";
    ImGui::SetCursorScreenPos(at);
    begin_card("###grid", "Layer \xC3\x97 expert", card);
    std::vector<float> values;
    for (std::size_t row = 0; row < 5; ++row) {
      const std::span<const float> column = data.load->mean_of(60 * row + 30);
      for (const float v : column.first(8))
        values.push_back(static_cast<float>(ratio_to_fair(v, column)));
    }
    values[19] = 0.0F;
    values[30] = 4.6F;
    GridMapOptions options;
    options.num_rows = 5, options.num_columns = 8, options.scale = fair_share_scale();
    options.row_name = [](int row) { return "L" + std::to_string(row); };
    options.column_name = [](int column) { return "e" + std::to_string(column); };
    options.selected_row = 3, options.selected_column = 6;
    ImGui::SetCursorScreenPos(
        {ImGui::GetCursorScreenPos().x + em(0.85F), ImGui::GetCursorScreenPos().y});
    grid_.draw(values, options);
    end_card();
  }

  PlotGroup group_;
  double smoothing_ = 0.9;
  bool is_raw_ = true, is_log_ = false;
  LinePlot loss_{"gallery.loss"}, grad_{"gallery.grad"}, rate_{"gallery.rate"};
  TimeMap load_{"gallery.load"}, entropy_{"gallery.entropy"};
  GridMap grid_{"gallery.grid"};
};

class InspectorPanel : public Panel {
 public:
  void draw(Studio&) override {
    const ImVec2 pos = ImGui::GetCursorScreenPos();
    const float pad = em(1);
    ImGui::SetCursorScreenPos({pos.x + pad, pos.y + em(1)});
    ImGui::BeginChild("###inspector", {ImGui::GetContentRegionAvail().x - pad, 0});
    run_chip("train_loss", theme().run(0), false, true);
    panel_title("Loss", "last 1,000");
    property_row("Last", "3.214", "nats");
    property_row("Minimum", "3.198", "nats");
    property_row("At step", "11,870");
    property_row("Slope",
                 "\xE2\x88\x92"
                 "2.1e-5",
                 "/step",
                 theme().ok);
    ImGui::Dummy({0, em(0.5F)});
    hairline();
    panel_title("Events");
    ButtonOptions copy;
    copy.icon = Icon::kCopy;
    button("Copy###inspector.copy", copy);
    ImGui::SameLine();
    copy.icon = Icon::kExport;
    button("CSV###inspector.csv", copy);
    ImGui::EndChild();
  }
};

class ConfigPanel : public Panel {
 public:
  void draw(Studio&) override {
    const ImVec2 pos = ImGui::GetCursorScreenPos();
    ImGui::SetCursorScreenPos({pos.x + em(1), pos.y + em(1)});
    ImGui::BeginChild("###config", {ImGui::GetContentRegionAvail().x - em(1), 0});
    search_field("###config.search", &search_, "Find in 48 settings", "Ctrl F");
    section_header("Model###config.model", &is_open_, "3 changed");
    bool is_reverted = false;
    FieldOptions options;
    options.width = form_row("layers", "Layers");
    integer_field("Layers###config.layers", &layers_, 1, 48, options);
    options.width = form_row("experts", "Experts", true, &is_reverted);
    integer_field("Experts###config.experts", &experts_, 1, 512, options);
    options.width = form_row("lr", "Learning rate", true, &is_reverted);
    real_field("Learning rate###config.lr", &rate_, 0.0, 1.0, options);
    options.width = form_row("dropout", "A label that is too long for the room", false);
    options.disabled_reason = "Not with this model";
    real_field("Dropout###config.dropout", &dropout_, 0.0, 1.0, options);
    ButtonOptions train;
    train.kind = ButtonKind::kPrimary;
    train.icon = Icon::kStart;
    train.is_hero = true;
    train.width = -1;
    ImGui::Dummy({0, em(1)});
    button("Train as new run###config.train", train);
    ImGui::EndChild();
  }

 private:
  std::string search_;
  bool is_open_ = true;
  std::int64_t layers_ = 16, experts_ = 64;
  double rate_ = 6e-4, dropout_ = 0.0;
};

class NotePanel : public Panel {
 public:
  void draw(Studio&) override { text(Type::kBody, theme().text2, "A second tab"); }
};

template <typename T>
std::unique_ptr<Panel> make() {
  return std::make_unique<T>();
}

constexpr std::array kPanels = {
    PanelEntry{
        "gallery.config", "Configuration", Workspace::kTrain, Slot::kLeft, &make<ConfigPanel>},
    PanelEntry{"gallery.plots", "Plots", Workspace::kTrain, Slot::kCentre, &make<PlotsPanel>},
    PanelEntry{"gallery.samples", "Samples", Workspace::kTrain, Slot::kCentre, &make<NotePanel>},
    PanelEntry{
        "gallery.inspector", "Inspector", Workspace::kTrain, Slot::kRight, &make<InspectorPanel>},
    PanelEntry{"gallery.hardware", "Hardware", Workspace::kTrain, Slot::kRight, &make<NotePanel>},
};

}  // namespace

std::span<const PanelEntry> plot_page_panels() {
  return kPanels;
}

void draw_sample_run_bar() {
  const ImVec2 min = ImGui::GetWindowPos();
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled({min.x + em(1.2F), min.y + em(0.9F)},
                      {min.x + em(1.2F) + px(3), min.y + em(3.3F)},
                      theme().run(0));
  draw_text(
      list, Type::kRunName, {min.x + em(2.1F), min.y + em(0.85F)}, theme().text1, "moe-small-042");
  ImGui::SetCursorScreenPos({min.x + em(2.1F), min.y + em(2.3F)});
  status_dot(theme().ok);
  ImGui::SameLine(0, em(0.4F));
  text(Type::kBody, theme().ok, "Running");
  float x = em(35);
  for (const auto& [label, value, unit] : {std::array{"Loss", "3.214", "nats"},
                                           std::array{"Perplexity", "24.9", ""},
                                           std::array{"Tokens", "404", "M"},
                                           std::array{"Throughput", "182 k", "tok/s"}}) {
    ImGui::SetCursorScreenPos({min.x + x, min.y + em(0.75F)});
    x += std::max(em(7), key_figure(label, value, unit) + em(2));
  }
  ImGui::SetCursorScreenPos({min.x + em(15.2F), min.y + em(2.6F)});
  progress_bar(0.25F, em(16.5F));
  ButtonOptions pause;
  pause.icon = Icon::kPause;
  ImGui::SetCursorScreenPos({min.x + ImGui::GetWindowSize().x - em(8), min.y + em(1)});
  button("Pause###run.pause", pause);
}

void draw_sample_status() {
  const ImVec2 min = ImGui::GetWindowPos();
  draw_text(ImGui::GetWindowDrawList(),
            Type::kBody,
            {min.x + em(1), min.y + em(0.5F)},
            theme().text2,
            "Log   Events 4");
}

}  // namespace switchyard::ui
