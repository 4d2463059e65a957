// Lists of the plots panel's popovers: runs to show, metrics to plot.
#include <algorithm>
#include <cmath>
#include <string>

#include "ui/model/text_filter.h"
#include "ui/panels/common.h"
#include "ui/panels/plots_parts.h"
#include "ui/panels/run_row.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t kMostRows = 200;

/// A scrolling list below a search field, as high as its rows up to a limit.
class ListArea {
 public:
  ListArea(const char* id, std::size_t num_rows, float row_em) {
    const float limit = std::max(em(8), ImGui::GetMainViewport()->Size.y * 0.5F);
    const float height =
        std::min(limit, em(row_em) * static_cast<float>(std::max<std::size_t>(1, num_rows)));
    ImGui::Dummy({1.0F, em(0.3F)});
    ImGui::PushStyleColor(ImGuiCol_ChildBg, 0U);
    ImGui::BeginChild(id, {0.0F, height + em(0.4F)}, ImGuiChildFlags_NavFlattened);
    ImGui::PopStyleColor();
    ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(em(0.6F), 0.0F));
  }

  ~ListArea() {
    ImGui::PopStyleVar();
    ImGui::EndChild();
  }

  ListArea(const ListArea&) = delete;
  ListArea& operator=(const ListArea&) = delete;
};

/// A row with a tick at its left; true when clicked. The cursor stands behind the tick.
bool tick_row(const std::string& label, bool is_ticked, float height_em) {
  const ThemeTokens& t = theme();
  const bool is_clicked = list_row(label.c_str(), false, height_em);
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  const float side = em(1.08F), y = std::round(pos.y + (em(height_em) - side) * 0.5F);
  const ImVec2 min = {pos.x + em(0.5F), y}, max = {min.x + side, y + side};
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(min, max, is_ticked ? t.primary : t.bg3, em(0.26F));
  if (is_ticked) {
    draw_text_centred(list, Type::kCaption, min, max, t.primary_text, icon(Icon::kCheck));
  } else {
    list->AddRect(min, max, t.line2, em(0.26F), px(1), 0);
  }
  return is_clicked;
}

void end_row(float height_em) {
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  ImGui::SetCursorScreenPos(pos);
  ImGui::Dummy({1.0F, em(height_em)});
}

/// Parses the search, showing what is wrong with it below the field.
TextFilter filter_of(const std::string& search) {
  Result<TextFilter> filter = TextFilter::parse(search);
  if (filter.ok()) return std::move(filter).value();
  field_error(filter.error().message.c_str());
  return TextFilter();
}

void draw_metric_row(Studio& studio, const std::string& metric) {
  const RunView& run = *studio.run;
  PlotBoard& board = studio.plots.board;
  constexpr float kRowEm = 2.1F;
  const bool is_shown = board.contains(run, metric);
  const MetricText words = metric_text(run, metric);
  const float width = ImGui::GetContentRegionAvail().x;
  const bool is_clicked = tick_row(words.title + "###plots.metric." + metric, is_shown, kRowEm);
  if (!words.help.empty()) tooltip(words.help);
  const ImVec2 pos = ImGui::GetCursorScreenPos();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = pos.y + (em(kRowEm) - line_height(Type::kBody)) * 0.5F;
  const float name_x = pos.x + em(2.1F), right = pos.x + width - em(0.5F);
  const std::string unit = fitted(Type::kCaption, words.unit, em(7));
  draw_text_right(list, Type::kCaption, {right, y + px(1)}, theme().text3, unit);
  std::string title = words.title;
  if (!words.caption.empty()) title += ", " + words.caption;
  const float title_width =
      draw_text(list, Type::kBody, {name_x, y}, theme().text1, title, width * 0.5F);
  const float mono_x = name_x + title_width + em(0.8F);
  const float room = right - em(0.8F) - text_size(Type::kCaption, unit).x - mono_x;
  const bool is_map = run.series.find(metric) == run.series.end();
  if (room > em(3) && !is_map)
    draw_text(list, Type::kMono, {mono_x, y}, theme().text3, metric, room);
  end_row(kRowEm);
  if (!is_clicked) return;
  if (is_shown) {
    board.remove(run, metric);
  } else {
    board.add(run, metric);
  }
}

}  // namespace

