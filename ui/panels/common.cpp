#include "ui/panels/common.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ui/model/run_index.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {

PanelBody::PanelBody(const char* id, ImVec2 size, float pad_x_em, float pad_y_em, bool can_scroll) {
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(em(pad_x_em), em(pad_y_em)));
  ImGui::PushStyleVar(ImGuiStyleVar_ChildRounding, 0.0F);
  const ImGuiWindowFlags flags =
      can_scroll ? ImGuiWindowFlags_None
                 : ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoScrollWithMouse;
  ImGui::PushStyleColor(ImGuiCol_ChildBg, 0U);
  ImGui::BeginChild(
      id, size, ImGuiChildFlags_AlwaysUseWindowPadding | ImGuiChildFlags_NavFlattened, flags);
  ImGui::PopStyleColor();
  ImGui::PopStyleVar(2);
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, ImVec2(em(0.6F), 0.0F));
}

PanelBody::~PanelBody() {
  ImGui::PopStyleVar();
  ImGui::EndChild();
}

void gap(float height_em) {
  ImGui::Dummy({1.0F, em(height_em)});
}

namespace {

constexpr float kToolbarRowEm = 2.9F;
constexpr float kToolbarPadEm = 0.9F;

}  // namespace

Toolbar::Toolbar(const char* id) : min_(ImGui::GetCursorScreenPos()), height_(em(kToolbarRowEm)) {
  ImGui::PushID(id);
}

ImGuiStorage& Toolbar::widths() {
  return *ImGui::GetStateStorage();
}

/// Items wrap by the widths of the last frame: what comes is not known before it is drawn.
void Toolbar::keep_width() {
  if (count_ == 0) return;
  widths().SetFloat(ImGui::GetID(count_), ImGui::GetItemRectSize().x);
}

void Toolbar::place(float height, float gap_em, float wanted) {
  const float left = min_.x + em(kToolbarPadEm);
  const float right = ImGui::GetWindowPos().x + ImGui::GetWindowSize().x - em(0.4F);
  float x = count_ == 0 ? left : ImGui::GetItemRectMax().x + em(gap_em);
  if (count_ > 0 && wanted > 0.0F && x + wanted > right && x > left) {
    x = left;
    ++row_;
  }
  const float top = min_.y + height_ * static_cast<float>(row_);
  ImGui::SetCursorScreenPos({std::round(x), std::round(top + (height_ - height) * 0.5F)});
  ++count_;
}

void Toolbar::next(float height, float gap_em) {
  keep_width();
  const float wanted = widths().GetFloat(ImGui::GetID(count_ + 1), 0.0F);
  if (follows_label_) {
    follows_label_ = false;
    const float x = ImGui::GetItemRectMax().x + em(gap_em);
    const float top = min_.y + height_ * static_cast<float>(row_);
    ImGui::SetCursorScreenPos({std::round(x), std::round(top + (height_ - height) * 0.5F)});
    ++count_;
    return;
  }
  place(height, gap_em, wanted);
}

void Toolbar::label(std::string_view words) {
  keep_width();
  const float own = text_size(Type::kCaption, words).x;
  const float following = widths().GetFloat(ImGui::GetID(count_ + 2), 0.0F);
  place(line_height(Type::kCaption),
        kToolbarPadEm,
        following > 0.0F ? own + em(kToolbarPadEm) + following : own);
  text(Type::kCaption, theme().text3, words);
  follows_label_ = true;
}

Toolbar::~Toolbar() {
  keep_width();
  ImGui::PopID();
  const float left = ImGui::GetWindowPos().x, right = left + ImGui::GetWindowSize().x;
  const float bottom = std::round(min_.y + height_ * static_cast<float>(row_ + 1));
  ImGui::GetWindowDrawList()->AddRectFilled({left, bottom - px(1)}, {right, bottom}, theme().line);
  ImGui::SetCursorScreenPos({min_.x, bottom});
}

Tone tone_of(StateTone tone) {
  switch (tone) {
    case StateTone::kOk:
      return Tone::kOk;
    case StateTone::kAccent:
      return Tone::kAccent;
    case StateTone::kAttention:
      return Tone::kAttention;
    case StateTone::kFailure:
      return Tone::kFailure;
    case StateTone::kQuiet:
      break;
  }
  return Tone::kNeutral;
}

Tone tone_of(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::kOk:
      return Tone::kOk;
    case NoticeKind::kAttention:
      return Tone::kAttention;
    case NoticeKind::kFailure:
      return Tone::kFailure;
    case NoticeKind::kInfo:
      break;
  }
  return Tone::kNeutral;
}

Color run_color(std::string_view run_name) {
  return theme().run(run_color_index(run_name));
}

Icon state_icon(RunState state) {
  switch (state) {
    case RunState::kRunning:
      return Icon::kCount;  // a dot
    case RunState::kStarting:
      return Icon::kClock;
    case RunState::kPaused:
      return Icon::kPause;
    case RunState::kStopping:
    case RunState::kStopped:
      return Icon::kStop;
    case RunState::kCompleted:
      return Icon::kCheck;
    case RunState::kFailed:
    case RunState::kDamaged:
      return Icon::kFailure;
    case RunState::kKilled:
      return Icon::kAttention;
    case RunState::kCreated:
      return Icon::kDraft;
    case RunState::kNone:
      break;
  }
  return Icon::kInfo;
}

