// The table of runs: what a query finds, how rows are ordered, grouped, ticked and exported; what a
// person says about runs.
#include "ui/model/run_table.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "ui/model/run_query.h"

namespace switchyard::ui {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

store::RunOverview run_of(const std::string& name,
                          const std::string& preset,
                          const std::string& state,
                          std::int64_t step,
                          double val_loss) {
  store::RunOverview run;
  run.root = "/runs/" + name;
  run.name = name;
  run.preset = preset;
  run.state = state;
  run.step = step;
  run.max_steps = 50'000;
  run.train_loss = val_loss;
  run.val_loss = val_loss;
  run.best_val_loss = val_loss;
  run.data = name.starts_with("dense") ? "shakespeare" : "wikitext";
  run.seconds = static_cast<double>(step);
  return run;
}

RunIndex example() {
  RunIndex index;
  index.runs = {run_of("moe-042", "moe-64x2", "running", 12'340, 3.231),
                run_of("moe-038", "moe-64x2", "completed", 50'000, 3.118),
                run_of("dense-067", "dense-67m", "completed", 50'000, 3.302),
                run_of("st-001", "st-moe", "failed", 812, kNan)};
  index.is_scanned = true;
  return index;
}

std::vector<std::string> names(const RunIndex& index, const RunTable& table) {
  std::vector<std::string> result;
  for (const RunTableRow& row : table.rows)
    result.push_back(row.is_group ? "[" + row.title + "]" : index.runs[row.index].name);
  return result;
}

std::vector<std::string> found(const std::string& query, const RunMarks& marks = {}) {
  const RunIndex index = example();
  RunsState state;
  state.filter = query;
  state.order = {RunColumn::kName, false};
  return names(index, build_run_table(index, marks, state));
}

using Names = std::vector<std::string>;

TEST(RunQuery, FindsByWordsAndColumns) {
  EXPECT_EQ(found(""), (Names{"dense-067", "moe-038", "moe-042", "st-001"}));
  EXPECT_EQ(found("MOE"), (Names{"moe-038", "moe-042", "st-001"}));  // its preset is st-moe
  EXPECT_EQ(found("name:moe state:running"), (Names{"moe-042"}));
  EXPECT_EQ(found("state:done -preset:dense"), (Names{"moe-038"}));
  EXPECT_EQ(found("data:wikitext steps>5k"), (Names{"moe-038", "moe-042"}));
  EXPECT_EQ(found("loss<3.2"), (Names{"moe-038"}));
  EXPECT_EQ(found("loss=3.23"), (Names{"moe-042"}));
  EXPECT_EQ(found("time>=50000s"), (Names{"dense-067", "moe-038"}));
  EXPECT_EQ(found("time<1h"), (Names{"st-001"}));
  EXPECT_EQ(found("steps:"), (Names{"dense-067", "moe-038", "moe-042", "st-001"}));
}

TEST(RunQuery, FindsByTagsAndHidesWhatIsArchived) {
  RunMarks marks;
  marks.set("/runs/moe-042", {{"lr sweep"}, "", -1, false});
  marks.set("/runs/dense-067", {{"baseline"}, "odd start", -1, true});
  EXPECT_EQ(found("tag:\"lr sweep\"", marks), (Names{"moe-042"}));
  EXPECT_EQ(found("", marks), (Names{"moe-038", "moe-042", "st-001"}));
  EXPECT_EQ(found("is:archived", marks), (Names{"dense-067"}));
  EXPECT_EQ(found("is:archived notes:odd", marks), (Names{"dense-067"}));
}

TEST(RunQuery, SaysWhatItCannotUnderstandAndKeepsTheRest) {
  const RunQuery misspelt = parse_run_query("moe stepz>5k");
  EXPECT_NE(misspelt.error.find("did you mean steps?"), std::string::npos) << misspelt.error;
  EXPECT_EQ(misspelt.terms.size(), 1U);
  EXPECT_NE(parse_run_query("loss<low").error.find("number"), std::string::npos);
  EXPECT_NE(parse_run_query("tag>x").error.find("tag:x"), std::string::npos);
  EXPECT_TRUE(parse_run_query("loss<3.2 -tag:x \"two words\"").error.empty());
}

TEST(RunTable, SortsUnknownNumbersLastEitherWay) {
  const RunIndex index = example();
  RunsState state;
  state.order = {RunColumn::kValLoss, false};
  RunTable table = build_run_table(index, {}, state);
  EXPECT_EQ(names(index, table), (Names{"moe-038", "moe-042", "dense-067", "st-001"}));
  EXPECT_EQ(table.best_root, "/runs/moe-038");
  state.order.is_descending = true;
  table = build_run_table(index, {}, state);
  EXPECT_EQ(names(index, table), (Names{"dense-067", "moe-042", "moe-038", "st-001"}));
}

TEST(RunTable, GroupsByTagWithARunInEveryGroupItHas) {
  const RunIndex index = example();
  RunMarks marks;
  marks.set("/runs/moe-042", {{"a", "b"}, "", -1, false});
  marks.set("/runs/moe-038", {{"b"}, "", -1, false});
  RunsState state;
  state.filter = "name:moe";
  state.group = RunGroup::kTag;
  state.order = {RunColumn::kName, false};
  const RunTable table = build_run_table(index, marks, state);
  EXPECT_EQ(names(index, table), (Names{"[a]", "moe-042", "[b]", "moe-038", "moe-042"}));
  EXPECT_EQ(table.num_runs, 2U);
  state.group = RunGroup::kPreset;
  EXPECT_EQ(names(index, build_run_table(index, marks, state)),
            (Names{"[moe-64x2]", "moe-038", "moe-042"}));
}

TEST(RunTable, TicksARangeFromTheLastTick) {
  const RunIndex index = example();
  RunsState state;
  state.order = {RunColumn::kName, false};
  const RunTable table = build_run_table(index, {}, state);
  toggle_selection(state, index, table, "/runs/dense-067", false);
  toggle_selection(state, index, table, "/runs/moe-042", true);
  EXPECT_EQ(state.selected, (Names{"/runs/dense-067", "/runs/moe-038", "/runs/moe-042"}));
  toggle_selection(state, index, table, "/runs/moe-038", false);
  EXPECT_FALSE(state.is_selected("/runs/moe-038"));
}

TEST(RunTable, MovesTheFocusOverTitlesAndStopsAtTheEnds) {
  const RunIndex index = example();
  RunsState state;
  state.group = RunGroup::kState;
  state.order = {RunColumn::kName, false};
  const RunTable table = build_run_table(index, {}, state);
  ASSERT_TRUE(move_focus(state, index, table, 1));
  EXPECT_EQ(state.focused, "/runs/dense-067");
  move_focus(state, index, table, 2);
  EXPECT_EQ(state.focused, "/runs/st-001");
  move_focus(state, index, table, 99);
  EXPECT_EQ(state.focused, "/runs/moe-042");
  move_focus(state, index, table, -99);
  EXPECT_EQ(state.focused, "/runs/dense-067");
  EXPECT_FALSE(move_focus(state, index, RunTable{}, 1));
}

TEST(RunTable, ExportsTheShownColumnsWithFullPrecision) {
  RunIndex index = example();
  index.runs.resize(1);
  index.runs[0].best_val_loss = 3.23123456789;
  RunMarks marks;
  marks.set("/runs/moe-042", {{"a", "b"}, "", -1, false});
  RunsState state;
  state.columns = {RunColumn::kName, RunColumn::kStep, RunColumn::kValLoss, RunColumn::kTags};
  const RunTable table = build_run_table(index, marks, state);
  EXPECT_EQ(runs_csv(index, marks, table, state),
            "name,step,best_val_loss,tags\nmoe-042,12340,3.23123456789,\"a, b\"\n");
}

TEST(RunTable, KeepsTheChosenColumns) {
  RunsState state;
  EXPECT_TRUE(state.is_shown(RunColumn::kTags));
  EXPECT_FALSE(state.is_shown(RunColumn::kParent));
  state.toggle_column(RunColumn::kParent);
  state.toggle_column(RunColumn::kTags);
  state.toggle_column(RunColumn::kName);  // stays
  state.order = {RunColumn::kSpeed, true};
  state.group = RunGroup::kData;
  RunsState again;
  restore_runs_state(again, json_from_runs_state(state));
  EXPECT_TRUE(again.is_shown(RunColumn::kParent));
  EXPECT_FALSE(again.is_shown(RunColumn::kTags));
  EXPECT_TRUE(again.is_shown(RunColumn::kName));
  EXPECT_EQ(again.order.column, RunColumn::kSpeed);
  EXPECT_EQ(again.group, RunGroup::kData);
  RunsState odd;
  restore_runs_state(odd, Json::object({{"order", "garbage"}, {"columns", 3}}));
  EXPECT_EQ(odd.order.column, RunColumn::kModified);
}

TEST(RunTable, FindsAndGroupsByTheTagsThatRunsBringAlong) {
  RunIndex index = example();
  index.runs[0].tags = {"widths"};
  index.runs[2].tags = {"widths"};
  RunMarks marks;
  marks.set(index.runs[0].root, {{"widths", "mine"}, "", -1, false});
  EXPECT_EQ(all_tags(index.runs[0], marks.of(index.runs[0].root)), (Names{"widths", "mine"}));
  RunsState state;
  state.order = {RunColumn::kName, false};
  state.group = RunGroup::kTag;
  EXPECT_EQ(names(index, build_run_table(index, marks, state)),
            (Names{"[mine]",
                   "moe-042",
                   "[no tag]",
                   "moe-038",
                   "st-001",
                   "[widths]",
                   "dense-067",
                   "moe-042"}));
  state.filter = "tag:width";
  state.group = RunGroup::kNone;
  EXPECT_EQ(names(index, build_run_table(index, marks, state)), (Names{"dense-067", "moe-042"}));
}

TEST(RunTable, EveryColumnStandsAtItsPlace) {
  for (std::size_t i = 0; i < run_columns().size(); ++i)
    EXPECT_EQ(static_cast<std::size_t>(run_columns()[i].column), i);
}

TEST(RunMarks, ComeBackFromTheirFile) {
  RunMarks marks;
  marks.set("/runs/a", {{"x", "y"}, "two\nlines", 3, true});
  marks.set("/runs/b", {{"y"}, "", -1, false});
  RunMarks again;
  again.restore(marks.to_json());
  EXPECT_EQ(again.of("/runs/a"), marks.of("/runs/a"));
  EXPECT_EQ(again.tags(), (Names{"x", "y"}));
  const std::int64_t revision = again.revision();
  again.set("/runs/b", {});
  EXPECT_GT(again.revision(), revision);
  EXPECT_EQ(again.of("/runs/b"), RunMark{});
  again.restore(Json::object({{"runs", Json::object({{"/r", Json::object({{"color", 99}})}})}}));
  EXPECT_EQ(again.of("/r").color, -1);
}

TEST(RunMarks, ReadTagsAsPeopleTypeThem) {
  EXPECT_EQ(tags_from_text(" lr sweep, baseline,, baseline ,"), (Names{"lr sweep", "baseline"}));
  EXPECT_EQ(text_from_tags({"a", "b"}), "a, b");
  RunMarks marks;
  marks.set("/runs/a-001", {{}, "", 5, false});
  EXPECT_EQ(run_color_index(marks, "/runs/a-001", "a-001"), 5);
  EXPECT_EQ(run_color_index(marks, "/runs/a-002", "a-002"), run_color_index("a-002"));
}

}  // namespace
}  // namespace switchyard::ui
