#include "ui/client/checkpoint_sampler.h"

#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/core/clock.h"
#include "engine/base/core/json.h"
#include "engine/base/core/text.h"

namespace switchyard::ui {
namespace {

/// Takes what a descriptor has; false at its end.
bool read_some(int descriptor, std::string& into) {
  std::array<char, 8192> buffer{};
  const ssize_t got = read(descriptor, buffer.data(), buffer.size());
  if (got > 0) into.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && errno == EINTR);
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const std::size_t start = text.rfind('\n');
  return start == std::string::npos ? text : text.substr(start + 1);
}

void add_source(std::vector<std::string>& arguments, const AnswerSource& source, bool use_cpu) {
  if (source.kind == AnswerSource::Kind::kCheckpoint && source.step >= 0)
    arguments.insert(arguments.end(), {"--checkpoint", std::to_string(source.step)});
  if (use_cpu) arguments.insert(arguments.end(), {"--device", "cpu"});
  arguments.emplace_back("--json");
}

/// Turns the lines of a child into events; measures the speed, which the lines do not tell.
class LineReader {
 public:
  LineReader(Mailbox& mailbox, std::int64_t answer_id) : mailbox_(mailbox), answer_id_(answer_id) {}

  void take(const std::string& line) {
    JsonLimits limits;
    limits.max_bytes = std::size_t{8} << 20;
    const auto parsed = parse_json(line, "sample", limits);
    if (!parsed.ok()) return;
    const Json& message = parsed.value();
    const std::string& event = message["event"].as_string();
    if (event == "token") {
      const double now = system_clock().monotonic_seconds();
      if (num_tokens_++ == 0) first_ = now;
      last_ = now;
      mailbox_.put(AnswerToken{answer_id_, token_from_json(message)});
    } else if (event == "done") {
      AnswerDone done = answer_done_from_json(answer_id_, message);
      if (num_tokens_ > 1 && last_ > first_)
        done.tokens_per_second = static_cast<double>(num_tokens_ - 1) / (last_ - first_);
      mailbox_.put(std::move(done));
      is_answered_ = true;
    } else if (event == "error") {
      std::string problem = message["message"].as_string();
      if (const std::string& hint = message["hint"].as_string(); !hint.empty())
        problem += " " + hint;
      mailbox_.put(AnswerFailed{answer_id_, problem});
      is_answered_ = true;
    }
  }

  [[nodiscard]] bool is_answered() const { return is_answered_; }

 private:
  Mailbox& mailbox_;
  std::int64_t answer_id_;
  std::int64_t num_tokens_ = 0;
  double first_ = 0.0, last_ = 0.0;
  bool is_answered_ = false;
};

}  // namespace

std::vector<std::string> sample_arguments(const std::string& engine,
                                          const std::string& root,
                                          const Generate& request,
                                          bool use_cpu) {
  const SamplingSettings& s = request.settings;
  std::vector<std::string> arguments = {engine,
                                        "sample",
                                        "--run",
                                        root,
                                        "--max-tokens",
                                        std::to_string(s.max_tokens),
                                        "--temperature",
                                        short_number(s.temperature),
                                        "--top-k",
                                        std::to_string(s.top_k),
                                        "--top-p",
                                        short_number(s.top_p),
                                        "--min-p",
                                        short_number(s.min_p),
                                        "--repetition-penalty",
                                        short_number(s.repetition_penalty),
                                        "--seed",
                                        std::to_string(s.seed)};
  // One word with '=': a prompt may begin with a dash. Without a word behind it, it is left out.
  if (!request.prompt.empty()) arguments.push_back("--prompt=" + request.prompt);
  for (const std::string& stop : s.stop) arguments.push_back("--stop=" + stop);
  add_source(arguments, request.source, use_cpu);
  return arguments;
}

std::vector<std::string> score_arguments(const std::string& engine,
                                         const std::string& root,
                                         const ScoreText& request,
                                         bool use_cpu) {
  std::vector<std::string> arguments = {engine, "score", "--run", root};
  add_source(arguments, request.source, use_cpu);
  return arguments;
}

