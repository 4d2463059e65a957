// switchyard-golden [--kinds K,…] [--data DATA] DIR: runs every golden case below DIR.
//
// A case is any *.json with a "kind". Kinds that this program does not know count as skipped,
// unless they are named in --kinds: then as failed. Closing line: `N passed, N failed, N skipped`.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <ATen/Parallel.h>

#include "engine/base/core/json.h"
#include "tests/golden/golden_cases.h"

namespace switchyard::golden {
namespace {

const std::map<std::string, CaseRunner>& runners() {
  static const std::map<std::string, CaseRunner> table{
      {"assigned_moe", &run_assigned_moe},
      {"aux_losses", &run_aux_losses},
      {"balance_controller", &run_balance_controller},
      {"char_dataset", &run_char_dataset},
      {"coor_descent", &run_coor_descent},
      {"expert_choice", &run_expert_choice},
      {"flop_accounting", &run_flop_accounting},
      {"gpt_training_trajectory", &run_gpt_training_trajectory},
      {"lambda_controller", &run_lambda_controller},
      {"lr_schedule", &run_lr_schedule},
      {"moe_training_trajectory", &run_moe_training_trajectory},
      {"noisy_topk", &run_noisy_topk},
      {"optimizer_trajectory", &run_optimizer_trajectory},
      {"relu_moe", &run_relu_moe},
      {"router_cosine", &run_router_cosine},
      {"router_sinkhorn", &run_router_sinkhorn},
      {"router_topp", &run_router_topp},
      {"routing_stats", &run_routing_stats},
      {"safetensors_mutations", &run_safetensors_mutations},
      {"safetensors_robustness", &run_safetensors_robustness},
      {"sampling_distribution", &run_sampling_distribution},
      {"soft_moe", &run_soft_moe},
      {"st_moe", &run_st_moe},
      {"st_moe_block", &run_st_moe},
      {"threshold_ema", &run_threshold_ema},
      {"topk_moe", &run_topk_moe},
  };
  return table;
}

struct Totals {
  int passed = 0, failed = 0, skipped = 0;
};

std::vector<std::filesystem::path> json_files(const std::string& root) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.is_regular_file() && entry.path().extension() == ".json")
      files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void report(const char* verdict,
            const std::string& kind,
            const std::string& name,
            const CaseOutcome& outcome) {
  std::printf("%-7s %-26s %-44s error %.3e bound %.3e  %s\n",
              verdict,
              kind.c_str(),
              name.c_str(),
              outcome.largest_error,
              outcome.bound,
              outcome.detail.c_str());
  std::fflush(stdout);
}

void run_file(const std::filesystem::path& path,
              const std::string& root,
              const std::set<std::string>& kinds,
              const std::string& data,
              Totals& totals) {
  const JsonLimits limits{std::size_t{512} << 20, 64, 50'000'000};
  const Result<Json> document = parse_json(read_text(path), path.string(), limits);
  if (!document.ok() || !(*document)["kind"].is_string()) return;  // not a case
  const std::string& kind = (*document)["kind"].as_string();
  if (!kinds.empty() && !kinds.contains(kind)) return;
  const std::string name = std::filesystem::relative(path, root).string();
  const auto runner = runners().find(kind);
  if (runner == runners().end()) {
    const bool is_wanted = kinds.contains(kind);
    ++(is_wanted ? totals.failed : totals.skipped);
    report(is_wanted ? "FAILED" : "skipped", kind, name, {false, 0.0, 0.0, "unknown kind", true});
    return;
  }
  const CaseOutcome outcome = runner->second(*document, path.parent_path().string(), data);
  const char* verdict = outcome.is_skipped ? "skipped" : outcome.passed ? "passed" : "FAILED";
  ++(outcome.is_skipped ? totals.skipped : outcome.passed ? totals.passed : totals.failed);
  report(verdict, kind, name, outcome);
}

int run(const std::string& directory,
        const std::vector<std::string>& kind_list,
        const std::string& data) {
  const std::set<std::string> kinds(kind_list.begin(), kind_list.end());
  Totals totals;
  for (const auto& path : json_files(directory)) run_file(path, directory, kinds, data, totals);
  for (const std::string& kind : kinds) {
    if (runners().contains(kind)) continue;
    std::printf("kind `%s` is unknown to this program\n", kind.c_str());
    if (totals.failed == 0) ++totals.failed;
  }
  std::printf("%d passed, %d failed, %d skipped\n", totals.passed, totals.failed, totals.skipped);
  return totals.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace switchyard::golden

switchyard::golden::Way& switchyard::golden::way() {
  static Way chosen;
  return chosen;
}

int main(int argc, char** argv) {
  CLI::App app{"Runs golden cases and compares with their numbers."};
  std::string directory, data;
  std::vector<std::string> kinds;
  app.add_option("DIR", directory, "folder with cases")->required()->check(CLI::ExistingDirectory);
  app.add_option("--kinds", kinds, "only these kinds; unknown ones fail")->delimiter(',');
  app.add_option("--data", data, "folder with text/ and tokenizers/");
  switchyard::golden::Way& way = switchyard::golden::way();
  app.add_option("--device", way.device, "cpu or cuda:N, for cases that train");
  app.add_flag("--fused", way.use_fused_functions, "train through the fused functions");
  CLI11_PARSE(app, argc, argv);
  at::set_num_threads(1);  // the cases are tiny: threads would only wait for each other
  return switchyard::golden::run(directory, kinds, data);
}
