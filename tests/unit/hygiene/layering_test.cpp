// Who may include whom: the dependency table of CONTRIBUTING.md, checked on every #include.
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/hygiene/source_tree.h"

namespace switchyard::test {
namespace {

struct Rule {
  std::string_view from;  ///< path prefix of the including file; the first that fits applies
  std::vector<std::string_view> allowed;
};

// Columns: our own folders by path, and the libraries by the names that `library_of` gives them.
const std::vector<Rule>& rules() {
  static const std::vector<Rule> table{
      {"kernels/", {"kernels/", "cuda"}},
      {"engine/base/store/", {"engine/base/", "sqlite in .cpp", "json in .cpp"}},
      {"engine/base/", {"engine/base/", "json in .cpp"}},
      {"engine/train/", {"engine/train/", "engine/base/", "kernels/include/", "torch"}},
      {"ui/", {"ui/", "engine/base/", "imgui"}},
      {"app/studio_", {"app/", "ui/", "engine/base/"}},
      {"app/", {"app/", "engine/train/", "engine/base/"}},
      {"tests/",
       {"tests/",
        "kernels/",
        "engine/",
        "ui/",
        "app/",
        "torch",
        "cuda",
        "imgui",
        "sqlite in .cpp",
        "json in .cpp"}},
  };
  return table;
}

/// The restricted library that a header belongs to, or nothing for the standard and other
/// libraries.
std::optional<std::string_view> library_of(std::string_view header) {
  struct Prefix {
    std::string_view text;
    std::string_view library;
  };

  static constexpr std::array<Prefix, 22> kPrefixes{{{"torch/", "torch"},
                                                     {"ATen/", "torch"},
                                                     {"c10/", "torch"},
                                                     {"caffe2/", "torch"},
                                                     {"cuda", "cuda"},
                                                     {"cub/", "cuda"},
                                                     {"thrust/", "cuda"},
                                                     {"cublas", "cuda"},
                                                     {"cudnn", "cuda"},
                                                     {"nccl", "cuda"},
                                                     {"cooperative_groups", "cuda"},
                                                     {"mma.h", "cuda"},
                                                     {"imgui", "imgui"},
                                                     {"implot", "imgui"},
                                                     {"misc/cpp/imgui", "imgui"},
                                                     {"backends/imgui", "imgui"},
                                                     {"GLFW/", "imgui"},
                                                     {"GL/", "imgui"},
                                                     {"SQLiteCpp/", "sqlite"},
                                                     {"sqlite3", "sqlite"},
                                                     {"nlohmann/", "json"},
                                                     {"portable-file-dialogs", "imgui"}}};
  for (const Prefix& prefix : kPrefixes) {
    if (header.starts_with(prefix.text)) return prefix.library;
  }
  return std::nullopt;
}

bool is_allowed(const std::vector<std::string_view>& allowed,
                std::string_view target,
                bool is_source) {
  for (std::string_view entry : allowed) {
    if (entry.ends_with("/") ? target.starts_with(entry) : target == entry) return true;
    if (is_source && entry == std::string(target) + " in .cpp") return true;
  }
  return false;
}

/// What is wrong with `path` including `header`; empty when nothing is.
std::string violation_of(std::string_view path, std::string_view header, bool is_quoted) {
  const Rule* rule = nullptr;
  for (const Rule& candidate : rules()) {
    if (rule == nullptr && path.starts_with(candidate.from)) rule = &candidate;
  }
  if (rule == nullptr) return std::string(path) + " stands in no known folder";
  const bool is_source = path.ends_with(".cpp");
  const std::optional<std::string_view> library = library_of(header);
  const std::string_view target = library.value_or(header);
  if (!library && !is_quoted) return {};
  if (!library && header.find('/') == std::string_view::npos) {
    return std::string(path) + " includes \"" + std::string(header) +
           "\": write the path from the root";
  }
  if (is_allowed(rule->allowed, target, is_source)) return {};
  return std::string(path) + " may not include " + std::string(header);
}

/// The header named by a line `#include <...>` or `#include "..."`.
std::optional<std::string> included_header(const std::string& line, bool* is_quoted) {
  std::size_t at = line.find_first_not_of(" \t");
  if (at == std::string::npos || line[at] != '#') return std::nullopt;
  at = line.find_first_not_of(" \t", at + 1);
  if (at == std::string::npos || line.compare(at, 7, "include") != 0) return std::nullopt;
  const std::size_t open = line.find_first_of("<\"", at);
  if (open == std::string::npos) return std::nullopt;
  *is_quoted = line[open] == '"';
  const std::size_t close = line.find(*is_quoted ? '"' : '>', open + 1);
  if (close == std::string::npos) return std::nullopt;
  return line.substr(open + 1, close - open - 1);
}

TEST(Layering, EveryIncludeKeepsTheDependencyTable) {
  std::vector<std::string> findings;
  int num_includes = 0;
  for (const SourceFile& file : code_files()) {
    for (const std::string& line : lines_of(file.text)) {
      bool is_quoted = false;
      const std::optional<std::string> header = included_header(line, &is_quoted);
      if (!header) continue;
      ++num_includes;
      std::string violation = violation_of(file.path, *header, is_quoted);
      if (!violation.empty()) findings.push_back(std::move(violation));
    }
  }
  EXPECT_GT(num_includes, 100) << "the sources were not found below " << SY_SOURCE_DIR;
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

TEST(Layering, ForbiddenCellsOfTheTableAreFound) {
  struct Case {
    std::string_view path;
    std::string_view header;
  };

  for (const Case& c : {Case{"ui/panels/a_panel.cpp", "engine/train/loop/trainer.h"},
                        Case{"ui/model/run_view.h", "torch/torch.h"},
                        Case{"ui/client/store_reader.cpp", "SQLiteCpp/Database.h"},
                        Case{"ui/client/channel.cpp", "nlohmann/json.hpp"},
                        Case{"engine/base/core/text.cpp", "ATen/ATen.h"},
                        Case{"engine/base/core/json.h", "nlohmann/json.hpp"},
                        Case{"engine/base/formats/token_shard.cpp", "SQLiteCpp/Database.h"},
                        Case{"engine/train/loop/trainer.cpp", "cuda_runtime.h"},
                        Case{"engine/train/loop/trainer.cpp", "ui/model/run_view.h"},
                        Case{"kernels/src/segment_sum.cu", "torch/torch.h"},
                        Case{"kernels/include/status.h", "engine/base/core/result.h"},
                        Case{"app/studio_main.cpp", "engine/train/loop/trainer.h"},
                        Case{"app/engine_main.cpp", "ui/shell/window.h"},
                        Case{"somewhere/new.cpp", "engine/base/core/result.h"}}) {
    EXPECT_NE(violation_of(c.path, c.header, true), "") << c.path << " includes " << c.header;
  }
}

TEST(Layering, AllowedCellsOfTheTablePass) {
  EXPECT_EQ(violation_of("engine/base/store/writer.cpp", "SQLiteCpp/Database.h", false), "");
  EXPECT_EQ(violation_of("engine/base/core/json.cpp", "nlohmann/json.hpp", false), "");
  EXPECT_EQ(violation_of("engine/train/experts/a.cpp", "kernels/include/status.h", true), "");
  EXPECT_EQ(violation_of("ui/panels/a_panel.cpp", "imgui.h", false), "");
  EXPECT_EQ(violation_of("kernels/src/a.cu", "cub/cub.cuh", false), "");
}

}  // namespace
}  // namespace switchyard::test