CheckpointSampler::CheckpointSampler(Mailbox& mailbox) : mailbox_(mailbox) {
  for (std::size_t slot = 0; slot < slots_.size(); ++slot)
    threads_.emplace_back([this, slot] { work(slot); });
}

CheckpointSampler::~CheckpointSampler() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stop_all();
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void CheckpointSampler::stop_all() {
  const std::lock_guard lock(mutex_);
  jobs_.clear();
  for (Slot& slot : slots_) {
    slot.is_cancelled = true;
    if (slot.child > 0) kill(slot.child, SIGTERM);
  }
}

void CheckpointSampler::generate(const std::string& root, const Generate& request, bool use_cpu) {
  post({request.answer_id, sample_arguments(engine_path(), root, request, use_cpu), ""});
}

void CheckpointSampler::score(const std::string& root, const ScoreText& request, bool use_cpu) {
  post({request.answer_id, score_arguments(engine_path(), root, request, use_cpu), request.text});
}

void CheckpointSampler::post(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void CheckpointSampler::stop(std::int64_t answer_id) {
  const std::lock_guard lock(mutex_);
  const auto num_waiting =
      std::erase_if(jobs_, [answer_id](const Job& job) { return job.answer_id == answer_id; });
  if (num_waiting > 0) mailbox_.put(AnswerDone{.answer_id = answer_id, .is_cancelled = true});
  for (Slot& slot : slots_) {
    if (slot.answer_id != answer_id) continue;
    slot.is_cancelled = true;
    if (slot.child > 0) kill(slot.child, SIGTERM);
  }
}

void CheckpointSampler::work(std::size_t slot) {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return is_stopping_ || !jobs_.empty(); });
      if (is_stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
      slots_[slot] = {job.answer_id, 0, false};
    }
    run(slot, job);
    const std::lock_guard lock(mutex_);
    slots_[slot] = {};
  }
}

void CheckpointSampler::run(std::size_t slot, const Job& job) {
  auto child = start_piped(job.arguments, job.input);
  if (!child.ok()) {
    mailbox_.put(AnswerFailed{job.answer_id, child.error().text()});
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    slots_[slot].child = child.value().pid;
    if (slots_[slot].is_cancelled) kill(child.value().pid, SIGTERM);
  }
  read_lines(slot, child.value(), job.answer_id);
}

bool CheckpointSampler::is_cancelled(std::size_t slot) {
  const std::lock_guard lock(mutex_);
  return slots_[slot].is_cancelled;
}

void CheckpointSampler::read_lines(std::size_t slot,
                                   const PipedChild& child,
                                   std::int64_t answer_id) {
  LineReader lines(mailbox_, answer_id);
  std::string output, errors;
  bool has_output = true, has_errors = true;
  while (has_output) {
    std::array<pollfd, 2> watched{pollfd{child.output.get(), POLLIN, 0},
                                  pollfd{has_errors ? child.errors.get() : -1, POLLIN, 0}};
    if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) break;
    if (watched[1].revents != 0) has_errors = read_some(child.errors.get(), errors);
    if (watched[0].revents == 0) continue;
    has_output = read_some(child.output.get(), output);
    for (std::size_t end = output.find('\n'); end != std::string::npos; end = output.find('\n')) {
      // After a stop nothing more appears, whatever the child had written already.
      if (!is_cancelled(slot)) lines.take(output.substr(0, end));
      output.erase(0, end + 1);
    }
  }
  while (has_errors) has_errors = read_some(child.errors.get(), errors);
  // Waits without the lock and reaps with it: a signal never reaches a number that is reused.
  siginfo_t ended{};
  while (waitid(P_PID, static_cast<id_t>(child.pid), &ended, WEXITED | WNOWAIT) < 0 &&
         errno == EINTR) {
  }
  {
    const std::lock_guard lock(mutex_);
    int status = 0;
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    slots_[slot].child = 0;
  }
  if (lines.is_answered()) return;
  if (is_cancelled(slot)) {
    mailbox_.put(AnswerDone{.answer_id = answer_id, .is_cancelled = true});
  } else {
    const std::string words = last_line(errors);
    mailbox_.put(
        AnswerFailed{answer_id, words.empty() ? "The engine ended without an answer." : words});
  }
}

}  // namespace switchyard::ui
