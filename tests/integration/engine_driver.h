#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/types.h>

#include "engine/base/core/json.h"

namespace switchyard::test {

/// A folder of its own for one test, removed with everything in it at the end.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void write_file(const std::string& path, const std::string& bytes);
std::string read_text(const std::string& path);
bool is_there(const std::string& path);
std::vector<std::string> names_in(const std::string& directory);

/// English-looking text of about `bytes` bytes, the same every time.
std::string made_up_text(std::size_t bytes);

/// A configuration of a model with one dense and one routed layer that trains in milliseconds a
/// step on `text_file`; change it before writing it.
Json tiny_config(const std::string& text_file);

using Environment = std::map<std::string, std::string>;

/// A running switchyard-engine with its standard output on a pipe and its standard error in memory.
class EngineProcess {
 public:
  EngineProcess(const std::vector<std::string>& arguments, const Environment& environment);
  ~EngineProcess();  ///< kills it when it still runs
  EngineProcess(const EngineProcess&) = delete;
  EngineProcess& operator=(const EngineProcess&) = delete;

  /// Reads events until one satisfies the predicate; a null value after `timeout_seconds` or at the
  /// end of the output.
  Json wait_for(const std::function<bool(const Json&)>& is_wanted, double timeout_seconds = 60);
  Json wait_for_event(const std::string& name, double timeout_seconds = 60);

  void send_signal(int signal) const;
  /// Waits for the end; the exit code, or 128 + signal; -1 when it does not end in time.
  int wait(double timeout_seconds = 120);

  [[nodiscard]] std::vector<Json> events() const;
  [[nodiscard]] std::string output() const;
  [[nodiscard]] std::string errors() const;

 private:
  void read_all();  ///< body of the reader thread: a full pipe would stop the engine
  pid_t pid_ = -1;
  int output_pipe_ = -1, error_pipe_ = -1;
  mutable std::mutex mutex_;  ///< guards the five below
  std::string output_, errors_;
  std::size_t parsed_ = 0;
  std::vector<Json> events_;
  bool is_at_end_ = false;
  int exit_code_ = -1;
  std::thread reader_;
};

struct EngineResult {
  int exit_code = -1;
  std::string output, errors;
  std::vector<Json> events;  ///< the lines of standard output that are JSON objects

  [[nodiscard]] Json event(const std::string& name) const;  ///< the last one of that name
  [[nodiscard]] std::vector<Json> all(const std::string& name) const;
};

/// Runs the engine to its end.
EngineResult run_engine(const std::vector<std::string>& arguments,
                        const Environment& environment,
                        const std::string& standard_input = "",
                        double timeout_seconds = 120);

/// Folders and a text in a TempDir, and the environment that points the engine at them.
class Workplace {
 public:
  Workplace();

  [[nodiscard]] std::string run(const std::string& name) const { return dir / ("runs/" + name); }

  /// Writes a configuration and returns its path.
  [[nodiscard]] std::string write_config(const Json& config) const;
  EngineResult engine(const std::vector<std::string>& arguments,
                      const std::string& input = "") const;
  /// `train --config … --run … --json` with further arguments.
  EngineResult train(const Json& config,
                     const std::string& run_name,
                     const std::vector<std::string>& more = {}) const;

  TempDir dir;
  std::string text_file;
  Environment environment;
};

/// metric -> step -> value as text, from `metrics --format jsonl` of a run folder.
std::map<std::int64_t, std::string> metric_of(const Workplace& place,
                                              const std::string& run,
                                              const std::string& metric);

}  // namespace switchyard::test
