#include "ui/client/checkpoint_sampler.h"

#include <array>
#include <cerrno>

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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

}  // namespace

std::vector<std::string> sample_arguments(const std::string& engine,
                                          const std::string& root,
                                          const Generate& request) {
  const SamplingSettings& s = request.settings;
  return {engine,
          "sample",
          "--run",
          root,
          // One word with '=': a prompt may begin with a dash.
          "--prompt=" + request.prompt,
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
          std::to_string(s.seed),
          "--json"};
}

CheckpointSampler::~CheckpointSampler() {
  end();
}

void CheckpointSampler::end() {
  is_cancelled_ = true;
  {
    const std::lock_guard lock(mutex_);
    if (child_ > 0) kill(child_, SIGTERM);
  }
  if (thread_.joinable()) thread_.join();
}

void CheckpointSampler::generate(const std::string& root, const Generate& request) {
  end();
  is_cancelled_ = false;
  answer_id_ = request.answer_id;
  thread_ = std::thread([this, root, request] { work(root, request); });
}

void CheckpointSampler::stop(std::int64_t answer_id) {
  if (answer_id_.load() != answer_id) return;
  is_cancelled_ = true;
  const std::lock_guard lock(mutex_);
  if (child_ > 0) kill(child_, SIGTERM);
}

void CheckpointSampler::work(std::string root, Generate request) {
  auto child = start_piped(sample_arguments(engine_path(), root, request));
  if (!child.ok()) {
    mailbox_.put(AnswerFailed{request.answer_id, child.error().text()});
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    child_ = child.value().pid;
    if (is_cancelled_.load()) kill(child_, SIGTERM);
  }
  read_lines(child.value(), request.answer_id);
  const std::lock_guard lock(mutex_);
  child_ = 0;
}

bool CheckpointSampler::take_line(const std::string& line, std::int64_t answer_id) {
  const auto parsed = parse_json(line, "sample");
  if (!parsed.ok()) return false;
  const Json& message = parsed.value();
  const std::string& event = message["event"].as_string();
  if (event == "token") mailbox_.put(AnswerToken{answer_id, token_from_json(message)});
  if (event == "done") {
    mailbox_.put(AnswerDone{answer_id,
                            message["step"].as_integer(-1),
                            message["tokens_per_second"].as_number(),
                            false});
    return true;
  }
  if (event == "error") {
    std::string problem = message["message"].as_string();
    if (const std::string& hint = message["hint"].as_string(); !hint.empty()) problem += " " + hint;
    mailbox_.put(AnswerFailed{answer_id, problem});
    return true;
  }
  return false;
}

void CheckpointSampler::read_lines(const PipedChild& child, std::int64_t answer_id) {
  std::string output, errors;
  bool is_answered = false, has_output = true, has_errors = true;
  while (has_output) {
    std::array<pollfd, 2> watched{pollfd{child.output.get(), POLLIN, 0},
                                  pollfd{has_errors ? child.errors.get() : -1, POLLIN, 0}};
    if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) break;
    if (watched[1].revents != 0) has_errors = read_some(child.errors.get(), errors);
    if (watched[0].revents == 0) continue;
    has_output = read_some(child.output.get(), output);
    for (std::size_t end = output.find('\n'); end != std::string::npos; end = output.find('\n')) {
      is_answered = take_line(output.substr(0, end), answer_id) || is_answered;
      output.erase(0, end + 1);
    }
  }
  while (has_errors) has_errors = read_some(child.errors.get(), errors);
  int status = 0;
  while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (is_answered) return;
  if (is_cancelled_.load()) {
    mailbox_.put(AnswerDone{answer_id, -1, 0.0, true});
  } else {
    const std::string words = last_line(errors);
    mailbox_.put(
        AnswerFailed{answer_id, words.empty() ? "The engine ended without an answer." : words});
  }
}

}  // namespace switchyard::ui