void draw_metric_browser(Studio& studio, std::string* search) {
  const RunView& run = *studio.run;
  search_field("###plots.metric_search", search, "Words, *glob* or /expression/");
  const TextFilter filter = filter_of(*search);
  std::vector<std::string> found;
  for (const std::string& metric : board_metrics(run)) {
    const MetricText words = metric_text(run, metric);
    if (filter.matches(metric, words.title + " " + words.caption + " " + words.help))
      found.push_back(metric);
  }
  {
    const ListArea area("###plots.metric_list", found.size(), 2.1F);
    for (const std::string& metric : found) draw_metric_row(studio, metric);
    if (found.empty()) text(Type::kBody, theme().text3, "No metric has this name.");
  }
  const std::string count = grouped_number(static_cast<long long>(found.size())) + " of " +
                            grouped_number(static_cast<long long>(board_metrics(run).size())) +
                            " recorded";
  text(Type::kCaption, theme().text3, count);
  ImGui::SameLine(0.0F, em(1));
  if (studio.plots.board.arranged.has_value() && link("Usual arrangement###plots.browser_reset"))
    studio.plots.board.reset();
}

void draw_run_picker(Studio& studio, std::string* search) {
  RunOverlay& overlay = studio.overlay;
  search_field("###plots.run_search", search, "Words, *glob* or /expression/");
  studio.shows_run_list = true;
  const TextFilter filter = filter_of(*search);
  std::vector<const store::RunSummary*> found;
  for (const store::RunSummary& run : studio.runs->runs) {
    if (run.root == studio.run->root || run.state == "damaged") continue;
    if (found.size() < kMostRows && filter.matches(run.name, run.preset + " " + run.state))
      found.push_back(&run);
  }
  constexpr float kRowEm = 2.1F;
  {
    const ListArea area("###plots.run_list", found.size(), kRowEm);
    for (const store::RunSummary* run : found) {
      const bool is_shown = overlay.contains(run->root);
      const float width = ImGui::GetContentRegionAvail().x;
      if (tick_row(run->name + "###plots.pick." + run->name, is_shown, kRowEm)) {
        if (is_shown) {
          overlay.remove(run->root);
        } else if (!overlay.add(run->root)) {
          studio.notices.push_back(
              {NoticeKind::kAttention,
               "No more runs fit on the plots",
               "Remove one of the " + std::to_string(RunOverlay::kMaxRuns) + " first."});
        }
      }
      const ImVec2 pos = ImGui::GetCursorScreenPos();
      ImDrawList* list = ImGui::GetWindowDrawList();
      const float y = pos.y + (em(kRowEm) - line_height(Type::kBody)) * 0.5F;
      list->AddRectFilled({pos.x + em(2.1F), pos.y + em(0.5F)},
                          {pos.x + em(2.1F) + px(3), pos.y + em(kRowEm - 0.5F)},
                          run_color(studio, run->root, run->name));
      draw_text(list, Type::kBody, {pos.x + em(2.7F), y}, theme().text1, run->name, width - em(9));
      const std::string loss =
          std::isfinite(run->val_loss)
              ? plain_number(run->val_loss)
              : (std::isfinite(run->train_loss) ? plain_number(run->train_loss) : "\xE2\x80\x93");
      draw_text_right(list, Type::kDigits, {pos.x + width - em(0.5F), y}, theme().text2, loss);
      end_row(kRowEm);
    }
    if (found.empty())
      text(Type::kBody,
           theme().text3,
           studio.runs->runs.size() < 2 ? "There is no other run yet." : "No run has this name.");
  }
  text(Type::kCaption,
       theme().text3,
       grouped_number(static_cast<long long>(overlay.runs.size())) +
           " shown over this run; the first eight lines have their own colours");
}

}  // namespace switchyard::ui
