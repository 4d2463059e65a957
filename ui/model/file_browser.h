#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::ui {

/// What a path field is for: what may be chosen for it.
enum class FileKind {
  kRunFolder,  ///< a folder with run.db
  kFolder,     ///< any folder, also one that is not there yet
  kConfig,     ///< a .json file, also one that is not there yet
  kText,       ///< a text file
};

struct FileEntry {
  std::string name;
  std::string key;  ///< the name in lower case: for order and search
  bool is_folder = false;
  bool is_run = false;  ///< a folder with run.db
  std::uint64_t bytes = 0;
  double modified = 0.0;  ///< seconds since 1970
};

/// What a folder holds, read off the frame thread; immutable.
struct FolderListing {
  std::string asked;               ///< the folder that was asked for
  std::string folder;              ///< the one that was read: a parent where a start was missing
  bool is_run = false;             ///< it holds run.db itself
  std::vector<FileEntry> entries;  ///< folders first, then by name; empty with a problem
  bool is_cut = false;             ///< there are more than kMostEntries
  std::string problem, hint;       ///< why it could not be read, what to do; empty: it was
};

inline constexpr std::size_t kMostEntries = 200'000;

/// Folders first, then by name in any case. 100,000 names take a tenth of a second: not for frames.
void sort_entries(std::vector<FileEntry>& entries);

enum class FileColumn { kName, kSize, kModified };

/// A place that is one click away.
struct FileBookmark {
  std::string name, folder;
};

/// An absolute path without "..", double slashes and a slash at the end; "~" is `home`.
std::string clean_path(std::string_view path, std::string_view home);

inline constexpr std::size_t kMostRecentFolders = 8;

/// Puts a folder in front of those that were used lately.
void remember_folder(std::vector<std::string>& recent, const std::string& folder);

/// The state of the file browser: where it stands, what it shows and what would be chosen. Reads no
/// disk: `asked_folder` says what is to be read, `take` hands it over.
///
/// Threads: one (the frame's).
class FileBrowser {
 public:
  std::vector<FileBookmark> bookmarks;
  std::string home = "/";
  bool shows_hidden = false;
  bool shows_all_files = false;  ///< not only those of the kind
  bool wants_focus = false;      ///< the keyboard is to go to the selected row
  bool is_drawn = false;         ///< by this frame; one that is not drawn any more is closed

  /// Begins to browse for a field, named by its id. Starts at what `path` names, else at the first
  /// of `recent`, else at the bookmark that suits the kind.
  void open(std::string field,
            FileKind kind,
            const std::string& path,
            const std::vector<std::string>& recent);
  void close();

  /// The field that is browsed for; empty: the browser is closed.
  [[nodiscard]] const std::string& field() const { return field_; }

  [[nodiscard]] FileKind kind() const { return kind_; }

  [[nodiscard]] const std::string& folder() const { return folder_; }

  /// The folder to read; empty while closed. `is_start`: a parent will do when it is not there.
  [[nodiscard]] std::string asked_folder() const { return field_.empty() ? "" : folder_; }

  [[nodiscard]] bool is_start() const { return is_start_; }

  /// Takes what was read; ignored when it is of another folder.
  void take(const std::shared_ptr<const FolderListing>& listing);

  /// The listing of the folder; nullptr while it is being read.
  [[nodiscard]] const FolderListing* listing() const { return listing_.get(); }

  void go_to(const std::string& folder);
  void go_up();  ///< the folder that was left is selected

  /// The path as the field shows it: the folder, and behind the last slash what names are searched
  /// for. Typing goes to the folder that it names.
  [[nodiscard]] const std::string& typed() const { return typed_; }

  void type(const std::string& text);

  /// What is searched for; empty: everything is shown.
  [[nodiscard]] const std::string& search() const { return search_; }

  void set_search(const std::string& search);

  /// The typed path with all that the names have in common; empty when there is nothing to add.
  [[nodiscard]] std::string completion() const;

  /// Indices of the listing's entries that are shown, in order.
  const std::vector<std::uint32_t>& rows();

  [[nodiscard]] const FileEntry& entry(std::uint32_t row) const {
    return listing_->entries[rows_[row]];
  }

  /// The row that is selected; -1: none.
  [[nodiscard]] int selected() const { return selected_; }

  void select(int row);

  [[nodiscard]] FileColumn column() const { return column_; }

  [[nodiscard]] bool is_descending() const { return is_descending_; }

  void sort_by(FileColumn column);  ///< the same one again: the other way round

  /// Goes into a folder, or returns the path of what suits the field.
  std::optional<std::string> activate(int row);

  /// Enter in the path field; answered by `entered` once the folder is read.
  void enter() { is_entering_ = true; }

  std::optional<std::string> entered();

  /// The path that would be chosen now; empty: nothing suits.
  [[nodiscard]] std::string choice() const;

 private:
  [[nodiscard]] bool is_of_kind(const FileEntry& entry) const;
  [[nodiscard]] bool is_listed(const FileEntry& entry) const;
  [[nodiscard]] const FileEntry* selected_entry() const;
  [[nodiscard]] const FileEntry* exact_entry() const;
  [[nodiscard]] std::string path_of(const std::string& name) const;
  [[nodiscard]] bool is_new_name() const;
  void make_rows();
  void reselect();

  std::string field_;
  FileKind kind_ = FileKind::kRunFolder;
  std::string folder_ = "/";
  std::string typed_ = "/";
  std::string search_;
  bool is_start_ = false;
  bool is_entering_ = false;
  std::shared_ptr<const FolderListing> listing_;
  std::vector<std::uint32_t> rows_;
  bool are_rows_old_ = true;
  bool made_hidden_ = false, made_all_ = false;  ///< the switches that `rows_` were made with
  int selected_ = -1;
  std::string selected_name_;
  FileColumn column_ = FileColumn::kName;
  bool is_descending_ = false;
};

}  // namespace switchyard::ui
