#include <memory>
#include <string>

#include "ui/model/prompt_actions.h"
#include "ui/panels/common.h"
#include "ui/panels/flow_toolbar.h"
#include "ui/panels/maps.h"
#include "ui/panels/panel.h"
#include "ui/panels/registry.h"
#include "ui/panels/token_flow.h"
#include "ui/panels/token_popover.h"
#include "ui/shell/theme.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

/// The routes of a prompt's tokens through all layers, beside the maps.
class RoutesPanel final : public Panel {
 public:
  void draw(Studio& studio) override {
    if (draw_without_routing(*studio.run)) return;
    const Answer* answer = studio.prompt.shown();
    draw_flow_toolbar(studio, "routes", answer);
    if (answer == nullptr) {
      if (empty_state(Icon::kPrompt,
                      "No text to follow",
                      "Ask the model something: every token then shows its experts here.",
                      "Open Prompt###routes.prompt",
                      Icon::kPrompt))
        studio.wants_panel = "prompt.input";
      return;
    }
    FlowResult flow;
    {
      const PanelBody body("###routes.body", {0.0F, 0.0F}, 1.0F, 1.0F);
      flow = flow_.draw(studio, *answer, studio.prompt.shows_routes);
      draw_flow_legend(studio, *answer, studio.prompt.shows_routes);
    }
    popover_.draw(studio, *answer, flow, false);
  }

 private:
  TokenFlow flow_;
  TokenPopover popover_;
};

}  // namespace

std::unique_ptr<Panel> make_routes_panel() {
  return std::make_unique<RoutesPanel>();
}

}  // namespace switchyard::ui
