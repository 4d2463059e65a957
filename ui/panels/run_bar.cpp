#include "ui/panels/run_bar.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "ui/model/eta.h"
#include "ui/panels/common.h"
#include "ui/panels/fork_popover.h"
#include "ui/panels/run_bar_parts.h"
#include "ui/panels/run_row.h"
#include "ui/shell/theme.h"
#include "ui/widgets/badges.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kBarEm = 4.15F;
constexpr float kWordsFromEm = 56.0F;  ///< width of the window from which buttons have words
constexpr double kSmoothing = 0.6;     ///< of loss and perplexity, per 10 steps

struct Figure {
  std::string label, value, unit;
  Icon trend = Icon::kCount;
  Color trend_color = 0;
  float width_em = 7.0F;
};

void vertical_rule(float x, float top) {
  ImGui::GetWindowDrawList()->AddRectFilled({std::round(x), top + em(0.75F)},
                                            {std::round(x) + px(1), top + em(kBarEm - 0.75F)},
                                            theme().line);
}

std::string since_start(const Studio& studio) {
  const RunView& run = *studio.run;
  if (run.state == RunState::kFailed && !run.state_detail.empty()) return run.state_detail;
  const Series* loss = run.scalar("train_loss");
  if (loss == nullptr || loss->empty()) return "";
  const std::string time = duration_text(loss->last().seconds);
  return is_training(run.state) ? "for " + time : "after " + time;
}

void draw_identity(Studio& studio, ImVec2 min, float width) {
  const RunView& run = *studio.run;
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const Color color = run.root.empty() ? t.line2 : run_color(studio, run.root, run.name);
  list->AddRectFilled({min.x + em(1.0F), min.y + em(0.85F)},
                      {min.x + em(1.0F) + px(3), min.y + em(kBarEm - 0.85F)},
                      color);
  const float x = min.x + em(1.75F);
  const float name_width = draw_text(list,
                                     Type::kRunName,
                                     {x, min.y + em(0.72F)},
                                     t.text1,
                                     run.root.empty() ? "No run open" : run.name,
                                     width - em(2.9F) - button_height(true));
  draw_run_switcher(studio, {x + name_width + em(0.1F), min.y + em(0.5F)});
  const float y = min.y + em(2.25F);
  if (run.root.empty()) {
    draw_text(
        list, Type::kBody, {x, y}, t.text3, "Pick a preset and press Train", width - em(2.5F));
    return;
  }
  const float state_width = draw_state(list, {x, y}, run.state, Type::kBody);
  const float after = x + state_width + em(0.5F);
  const float health = draw_health(studio, {after, y}, min.x + width - em(0.6F) - after);
  const float rest = health > 0.0F ? 0.0F : width - em(3.0F) - state_width;
  if (rest > em(2))
    draw_text(list,
              Type::kCaption,
              {x + state_width + em(0.5F), y + px(1)},
              t.text3,
              since_start(studio),
              rest);
}

void draw_progress(const RunView& run, ImVec2 min, float width) {
  const ThemeTokens& t = theme();
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = min.y + em(0.78F);
  const std::string step = grouped_number(run.step);
  const float used = draw_text(list, Type::kDigitsCard, {min.x, y}, t.text1, step);
  draw_text(list,
            Type::kDigits,
            {min.x + used + em(0.35F), y + px(1)},
            t.text3,
            "/ " + grouped_number(run.max_steps) + " steps");
  const double fraction =
      run.max_steps > 0 ? static_cast<double>(run.step) / static_cast<double>(run.max_steps) : 0.0;
  char percent[16];
  std::snprintf(percent, sizeof percent, "%.1f\xE2\x80\x89%%", 100.0 * fraction);
  draw_text_right(list, Type::kDigits, {min.x + width, y + px(1)}, t.text2, percent);
  ImGui::SetCursorScreenPos({min.x, min.y + em(2.45F)});
  const Tone tone = tone_of(run_state_tone(run.state));
  const bool is_over = run.state == RunState::kFailed || run.state == RunState::kKilled;
  progress_bar(static_cast<float>(fraction), width, is_over ? tone_color(tone) : t.accent);
}

double recent_loss(const Series& loss) {
  return smoothed_last({loss, XAxis::kSteps}, loss.values(), kSmoothing);
}

