#include "tests/integration/engine_driver.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

extern char** environ;

namespace switchyard::test {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "sy-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

bool is_there(const std::string& path) {
  return std::filesystem::exists(path);
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string made_up_text(std::size_t bytes) {
  static constexpr std::array kWords{"the",  "king", "of",   "night", "and",  "his",   "crown",
                                     "love", "was",  "sold", "for",   "gold", "while", "winter",
                                     "came", "with", "snow", "to",    "her",  "garden"};
  std::string text;
  std::uint64_t state = 1;
  int in_line = 0;
  while (text.size() < bytes) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    text += kWords[(state >> 33U) % kWords.size()];
    text += ++in_line % 7 == 0 ? (state >> 60U) % 2 == 0 ? ".\n" : ",\n" : " ";
  }
  return text;
}

Json tiny_config(const std::string& text_file) {
  const std::string text = R"({
    "schema": "switchyard.run", "version": 1, "name": "tiny",
    "model": {"d_model": 32, "num_heads": 2, "seq_len": 32, "dropout": 0.1, "layers": [
      {"feed_forward": {"type": "dense", "d_ff": 64}},
      {"feed_forward": {"type": "routed_experts", "num_experts": 4, "d_ff": 32,
                        "router": {"type": "top_k", "top_k": 2}}}]},
    "data": {"dataset": "", "tokenizer": "char"},
    "schedule": {"type": "cosine", "warmup_steps": 5, "decay_steps": 60},
    "train": {"max_steps": 60, "micro_batch_size": 4, "eval_interval_steps": 20,
              "eval_windows": 16, "num_threads": 1},
    "checkpoint": {"interval_steps": 20},
    "log": {"interval_steps": 1, "routing_interval_steps": 5}})";
  Json config = parse_json(text, "tiny_config").value();
  config.find("data")->set("text_file", Json(text_file));
  return config;
}

EngineProcess::EngineProcess(const std::vector<std::string>& arguments,
                             const Environment& environment) {
  std::array<int, 2> out{}, err{};
  if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) std::abort();
  std::vector<std::string> words{SY_ENGINE_PATH};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  Environment all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    all[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
  }
  for (const auto& [name, value] : environment) all[name] = value;
  std::vector<std::string> pairs;
  for (const auto& [name, value] : all) pairs.push_back(name + "=" + value);
  std::vector<char*> envp;
  for (std::string& pair : pairs) envp.push_back(pair.data());
  envp.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    const int input =
        ::open(environment.contains("SY_TEST_STDIN") ? environment.at("SY_TEST_STDIN").c_str()
                                                     : "/dev/null",
               O_RDONLY);
    ::dup2(input, STDIN_FILENO);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(err[1]);
  output_pipe_ = out[0];
  error_pipe_ = err[0];
  reader_ = std::thread([this] { read_all(); });
}

