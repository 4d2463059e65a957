#include "ui/client/config_worker.h"

#include <utility>

#include "engine/base/core/file_system.h"
#include "engine/base/core/limits.h"
#include "engine/base/formats/dataset.h"
#include "ui/client/launcher.h"
#include "ui/model/config_draft.h"

namespace switchyard::ui {
namespace {

DataFacts problem_of(Error error) {
  DataFacts facts;
  facts.problem = std::move(error.message);
  if (!facts.problem.empty() && facts.problem[0] >= 'a' && facts.problem[0] <= 'z')
    facts.problem[0] = static_cast<char>(facts.problem[0] - 'a' + 'A');
  facts.hint = std::move(error.hint);
  return facts;
}

Error no_file(const std::string& path) {
  return {ErrorCode::kInputFile,
          path,
          "There is no file at this path.",
          "Write the whole path of a UTF-8 text file.",
          {}};
}

}  // namespace

DataFacts look_at_data(const Json& data) {
  std::string path = data["text_file"].as_string();
  std::string title = base_name(path);
  DataFacts facts;
  if (path.empty()) {
    const auto found = formats::find_dataset(data["dataset"].as_string(), "/data/dataset");
    if (!found.ok()) {
      facts = problem_of(found.error());
    } else if (!found.value().is_present) {
      facts.problem = "This data set is not on this machine yet.";
      facts.hint = "Get it with: switchyard-engine data get " + found.value().name;
    } else {
      path = found.value().path;
    }
    title = data["dataset"].as_string();
  }
  if (facts.problem.empty()) {
    const auto info = real_file_system().info(path);
    const bool is_there = info.ok() && info.value().exists && !info.value().is_directory;
    auto text = is_there ? read_file(path, limits::kTextBytes)
                         : Result<std::string>(info.ok() ? no_file(path) : info.error());
    facts = text.ok() ? count_text(text.value(),
                                   title,
                                   data["tokenizer"].as_string(),
                                   data["train_frac"].as_number())
                      : problem_of(text.error());
  }
  facts.key = data_key(data);
  facts.title = std::move(title);
  facts.path = std::move(path);
  return facts;
}

ConfigWorker::ConfigWorker(Mailbox& mailbox,
                           std::string runs,
                           std::function<void(const std::string&)> train)
    : mailbox_(mailbox),
      drafts_(std::move(runs) + "/.drafts"),
      train_(std::move(train)),
      probe_(mailbox, drafts_),
      thread_([this] { work(); }) {}

ConfigWorker::~ConfigWorker() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void ConfigWorker::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_all();
}

void ConfigWorker::work() {
  for (;;) {
    std::vector<std::function<void()>> tasks;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return is_stopping_ || !tasks_.empty(); });
      if (is_stopping_) return;
      tasks = std::exchange(tasks_, {});
    }
    for (const auto& task : tasks) task();
  }
}

void ConfigWorker::look_at_data(const LookAtData& request) {
  post([this, request] {
    auto facts = std::make_shared<const DataFacts>(ui::look_at_data(request.data));
    mailbox_.put(ConfigEvent(DataLooked{std::move(facts)}));
  });
}

void ConfigWorker::train(const TrainDraft& request) {
  post([this, request] { check_and_train(request); });
}

void ConfigWorker::check_and_train(const TrainDraft& request) {
  const auto refuse = [this](std::vector<std::string> problems) {
    mailbox_.put(ConfigEvent(TrainAnswer{std::move(problems)}));
  };
  const std::string path = drafts_ + "/" + request.name + ".json";
  Status written = make_directories(drafts_);
  if (written.ok()) written = write_file_durably(path, request.document);
  if (!written.ok()) return refuse({written.error().text()});
  // The engine's own check, of the data too, before a run folder is made.
  auto child = start_piped({engine_path(), "params", "--config", path, "--json"});
  if (!child.ok()) return refuse({child.error().text()});
  const ChildOutput answer = read_to_end(child.value());
  if (answer.exit_code != 0) return refuse(engine_errors(answer.output, answer.errors));
  refuse({});
  train_(path);
}

void ConfigWorker::save(const SaveConfigFile& request) {
  post([this, request] {
    const Status written = write_file_durably(request.path, request.document);
    if (written.ok()) {
      mailbox_.put(Notice{NoticeKind::kOk, "Configuration saved", request.path});
    } else {
      mailbox_.put(Notice{
          NoticeKind::kFailure, "The configuration could not be saved", written.error().text()});
    }
  });
}

void ConfigWorker::load(const LoadConfigFile& request) {
  post([this, request] {
    const auto text = read_file(request.path, limits::kConfigBytes);
    auto document =
        text.ok() ? config_document(text.value(), request.path) : Result<Json>(text.error());
    if (!document.ok()) {
      mailbox_.put(
          Notice{NoticeKind::kFailure, "This is no configuration", document.error().text()});
      return;
    }
    mailbox_.put(ConfigEvent(ConfigLoaded{request.path, std::move(document).value()}));
  });
}

}  // namespace switchyard::ui
