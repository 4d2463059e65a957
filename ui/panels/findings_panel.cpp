#include <memory>
#include <string>
#include <vector>

#include "ui/model/findings.h"
#include "ui/panels/common.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/plot/ticks.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr float kPadEm = 0.85F;

/// What the doctor says about the routers of the run, and what to change.
class FindingsPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    if (draw_without_routing(*studio.run)) return;
    const std::vector<RoutingFinding> findings = open_findings(*studio.run);
    if (findings.empty()) {
      empty_state(Icon::kOk,
                  "No findings",
                  "The routers are read at every sample: dead and overloaded experts, collapse, "
                  "dropped tokens, pairs that do the same.");
      return;
    }
    const PanelBody body("###findings.body", {0.0F, 0.0F}, 0.46F, 0.46F);
    for (std::size_t i = 0; i < findings.size(); ++i) {
      draw_finding(studio, findings[i], "finding." + std::to_string(i));
      gap(0.46F);
    }
  }

 private:
  static void draw_finding(Studio& studio, const RoutingFinding& finding, const std::string& id) {
    const ThemeTokens& t = theme();
    const float width = ImGui::GetContentRegionAvail().x, inner = width - 2.0F * em(kPadEm);
    const std::string setting = setting_text(finding);
    const int num_buttons = finding.pointer.empty() ? 2 : 3;
    const float height =
        em(2.2F) + wrapped_height(Type::kBody, finding.message, inner) +
        (finding.hint.empty() ? 0.0F
                              : em(0.5F) + wrapped_height(Type::kBody, finding.hint, inner)) +
        (setting.empty() ? 0.0F : em(0.5F) + wrapped_height(Type::kMono, setting, inner)) +
        static_cast<float>(num_buttons) * (button_height(true) + em(0.4F)) + em(1.6F);
    CardOptions card;
    card.size = {width, height};
    card.bar = finding.is_failure ? Tone::kFailure : Tone::kAttention;
    card.background = t.bg2;
    const std::string caption = "since step " + grouped_number(finding.since_step);
    card.caption = caption;
    const std::string title =
        finding.layer < 0 ? "All layers" : "Layer " + std::to_string(finding.layer);
    begin_card(("###" + id).c_str(), title, card);
    {
      const PanelBody body("###words", {0.0F, 0.0F}, kPadEm, 0.1F);
      text_wrapped(Type::kBody, t.text1, finding.message);
      if (!finding.hint.empty()) {
        gap(0.5F);
        text_wrapped(Type::kBody, t.text2, finding.hint);
      }
      if (!setting.empty()) {
        gap(0.5F);
        text_wrapped(Type::kMono, t.link, setting);
      }
      gap(0.6F);
      draw_buttons(studio, finding, id);
    }
    end_card();
  }

  static std::string setting_text(const RoutingFinding& finding) {
    if (finding.pointer.empty()) return "";
    return finding.pointer + (finding.value.is_number()
                                  ? " = " + plain_number(finding.value.as_number())
                                  : std::string());
  }

  static void draw_buttons(Studio& studio, const RoutingFinding& finding, const std::string& id) {
    ButtonOptions options;
    options.is_small = true;
    options.width = -1.0F;
    if (!finding.pointer.empty()) {
      options.icon = Icon::kSliders;
      if (button(("Open the setting###" + id + ".setting").c_str(), options)) {
        if (!studio.config.draft.has_value()) edit_run_as_new(studio);
        studio.config.wanted_setting = finding.pointer;
        studio.config.wants_form = true;
      }
      gap(0.4F);
    }
    options.icon = Icon::kLayers;
    if (finding.layer < 0) options.disabled_reason = "It concerns all layers";
    if (button(("Show the layer###" + id + ".layer").c_str(), options)) {
      studio.selection.layer = finding.layer;
      studio.selection.expert = -1;
      studio.wants_panel = "routing.maps";
    }
    options.disabled_reason = nullptr;
    gap(0.4F);
    options.icon = Icon::kCopy;
    if (button(("Copy###" + id + ".copy").c_str(), options))
      ImGui::SetClipboardText(finding_as_text(finding).c_str());
  }
};

}  // namespace

std::unique_ptr<Panel> make_findings_panel() {
  return std::make_unique<FindingsPanel>();
}

}  // namespace switchyard::ui
