#pragma once

#include <memory>

#include "ui/panels/panel.h"

namespace switchyard::ui {

// One maker per panel; registry.cpp lists them with id, title and place.
std::unique_ptr<Panel> make_answers_panel();
std::unique_ptr<Panel> make_architecture_panel();
std::unique_ptr<Panel> make_balance_panel();
std::unique_ptr<Panel> make_config_panel();
std::unique_ptr<Panel> make_data_panel();
std::unique_ptr<Panel> make_events_panel();
std::unique_ptr<Panel> make_expert_panel();
std::unique_ptr<Panel> make_findings_panel();
std::unique_ptr<Panel> make_inspector_panel();
std::unique_ptr<Panel> make_layers_panel();
std::unique_ptr<Panel> make_over_training_panel();
std::unique_ptr<Panel> make_pairs_panel();
std::unique_ptr<Panel> make_plots_panel();
std::unique_ptr<Panel> make_prompt_panel();
std::unique_ptr<Panel> make_routes_panel();
std::unique_ptr<Panel> make_routing_compare_panel();
std::unique_ptr<Panel> make_routing_panel();
std::unique_ptr<Panel> make_routing_time_panel();
std::unique_ptr<Panel> make_run_curves_panel();
std::unique_ptr<Panel> make_run_difference_panel();
std::unique_ptr<Panel> make_run_lineage_panel();
std::unique_ptr<Panel> make_run_notes_panel();
std::unique_ptr<Panel> make_run_queue_panel();
std::unique_ptr<Panel> make_run_scatter_panel();
std::unique_ptr<Panel> make_runs_panel();
std::unique_ptr<Panel> make_score_panel();
std::unique_ptr<Panel> make_specialisation_panel();
std::unique_ptr<Panel> make_token_panel();

}  // namespace switchyard::ui
