// The file browser without a window: where it goes, what it shows, completes and chooses; reading
// folders; what is done with things dropped onto the window.
#include "ui/model/file_browser.h"

#include <chrono>
#include <filesystem>
#include <thread>

#include <unistd.h>

#include <gtest/gtest.h>

#include "engine/base/core/file_system.h"
#include "tests/support/temporary_folder.h"
#include "ui/client/folder_reader.h"
#include "ui/model/studio.h"

namespace switchyard::ui {
namespace {

using test::TemporaryFolder;
using test::write_text;

FileEntry file(const std::string& name, std::uint64_t bytes = 1, double modified = 0.0) {
  return {name, name, false, false, bytes, modified};
}

FileEntry folder(const std::string& name, bool is_run = false) {
  return {name, name, true, is_run, 0, 0.0};
}

std::shared_ptr<const FolderListing> listing_of(const std::string& path,
                                                std::vector<FileEntry> entries) {
  FolderListing listing;
  listing.asked = listing.folder = path;
  for (FileEntry& entry : entries)
    for (char& c : entry.key) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  sort_entries(entries);
  listing.entries = std::move(entries);
  return std::make_shared<const FolderListing>(std::move(listing));
}

std::vector<std::string> names(FileBrowser& files) {
  std::vector<std::string> shown;
  for (std::uint32_t i = 0; i < files.rows().size(); ++i) shown.push_back(files.entry(i).name);
  return shown;
}

using Names = std::vector<std::string>;

FileBrowser browser(FileKind kind, const std::string& path) {
  FileBrowser files;
  files.home = "/home/ada";
  files.bookmarks = {{"Home", "/home/ada"}, {"Runs", "/srv/runs"}, {"Data", "/srv/data"}};
  files.open("field", kind, path, {});
  return files;
}

TEST(FileBrowser, CleansPaths) {
  EXPECT_EQ(clean_path("/a//b/../c/", "/h"), "/a/c");
  EXPECT_EQ(clean_path("~/x", "/h"), "/h/x");
  EXPECT_EQ(clean_path("~", "/h"), "/h");
  EXPECT_EQ(clean_path("/..", "/h"), "/");
  EXPECT_EQ(clean_path("", "/h"), "/");
}

TEST(FileBrowser, BeginsAtThePathElseAtTheUsualPlace) {
  EXPECT_EQ(browser(FileKind::kRunFolder, "").folder(), "/srv/runs");
  EXPECT_EQ(browser(FileKind::kText, "").folder(), "/srv/data");
  EXPECT_EQ(browser(FileKind::kFolder, "").folder(), "/home/ada");
  EXPECT_EQ(browser(FileKind::kFolder, "/x/plots").folder(), "/x/plots");
  FileBrowser files = browser(FileKind::kText, "/x/b.txt");
  EXPECT_EQ(files.folder(), "/x");
  files.take(listing_of("/x", {file("a.txt"), file("b.txt")}));
  EXPECT_EQ(files.rows().size(), 2U);
  EXPECT_EQ(files.selected(), 1);
  files.open("field", FileKind::kText, "", {"/last"});
  EXPECT_EQ(files.folder(), "/last");
}

TEST(FileBrowser, TakesTheParentWhenTheStartIsGone) {
  FileBrowser files = browser(FileKind::kText, "/x/gone/b.txt");
  EXPECT_TRUE(files.is_start());
  FolderListing listing;
  listing.asked = "/x/gone";
  listing.folder = "/x";
  files.take(std::make_shared<const FolderListing>(listing));
  EXPECT_EQ(files.folder(), "/x");
  EXPECT_FALSE(files.is_start());
  EXPECT_EQ(files.listing(), nullptr);
}

TEST(FileBrowser, ShowsFoldersFirstAndOnlyWhatSuitsTheField) {
  FileBrowser files = browser(FileKind::kText, "/x/");
  files.take(listing_of("/x",
                        {file("b.txt"),
                         file("A.TXT"),
                         file("c.json"),
                         file(".secret.txt"),
                         folder("zoo"),
                         folder("Bar")}));
  EXPECT_EQ(names(files), (Names{"Bar", "zoo", "A.TXT", "b.txt"}));
  files.shows_all_files = true;
  EXPECT_EQ(names(files), (Names{"Bar", "zoo", "A.TXT", "b.txt", "c.json"}));
  files.shows_hidden = true;
  EXPECT_EQ(names(files).size(), 6U);
  FileBrowser runs = browser(FileKind::kRunFolder, "/x/");
  runs.take(listing_of("/x", {file("b.txt"), folder("run", true), folder("zoo")}));
  EXPECT_EQ(names(runs), (Names{"run", "zoo"}));
}

TEST(FileBrowser, SortsByColumnsWithFoldersInFront) {
  FileBrowser files = browser(FileKind::kText, "/x/");
  files.take(listing_of(
      "/x", {file("a.txt", 5, 10), file("b.txt", 9, 5), file("c.txt", 1, 20), folder("d")}));
  files.sort_by(FileColumn::kSize);
  EXPECT_EQ(names(files), (Names{"d", "b.txt", "a.txt", "c.txt"}));
  files.sort_by(FileColumn::kSize);
  EXPECT_EQ(names(files), (Names{"d", "c.txt", "a.txt", "b.txt"}));
  files.sort_by(FileColumn::kModified);
  EXPECT_EQ(names(files), (Names{"d", "c.txt", "a.txt", "b.txt"}));
  files.sort_by(FileColumn::kName);
  files.sort_by(FileColumn::kName);
  EXPECT_EQ(names(files), (Names{"d", "c.txt", "b.txt", "a.txt"}));
}

TEST(FileBrowser, FindsWhatIsTypedAndCompletesIt) {
  FileBrowser files = browser(FileKind::kRunFolder, "/x/");
  files.take(listing_of(
      "/x", {folder("Small-moe-001", true), folder("small-moe-002", true), folder("old-small")}));
  files.type("/x/small");
  EXPECT_EQ(names(files), (Names{"old-small", "Small-moe-001", "small-moe-002"}));
  EXPECT_EQ(files.selected(), 1) << "a name that begins so comes before one that contains it";
  EXPECT_EQ(files.completion(), "/x/Small-moe-00");
  files.type("/x/o");
  EXPECT_EQ(files.completion(), "/x/old-small/");
  files.type("/x/none");
  EXPECT_EQ(files.completion(), "");
  EXPECT_TRUE(files.rows().empty());
  files.type("/x/");
  EXPECT_EQ(files.completion(), "");
  files.type("/y/z");
  EXPECT_EQ(files.folder(), "/y");
  EXPECT_EQ(files.listing(), nullptr);
  EXPECT_EQ(files.search(), "z");
}

TEST(FileBrowser, CompletesWholeCharactersOnly) {
  FileBrowser files = browser(FileKind::kText, "/x/");
  // é and è share their first byte.
  files.take(listing_of("/x", {file("caf\xC3\xA9.txt"), file("caf\xC3\xA8.txt")}));
  files.type("/x/ca");
  EXPECT_EQ(files.completion(), "/x/caf");
}

TEST(FileBrowser, GoesIntoFoldersAndUpAgain) {
  FileBrowser files = browser(FileKind::kText, "/x/");
  files.take(listing_of("/x", {folder("a"), folder("b"), file("t.txt")}));
  files.rows();
  EXPECT_FALSE(files.activate(1).has_value());
  EXPECT_EQ(files.folder(), "/x/b");
  files.go_up();
  EXPECT_EQ(files.folder(), "/x");
  files.take(listing_of("/x", {folder("a"), folder("b"), file("t.txt")}));
  files.rows();
  EXPECT_EQ(files.selected(), 1);
  EXPECT_EQ(files.activate(2), "/x/t.txt");
  files.go_to("/");
  files.go_up();
  EXPECT_EQ(files.folder(), "/");
}

TEST(FileBrowser, KeepsTheSelectionWhenTheFolderIsReadAgain) {
  FileBrowser files = browser(FileKind::kText, "/x/");
  files.take(listing_of("/x", {file("b.txt"), file("c.txt")}));
  files.rows();
  files.select(1);
  files.take(listing_of("/x", {file("a.txt"), file("b.txt"), file("c.txt")}));
  files.rows();
  EXPECT_EQ(files.selected(), 2);
  EXPECT_EQ(files.choice(), "/x/c.txt");
}

TEST(FileBrowser, ChoosesRunsFoldersAndNewFiles) {
  FileBrowser runs = browser(FileKind::kRunFolder, "/x/");
  runs.take(listing_of("/x", {folder("plain"), folder("run", true)}));
  runs.rows();
  EXPECT_EQ(runs.choice(), "");
  runs.select(1);
  EXPECT_EQ(runs.choice(), "/x/run");

  FileBrowser targets = browser(FileKind::kFolder, "/x");
  targets.take(listing_of("/x", {folder("a")}));
  targets.rows();
  EXPECT_EQ(targets.choice(), "/x");
  targets.type("/x/new");
  EXPECT_EQ(targets.choice(), "/x/new");

  FileBrowser configs = browser(FileKind::kConfig, "/x/");
  configs.take(listing_of("/x", {file("one.json")}));
  configs.rows();
  EXPECT_EQ(configs.choice(), "/x/one.json");
  configs.type("/x/two");
  configs.rows();
  EXPECT_EQ(configs.choice(), "");
  configs.type("/x/two.json");
  configs.rows();
  EXPECT_EQ(configs.choice(), "/x/two.json");
}

TEST(FileBrowser, EnterWaitsForTheFolderThatWasTyped) {
  FileBrowser files = browser(FileKind::kRunFolder, "");
  files.type("/x/run");
  files.enter();
  EXPECT_FALSE(files.entered().has_value());
  files.take(listing_of("/x", {folder("run", true), folder("run-2", true)}));
  EXPECT_EQ(files.entered(), "/x/run");
  EXPECT_FALSE(files.entered().has_value()) << "once only";

  FileBrowser text = browser(FileKind::kText, "");
  text.take(listing_of("/srv/data", {file("notes.md"), folder("deep")}));
  text.type("/srv/data/notes.md");
  text.enter();
  EXPECT_EQ(text.entered(), "/srv/data/notes.md") << "named in full, whatever its ending";
  text.type("/srv/data/deep");
  text.enter();
  EXPECT_FALSE(text.entered().has_value());
  EXPECT_EQ(text.folder(), "/srv/data/deep");
}

TEST(FileBrowser, IgnoresListingsOfOtherFoldersAndWhileClosed) {
  FileBrowser files = browser(FileKind::kText, "/x/");
  files.take(listing_of("/y", {file("a.txt")}));
  EXPECT_EQ(files.listing(), nullptr);
  files.close();
  EXPECT_EQ(files.asked_folder(), "");
  files.take(listing_of("/x", {file("a.txt")}));
  EXPECT_EQ(files.listing(), nullptr);
}

TEST(FileBrowser, RemembersTheLastFolders) {
  std::vector<std::string> recent;
  for (int i = 0; i < 12; ++i) remember_folder(recent, "/" + std::to_string(i));
  remember_folder(recent, "/8");
  EXPECT_EQ(recent.size(), kMostRecentFolders);
  EXPECT_EQ(recent[0], "/8");
  EXPECT_EQ(recent[1], "/11");
  WindowSettings settings;
  settings.recent_folders = recent;
  EXPECT_EQ(window_settings_from(json_from(settings)), settings);
}

TEST(FileBrowser, ShowsAndSearchesAHundredThousandNamesWithinAFrame) {
  std::vector<FileEntry> entries;
  for (int i = 0; i < 100'000; ++i) entries.push_back(file("sample-" + std::to_string(i) + ".txt"));
  FileBrowser files = browser(FileKind::kText, "/x/");
  files.take(listing_of("/x", std::move(entries)));
  EXPECT_EQ(files.rows().size(), 100'000U);
  const auto start = std::chrono::steady_clock::now();
  files.type("/x/99999");
  EXPECT_EQ(names(files), (Names{"sample-99999.txt"}));
  const std::chrono::duration<double> used = std::chrono::steady_clock::now() - start;
  RecordProperty("milliseconds", std::to_string(used.count() * 1e3));
  EXPECT_LT(used.count(), 0.5);  // far above: other work may share the machine
}

bool never() {
  return false;
}

TEST(FolderReader, ListsWithKindsAndSizes) {
  const TemporaryFolder place;
  write_text(place / "run-1/run.db", "x");
  write_text(place / "plain/a", "x");
  write_text(place / "Text.txt", "hello");
  std::filesystem::create_symlink(place / "nowhere", place / "broken");
  const FolderListing listing = list_folder(place.path(), never);
  ASSERT_EQ(listing.entries.size(), 4U);
  EXPECT_EQ(listing.entries[0].name, "plain");
  EXPECT_FALSE(listing.entries[0].is_run);
  EXPECT_EQ(listing.entries[1].name, "run-1");
  EXPECT_TRUE(listing.entries[1].is_run);
  EXPECT_EQ(listing.entries[2].name, "broken");
  EXPECT_EQ(listing.entries[3].key, "text.txt");
  EXPECT_EQ(listing.entries[3].bytes, 5U);
  EXPECT_GT(listing.entries[3].modified, 1e9);
  EXPECT_TRUE(list_folder(place / "run-1", never).is_run);
}

TEST(FolderReader, SaysWhyAFolderCannotBeRead) {
  const TemporaryFolder place;
  write_text(place / "file", "x");
  EXPECT_EQ(list_folder(place / "gone", never).problem, "There is no folder at this path");
  EXPECT_EQ(list_folder(place / "file", never).problem, "This is a file, not a folder");
  if (geteuid() == 0) GTEST_SKIP() << "the superuser may read every folder";
  std::filesystem::create_directory(place / "locked");
  std::filesystem::permissions(place / "locked", std::filesystem::perms::none);
  EXPECT_EQ(list_folder(place / "locked", never).problem, "You may not read this folder");
  std::filesystem::permissions(place / "locked", std::filesystem::perms::owner_all);
}

TEST(FolderReader, EndsEarlyWhenAnotherFolderIsWanted) {
  const TemporaryFolder place;
  for (int i = 0; i < 3000; ++i) write_text(place / std::to_string(i), "");
  int asked = 0;
  const FolderListing listing = list_folder(place.path(), [&] { return ++asked == 2; });
  EXPECT_LT(listing.entries.size(), 1100U);
}

TEST(FolderReader, NoticesNewNamesAndAVanishedFolder) {
  const TemporaryFolder place;
  write_text(place / "in/a.txt", "");
  Mailbox mailbox([] {});
  FolderReader reader(mailbox);
  const auto wait = [&](const auto& holds) {
    for (int i = 0; i < 500; ++i) {
      const auto listing = reader.listing();
      if (listing != nullptr && holds(*listing)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  };
  reader.want(place / "in", false);
  EXPECT_TRUE(wait([](const FolderListing& l) { return l.entries.size() == 1; }));
  write_text(place / "in/b.txt", "");
  EXPECT_TRUE(wait([](const FolderListing& l) { return l.entries.size() == 2; }));
  std::filesystem::remove_all(place / "in");
  EXPECT_TRUE(wait([](const FolderListing& l) { return !l.problem.empty(); }));
  reader.want(place / "in", true);
  EXPECT_TRUE(wait([&](const FolderListing& l) { return l.folder == place.path(); }));
}

TEST(DroppedPath, IsToldByWhatItHolds) {
  const TemporaryFolder place;
  write_text(place / "run/run.db", "x");
  write_text(place / "other/x", "x");
  write_text(place / "c.JSON", "{}");
  write_text(place / "t.txt", "x");
  EXPECT_EQ(look_at_dropped_path(place / "run").kind, DroppedKind::kRunFolder);
  EXPECT_EQ(look_at_dropped_path(place / "other").kind, DroppedKind::kOther);
  EXPECT_EQ(look_at_dropped_path(place / "c.JSON").kind, DroppedKind::kConfig);
  EXPECT_EQ(look_at_dropped_path(place / "t.txt").kind, DroppedKind::kText);
  EXPECT_EQ(look_at_dropped_path(place / "other/x").kind, DroppedKind::kOther);
  EXPECT_EQ(look_at_dropped_path(place / "gone.txt").kind, DroppedKind::kOther);
}

TEST(DroppedPath, DoesWhatTheWorkspaceSuggests) {
  Studio studio;
  use_dropped(studio, {"/x/run", DroppedKind::kRunFolder});
  ASSERT_EQ(studio.commands.size(), 1U);
  EXPECT_EQ(std::get<OpenRun>(studio.commands.back()).root, "/x/run");
  use_dropped(studio, {"/x/c.json", DroppedKind::kConfig});
  EXPECT_TRUE(std::holds_alternative<ConfigCommand>(studio.commands.back()));
  studio.reads_texts = true;
  use_dropped(studio, {"/x/t.txt", DroppedKind::kText});
  EXPECT_TRUE(std::holds_alternative<PromptCommand>(studio.commands.back()));
  EXPECT_EQ(studio.wants_panel, "prompt.score");
  EXPECT_TRUE(studio.notices.empty());
  studio.reads_texts = false;
  use_dropped(studio, {"/x/t.txt", DroppedKind::kText});
  EXPECT_EQ(studio.notices.size(), 1U) << "no preset, no draft: says so";
  use_dropped(studio, {"/x/pic.png", DroppedKind::kOther});
  ASSERT_EQ(studio.notices.size(), 2U);
  EXPECT_EQ(studio.notices.back().title, "pic.png cannot be opened here");
  EXPECT_EQ(studio.commands.size(), 3U);
}

}  // namespace
}  // namespace switchyard::ui
