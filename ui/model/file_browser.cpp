#include "ui/model/file_browser.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "engine/base/core/file_system.h"
#include "ui/model/words.h"

namespace switchyard::ui {
namespace {

bool comes_first(const FileEntry& a, const FileEntry& b) {
  if (a.is_folder != b.is_folder) return a.is_folder;
  return a.key != b.key ? a.key < b.key : a.name < b.name;
}

/// The bookmark where things of a kind usually are.
std::string_view usual_place(FileKind kind) {
  switch (kind) {
    case FileKind::kRunFolder:
      return "Runs";
    case FileKind::kConfig:
      return "Presets";
    case FileKind::kText:
      return "Data";
    case FileKind::kFolder:
      break;
  }
  return "Home";
}

std::string with_slash(const std::string& folder) {
  return folder == "/" ? folder : folder + "/";
}

/// How much of the beginning is the same.
std::size_t common_length(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                                  a.begin());
}

/// Not into the middle of a character of several bytes.
std::string_view whole_characters(std::string_view text, std::size_t length) {
  while (length > 0 && length < text.size() &&
         (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U)
    --length;
  return text.substr(0, length);
}

}  // namespace

void sort_entries(std::vector<FileEntry>& entries) {
  std::sort(entries.begin(), entries.end(), comes_first);
}

std::string clean_path(std::string_view path, std::string_view home) {
  std::string whole(path);
  if (whole == "~" || whole.starts_with("~/")) whole = std::string(home) + whole.substr(1);
  if (!whole.starts_with('/')) whole = "/" + whole;
  whole = std::filesystem::path(whole).lexically_normal().string();
  while (whole.size() > 1 && whole.back() == '/') whole.pop_back();
  return whole;
}

void remember_folder(std::vector<std::string>& recent, const std::string& folder) {
  std::erase(recent, folder);
  recent.insert(recent.begin(), folder);
  if (recent.size() > kMostRecentFolders) recent.resize(kMostRecentFolders);
}

void FileBrowser::open(std::string field,
                       FileKind kind,
                       const std::string& path,
                       const std::vector<std::string>& recent) {
  field_ = std::move(field);
  kind_ = kind;
  shows_all_files = is_entering_ = false;
  std::string start = home;
  for (const FileBookmark& bookmark : bookmarks) {
    if (bookmark.name == usual_place(kind)) start = bookmark.folder;
  }
  if (!recent.empty()) start = recent.front();
  const bool has_path = path.starts_with('/') || path.starts_with('~');
  const std::string named = has_path ? clean_path(path, home) : "";
  const bool is_folder = kind == FileKind::kFolder || path.ends_with('/');
  if (has_path) start = is_folder ? named : parent_directory(named);
  go_to(start);
  if (has_path && !is_folder) selected_name_ = base_name(named);
  is_start_ = true;
}

void FileBrowser::close() {
  field_.clear();
  listing_.reset();
  rows_.clear();
}

void FileBrowser::take(const std::shared_ptr<const FolderListing>& listing) {
  if (field_.empty() || listing == nullptr || listing == listing_ || listing->asked != folder_)
    return;
  if (listing->folder != folder_) {  // the start is not there: its parent is asked for instead
    go_to(listing->folder);
    return;
  }
  listing_ = listing;
  are_rows_old_ = true;
  is_start_ = false;  // from now on it is said when the folder vanishes
}

void FileBrowser::go_to(const std::string& folder) {
  type(with_slash(clean_path(folder, home)));
  selected_name_.clear();
  wants_focus = true;
}

void FileBrowser::go_up() {
  if (folder_ == "/") return;
  const std::string left = base_name(folder_);
  go_to(parent_directory(folder_));
  selected_name_ = left;
}

void FileBrowser::type(const std::string& text) {
  const std::size_t slash = text.rfind('/');
  std::string folder =
      slash == std::string::npos ? folder_ : clean_path(text.substr(0, slash), home);
  search_ = text.substr(slash == std::string::npos ? 0 : slash + 1);
  typed_ = text;
  is_entering_ = false;
  are_rows_old_ = true;
  if (folder != folder_) {
    folder_ = std::move(folder);
    listing_.reset();
    is_start_ = false;
    selected_name_.clear();
  } else if (!search_.empty()) {
    selected_name_.clear();  // the best hit is selected
  }
}

void FileBrowser::set_search(const std::string& search) {
  type(with_slash(folder_) + search);
}

std::string FileBrowser::completion() const {
  if (listing_ == nullptr || search_.empty()) return "";
  const std::string wanted = lower_case(search_);
  const FileEntry* first = nullptr;
  std::size_t length = 0;
  std::size_t count = 0;
  for (const FileEntry& entry : listing_->entries) {
    if (!entry.key.starts_with(wanted) || !is_listed(entry)) continue;
    length = first == nullptr ? entry.name.size()
                              : std::min(length, common_length(first->key, entry.key));
    if (first == nullptr) first = &entry;
    ++count;
  }
  if (first == nullptr) return "";
  std::string completed = with_slash(folder_);
  completed += whole_characters(first->name, length);
  if (count == 1 && first->is_folder) completed += '/';
  return completed == typed_ ? "" : completed;
}

bool FileBrowser::is_of_kind(const FileEntry& entry) const {
  switch (kind_) {
    case FileKind::kRunFolder:
      return entry.is_run;
    case FileKind::kFolder:
      return entry.is_folder;
    case FileKind::kConfig:
      return !entry.is_folder && (shows_all_files || entry.key.ends_with(".json"));
    case FileKind::kText:
      return !entry.is_folder && (shows_all_files || entry.key.ends_with(".txt"));
  }
  return false;
}

bool FileBrowser::is_listed(const FileEntry& entry) const {
  // A name that is asked for by its dot is no secret.
  if (!shows_hidden && entry.name.starts_with('.') && !search_.starts_with('.')) return false;
  return entry.is_folder || is_of_kind(entry);
}

void FileBrowser::make_rows() {
  rows_.clear();
  if (listing_ == nullptr) return;
  const std::vector<FileEntry>& entries = listing_->entries;
  const std::vector<std::string> words = lower_words(search_);
  const auto has_words = [&](const FileEntry& entry) {
    return std::all_of(words.begin(), words.end(), [&](const std::string& word) {
      return entry.key.find(word) != std::string::npos;
    });
  };
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (is_listed(entries[i]) && has_words(entries[i]))
      rows_.push_back(static_cast<std::uint32_t>(i));
  }
  if (column_ != FileColumn::kName) {
    const auto rank = [this](const FileEntry& entry) {
      return column_ == FileColumn::kSize ? static_cast<double>(entry.bytes) : entry.modified;
    };
    std::stable_sort(rows_.begin(), rows_.end(), [&](std::uint32_t a, std::uint32_t b) {
      if (entries[a].is_folder != entries[b].is_folder) return entries[a].is_folder;
      return rank(entries[a]) < rank(entries[b]);
    });
  }
  if (!is_descending_) return;
  const auto files = std::partition_point(
      rows_.begin(), rows_.end(), [&](std::uint32_t row) { return entries[row].is_folder; });
  std::reverse(rows_.begin(), files);
  std::reverse(files, rows_.end());
}

