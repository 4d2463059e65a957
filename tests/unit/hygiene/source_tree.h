#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::test {

/// One text file of the repository.
struct SourceFile {
  std::string path;  ///< relative to the root, with slashes
  std::string text;
};

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline bool ends_with_any(std::string_view name, const std::vector<std::string_view>& endings) {
  for (std::string_view ending : endings) {
    if (name.ends_with(ending)) return true;
  }
  return false;
}

/// All files below `folders` whose name has one of the endings, in path order.
inline std::vector<SourceFile> files_below(const std::vector<std::string>& folders,
                                           const std::vector<std::string_view>& endings) {
  namespace fs = std::filesystem;
  const fs::path root = SY_SOURCE_DIR;
  std::vector<SourceFile> files;
  for (const std::string& folder : folders) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file()) continue;
      if (!ends_with_any(entry.path().filename().string(), endings)) continue;
      files.push_back({fs::relative(entry.path(), root).generic_string(), read_text(entry.path())});
    }
  }
  std::sort(files.begin(), files.end(), [](const SourceFile& a, const SourceFile& b) {
    return a.path < b.path;
  });
  return files;
}

inline std::vector<SourceFile> code_files() {
  return files_below({"app", "ui", "engine", "kernels", "tests"},
                     {".h", ".cpp", ".cu", ".cuh", ".in"});
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

/// Findings as one text, for the message of a failed expectation.
inline std::string joined(const std::vector<std::string>& findings) {
  std::string text;
  for (const std::string& finding : findings) text += "\n  " + finding;
  return text;
}

}  // namespace switchyard::test
