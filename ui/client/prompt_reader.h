#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "engine/base/formats/tokenizer.h"
#include "ui/client/mailbox.h"
#include "ui/model/prompt_state.h"

namespace switchyard::ui {

/// Reads what the prompt needs from the disk, on a thread of its own: the kept checkpoints and the
/// tokenizer of the open run, and text files that a person names. Counts tokens.
///
/// The list of checkpoints is read once a second; a snapshot is published, and the frame woken,
/// only when it differs.
/// Limits: text files up to 1 MiB; vocabularies up to 300,000 tokens are published.
/// Threads: all public functions from any thread.
class PromptReader {
 public:
  explicit PromptReader(Mailbox& mailbox);
  ~PromptReader();
  PromptReader(const PromptReader&) = delete;
  PromptReader& operator=(const PromptReader&) = delete;

  void open(const std::string& root);
  void count(const std::string& text);
  void read_file(const std::string& path);

  /// The newest snapshot; never null.
  [[nodiscard]] std::shared_ptr<const PromptFacts> facts() const { return facts_.load(); }

 private:
  struct Wishes {
    std::optional<std::string> root, text, path;
  };

  void work();
  void start(const std::string& root);
  bool list_checkpoints();
  bool load_tokenizer();
  void count_now(const std::string& text);
  void publish();

  Mailbox& mailbox_;
  std::atomic<std::shared_ptr<const PromptFacts>> facts_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Wishes wishes_;
  bool is_stopping_ = false;

  // Of the thread.
  PromptFacts mine_;
  std::unique_ptr<formats::Tokenizer> tokenizer_;
  std::thread thread_;
};

/// The text of a file for scoring. Errors: kInputFile when it cannot be read, is longer than 1 MiB,
/// or is no UTF-8 text, with the place.
Result<std::string> read_text_for_scoring(const std::string& path);

}  // namespace switchyard::ui