/// The row with the name that was selected, else the one that fits best: a name that begins with
/// what is searched for, else the first.
void FileBrowser::reselect() {
  selected_ = rows_.empty() ? -1 : 0;
  const std::string wanted = lower_case(search_);
  bool has_beginning = false;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const FileEntry& entry = listing_->entries[rows_[i]];
    if (!selected_name_.empty() && entry.name == selected_name_) {
      selected_ = static_cast<int>(i);
      return;
    }
    if (has_beginning || wanted.empty() || !entry.key.starts_with(wanted)) continue;
    selected_ = static_cast<int>(i);
    has_beginning = true;
  }
}

const std::vector<std::uint32_t>& FileBrowser::rows() {
  const bool is_made =
      !are_rows_old_ && made_hidden_ == shows_hidden && made_all_ == shows_all_files;
  if (is_made) return rows_;
  are_rows_old_ = false;
  made_hidden_ = shows_hidden;
  made_all_ = shows_all_files;
  make_rows();
  reselect();
  return rows_;
}

void FileBrowser::select(int row) {
  selected_ = row;
  const FileEntry* entry = selected_entry();
  selected_name_ = entry == nullptr ? "" : entry->name;
}

void FileBrowser::sort_by(FileColumn column) {
  // The newest and the largest are looked for, and the first by name.
  is_descending_ = column == column_ ? !is_descending_ : column != FileColumn::kName;
  column_ = column;
  are_rows_old_ = true;
}

const FileEntry* FileBrowser::selected_entry() const {
  if (listing_ == nullptr || selected_ < 0 || selected_ >= static_cast<int>(rows_.size()))
    return nullptr;
  return &entry(static_cast<std::uint32_t>(selected_));
}

const FileEntry* FileBrowser::exact_entry() const {
  if (listing_ == nullptr || search_.empty()) return nullptr;
  for (const FileEntry& entry : listing_->entries) {
    if (entry.name == search_) return &entry;
  }
  return nullptr;
}

std::string FileBrowser::path_of(const std::string& name) const {
  return with_slash(folder_) + name;
}

/// Was a name typed that is to be made?
bool FileBrowser::is_new_name() const {
  if (listing_ == nullptr || !listing_->problem.empty() || search_.empty()) return false;
  const bool is_possible = kind_ == FileKind::kFolder ||
                           (kind_ == FileKind::kConfig && lower_case(search_).ends_with(".json"));
  return is_possible && exact_entry() == nullptr;
}

std::optional<std::string> FileBrowser::activate(int row) {
  select(row);
  const FileEntry* entry = selected_entry();
  if (entry == nullptr) return std::nullopt;
  const bool is_chosen = kind_ != FileKind::kFolder && is_of_kind(*entry);
  const std::string path = path_of(entry->name);
  if (is_chosen) return path;
  if (entry->is_folder) go_to(path);
  return std::nullopt;
}

std::optional<std::string> FileBrowser::entered() {
  if (!is_entering_ || listing_ == nullptr) return std::nullopt;
  is_entering_ = false;
  rows();
  if (search_.empty() || is_new_name()) {
    const bool is_this_folder = kind_ == FileKind::kFolder || listing_->is_run || is_new_name();
    const std::string path = is_this_folder ? choice() : "";
    return path.empty() ? std::nullopt : std::optional(path);
  }
  if (const FileEntry* exact = exact_entry(); exact != nullptr && exact->is_folder) {
    if (kind_ == FileKind::kRunFolder && exact->is_run) return path_of(exact->name);
    go_to(path_of(exact->name));
    return std::nullopt;
  }
  // A file that is named in full is meant, whatever its ending.
  if (const FileEntry* exact = exact_entry();
      exact != nullptr && (kind_ == FileKind::kText || kind_ == FileKind::kConfig))
    return path_of(exact->name);
  return activate(selected_);
}

std::string FileBrowser::choice() const {
  if (listing_ == nullptr || !listing_->problem.empty()) return "";
  if (is_new_name()) return path_of(search_);
  if (kind_ == FileKind::kFolder) return folder_;
  const FileEntry* entry = selected_entry();
  if (entry != nullptr && is_of_kind(*entry)) return path_of(entry->name);
  return kind_ == FileKind::kRunFolder && listing_->is_run ? folder_ : "";
}

}  // namespace switchyard::ui
