#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace switchyard::bench {

/// One measured number beside what it should be.
struct Number {
  std::string name;
  double value = 0.0;
  std::string unit;
  double target = -1.0;     ///< at most; negative: none
  std::string note;         ///< how it was measured
  bool is_measured = true;  ///< false: `note` says why not
};

/// What a measurement is given and leaves behind.
struct Bench {
  std::string folder;     ///< for made-up runs; kept when the caller named it
  bool is_quick = false;  ///< a tenth of the data, for a look
  std::vector<Number> numbers;

  void add(std::string name,
           double value,
           std::string unit,
           double target = -1.0,
           std::string note = "") {
    numbers.push_back({std::move(name), value, std::move(unit), target, std::move(note), true});
  }

  void skip(std::string name, std::string reason) {
    numbers.push_back({std::move(name), 0.0, "", -1.0, std::move(reason), false});
  }
};

using Clock = std::chrono::steady_clock;

inline double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// The value that `share` of the values do not exceed; sorts them.
double quantile(std::vector<double>& values, double share);

/// Seconds of processor time of this process so far.
double cpu_seconds();

/// The same of the calling thread, in milliseconds: what a frame costs on a busy machine too.
double thread_cpu_ms();

/// Whether there is a program to start.
bool can_run(const std::string& program);

// One per file: what needs no window, what draws, what starts programs.
void measure_memory(Bench& bench);
void measure_decimation(Bench& bench);
void measure_opening(Bench& bench);
void measure_run_list(Bench& bench);
void measure_plots(Bench& bench);
void measure_map(Bench& bench);
void measure_idle(Bench& bench);
void measure_latency(Bench& bench);
void measure_live(Bench& bench);
void measure_start(Bench& bench);
void measure_throughput(Bench& bench);

}  // namespace switchyard::bench