Figure loss_figure(const RunView& run) {
  Figure figure{"Loss", "–", "nats", Icon::kCount, 0, 7.4F};
  const Series* loss = run.scalar("train_loss");
  if (loss == nullptr || loss->empty()) return figure;
  figure.value = plain_number(recent_loss(*loss), 4);
  switch (trend(loss->values())) {
    case Trend::kDown:
      figure.trend = Icon::kTrendDown, figure.trend_color = theme().ok;
      break;
    case Trend::kUp:
      figure.trend = Icon::kTrendUp, figure.trend_color = theme().attention;
      break;
    case Trend::kFlat:
      figure.trend = Icon::kTrendFlat, figure.trend_color = theme().text3;
      break;
    case Trend::kUnknown:
      break;
  }
  return figure;
}

Figure perplexity_figure(const RunView& run) {
  const Series* loss = run.scalar("train_loss");
  const bool has = loss != nullptr && !loss->empty();
  const double smooth = has ? recent_loss(*loss) : 0.0;
  return {"Perplexity", has ? plain_number(std::exp(smooth), 4) : "–", "", Icon::kCount, 0, 6.4F};
}

Figure tokens_figure(const RunView& run) {
  const Series* loss = run.scalar("train_loss");
  Figure figure{"Tokens", "–", "", Icon::kCount, 0, 6.2F};
  if (loss != nullptr && !loss->empty())
    figure.value = short_number(static_cast<double>(loss->last().tokens));
  return figure;
}

Figure time_figure(const RunView& run) {
  Figure figure{"Time left", "–", "", Icon::kCount, 0, 10.0F};
  const Series* loss = run.scalar("train_loss");
  if (loss == nullptr || !is_training(run.state)) return figure;
  const auto left = time_left({*loss, XAxis::kSteps}, {*loss, XAxis::kSeconds}, run.max_steps);
  if (!left.has_value()) return figure;
  figure.value = duration_text(left->low);
  const std::string high = duration_text(left->high);
  if (high != figure.value) figure.unit = "– " + high;
  return figure;
}

float draw_figure(const Figure& figure, ImVec2 pos) {
  ImGui::SetCursorScreenPos({pos.x, pos.y + em(0.72F)});
  key_figure(figure.label, figure.value, figure.unit);
  if (figure.trend != Icon::kCount) {
    const float x = pos.x + text_size(Type::kCaption, figure.label).x + em(0.45F);
    draw_text(ImGui::GetWindowDrawList(),
              Type::kCaption,
              {x, pos.y + em(0.72F)},
              figure.trend_color,
              icon(figure.trend));
  }
  return em(figure.width_em);
}

struct BarButton {
  const char* label;
  Icon icon;
  ButtonKind kind;
  const ButtonState* state;
  const char* help;
};

bool bar_button(const BarButton& item, float* right, float top) {
  ButtonOptions options;
  options.icon = item.icon;
  options.kind = item.kind;
  // A narrow window shows icons only; the tooltip then begins with the word.
  const bool has_words = ImGui::GetWindowSize().x >= em(kWordsFromEm);
  const std::string help = std::string(visible_label(item.label)) + ". " + item.help;
  options.tooltip = has_words ? item.help : help.c_str();
  if (!item.state->is_enabled) options.disabled_reason = item.state->reason.c_str();
  if (!has_words) options.width = em(2.6F);
  const float width = has_words ? button_width(item.label, options) : options.width;
  const std::string label = has_words ? item.label : std::strstr(item.label, "###");
  *right -= width;
  ImGui::SetCursorScreenPos({*right, top + (em(kBarEm) - button_height()) * 0.5F});
  const bool is_pressed = button(label.c_str(), options);
  *right -= em(0.5F);
  return is_pressed;
}

void draw_stop_menu(Studio& studio, const ButtonState& state, float* right, float top) {
  ButtonOptions options;
  options.kind = ButtonKind::kSecondary;
  options.width = button_height();
  if (!state.is_enabled) options.disabled_reason = state.reason.c_str();
  *right -= button_height();
  ImGui::SetCursorScreenPos({*right, top + (em(kBarEm) - button_height()) * 0.5F});
  if (icon_button("Stop options###run.stop_menu", Icon::kChevronDown, "More ways to stop", options))
    open_popover("run.stop_popup");
  draw_stop_popover(studio, "run.stop_popup");
}

