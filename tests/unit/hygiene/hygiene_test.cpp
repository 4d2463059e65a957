// Rules of the source tree that no compiler checks.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "engine/base/core/json.h"
#include "tests/unit/hygiene/source_tree.h"

namespace switchyard::test {
namespace {

/// True when `word` stands in `line` and is not the end of a longer name.
bool has_word(std::string_view line, std::string_view word) {
  for (std::size_t at = line.find(word); at != std::string_view::npos;
       at = line.find(word, at + 1)) {
    const char before = at == 0 ? ' ' : line[at - 1];
    if (std::isalnum(static_cast<unsigned char>(before)) == 0 && before != '_') return true;
  }
  return false;
}

/// A word that must not stand in this file itself, from its two halves.
std::string spelt(std::string_view first, std::string_view second) {
  return std::string(first) + std::string(second);
}

/// The lines of `files` in which one of `words` stands.
std::vector<std::string> lines_with(const std::vector<SourceFile>& files,
                                    const std::vector<std::string>& words) {
  std::vector<std::string> findings;
  for (const SourceFile& file : files) {
    int number = 0;
    for (const std::string& line : lines_of(file.text)) {
      ++number;
      for (const std::string& word : words) {
        if (has_word(line, word)) {
          findings.push_back(file.path + ":" + std::to_string(number) + ": " + word);
        }
      }
    }
  }
  return findings;
}

/// Root files and everything a person wrote below the folders.
std::vector<SourceFile> written_files() {
  std::vector<SourceFile> files =
      files_below({"app", "ui", "engine", "kernels", "tests", "configs"},
                  {".h", ".cpp", ".cu", ".py", ".txt", ".json", ".md"});
  for (const char* name : {"studio",
                           "test",
                           "requirements.txt",
                           "CMakeLists.txt",
                           "README.md",
                           "CONTRIBUTING.md",
                           "CMakePresets.json",
                           ".ci/run",
                           ".clang-tidy"}) {
    const std::filesystem::path path = std::filesystem::path(SY_SOURCE_DIR) / name;
    if (std::filesystem::exists(path)) files.push_back({name, read_text(path)});
  }
  return files;
}

TEST(Hygiene, NothingLoadsPicklesOrStartsAShell) {
  const std::vector<std::string> words{spelt("torch::", "load"),
                                       spelt("torch::jit::", "load"),
                                       spelt("torch::pickle_", "load"),
                                       spelt("sys", "tem("),
                                       spelt("po", "pen(")};
  const auto findings = lines_with(code_files(), words);
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

TEST(Hygiene, NoRegistryHostAndNoPersonalPathIsWritten) {
  const std::vector<std::string> words{spelt("py", "pi.org"),
                                       spelt("python", "hosted"),
                                       spelt("deb.", "debian"),
                                       spelt("archive.", "ubuntu"),
                                       spelt("/ro", "ot/"),
                                       spelt("/wo", "rk/")};
  const auto findings = lines_with(written_files(), words);
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

TEST(Hygiene, LongFilesGiveTheirReason) {
  std::vector<SourceFile> files = code_files();
  for (const char* name : {"studio", "test"}) {
    files.push_back({name, read_text(std::filesystem::path(SY_SOURCE_DIR) / name)});
  }
  std::vector<std::string> findings;
  for (const SourceFile& file : files) {
    const auto lines = lines_of(file.text);
    const std::string_view head = std::string_view(file.text).substr(0, 2500);
    if (lines.size() > 500 &&
        head.find("Longer than 500 lines because") == std::string_view::npos) {
      findings.push_back(file.path + ": " + std::to_string(lines.size()) +
                         " lines; split it, or begin with \"Longer than 500 lines because ...\"");
    }
  }
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

TEST(Hygiene, EveryCommittedJsonFileParses) {
  const auto files = files_below({"configs", "assets"}, {".json"});
  EXPECT_FALSE(files.empty());
  for (const SourceFile& file : files) {
    const Result<Json> json = parse_json(file.text, file.path);
    EXPECT_TRUE(json.ok()) << file.path;
  }
}

TEST(Hygiene, HeadersAreGuardedOnceAndNameNoNamespaceGlobally) {
  std::vector<std::string> findings;
  for (const SourceFile& file : code_files()) {
    if (!file.path.ends_with(".h")) continue;
    if (file.text.find("#pragma once") == std::string::npos) {
      findings.push_back(file.path + ": #pragma once is missing");
    }
    for (const std::string& line : lines_of(file.text)) {
      if (line.starts_with("using namespace")) findings.push_back(file.path + ": " + line);
    }
  }
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

TEST(Hygiene, KernelContractsStateShapesAndSource) {
  std::vector<std::string> findings;
  for (const SourceFile& file : files_below({"kernels/include"}, {".h"})) {
    std::string comment;
    bool is_documented = false;
    for (const std::string& line : lines_of(file.text)) {
      if (line.starts_with("///")) {
        comment += line + "\n";
        continue;
      }
      // A device twin without a comment of its own shares that of the declaration before it.
      const bool is_function = !line.empty() && std::isalpha(static_cast<unsigned char>(line[0])) &&
                               line.find('(') != std::string::npos &&
                               (line.find("_reference(") != std::string::npos ||
                                line.find("_cuda(") != std::string::npos);
      if (is_function && !comment.empty()) {
        is_documented = comment.find("Shapes:") != std::string::npos &&
                        comment.find("Source:") != std::string::npos;
      }
      if (is_function && !is_documented) findings.push_back(file.path + ": " + line);
      if (!line.empty() && line[0] != ' ') comment.clear();
    }
  }
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

/// `Suite.Name` between back quotes.
std::vector<std::string> tests_named_in(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t at = text.find('`'); at != std::string::npos; at = text.find('`', at + 1)) {
    const std::size_t end = text.find('`', at + 1);
    if (end == std::string::npos) break;
    const std::string word = text.substr(at + 1, end - at - 1);
    const std::size_t dot = word.find('.');
    const bool is_test = dot != std::string::npos && dot + 1 < word.size() &&
                         std::isupper(static_cast<unsigned char>(word[0])) != 0 &&
                         std::isupper(static_cast<unsigned char>(word[dot + 1])) != 0 &&
                         word.find_first_of(" /*=") == std::string::npos;
    if (is_test) names.push_back(word);
    at = end;
  }
  return names;
}

TEST(Hygiene, EveryTestThatADocumentNamesExists) {
  const std::vector<SourceFile> tests = files_below({"tests"}, {".cpp"});
  std::vector<std::string> findings;
  std::size_t num_names = 0;
  for (const SourceFile& page : files_below({"tests", "ui", "kernels"}, {".md"})) {
    for (const std::string& name : tests_named_in(page.text)) {
      ++num_names;
      const std::size_t dot = name.find('.');
      const std::string inside = "(" + name.substr(0, dot) + ", " + name.substr(dot + 1) + ")";
      const bool is_found = std::any_of(tests.begin(), tests.end(), [&](const SourceFile& file) {
        return file.text.find(inside) != std::string::npos;
      });
      if (!is_found) findings.push_back(page.path + ": " + name);
    }
  }
  EXPECT_GT(num_names, 15U);
  EXPECT_TRUE(findings.empty()) << joined(findings);
}

}  // namespace
}  // namespace switchyard::test