EngineProcess::~EngineProcess() {
  if (exit_code_ < 0 && pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  reader_.join();
  ::close(output_pipe_);
  ::close(error_pipe_);
}

void EngineProcess::read_all() {
  std::array<pollfd, 2> watched{{{output_pipe_, POLLIN, 0}, {error_pipe_, POLLIN, 0}}};
  std::array<char, 65536> buffer{};
  while (watched[0].fd >= 0 || watched[1].fd >= 0) {
    ::poll(watched.data(), watched.size(), -1);
    for (std::size_t i = 0; i < watched.size(); ++i) {
      if (watched[i].fd < 0 || watched[i].revents == 0) continue;
      const ssize_t got = ::read(watched[i].fd, buffer.data(), buffer.size());
      const std::lock_guard lock(mutex_);
      if (got <= 0) {
        watched[i].fd = -1;
        continue;
      }
      (i == 0 ? output_ : errors_).append(buffer.data(), static_cast<std::size_t>(got));
    }
    const std::lock_guard lock(mutex_);
    for (std::size_t end = 0; (end = output_.find('\n', parsed_)) != std::string::npos;) {
      auto line = parse_json(output_.substr(parsed_, end - parsed_), "line");
      if (line.ok() && line->is_object()) events_.push_back(std::move(line).value());
      parsed_ = end + 1;
    }
  }
  const std::lock_guard lock(mutex_);
  is_at_end_ = true;
}

std::vector<Json> EngineProcess::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

std::string EngineProcess::output() const {
  const std::lock_guard lock(mutex_);
  return output_;
}

std::string EngineProcess::errors() const {
  const std::lock_guard lock(mutex_);
  return errors_;
}

Json EngineProcess::wait_for(const std::function<bool(const Json&)>& is_wanted,
                             double timeout_seconds) {
  const Clock::time_point start = Clock::now();
  for (std::size_t seen = 0;;) {
    {
      const std::lock_guard lock(mutex_);
      for (; seen < events_.size(); ++seen) {
        if (is_wanted(events_[seen])) return events_[seen];
      }
      if (is_at_end_ || seconds_since(start) > timeout_seconds) return {};
    }
    ::usleep(2000);
  }
}

Json EngineProcess::wait_for_event(const std::string& name, double timeout_seconds) {
  return wait_for([&](const Json& event) { return event["event"].as_string() == name; },
                  timeout_seconds);
}

void EngineProcess::send_signal(int signal) const {
  ::kill(pid_, signal);
}

int EngineProcess::wait(double timeout_seconds) {
  const Clock::time_point start = Clock::now();
  while (exit_code_ < 0) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      break;
    }
    if (seconds_since(start) > timeout_seconds) return -1;
    ::usleep(2000);
  }
  for (bool is_at_end = false; !is_at_end; ::usleep(500)) {
    const std::lock_guard lock(mutex_);
    is_at_end = is_at_end_;
  }
  return exit_code_;
}

Json EngineResult::event(const std::string& name) const {
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if ((*event)["event"].as_string() == name) return *event;
  }
  return {};
}

std::vector<Json> EngineResult::all(const std::string& name) const {
  std::vector<Json> found;
  for (const Json& event : events) {
    if (event["event"].as_string() == name) found.push_back(event);
  }
  return found;
}

EngineResult run_engine(const std::vector<std::string>& arguments,
                        const Environment& environment,
                        const std::string& standard_input,
                        double timeout_seconds) {
  TempDir dir;
  Environment with_input = environment;
  if (!standard_input.empty()) {
    write_file(dir / "input", standard_input);
    with_input["SY_TEST_STDIN"] = dir / "input";
  }
  EngineProcess process(arguments, with_input);
  EngineResult result;
  result.exit_code = process.wait(timeout_seconds);
  result.output = process.output();
  result.errors = process.errors();
  result.events = process.events();
  return result;
}

Workplace::Workplace() : text_file(dir / "text.txt") {
  write_file(text_file, made_up_text(20'000));
  environment = {{"SWITCHYARD_RUNS", dir / "runs"},
                 {"SWITCHYARD_DATA", dir / "data"},
                 {"SWITCHYARD_CACHE", dir / "cache"},
                 {"SWITCHYARD_STATE", dir / "state"}};
}

std::string Workplace::write_config(const Json& config) const {
  const std::string path = dir / "config.json";
  write_file(path, config.dump(2));
  return path;
}

EngineResult Workplace::engine(const std::vector<std::string>& arguments,
                               const std::string& input) const {
  return run_engine(arguments, environment, input);
}

EngineResult Workplace::train(const Json& config,
                              const std::string& run_name,
                              const std::vector<std::string>& more) const {
  std::vector<std::string> words{"train",
                                 "--config",
                                 write_config(config),
                                 "--run",
                                 run(run_name),
                                 "--device",
                                 "cpu",
                                 "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return engine(words);
}

std::map<std::int64_t, std::string> metric_of(const Workplace& place,
                                              const std::string& run,
                                              const std::string& metric) {
  std::map<std::int64_t, std::string> values;
  const EngineResult result = place.engine({"metrics", "--run", run, "--format", "jsonl"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  for (const Json& line : result.events) {
    if (line["metric"].as_string() != metric) continue;
    const std::int64_t step = line["step"].as_integer();
    EXPECT_FALSE(values.contains(step)) << metric << " twice at step " << step;
    values[step] = line["value"].dump();
  }
  return values;
}

}  // namespace switchyard::test
