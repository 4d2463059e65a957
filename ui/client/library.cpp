#include "ui/client/library.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <utility>

#include "engine/base/core/file_system.h"
#include "engine/base/store/run_folder.h"
#include "ui/client/child.h"
#include "ui/model/system_theme.h"

namespace switchyard::ui {
namespace {

constexpr auto kWantedInterval = std::chrono::seconds(2);
constexpr auto kQuietInterval = std::chrono::seconds(15);
constexpr std::uint64_t kDiskStep = 100'000'000;  ///< shown to 0.1 GB, so smaller changes are none

bool is_same(const std::vector<store::RunOverview>& a, const std::vector<store::RunOverview>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), is_same_row);
}

/// "small-moe-007" → "small-moe".
std::string stem_of(const std::string& root) {
  const std::string name = base_name(root);
  const std::size_t dash = name.find_last_of('-');
  const bool is_numbered =
      dash != std::string::npos && dash > 0 && dash + 1 < name.size() &&
      std::all_of(name.begin() + static_cast<std::ptrdiff_t>(dash) + 1, name.end(), [](char c) {
        return std::isdigit(static_cast<unsigned char>(c)) != 0;
      });
  return is_numbered ? name.substr(0, dash) : name;
}

void add_settings(std::vector<std::string>& arguments, const std::vector<std::string>& settings) {
  for (const std::string& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
}

}  // namespace

Library::Library(Places places, Mailbox& mailbox, RunWatcher& watcher)
    : places_(std::move(places)),
      mailbox_(mailbox),
      watcher_(watcher),
      presets_(std::make_shared<const PresetList>()),
      runs_(std::make_shared<const RunIndex>()),
      machine_(std::make_shared<const MachineInfo>()),
      catalog_(places_.runs),
      thread_([this] { work(); }) {}

Library::~Library() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Library::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_all();
}

void Library::train_preset(const std::string& preset) {
  post([this, preset] { start_new(preset, {"--preset", preset}); });
}

void Library::train_config(const std::string& path) {
  post([this, path] {
    auto config = config::read_config_file(path);
    if (!config.ok()) {
      mailbox_.put(Notice{NoticeKind::kFailure, "This is no configuration", config.error().text()});
      return;
    }
    std::string name = config.value()["name"].as_string();
    if (name.empty() || name.find('/') != std::string::npos) name = "run";
    start_new(name, {"--config", path});
  });
}

void Library::resume(const std::string& root) {
  post([this, root] { start_engine(root, {"--run", root, "--resume"}); });
}

void Library::fork(const std::string& parent,
                   std::int64_t step,
                   std::vector<std::string> settings) {
  post([this, parent, step, settings = std::move(settings)] {
    std::vector<std::string> arguments = {
        "--fork", parent, "--checkpoint", step < 0 ? "last" : std::to_string(step)};
    add_settings(arguments, settings);
    start_new(stem_of(parent), std::move(arguments));
  });
}

void Library::retry(const std::string& root, std::vector<std::string> settings, bool is_new_run) {
  post([this, root, settings = std::move(settings), is_new_run] {
    std::vector<std::string> arguments =
        is_new_run ? std::vector<std::string>{"--config", store::RunPaths{root}.config()}
                   : std::vector<std::string>{"--run", root, "--resume"};
    add_settings(arguments, settings);
    if (is_new_run) {
      start_new(stem_of(root), std::move(arguments));
    } else {
      start_engine(root, std::move(arguments));
    }
  });
}

void Library::refresh() {
  post([this] { scan_runs(); });
}

void Library::notify_desktop(const std::string& title, const std::string& detail) {
  constexpr double kTimeoutSeconds = 5.0;
  post([title, detail] {
    // A desktop without a message service is no failure of the window.
    static_cast<void>(
        output_of({"notify-send", "--app-name=Switchyard", title, detail}, kTimeoutSeconds));
  });
}

void Library::set_wanted(bool is_wanted) {
  if (is_wanted_.exchange(is_wanted) != is_wanted && is_wanted) refresh();
}

void Library::start_new(const std::string& name, std::vector<std::string> arguments) {
  if (const Status made = make_directories(places_.runs); !made.ok()) {
    mailbox_.put(Notice{NoticeKind::kFailure, "The run could not be created", made.error().text()});
    return;
  }
  const std::string root = store::next_run_directory(places_.runs, name);
  arguments.insert(arguments.end(), {"--run", root});
  start_engine(root, std::move(arguments));
}

void Library::start_engine(const std::string& root, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {engine_path(), "train"});
  auto engine = launch_detached(arguments, root + ".log");
  if (!engine.ok()) {
    mailbox_.put(
        Notice{NoticeKind::kFailure, "The engine could not be started", engine.error().text()});
    return;
  }
  watcher_.watch(root, std::move(engine).value());
  mailbox_.put(RunChosen{root});
}

void Library::scan_runs() {
  std::vector<store::RunOverview> found = catalog_.scan(system_clock().monotonic_seconds());
  const auto before = runs_.load();
  if (before->is_scanned && is_same(before->runs, found)) return;
  auto index = std::make_shared<RunIndex>();
  index->directory = places_.runs;
  index->runs = std::move(found);
  index->is_scanned = true;
  index->revision = ++revision_;
  runs_ = std::shared_ptr<const RunIndex>(std::move(index));
  mailbox_.wake();
}

void Library::look_at_machine() {
  MachineInfo info = read_machine_info("/proc", places_.runs);
  info.disk_free_bytes -= info.disk_free_bytes % kDiskStep;
  info.memory_available_bytes = 0;  // changes all the time; nothing shows it
  info.prefers_dark = prefers_dark(read_desktop_texts());
  info.has_notify_send = has_program("notify-send");
  if (info == *machine_.load()) return;
  machine_ = std::make_shared<const MachineInfo>(std::move(info));
  mailbox_.wake();
}

void Library::work() {
  look_at_machine();
  presets_ = std::make_shared<const PresetList>(read_preset_list(places_.configs));
  mailbox_.wake();
  scan_runs();
  for (;;) {
    std::vector<std::function<void()>> tasks;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, is_wanted_.load() ? kWantedInterval : kQuietInterval, [this] {
        return is_stopping_ || !tasks_.empty();
      });
      if (is_stopping_) return;
      tasks = std::exchange(tasks_, {});
    }
    for (const auto& task : tasks) task();
    scan_runs();
    look_at_machine();
  }
}

}  // namespace switchyard::ui