float draw_state(ImDrawList* list, ImVec2 pos, RunState state, Type type) {
  const Tone tone = tone_of(run_state_tone(state));
  const Color color = tone == Tone::kNeutral ? theme().text2 : tone_color(tone);
  const float height = line_height(type), advance = em(1.05F);
  const Icon name = state_icon(state);
  if (name == Icon::kCount) {
    const ImVec2 centre = {pos.x + em(0.38F), std::round(pos.y + height * 0.5F)};
    list->AddCircleFilled(centre, em(0.38F), with_alpha(color, 0.25F));
    list->AddCircleFilled(centre, em(0.24F), color);
  } else {
    draw_text(list,
              Type::kCaption,
              {pos.x, pos.y + (height - line_height(Type::kCaption)) * 0.5F},
              color,
              icon(name));
  }
  return advance + draw_text(list, type, {pos.x + advance, pos.y}, color, run_state_title(state));
}

std::vector<PlotLine> scene_lines(const OverlayScene& scene,
                                  const std::string& metric,
                                  XAxis axis,
                                  std::string_view hovered_root) {
  const std::vector<double> shifts = scene.shifts(axis);
  std::vector<PlotLine> lines;
  for (std::size_t i = 0; i < scene.runs.size(); ++i) {
    const ShownRun& run = scene.runs[i];
    if (!run.is_drawn || run.view == nullptr) continue;
    const auto found = run.view->series.find(metric);
    if (found == run.view->series.end() || found->second.data == nullptr) continue;
    PlotLine line;
    line.key = run.root;
    line.name = run.name;
    line.data = found->second.data;
    line.color = theme().run(run.color);
    line.is_own = run.is_own;
    line.is_dashed = run.is_dashed;
    line.is_muted = run.is_muted;
    line.is_hovered = !hovered_root.empty() && run.root == hovered_root;
    line.x_shift = shifts[i];
    line.seed_group = scene.groups[i];
    lines.push_back(std::move(line));
  }
  return lines;
}

namespace {

/// "optimizer/learning_rate ÷ 2", or what the setting became.
std::string setting_label(const Json& detail) {
  std::string key = detail["pointer"].as_string();
  if (key.empty()) key = detail["key"].as_string();
  if (key.empty()) return "setting";
  const std::size_t slash = key.find_last_of("/.");
  if (slash != std::string::npos) key = key.substr(slash + 1);
  if (key == "learning_rate") key = "LR";
  const double from = detail["from"].as_number(), to = detail["to"].as_number();
  if (from > 0.0 && to > 0.0) {
    const double ratio = to / from;
    return key + (ratio < 1.0 ? " \u00F7 " + plain_number(1.0 / ratio, 2)
                              : " \u00D7 " + plain_number(ratio, 2));
  }
  return detail["to"].is_null() ? key : key + " " + detail["to"].dump();
}

bool fill_mark(const store::Event& event, PlotMark& mark) {
  const Json& detail = event.detail;
  const std::string& message = detail["message"].as_string();
  const std::string at = " at step " + grouped_number(event.step);
  if (event.kind == "checkpoint") {
    mark.kind = MarkKind::kCheckpoint;
    mark.detail = (detail["is_best"].as_bool() ? "Best checkpoint" : "Checkpoint") + at;
  } else if (event.kind == "setting") {
    mark.kind = MarkKind::kChange;
    mark.label = setting_label(detail);
    mark.detail = mark.label + at + ", changed by you";
  } else if (event.kind == "guard") {
    mark.kind = MarkKind::kAlert;
    const std::string& action = detail["action"].as_string();
    mark.label = action.empty() ? "guard" : action;
    std::replace(mark.label.begin(), mark.label.end(), '_', ' ');
    mark.detail = "Guard" + at + ": " + (message.empty() ? detail.dump() : message);
  } else if (event.kind == "doctor") {
    const bool is_found = detail["action"].as_string() == "found";
    mark.kind = !is_found                                     ? MarkKind::kNote
                : detail["severity"].as_string() == "failure" ? MarkKind::kFailure
                                                              : MarkKind::kAlert;
    mark.label = (is_found ? "" : "no ") + detail["finding"].as_string();
    std::replace(mark.label.begin(), mark.label.end(), '_', ' ');
    mark.detail = "Doctor" + at + ": " + message;
  } else if (event.kind == "error") {
    mark.kind = MarkKind::kFailure;
    mark.label = "error";
    mark.detail = "Error" + at + ": " + (message.empty() ? detail.dump() : message);
  } else if (event.kind == "pin") {
    mark.kind = MarkKind::kNote;
    mark.label = "pin";
    mark.detail = "Prompt pinned" + at + ": " + detail["prompt"].as_string();
  } else if (event.kind == "gap") {
    mark.kind = MarkKind::kAlert;
    mark.label = "gap";
    mark.detail = "The machine slept" + at;
  } else if (event.kind == "fork") {
    mark.kind = MarkKind::kChange;
    mark.label = "fork";
    mark.detail = "Forked from " + detail["parent_name"].as_string() + at;
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::vector<PlotMark> event_marks(const RunView& run, XAxis axis, std::int64_t selected) {
  std::vector<PlotMark> marks;
  const Series* loss = run.scalar("train_loss");
  if (loss == nullptr || loss->empty()) return marks;
  for (const store::Event& event : run.events) {
    PlotMark mark;
    if (!fill_mark(event, mark)) continue;
    mark.x = x_at_step(*loss, axis, static_cast<double>(event.step));
    mark.event = event.sequence;
    mark.is_selected = selected >= 0 && event.sequence == selected;
    marks.push_back(std::move(mark));
  }
  return marks;
}

double last_value(const RunView& run, const std::string& metric) {
  const Series* series = run.scalar(metric);
  return series == nullptr ? std::numeric_limits<double>::quiet_NaN() : series->last_value();
}

std::string expert_name(int expert) {
  return "e" + std::to_string(expert);
}

std::string layer_name(int layer) {
  return "L" + std::to_string(layer);
}

void note(std::string_view words) {
  text_wrapped(Type::kCaption, theme().text3, words);
}

}  // namespace switchyard::ui
