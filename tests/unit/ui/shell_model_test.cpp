// Logs, hardware readings, notices, settings, search, shortcuts, glossary: what the frame of the
// window computes without drawing.
#include <algorithm>
#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "ui/model/glossary.h"
#include "ui/model/hardware.h"
#include "ui/model/log_lines.h"
#include "ui/model/notice_list.h"
#include "ui/model/shortcuts.h"
#include "ui/model/studio.h"
#include "ui/model/system_theme.h"
#include "ui/model/tour.h"
#include "ui/model/window_settings.h"
#include "ui/model/words.h"
#include "ui/shell/arrangement.h"
#include "ui/shell/data_pace.h"

namespace switchyard::ui {
namespace {

TEST(LogLines, ReadsWhatTheEngineWrites) {
  const LogEntry entry = log_entry_from(
      R"({"time":1700000000.5,"monotonic":3.0,"level":"warning","message":"slow\ndisk","step":12,"path":"a b"})");
  EXPECT_EQ(entry.level, LogLevel::kWarning);
  EXPECT_EQ(entry.message, "slow disk");
  EXPECT_EQ(entry.fields, "step=12 path=a b");
  EXPECT_DOUBLE_EQ(entry.wall_time, 1700000000.5);
  EXPECT_NE(entry.text().find("warning slow disk  step=12"), std::string::npos);
}

TEST(LogLines, KeepsLinesThatAreNoJson) {
  const LogEntry entry = log_entry_from("Segmentation fault \xFF");
  EXPECT_EQ(entry.level, LogLevel::kInfo);
  EXPECT_EQ(entry.message, "Segmentation fault \xEF\xBF\xBD");
  EXPECT_EQ(entry.wall_time, 0.0);
}

TEST(LogLines, KeepsTheNewestAndSharesOldChunks) {
  LogBuffer buffer("run");
  const std::size_t count = LogBuffer::kMaxLines + 2 * LogBuffer::kChunkLines + 5;
  for (std::size_t i = 0; i < count; ++i) {
    LogEntry entry;
    entry.message = std::to_string(i);
    buffer.add(std::move(entry));
  }
  const auto first = buffer.view();
  EXPECT_EQ(first->size() + static_cast<std::size_t>(first->num_dropped), count);
  EXPECT_LE(first->size(), LogBuffer::kMaxLines + LogBuffer::kChunkLines);
  EXPECT_EQ(first->chunks.back()->back().message, std::to_string(count - 1));
  buffer.add({});
  const auto second = buffer.view();
  EXPECT_EQ(first->chunks.front(), second->chunks.front());
  EXPECT_GT(second->revision, first->revision);
}

TEST(LogLines, FiltersBySeverityAndWordsAndFindsTimes) {
  LogBuffer buffer("run");
  const auto add = [&](double time, LogLevel level, const char* message) {
    LogEntry entry;
    entry.wall_time = time;
    entry.level = level;
    entry.message = message;
    buffer.add(entry);
  };
  add(10, LogLevel::kDebug, "Loader ready");
  add(20, LogLevel::kInfo, "Checkpoint saved");
  add(30, LogLevel::kError, "Disk full");
  const auto view = buffer.view();
  EXPECT_EQ(filter_log(*view, {LogLevel::kDebug}).size(), 3U);
  EXPECT_EQ(filter_log(*view, {LogLevel::kInfo}).size(), 2U);
  EXPECT_EQ(filter_log(*view, {LogLevel::kDebug, "SAVED check"}).size(), 1U);
  const auto lines = filter_log(*view, {LogLevel::kDebug});
  EXPECT_EQ(line_at_time(lines, 25), 1);
  EXPECT_EQ(line_at_time(lines, 5), -1);
  EXPECT_EQ(line_at_time(lines, 1e9), 2);
}

TEST(Hardware, ComputesLoadsBetweenTwoReadings) {
  const auto before = cores_from_proc_stat(
      "cpu  3 0 3 30 0 0 0 0 0 0\ncpu0 100 0 100 800 0 0 0 0 0 0\ncpu1 0 0 0 500 500 0 0 0 0 0\n"
      "intr 12345\n");
  const auto now = cores_from_proc_stat(
      "cpu  9 9 9 9\ncpu0 150 0 150 900 0 0 0 0 0 0\ncpu1 0 0 0 600 600 0 0 0 0 0\n");
  ASSERT_EQ(before.size(), 2U);
  const auto loads = core_loads(before, now);
  ASSERT_EQ(loads.size(), 2U);
  EXPECT_FLOAT_EQ(loads[0], 0.5F);
  EXPECT_FLOAT_EQ(loads[1], 0.0F);  // waiting for a disk is no load
  EXPECT_FLOAT_EQ(core_loads(now, before)[0], 0.0F);
  EXPECT_TRUE(core_loads(before, {}).empty());
  HardwareSample sample;
  sample.core_load_frac = loads;
  EXPECT_DOUBLE_EQ(sample.mean_load_frac(), 0.25);
}

TEST(Hardware, ReadsGpusAndKnowsWhatACardDoesNotTell) {
  const auto gpus = gpus_from_nvidia_csv(
      "NVIDIA H100 80GB HBM3, 37, 1024, 81559, 41, 120.50\nOld card, [N/A], 10, 100, [N/A], [N/A]\n"
      "No devices were found\n");
  ASSERT_EQ(gpus.size(), 2U);
  EXPECT_EQ(gpus[0].name, "NVIDIA H100 80GB HBM3");
  EXPECT_DOUBLE_EQ(gpus[0].load_frac, 0.37);
  EXPECT_DOUBLE_EQ(gpus[0].memory_used_bytes, 1024.0 * 1024 * 1024);
  EXPECT_DOUBLE_EQ(gpus[0].power_watts, 120.5);
  EXPECT_TRUE(std::isnan(gpus[1].load_frac));
  EXPECT_TRUE(std::isnan(gpus[1].temperature_celsius));
}

TEST(Notices, KeepsTheNewestCountsUnreadAndSurvivesARestart) {
  NoticeList list;
  for (int i = 0; i < 130; ++i)
    list.add({NoticeKind::kAttention, std::to_string(i), "detail", "Undo"}, i);
  EXPECT_EQ(list.items().size(), NoticeList::kMaxNotices);
  EXPECT_EQ(list.items().back().notice.title, "129");
  EXPECT_TRUE(list.items().back().notice.action.empty());
  list.mark_read();
  list.add({NoticeKind::kFailure, "broken"}, 500);
  EXPECT_EQ(list.num_unread(), 1U);
  NoticeList again;
  again.restore(list.json());
  EXPECT_EQ(again.items().size(), NoticeList::kMaxNotices);
  EXPECT_EQ(again.items().back().notice.kind, NoticeKind::kFailure);
  EXPECT_EQ(again.num_unread(), 1U);
  again.restore(Json("garbage"));
  EXPECT_TRUE(again.items().empty());
}

TEST(WindowSettings, RoundTripAndDefaults) {
  WindowSettings settings;
  settings.is_eco = settings.has_seen_tour = settings.use_binary_units = true;
  EXPECT_EQ(window_settings_from(json_from(settings)), settings);
  EXPECT_EQ(window_settings_from(Json("garbage")), WindowSettings{});
  EXPECT_FALSE(WindowSettings{}.has_desktop_notices);
}

TEST(ShellSession, RemembersDrawerNoticesAndRecentActions) {
  Studio studio;
  studio.drawer.show(DrawerTab::kHardware);
  studio.drawer.height_em = 23.0F;
  for (int i = 0; i < 20; ++i) studio.remember_action("action " + std::to_string(i));
  studio.remember_action("action 15");
  studio.past_notices.add({NoticeKind::kOk, "done"}, 5);
  Json session = Json::object();
  add_shell_state(session, studio);
  Studio again;
  restore_shell_state(again, session);
  EXPECT_TRUE(again.drawer.shows(DrawerTab::kHardware));
  EXPECT_FLOAT_EQ(again.drawer.height_em, 23.0F);
  ASSERT_EQ(again.recent_actions.size(), 12U);
  EXPECT_EQ(again.recent_actions[0], "action 15");
  EXPECT_EQ(again.past_notices.items().size(), 1U);
  Studio fresh;
  restore_shell_state(fresh, Json::object({{"drawer", Json::object({{"height_em", 1e9}})}}));
  EXPECT_FALSE(fresh.drawer.is_open);
  EXPECT_FLOAT_EQ(fresh.drawer.height_em, DrawerState::kMostEm);
}

TEST(SystemTheme, BelievesTheDesktop) {
  EXPECT_EQ(prefers_dark({}), std::nullopt);
  EXPECT_EQ(prefers_dark({"Adwaita:dark"}), true);
  EXPECT_EQ(prefers_dark({"Adwaita", "gtk-application-prefer-dark-theme=1"}), false);
  EXPECT_EQ(prefers_dark({"", "[Settings]\ngtk-application-prefer-dark-theme = 1\n"}), true);
  EXPECT_EQ(prefers_dark({"", "[Settings]\ngtk-theme-name=Yaru-Dark\n"}), true);
  EXPECT_EQ(prefers_dark({"", "", "[General]\nColorScheme=BreezeLight\n"}), false);
}

TEST(FuzzySearch, RanksWholeWordsBeforePartsAndScatteredLetters) {
  const auto score = [](const char* search, const char* title) {
    return fuzzy_score(search, title).value_or(-1);
  };
  EXPECT_GT(score("train", "Train tiny-moe"), score("train", "Go to Train"));
  EXPECT_GT(score("train", "Go to Train"), score("train", "Constraint"));
  EXPECT_GT(score("strain", "Constrained"), score("cnd", "Constrained"));
  EXPECT_GT(score("th li", "Theme: light"), 0);
  EXPECT_GT(score("gtr", "Go to Routing"), 0);  // letters in order
  EXPECT_EQ(score("xyz", "Go to Routing"), -1);
  EXPECT_EQ(score("rout theme", "Go to Routing"), -1);  // every word must be found
  EXPECT_EQ(score("", "anything"), 0);
}

TEST(Shortcuts, HaveOneLineEachAndNoKeyTwice) {
  std::set<std::string> keys;
  std::set<Shortcut> ids;
  for (const ShortcutLine& line : shortcut_lines()) {
    EXPECT_GT(line.num_keys(), 0U) << line.what;
    EXPECT_TRUE(keys.insert(line.text()).second) << line.text();
    if (line.id == Shortcut::kNone) continue;
    EXPECT_TRUE(ids.insert(line.id).second) << line.what;
    EXPECT_EQ(&shortcut_line(line.id), &line);
  }
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(Shortcut::kNone));
  EXPECT_EQ(shortcut_line(Shortcut::kPalette).text(), "Ctrl+K");
}

TEST(Glossary, IsSortedCompleteAndFoundByLabelAndMetric) {
  std::set<std::string_view> keys;
  std::string before;
  for (const GlossaryTerm& term : glossary()) {
    EXPECT_FALSE(term.definition.empty()) << term.term;
    EXPECT_TRUE(keys.insert(term.key).second) << term.key;
    const std::string name = lower_case(term.term);
    EXPECT_LT(before, name);
    before = name;
    EXPECT_EQ(find_term(term.term), &term) << term.term;
    EXPECT_EQ(find_term(term.key), &term) << term.key;
  }
  for (const char* metric : {"train_loss",
                             "val_loss",
                             "train_perplexity",
                             "val_perplexity",
                             "learning_rate",
                             "grad_norm",
                             "tokens_per_second",
                             "memory_bytes",
                             "load_balance_loss",
                             "router_z_loss",
                             "dropped_frac",
                             "router_entropy_nats",
                             "tokens_per_expert",
                             "bits_per_byte",
                             "load ÷ fair share",
                             "Val loss"})
    EXPECT_NE(find_term(metric), nullptr) << metric;
  EXPECT_EQ(find_term("no such thing"), nullptr);
}

TEST(Tour, HasFiveStepsAndEnds) {
  EXPECT_EQ(tour_steps().size(), 5U);
  TourState tour;
  EXPECT_FALSE(tour.is_on());
  tour.start();
  tour.back();
  for (int i = 0; i < 4; ++i) tour.next();
  EXPECT_TRUE(tour.is_last());
  tour.back();
  EXPECT_EQ(tour.step(), 3);
  tour.next();
  tour.next();
  EXPECT_FALSE(tour.is_on());
}

TEST(Arrangement, RoundTripsAndIgnoresGarbage) {
  Arrangement arrangement;
  arrangement.ini = "[Window][a]\nPos=1,2\n";
  arrangement.scale = 1.5F;
  arrangement.is_built = {true, false, true, false};
  arrangement.slot_nodes = {{1, 7U}, {12, 4'000'000'000U}};
  const Arrangement again = arrangement_from(json_from(arrangement));
  EXPECT_EQ(again.ini, arrangement.ini);
  EXPECT_EQ(again.is_built, arrangement.is_built);
  EXPECT_EQ(again.slot_nodes, arrangement.slot_nodes);
  EXPECT_TRUE(arrangement_from(Json::array({1, 2})).is_empty());
  EXPECT_EQ(room_class(110, 60), RoomClass::kWide);
  EXPECT_EQ(room_class(78, 49), RoomClass::kMedium);
  EXPECT_EQ(room_class(39, 24), RoomClass::kNarrow);
  EXPECT_EQ(room_class(110, 15), RoomClass::kNarrow);
}

/// Frames at the times when data came, and how long each came after it, with frames of `cost`
/// seconds of processor time each.
struct Paced {
  int num_frames = 0;
  double longest_wait = 0.0;
};

Paced paced(double data_interval, double cost, double seconds) {
  constexpr double kFrameInterval = 0.1;
  DataPace pace;
  Paced result;
  double waiting_since = -1.0;
  double next_data = 0.0;
  for (double now = 0.0; now < seconds; now += 0.001) {
    if (now >= next_data) {
      if (waiting_since < 0.0) waiting_since = now;
      next_data += data_interval;
    }
    if (waiting_since < 0.0 || now < pace.due(kFrameInterval)) continue;
    result.longest_wait = std::max(result.longest_wait, now - waiting_since);
    waiting_since = -1.0;
    pace.drawn(now, cost);
    ++result.num_frames;
  }
  return result;
}

TEST(DataPace, DrawsCheapFramesTenTimesASecond) {
  EXPECT_NEAR(paced(0.01, 0.003, 10.0).num_frames, 100, 2);
}

TEST(DataPace, KeepsFramesThatCostMuchToTheirShareOfTheProcessor) {
  const Paced dear = paced(0.01, 0.01, 60.0);
  EXPECT_LE(dear.num_frames * 0.01, 60.0 * DataPace::kShare + 2.0 * DataPace::kBurst);
  EXPECT_GE(dear.num_frames * 0.01, 60.0 * DataPace::kShare * 0.9);
  const Paced dearest = paced(0.01, 0.2, 60.0);
  EXPECT_NEAR(dearest.num_frames, 120, 3) << "never fewer than two a second";
  EXPECT_LE(dearest.longest_wait, DataPace::kLongestWait + 0.01);
}

TEST(DataPace, DrawsAtOnceWhatComesOnceASecond) {
  EXPECT_LT(paced(1.0, 0.2, 60.0).longest_wait, 0.002);
  EXPECT_EQ(paced(1.0, 0.2, 59.5).num_frames, 60);
}

TEST(DataPace, ForgetsWhatWasSpentLongAgo) {
  DataPace pace;
  for (int i = 0; i < 1000; ++i) pace.drawn(0.5 * i, 5.0);
  pace.drawn(510.0, 0.03);
  EXPECT_NEAR(pace.due(0.1), 510.1, 1e-9);
}

TEST(DataPace, ChargesNothingForFramesThatHadAnotherCause) {
  DataPace pace;
  for (int i = 0; i < 100; ++i) pace.drawn(0.016 * i, 0.0);
  EXPECT_NEAR(pace.due(0.1), 0.016 * 99 + 0.1, 1e-9);
}

}  // namespace
}  // namespace switchyard::ui
