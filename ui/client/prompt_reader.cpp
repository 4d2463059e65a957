#include "ui/client/prompt_reader.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/base/checkpoint/manifest.h"
#include "engine/base/core/file_system.h"
#include "engine/base/core/text.h"
#include "engine/base/store/run_folder.h"

namespace switchyard::ui {
namespace {

constexpr auto kListInterval = std::chrono::seconds(1);
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxTokenizerBytes = std::size_t{64} << 20;
constexpr std::int64_t kMaxVocabulary = 300'000;

Error file_error(const std::string& path, std::string message, std::string hint) {
  return {ErrorCode::kInputFile, path, std::move(message), std::move(hint), {}};
}

}  // namespace

Result<std::string> read_text_for_scoring(const std::string& path) {
  SY_ASSIGN_OR_RETURN(const FileInfo info, real_file_system().info(path));
  if (!info.exists || info.is_directory)
    return file_error(path,
                      info.exists ? "expected a text file, found a folder."
                                  : "expected a text file, found nothing here.",
                      "Name a file with UTF-8 text.");
  if (info.bytes > kMaxFileBytes)
    return file_error(path,
                      "expected at most 1 MiB of text, found " +
                          grouped(static_cast<std::int64_t>(info.bytes)) + " bytes.",
                      "Score a part of it: cut the file, or paste a passage.");
  SY_ASSIGN_OR_RETURN(std::string text, switchyard::read_file(path, kMaxFileBytes));
  const std::size_t wrong = find_invalid_utf8(text);
  if (wrong != std::string::npos)
    return file_error(path,
                      "expected UTF-8 text, found other bytes at offset " +
                          grouped(static_cast<std::int64_t>(wrong)) + ".",
                      "Convert the file to UTF-8.");
  if (text.empty()) return file_error(path, "expected text, found an empty file.", "");
  return text;
}

PromptReader::PromptReader(Mailbox& mailbox)
    : mailbox_(mailbox),
      facts_(std::make_shared<const PromptFacts>()),
      thread_([this] { work(); }) {}

PromptReader::~PromptReader() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void PromptReader::open(const std::string& root) {
  {
    const std::lock_guard lock(mutex_);
    wishes_.root = root;
  }
  wake_.notify_all();
}

void PromptReader::count(const std::string& text) {
  {
    const std::lock_guard lock(mutex_);
    wishes_.text = text;
  }
  wake_.notify_all();
}

void PromptReader::read_file(const std::string& path) {
  {
    const std::lock_guard lock(mutex_);
    wishes_.path = path;
  }
  wake_.notify_all();
}

void PromptReader::work() {
  std::string counted;
  for (;;) {
    Wishes wishes;
    {
      std::unique_lock lock(mutex_);
      const auto has_wish = [this] {
        return is_stopping_ || wishes_.root || wishes_.text || wishes_.path;
      };
      if (mine_.root.empty()) {
        wake_.wait(lock, has_wish);
      } else {
        wake_.wait_for(lock, kListInterval, has_wish);
      }
      if (is_stopping_) return;
      wishes = std::exchange(wishes_, {});
    }
    bool is_dirty = wishes.root.has_value();
    if (wishes.root.has_value()) start(*wishes.root);
    if (wishes.text.has_value()) counted = *wishes.text;
    const bool has_new_tokenizer = tokenizer_ == nullptr && load_tokenizer();
    if (has_new_tokenizer || wishes.root.has_value() || wishes.text.has_value()) {
      count_now(counted);
      is_dirty = true;
    }
    is_dirty = list_checkpoints() || is_dirty;
    if (is_dirty) publish();
    if (!wishes.path.has_value()) continue;
    Result<std::string> text = read_text_for_scoring(*wishes.path);
    mailbox_.put(text.ok() ? TextRead{*wishes.path, std::move(text).value(), ""}
                           : TextRead{*wishes.path, "", text.error().text()});
  }
}

void PromptReader::start(const std::string& root) {
  mine_ = PromptFacts{};
  mine_.root = root;
  tokenizer_.reset();
}

/// A run that has just begun has no tokenizer yet: the next look finds it.
bool PromptReader::load_tokenizer() {
  if (mine_.root.empty()) return false;
  const std::string path = store::RunPaths{mine_.root}.tokenizer();
  const auto info = real_file_system().info(path);
  if (!info.ok() || !info.value().exists) return false;
  const auto content = switchyard::read_file(path, kMaxTokenizerBytes);
  if (!content.ok()) return false;
  JsonLimits limits;
  limits.max_bytes = kMaxTokenizerBytes;
  limits.max_values = 4'000'000;
  const auto document = parse_json(content.value(), path, limits);
  if (!document.ok()) return false;
  auto tokenizer = formats::tokenizer_from_json(document.value(), path);
  if (!tokenizer.ok()) return false;
  tokenizer_ = std::move(tokenizer).value();
  if (tokenizer_->vocab_size() <= kMaxVocabulary) {
    auto vocabulary = std::make_shared<std::vector<std::string>>();
    for (std::int64_t id = 0; id < tokenizer_->vocab_size(); ++id)
      vocabulary->push_back(tokenizer_->decode(static_cast<std::int32_t>(id)));
    mine_.vocabulary = std::move(vocabulary);
  }
  return true;
}

bool PromptReader::list_checkpoints() {
  std::vector<std::int64_t> steps;
  if (!mine_.root.empty()) {
    const auto names = real_file_system().list(store::RunPaths{mine_.root}.checkpoints());
    if (names.ok()) {
      for (const std::string& name : names.value()) {
        const std::int64_t step = checkpoint::step_from_folder_name(name);
        if (step >= 0) steps.push_back(step);
      }
    }
  }
  std::sort(steps.begin(), steps.end());
  if (steps == mine_.checkpoints) return false;
  mine_.checkpoints = std::move(steps);
  return true;
}

void PromptReader::count_now(const std::string& text) {
  mine_.counted = text;
  mine_.num_tokens = -1;
  mine_.count_problem.clear();
  if (tokenizer_ == nullptr) return;
  const auto ids = tokenizer_->encode(text);
  if (ids.ok()) {
    mine_.num_tokens = static_cast<std::int64_t>(ids.value().size());
  } else {
    mine_.count_problem = ids.error().message;
  }
}

void PromptReader::publish() {
  facts_ = std::make_shared<const PromptFacts>(mine_);
  mailbox_.wake();
}

}  // namespace switchyard::ui