/// From right to left; returns the left end.
float draw_buttons(Studio& studio, float right, float top) {
  const RunView& run = *studio.run;
  const RunButtons b = run_buttons(run);
  using Kind = EngineOrder::Kind;
  if (b.stop.is_shown) {
    draw_stop_menu(studio, b.stop, &right, top);
    if (bar_button({"Stop###run.stop",
                    Icon::kStop,
                    ButtonKind::kSecondary,
                    &b.stop,
                    "Saves a checkpoint, then ends the engine"},
                   &right,
                   top))
      studio.send(EngineOrder{Kind::kStopAndSave});
  }
  if (b.fork.is_shown && bar_button({"Fork###run.fork",
                                     Icon::kFork,
                                     ButtonKind::kSecondary,
                                     &b.fork,
                                     "A child run from a checkpoint, with other settings"},
                                    &right,
                                    top))
    ask_to_fork(studio, run.root);
  draw_fork_popover(studio);
  if (b.save.is_shown && bar_button({"Save###run.save",
                                     Icon::kSave,
                                     ButtonKind::kSecondary,
                                     &b.save,
                                     "Saves a checkpoint now (Ctrl+S)"},
                                    &right,
                                    top))
    studio.send(EngineOrder{Kind::kSave});
  if (b.pause.is_shown && bar_button({"Pause###run.pause",
                                      Icon::kPause,
                                      ButtonKind::kSecondary,
                                      &b.pause,
                                      "The model stays loaded (Space)"},
                                     &right,
                                     top))
    studio.send(EngineOrder{Kind::kPause});
  if (b.resume.is_shown && bar_button({"Resume###run.resume",
                                       Icon::kStart,
                                       ButtonKind::kPrimary,
                                       &b.resume,
                                       "Goes on with the next step (Space)"},
                                      &right,
                                      top))
    studio.send(EngineOrder{Kind::kResume});
  if (!is_training(run.state)) {
    static const ButtonState always{true, true, ""};
    if (bar_button(
            {"New run###run.new", Icon::kPlus, ButtonKind::kSecondary, &always, "Pick a preset"},
            &right,
            top))
      studio.gallery.is_open = true;
  }
  const char* restart =
      run.state == RunState::kCreated ? "Train###run.restart" : "Resume###run.restart";
  if (b.restart.is_shown && bar_button({restart,
                                        Icon::kStart,
                                        ButtonKind::kPrimary,
                                        &b.restart,
                                        "Starts an engine that goes on from the last checkpoint"},
                                       &right,
                                       top))
    studio.send(ResumeRun{run.root});
  return right;
}

}  // namespace

void draw_run_bar(Studio& studio) {
  const RunView& run = *studio.run;
  const ImVec2 min = ImGui::GetWindowPos(), size = ImGui::GetWindowSize();
  const float identity = std::min(em(13.8F), size.x * 0.3F);
  const float buttons_left = draw_buttons(studio, min.x + size.x - em(1.0F), min.y);
  draw_identity(studio, min, identity);
  if (run.root.empty() || run.state == RunState::kDamaged) return;
  float x = min.x + identity;
  const float progress = em(17.0F);
  if (x + progress + em(2) > buttons_left) return;
  vertical_rule(x, min.y);
  draw_progress(run, {x + em(1.3F), min.y}, progress - em(0.6F));
  x += progress + em(2.0F);
  vertical_rule(x, min.y);
  x += em(1.3F);
  const double speed = last_value(run, "tokens_per_second");
  const Figure figures[] = {loss_figure(run),
                            perplexity_figure(run),
                            {"Throughput",
                             short_number(speed),
                             std::isfinite(speed) ? "tok/s" : "",
                             Icon::kCount,
                             0,
                             8.2F},
                            time_figure(run)};
  for (const Figure& figure : figures) {
    if (x + em(figure.width_em) > buttons_left) continue;
    x += draw_figure(figure, {x, min.y});
  }
  if (x + draw_memory_figure(studio, {x, min.y}, true) <= buttons_left)
    x += draw_memory_figure(studio, {x, min.y});
  const Figure tokens = tokens_figure(run);
  if (x + em(tokens.width_em) <= buttons_left) draw_figure(tokens, {x, min.y});
}

}  // namespace switchyard::ui
