#include "ui/panels/registry.h"

#include <array>

#include "ui/model/findings.h"
#include "ui/model/studio.h"

namespace switchyard::ui {

namespace {

std::size_t count_runs(const Studio& studio) {
  return studio.runs->runs.size();
}

std::size_t count_queued(const Studio& studio) {
  return studio.runs_feed->queue.size();
}

std::size_t count_findings(const Studio& studio) {
  return open_findings(*studio.run).size();
}

}  // namespace

std::span<const PanelEntry> all_panels() {
  static const std::array entries{
      PanelEntry{
          "train.config", "Configuration", Workspace::kTrain, Slot::kLeft, &make_config_panel},
      PanelEntry{"train.plots", "Plots", Workspace::kTrain, Slot::kCentre, &make_plots_panel},
      PanelEntry{"train.architecture",
                 "Architecture",
                 Workspace::kTrain,
                 Slot::kCentre,
                 &make_architecture_panel},
      PanelEntry{"train.data", "Data", Workspace::kTrain, Slot::kCentre, &make_data_panel},
      PanelEntry{
          "train.inspector", "Inspector", Workspace::kTrain, Slot::kRight, &make_inspector_panel},
      PanelEntry{"train.events", "Events", Workspace::kTrain, Slot::kRight, &make_events_panel},
      PanelEntry{"routing.layers", "Layers", Workspace::kRouting, Slot::kLeft, &make_layers_panel},
      PanelEntry{"routing.maps", "Maps", Workspace::kRouting, Slot::kCentre, &make_routing_panel},
      PanelEntry{
          "routing.balance", "Balance", Workspace::kRouting, Slot::kCentre, &make_balance_panel},
      PanelEntry{"routing.pairs", "Pairs", Workspace::kRouting, Slot::kCentre, &make_pairs_panel},
      PanelEntry{"routing.specialisation",
                 "Specialisation",
                 Workspace::kRouting,
                 Slot::kCentre,
                 &make_specialisation_panel},
      PanelEntry{"routing.compare",
                 "Compare",
                 Workspace::kRouting,
                 Slot::kCentre,
                 &make_routing_compare_panel},
      PanelEntry{
          "routing.routes", "Tokens", Workspace::kRouting, Slot::kCentre, &make_routes_panel},
      PanelEntry{"routing.time",
                 "Over time",
                 Workspace::kRouting,
                 Slot::kBottom,
                 &make_routing_time_panel},
      PanelEntry{"routing.expert", "Expert", Workspace::kRouting, Slot::kRight, &make_expert_panel},
      PanelEntry{"routing.findings",
                 "Findings",
                 Workspace::kRouting,
                 Slot::kRight,
                 &make_findings_panel,
                 &count_findings},
      PanelEntry{"prompt.input", "Prompt", Workspace::kPrompt, Slot::kLeft, &make_prompt_panel},
      PanelEntry{
          "prompt.answers", "Answers", Workspace::kPrompt, Slot::kCentre, &make_answers_panel},
      PanelEntry{"prompt.over_training",
                 "Over training",
                 Workspace::kPrompt,
                 Slot::kCentre,
                 &make_over_training_panel},
      PanelEntry{
          "prompt.score", "Score text", Workspace::kPrompt, Slot::kCentre, &make_score_panel},
      PanelEntry{"prompt.token", "Token", Workspace::kPrompt, Slot::kRight, &make_token_panel},
      PanelEntry{
          "runs.table", "Runs", Workspace::kRuns, Slot::kCentre, &make_runs_panel, &count_runs},
      PanelEntry{"runs.queue",
                 "Queue",
                 Workspace::kRuns,
                 Slot::kCentre,
                 &make_run_queue_panel,
                 &count_queued},
      PanelEntry{"runs.curves", "Curves", Workspace::kRuns, Slot::kBottom, &make_run_curves_panel},
      PanelEntry{
          "runs.scatter", "Scatter", Workspace::kRuns, Slot::kBottom, &make_run_scatter_panel},
      PanelEntry{"runs.difference",
                 "Config difference",
                 Workspace::kRuns,
                 Slot::kRight,
                 &make_run_difference_panel},
      PanelEntry{
          "runs.lineage", "Lineage", Workspace::kRuns, Slot::kRight, &make_run_lineage_panel},
      PanelEntry{"runs.notes", "Notes", Workspace::kRuns, Slot::kRight, &make_run_notes_panel},
  };
  return entries;
}

}  // namespace switchyard::ui
