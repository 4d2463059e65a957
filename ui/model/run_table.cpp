#include "ui/model/run_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "engine/base/core/text.h"
#include "ui/model/run_query.h"
#include "ui/model/run_state.h"
#include "ui/plot/ticks.h"

namespace switchyard::ui {
namespace {

constexpr std::array kColumns = {
    RunColumnInfo{RunColumn::kName, "name", "Run", 16.0F, false, true},
    RunColumnInfo{RunColumn::kState, "state", "State", 7.6F, false, true},
    RunColumnInfo{RunColumn::kPreset, "preset", "Preset", 11.5F, false, true},
    RunColumnInfo{RunColumn::kStep, "step", "Progress", 10.2F, false, true},
    RunColumnInfo{RunColumn::kValLoss, "best_val_loss", "Val loss", 6.2F, true, true},
    RunColumnInfo{RunColumn::kPerplexity, "perplexity", "PPL", 4.4F, true, true},
    RunColumnInfo{RunColumn::kBitsPerByte, "bits_per_byte", "Bits/byte", 5.6F, true, true},
    RunColumnInfo{RunColumn::kSpeed, "tokens_per_second", "Tok/s", 5.4F, true, true},
    RunColumnInfo{RunColumn::kParams, "params_total", "Params, active", 8.6F, true, true},
    RunColumnInfo{RunColumn::kTime, "seconds", "Time", 6.4F, true, true},
    RunColumnInfo{RunColumn::kCurve, "loss_curve", "Loss", 10.0F, false, true},
    RunColumnInfo{RunColumn::kTags, "tags", "Tags", 11.0F, false, true},
    RunColumnInfo{RunColumn::kTrainLoss, "train_loss", "Train loss", 6.4F, true, false},
    RunColumnInfo{RunColumn::kData, "data", "Data", 9.0F, false, false},
    RunColumnInfo{RunColumn::kTokens, "tokens", "Tokens", 6.0F, true, false},
    RunColumnInfo{RunColumn::kParent, "parent", "Forked from", 11.0F, false, false},
    RunColumnInfo{RunColumn::kModified, "modified_wall_time", "Changed", 7.6F, true, false},
};

constexpr std::array kGroupTitles = {std::string_view("none"),
                                     std::string_view("preset"),
                                     std::string_view("data"),
                                     std::string_view("state"),
                                     std::string_view("tag"),
                                     std::string_view("parent")};

/// Unknown numbers come last either way.
int compare_numbers(double a, double b, bool is_descending) {
  const bool has_a = std::isfinite(a), has_b = std::isfinite(b);
  if (has_a != has_b) return has_a == !is_descending ? -1 : 1;
  if (!has_a || a == b) return 0;
  return a < b ? -1 : 1;
}

double sort_number(const store::RunOverview& run, RunColumn column) {
  switch (column) {
    case RunColumn::kStep:
      return static_cast<double>(run.step);
    case RunColumn::kValLoss:
    case RunColumn::kPerplexity:
      return run_number(run, "loss");
    case RunColumn::kBitsPerByte:
      return run.bits_per_byte;
    case RunColumn::kSpeed:
      return run.tokens_per_second;
    case RunColumn::kParams:
      return static_cast<double>(run.params_total);
    case RunColumn::kTime:
      return run.seconds;
    case RunColumn::kCurve:
    case RunColumn::kTrainLoss:
      return run.train_loss;
    case RunColumn::kTokens:
      return static_cast<double>(run.tokens);
    default:
      return run.modified_wall_time;
  }
}

std::string sort_text(const store::RunOverview& run, const RunMark& mark, RunColumn column) {
  switch (column) {
    case RunColumn::kName:
      return run.name;
    case RunColumn::kState:
      return run.state;
    case RunColumn::kPreset:
      return run.preset;
    case RunColumn::kData:
      return run.data;
    case RunColumn::kParent:
      return run.parent_name;
    case RunColumn::kTags:
      return text_from_tags(all_tags(run, mark));
    default:
      return "";
  }
}

bool is_text_column(RunColumn column) {
  return column == RunColumn::kName || column == RunColumn::kState ||
         column == RunColumn::kPreset || column == RunColumn::kData ||
         column == RunColumn::kParent || column == RunColumn::kTags;
}

/// The groups that a run belongs to: one, except by tag.
std::vector<std::string> groups_of(const store::RunOverview& run,
                                   const RunMark& mark,
                                   RunGroup group) {
  const auto or_else = [](const std::string& text, const char* otherwise) {
    return std::vector<std::string>{text.empty() ? otherwise : text};
  };
  switch (group) {
    case RunGroup::kPreset:
      return or_else(run.preset, "no preset");
    case RunGroup::kData:
      return or_else(run.data, "no data set");
    case RunGroup::kState:
      return {std::string(run_state_title(run_state_from_word(run.state)))};
    case RunGroup::kTag: {
      const std::vector<std::string> tags = all_tags(run, mark);
      return tags.empty() ? std::vector<std::string>{"no tag"} : tags;
    }
    case RunGroup::kParent:
      return or_else(run.parent_name, "not forked");
    case RunGroup::kNone:
      break;
  }
  return {""};
}

std::vector<std::size_t> chosen_runs(const RunIndex& index,
                                     const RunMarks& marks,
                                     const RunsState& state,
                                     RunTable& table) {
  const RunQuery query = parse_run_query(state.filter);
  table.error = query.error;
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < index.runs.size(); ++i) {
    const RunMark& mark = marks.of(index.runs[i].root);
    if (matches(query, index.runs[i], mark)) chosen.push_back(i);
    if (mark.is_archived && !query.wants_archived()) ++table.num_archived;
  }
  const RunOrder order = state.order;
  std::vector<std::string> texts(index.runs.size());
  if (is_text_column(order.column)) {
    for (const std::size_t i : chosen)
      texts[i] = sort_text(index.runs[i], marks.of(index.runs[i].root), order.column);
  }
  std::stable_sort(chosen.begin(), chosen.end(), [&](std::size_t a, std::size_t b) {
    const int compared = is_text_column(order.column)
                             ? texts[a].compare(texts[b])
                             : compare_numbers(sort_number(index.runs[a], order.column),
                                               sort_number(index.runs[b], order.column),
                                               order.is_descending);
    return order.is_descending ? compared > 0 : compared < 0;
  });
  return chosen;
}

std::vector<std::string> shown_roots(const RunIndex& index, const RunTable& table) {
  std::vector<std::string> roots;
  for (const RunTableRow& row : table.rows) {
    if (!row.is_group) roots.push_back(index.runs[row.index].root);
  }
  return roots;
}

std::string csv_cell(const store::RunOverview& run, const RunMark& mark, RunColumn column) {
  if (column == RunColumn::kPerplexity) {
    const double value = run_number(run, "ppl");
    return std::isfinite(value) ? short_number(value) : "";
  }
  if (is_text_column(column)) return csv_field(sort_text(run, mark, column));
  const double value = sort_number(run, column);
  return std::isfinite(value) ? switchyard::short_number(value) : "";
}

}  // namespace

