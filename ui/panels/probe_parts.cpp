#include "ui/panels/probe_parts.h"

#include "ui/plot/ticks.h"
#include "ui/widgets/states.h"

namespace switchyard::ui {

void draw_without_probe() {
  empty_state(Icon::kProbe,
              "No probe yet",
              "A probe sends a fixed piece of the validation text through the routers. It comes "
              "with the evaluations of a run.");
}

std::string probe_words(const store::ProbeSample& sample) {
  return "probe of step " + grouped_number(sample.at.step) + ", " +
         grouped_number(sample.probe->num_tokens) + " tokens";
}

}  // namespace switchyard::ui
