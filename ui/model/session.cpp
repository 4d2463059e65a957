#include <algorithm>
#include <cmath>

#include "ui/model/studio.h"

namespace switchyard::ui {
namespace {

double number_in(const Json& value, double low, double high, double fallback) {
  if (!value.is_number()) return fallback;
  const double number = value.as_number();
  return std::isfinite(number) && number >= low && number <= high ? number : fallback;
}

std::int64_t integer_in(const Json& value,
                        std::int64_t low,
                        std::int64_t high,
                        std::int64_t fallback) {
  if (!value.is_integer()) return fallback;
  const std::int64_t number = value.as_integer();
  return number >= low && number <= high ? number : fallback;
}

Json json_from_texts(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(text);
  return list;
}

}  // namespace

std::string session_text(const Studio& studio) {
  const SamplingSettings& s = studio.prompt.settings;
  Json sampling = Json::object({{"temperature", s.temperature},
                                {"top_k", s.top_k},
                                {"top_p", s.top_p},
                                {"min_p", s.min_p},
                                {"repetition_penalty", s.repetition_penalty},
                                {"seed", s.seed},
                                {"max_tokens", s.max_tokens},
                                {"stop", json_from_texts(s.stop)},
                                {"is_seed_locked", studio.prompt.is_seed_locked}});
  Json plots = Json::object({{"x_axis", static_cast<int>(studio.plots.group.axis)},
                             {"is_log_x", studio.plots.group.is_log_x},
                             {"smoothing", studio.plots.smoothing},
                             {"shows_raw", studio.plots.shows_raw},
                             {"y_scale", y_scale_name(studio.plots.y_scale)},
                             {"is_clipped", studio.plots.is_clipped},
                             {"has_line_ends", studio.plots.has_line_ends},
                             {"export_folder", studio.plots.export_folder},
                             {"is_export_light", studio.plots.is_export_light},
                             {"is_export_visible", studio.plots.is_export_visible},
                             {"board", board_json(studio.plots.board)}});
  Json session = Json::object({{"schema", "switchyard.session"},
                               {"version", 1},
                               {"run", studio.gallery.is_open ? "" : studio.run->root},
                               {"draft", studio.prompt.draft},
                               {"shade", static_cast<int>(studio.prompt.tint)},
                               {"shows_routes", studio.prompt.shows_routes},
                               {"layer", studio.selection.layer},
                               {"sampling", std::move(sampling)},
                               {"plots", std::move(plots)},
                               {"routing", routing_json(studio.routing)},
                               {"runs", json_from_runs_state(studio.runs_state)},
                               {"overlay", overlay_json(studio.overlay)}});
  add_shell_state(session, studio);
  return session.dump(2) + "\n";
}

void restore_session(Studio& studio, const Json& session) {
  restore_shell_state(studio, session);
  studio.prompt.draft = session["draft"].as_string();
  studio.prompt.tint = static_cast<PromptState::Tint>(integer_in(session["shade"], 0, 2, 0));
  studio.prompt.shows_routes = session["shows_routes"].as_bool(true);
  studio.selection.layer = static_cast<int>(integer_in(session["layer"], 0, 4096, 0));
  SamplingSettings& s = studio.prompt.settings;
  const Json& sampling = session["sampling"];
  s.temperature = number_in(sampling["temperature"], 0.0, 2.0, s.temperature);
  s.top_k = integer_in(sampling["top_k"], 0, 1 << 20, s.top_k);
  s.top_p = number_in(sampling["top_p"], 0.0, 1.0, s.top_p);
  s.min_p = number_in(sampling["min_p"], 0.0, 1.0, s.min_p);
  s.repetition_penalty = number_in(sampling["repetition_penalty"], 0.1, 10.0, s.repetition_penalty);
  s.seed = integer_in(sampling["seed"], 0, std::int64_t{1} << 53, s.seed);
  s.max_tokens = integer_in(sampling["max_tokens"], 1, 100'000, s.max_tokens);
  studio.prompt.is_seed_locked = sampling["is_seed_locked"].as_bool(true);
  s.stop.clear();
  for (const Json& text : sampling["stop"].items())
    add_stop(s, escapes_from_text(text.as_string()), nullptr);
  const Json& plots = session["plots"];
  studio.plots.group.axis = static_cast<XAxis>(integer_in(plots["x_axis"], 0, 3, 0));
  studio.plots.group.is_log_x = plots["is_log_x"].as_bool();
  studio.plots.smoothing = number_in(plots["smoothing"], 0.0, 0.999, studio.plots.smoothing);
  studio.plots.shows_raw = plots["shows_raw"].as_bool(studio.plots.shows_raw);
  restore_runs_state(studio.runs_state, session["runs"]);
  studio.plots.y_scale = y_scale_from_name(plots["y_scale"].as_string());
  studio.plots.is_clipped = plots["is_clipped"].as_bool();
  studio.plots.has_line_ends = plots["has_line_ends"].as_bool();
  const std::string& folder = plots["export_folder"].as_string();
  if (!folder.empty()) studio.plots.export_folder = folder;
  studio.plots.is_export_light = plots["is_export_light"].as_bool(true);
  studio.plots.is_export_visible = plots["is_export_visible"].as_bool(true);
  restore_board(studio.plots.board, plots["board"]);
  restore_routing(studio.routing, session["routing"]);
  restore_overlay(studio.overlay, session["overlay"]);
  const std::string& run = session["run"].as_string();
  if (!run.empty()) {
    studio.gallery.is_open = false;
    studio.send(OpenRun{run});
  }
}

}  // namespace switchyard::ui