std::span<const RunColumnInfo> run_columns() {
  return kColumns;
}

const RunColumnInfo& run_column_info(RunColumn column) {
  return kColumns[static_cast<std::size_t>(column)];
}

std::string_view run_group_title(RunGroup group) {
  return kGroupTitles[static_cast<std::size_t>(group)];
}

bool RunsState::is_selected(std::string_view root) const {
  return std::find(selected.begin(), selected.end(), root) != selected.end();
}

bool RunsState::is_shown(RunColumn column) const {
  return columns.empty() ? run_column_info(column).is_default : columns.count(column) > 0;
}

void RunsState::toggle_column(RunColumn column) {
  if (column == RunColumn::kName) return;  // a row has to be called something
  if (columns.empty()) {
    for (const RunColumnInfo& info : kColumns) {
      if (info.is_default) columns.insert(info.column);
    }
  }
  if (columns.erase(column) == 0) columns.insert(column);
}

RunTable build_run_table(const RunIndex& index, const RunMarks& marks, const RunsState& state) {
  RunTable table;
  const std::vector<std::size_t> chosen = chosen_runs(index, marks, state, table);
  table.num_runs = chosen.size();
  double best = INFINITY;
  for (const std::size_t i : chosen) {
    if (!(index.runs[i].best_val_loss < best)) continue;
    best = index.runs[i].best_val_loss;
    table.best_root = index.runs[i].root;
  }
  if (state.group == RunGroup::kNone) {
    for (const std::size_t i : chosen) table.rows.push_back({false, "", 0, i});
    return table;
  }
  std::map<std::string, std::vector<std::size_t>> groups;
  for (const std::size_t i : chosen) {
    const store::RunOverview& run = index.runs[i];
    for (const std::string& group : groups_of(run, marks.of(run.root), state.group))
      groups[group].push_back(i);
  }
  for (const auto& [title, members] : groups) {
    table.rows.push_back({true, title, members.size(), 0});
    for (const std::size_t i : members) table.rows.push_back({false, "", 0, i});
  }
  return table;
}

