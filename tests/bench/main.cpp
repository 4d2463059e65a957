// sy_ui_bench [--json] [--quick] [--data DIR] [--only NAME]: measures the window's numbers here and
// prints each beside its target. Runs below DIR are made once and kept.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/core/json.h"
#include "tests/bench/bench.h"
#include "tests/gui/display.h"
#include "tests/support/temporary_folder.h"

namespace switchyard::bench {

double quantile(std::vector<double>& values, double share) {
  if (values.empty()) return 0.0;
  std::sort(values.begin(), values.end());
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  return values[at];
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double thread_cpu_ms() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) * 1e-6;
}

bool can_run(const std::string& program) {
  return !program.empty() && access(program.c_str(), X_OK) == 0;
}

namespace {

using Measure = std::pair<const char*, void (*)(Bench&)>;

constexpr Measure kMeasures[] = {{"memory", measure_memory},
                                 {"decimation", measure_decimation},
                                 {"opening", measure_opening},
                                 {"list", measure_run_list},
                                 {"plots", measure_plots},
                                 {"map", measure_map},
                                 {"idle", measure_idle},
                                 {"latency", measure_latency},
                                 {"live", measure_live},
                                 {"start", measure_start},
                                 {"throughput", measure_throughput}};

void print_table(const Bench& bench) {
  for (const Number& n : bench.numbers) {
    if (!n.is_measured) {
      std::printf("%-52s not measured: %s\n", n.name.c_str(), n.note.c_str());
      continue;
    }
    char target[48] = "";
    if (n.target >= 0.0)
      std::snprintf(target,
                    sizeof target,
                    "<= %g %s %s",
                    n.target,
                    n.unit.c_str(),
                    n.value <= n.target ? "met" : "MISSED");
    std::printf("%-52s %10.4g %-8s %-24s %s\n",
                n.name.c_str(),
                n.value,
                n.unit.c_str(),
                target,
                n.note.c_str());
  }
}

void print_json(const Bench& bench) {
  Json numbers = Json::array();
  for (const Number& n : bench.numbers) {
    Json entry = Json::object({{"name", n.name}, {"note", n.note}});
    if (n.is_measured) {
      entry.set("value", n.value);
      entry.set("unit", n.unit);
      if (n.target >= 0.0) entry.set("target", n.target);
    }
    numbers.push_back(std::move(entry));
  }
  std::puts(numbers.dump(2).c_str());
}

int run(int argc, char** argv) {
  Bench bench;
  std::string only;
  bool use_json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--json") {
      use_json = true;
    } else if (word == "--quick") {
      bench.is_quick = true;
    } else if (word == "--data" && i + 1 < argc) {
      bench.folder = argv[++i];
    } else if (word == "--only" && i + 1 < argc) {
      only = argv[++i];
    } else {
      std::fputs("usage: sy_ui_bench [--json] [--quick] [--data DIR] [--only NAME]\n", stderr);
      return 2;
    }
  }
  const test::TemporaryFolder temporary;
  if (bench.folder.empty()) bench.folder = temporary / "bench";
  std::filesystem::create_directories(bench.folder);
  const test::Display display;
  if (!display.problem().empty()) std::fprintf(stderr, "%s\n", display.problem().c_str());
  for (const auto& [name, measure] : kMeasures) {
    if (!only.empty() && only != name) continue;
    if (!use_json) std::fprintf(stderr, "measuring %s …\n", name);
    measure(bench);
  }
  if (use_json) {
    print_json(bench);
  } else {
    print_table(bench);
  }
  return 0;
}

}  // namespace
}  // namespace switchyard::bench

int main(int argc, char** argv) {
  return switchyard::bench::run(argc, argv);
}