void toggle_selection(RunsState& state,
                      const RunIndex& index,
                      const RunTable& table,
                      const std::string& root,
                      bool is_range) {
  const std::vector<std::string> roots = shown_roots(index, table);
  const auto here = std::find(roots.begin(), roots.end(), root);
  const auto from = std::find(roots.begin(), roots.end(), state.anchor);
  if (is_range && here != roots.end() && from != roots.end()) {
    const auto [first, last] = std::minmax(here, from);
    for (auto at = first; at <= last; ++at) {
      if (!state.is_selected(*at)) state.selected.push_back(*at);
    }
    return;
  }
  if (std::erase(state.selected, root) == 0) state.selected.push_back(root);
  state.anchor = root;
}

bool move_focus(RunsState& state, const RunIndex& index, const RunTable& table, int distance) {
  const std::vector<std::string> roots = shown_roots(index, table);
  if (roots.empty()) return false;
  const auto at = std::find(roots.begin(), roots.end(), state.focused);
  const auto last = static_cast<std::ptrdiff_t>(roots.size()) - 1;
  const std::ptrdiff_t next = at == roots.end() ? 0 : at - roots.begin() + distance;
  state.focused = roots[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(next, 0, last))];
  return true;
}

std::string runs_csv(const RunIndex& index,
                     const RunMarks& marks,
                     const RunTable& table,
                     const RunsState& state) {
  std::string text;
  const auto is_exported = [&](const RunColumnInfo& info) {
    return info.column != RunColumn::kCurve && state.is_shown(info.column);
  };
  for (const RunColumnInfo& info : kColumns) {
    if (is_exported(info)) text += (text.empty() ? "" : ",") + std::string(info.key);
  }
  text += "\n";
  for (const RunTableRow& row : table.rows) {
    if (row.is_group) continue;
    const store::RunOverview& run = index.runs[row.index];
    std::string line;
    for (const RunColumnInfo& info : kColumns) {
      if (!is_exported(info)) continue;
      if (info.column != RunColumn::kName) line += ",";
      line += csv_cell(run, marks.of(run.root), info.column);
    }
    text += line + "\n";
  }
  return text;
}

std::string run_cell_text(const store::RunOverview& run,
                          const RunMark& mark,
                          RunColumn column,
                          double wall_now) {
  switch (column) {
    case RunColumn::kStep:
      return grouped_number(run.step);
    case RunColumn::kValLoss:
      return plain_number(run_number(run, "loss"), 4);
    case RunColumn::kPerplexity:
      return plain_number(run_number(run, "ppl"), 3);
    case RunColumn::kBitsPerByte:
      return plain_number(run.bits_per_byte, 4);
    case RunColumn::kSpeed:
      return std::isfinite(run.tokens_per_second) ? short_number(run.tokens_per_second) : "–";
    case RunColumn::kParams:
      return run.params_total > 0 ? short_number(static_cast<double>(run.params_total)) + " / " +
                                        short_number(static_cast<double>(run.params_active))
                                  : "–";
    case RunColumn::kTime:
      return run.seconds > 0.0 ? duration_text(run.seconds) : "–";
    case RunColumn::kTrainLoss:
      return plain_number(run.train_loss, 4);
    case RunColumn::kTokens:
      return run.tokens > 0 ? short_number(static_cast<double>(run.tokens)) : "–";
    case RunColumn::kModified:
      return age_text(wall_now - run.modified_wall_time);
    default: {
      const std::string text = sort_text(run, mark, column);
      return text.empty() ? "–" : text;
    }
  }
}

Json json_from_runs_state(const RunsState& state) {
  Json columns = Json::array();
  for (const RunColumn column : state.columns)
    columns.push_back(std::string(run_column_info(column).key));
  return Json::object({{"order", std::string(run_column_info(state.order.column).key)},
                       {"is_descending", state.order.is_descending},
                       {"group", std::string(run_group_title(state.group))},
                       {"columns", std::move(columns)}});
}

void restore_runs_state(RunsState& state, const Json& json) {
  for (const RunColumnInfo& info : kColumns) {
    if (json["order"].as_string() == info.key)
      state.order = {info.column, json["is_descending"].as_bool()};
    for (const Json& key : json["columns"].items()) {
      if (key.as_string() == info.key) state.columns.insert(info.column);
    }
  }
  if (!state.columns.empty()) state.columns.insert(RunColumn::kName);
  for (std::size_t i = 0; i < kGroupTitles.size(); ++i) {
    if (json["group"].as_string() == kGroupTitles[i]) state.group = static_cast<RunGroup>(i);
  }
}

}  // namespace switchyard::ui
