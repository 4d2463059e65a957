#include "ui/panels/file_browser_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <imgui_internal.h>

#include "engine/base/core/file_system.h"
#include "ui/panels/common.h"
#include "ui/plot/ticks.h"
#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/cards.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/sidebar.h"
#include "ui/widgets/states.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

constexpr const char* kPopup = "files.popup";
constexpr const char* kRunFolderId = "files.run_folder";
constexpr float kWidthEm = 60.0F;
constexpr float kHeightEm = 38.0F;
constexpr float kSidebarEm = 11.0F;
constexpr float kRowEm = 1.95F;
constexpr float kHeaderEm = 1.9F;
constexpr float kFootEm = 2.9F;
constexpr float kSizeEm = 5.6F;
constexpr float kModifiedEm = 7.4F;

struct KindWords {
  const char* title;
  const char* ending;  ///< what fits; null: folders only
  const char* choose;
  const char* nothing;  ///< why the button is off
  const char* empty;    ///< what the list lacks
};

KindWords words_of(FileKind kind) {
  switch (kind) {
    case FileKind::kRunFolder:
      return {"Choose a run folder",
              nullptr,
              "Choose this run",
              "select a folder that holds a run",
              "There are no folders here"};
    case FileKind::kConfig:
      return {"Choose a configuration file",
              "*.json",
              "Choose this file",
              "select a file, or type the name of a new one that ends in .json",
              "There are no configurations here"};
    case FileKind::kText:
      return {"Choose a text file",
              "*.txt",
              "Choose this file",
              "select a text file",
              "There are no text files here"};
    case FileKind::kFolder:
      break;
  }
  return {"Choose a folder",
          nullptr,
          "Use this folder",
          "this folder cannot be read",
          "There are no folders here"};
}

/// The parts of the path as buttons; where there is no room, the first ones give way to "…".
void draw_crumbs(FileBrowser& files) {
  std::vector<std::string> folders = {files.folder()};
  while (folders.back() != "/") folders.push_back(parent_directory(folders.back()));
  std::reverse(folders.begin(), folders.end());
  ButtonOptions options;
  options.is_small = true;
  options.kind = ButtonKind::kGhost;
  const auto label_of = [&](std::size_t i) {
    const std::string name = i == 0 ? "/" : base_name(folders[i]);
    return name + "###files.crumb." + std::to_string(i);
  };
  const float most = em(14), chevron = text_size(Type::kCaption, icon(Icon::kChevronRight)).x;
  const auto width_of = [&](std::size_t i) {
    return std::min(most, button_width(label_of(i).c_str(), options));
  };
  const float room = ImGui::GetContentRegionAvail().x - em(3);
  std::size_t first = folders.size() - 1;
  for (float used = width_of(first); first > 0; --first) {
    used += width_of(first - 1) + chevron;
    if (used > room) break;
  }
  const ImVec2 start = ImGui::GetCursorScreenPos();
  std::string wanted;
  float x = start.x;
  const auto crumb = [&](const std::string& label, std::size_t i, bool is_last) {
    ButtonOptions own = options;
    own.width = std::min(most, button_width(label.c_str(), options));
    own.is_selected = is_last;
    ImGui::SetCursorScreenPos({x, start.y});
    if (button(label.c_str(), own)) wanted = folders[i];
    if (own.width == most) tooltip(folders[i]);
    x += own.width;
    if (is_last) return;
    draw_text(ImGui::GetWindowDrawList(),
              Type::kCaption,
              {x, start.y + (button_height(true) - line_height(Type::kCaption)) * 0.5F},
              theme().text3,
              icon(Icon::kChevronRight));
    x += chevron;
  };
  if (first > 0) crumb("…###files.crumb.more", first - 1, false);
  for (std::size_t i = first; i < folders.size(); ++i)
    crumb(label_of(i), i, i + 1 == folders.size());
  ImGui::SetCursorScreenPos({start.x, start.y + button_height(true) + em(0.3F)});
  if (!wanted.empty()) files.go_to(wanted);
}

void draw_path_field(FileBrowser& files) {
  std::string typed = files.typed();
  const std::string completion = files.completion();
  FieldOptions options;
  options.is_mono = true;
  options.completion = &completion;
  if (text_field("###files.path", &typed, options)) files.type(typed);
  if (ImGui::IsItemActive() && ImGui::IsKeyPressed(ImGuiKey_DownArrow)) files.wants_focus = true;
  if (ImGui::IsItemDeactivated() && (ImGui::IsKeyPressed(ImGuiKey_Enter, false) ||
                                     ImGui::IsKeyPressed(ImGuiKey_KeypadEnter, false)))
    files.enter();
  gap(0.5F);
}

/// A place in the sidebar; true when clicked.
bool place_row(const std::string& label, Icon sign, const std::string& folder, bool is_selected) {
  const bool is_clicked = sidebar_row({label.c_str(), sign, {}, is_selected});
  tooltip(folder);
  return is_clicked;
}

void draw_sidebar(FileBrowser& files, const std::vector<std::string>& recent, float height) {
  const PanelBody body("###files.places", {em(kSidebarEm), height}, 0.0F, 0.0F);
  const std::string here = files.folder();
  std::string wanted;
  gap(0.5F);  // as low as the names of the columns
  sidebar_caption("Places");
  for (const FileBookmark& place : files.bookmarks) {
    const std::string label = place.name + "###files.place." + place.name;
    if (place_row(label, Icon::kFolder, place.folder, place.folder == here)) wanted = place.folder;
  }
  if (!recent.empty()) {
    gap(0.6F);
    sidebar_caption("Recent");
  }
  for (std::size_t i = 0; i < recent.size(); ++i) {
    const std::string label = base_name(recent[i]) + "###files.recent." + std::to_string(i);
    if (place_row(label, Icon::kClock, recent[i], recent[i] == here)) wanted = recent[i];
  }
  if (!wanted.empty()) files.go_to(wanted);
}

void draw_header(FileBrowser& files) {
  const ThemeTokens& t = theme();
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x, height = em(kHeaderEm);
  const float scrollbar = ImGui::GetStyle().ScrollbarSize;
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(min, {min.x + width, min.y + height}, t.bg2);
  const float right = min.x + width - scrollbar;
  const float size_right = right - em(kModifiedEm);
  const float y = std::round(min.y + (height - line_height(Type::kCaption)) * 0.5F);
  const auto cell = [&](const char* title, FileColumn column, float left, float end) {
    ImGui::SetCursorScreenPos({left, min.y});
    const std::string label =
        std::string(title) + "###files.sort." + std::to_string(static_cast<int>(column));
    if (hit_area(label.c_str(), {end - left - px(2), height})) files.sort_by(column);
    draw_focus_ring(ImGui::GetItemRectMin(), ImGui::GetItemRectMax(), px(2), ImGui::GetItemID());
    const bool is_sorted = files.column() == column;
    const Color color = is_sorted || ImGui::IsItemHovered() ? t.text1 : t.text3;
    std::string words = title;
    if (is_sorted) words += files.is_descending() ? " ↓" : " ↑";
    if (column == FileColumn::kName)
      draw_text(list, Type::kCaption, {left + em(0.9F), y}, color, words);
    else
      draw_text_right(list, Type::kCaption, {end - em(0.9F), y}, color, words);
  };
  cell("Name", FileColumn::kName, min.x, size_right - em(kSizeEm));
  cell("Size", FileColumn::kSize, size_right - em(kSizeEm), size_right);
  cell("Modified", FileColumn::kModified, size_right, right);
  ImGui::SetCursorScreenPos({min.x, min.y + height});
}

/// What the row's press means: a click selects, a double click or Enter opens.
bool is_opening(bool is_pressed) {
  const bool is_key = ImGui::IsKeyPressed(ImGuiKey_Enter, false) ||
                      ImGui::IsKeyPressed(ImGuiKey_KeypadEnter, false) ||
                      ImGui::IsKeyPressed(ImGuiKey_Space, false);
  return (is_pressed && is_key) ||
         (ImGui::IsItemHovered() && ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left));
}

/// True when the row was opened.
bool draw_row(FileBrowser& files, int row, double wall_now) {
  const ThemeTokens& t = theme();
  const FileEntry entry = files.entry(static_cast<std::uint32_t>(row));
  const bool is_selected = files.selected() == row;
  const ImVec2 min = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x;
  // Tab stops at one row; the arrows go on from there.
  ImGui::PushItemFlag(ImGuiItemFlags_NoTabStop, !is_selected);
  const bool is_pressed =
      list_row((entry.name + "###files.row." + entry.name).c_str(), is_selected, kRowEm);
  ImGui::PopItemFlag();
  const bool is_opened = is_opening(is_pressed);
  if (is_selected && std::exchange(files.wants_focus, false)) {
    ImGui::FocusItem();
    ImGui::SetNavCursorVisible(true);
    ImGui::ScrollToItem(ImGuiScrollFlags_KeepVisibleEdgeY);
  } else if ((is_pressed || ImGui::IsItemFocused()) && !is_selected && !files.wants_focus) {
    files.select(row);
  }
  ImDrawList* list = ImGui::GetWindowDrawList();
  const float y = std::round(min.y + (em(kRowEm) - line_height(Type::kBody)) * 0.5F);
  const Icon sign = entry.is_run ? Icon::kRuns : entry.is_folder ? Icon::kFolder : Icon::kFile;
  const float right = min.x + width;
  const float size_right = right - em(kModifiedEm);
  draw_text(
      list, Type::kBody, {min.x + em(0.9F), y}, entry.is_run ? t.accent : t.text3, icon(sign));
  draw_text(list,
            Type::kBody,
            {min.x + em(2.6F), y},
            t.text1,
            entry.name,
            size_right - em(kSizeEm) - min.x - em(2.6F));
  const float small_y = y + px(1);
  if (entry.is_run)
    draw_text_right(list, Type::kCaption, {size_right - em(0.9F), small_y}, t.accent, "run");
  else if (!entry.is_folder)
    draw_text_right(list,
                    Type::kDigitsCaption,
                    {size_right - em(0.9F), small_y},
                    t.text3,
                    bytes_text(static_cast<double>(entry.bytes)));
  draw_text_right(list,
                  Type::kDigitsCaption,
                  {right - em(0.9F), small_y},
                  t.text3,
                  age_text(std::max(0.0, wall_now - entry.modified)));
  ImGui::SetCursorScreenPos({min.x, min.y + em(kRowEm)});
  return is_opened;
}

void draw_empty_list(const FileBrowser& files) {
  const FolderListing* listing = files.listing();
  if (listing == nullptr) {
    gap(1.0F);
    ImGui::Indent(em(0.9F));
    text(Type::kBody, theme().text3, "Reading …");
    ImGui::Unindent(em(0.9F));
  } else if (!listing->problem.empty()) {
    empty_state(Icon::kAttention, listing->problem, listing->hint);
  } else if (!files.search().empty()) {
    empty_state(Icon::kSearch, "No name here contains this", "Shorten what you typed.");
  } else {
    empty_state(Icon::kFolder, words_of(files.kind()).empty, "Go up, or pick another place.");
  }
}

/// Returns the row that was opened; -1: none.
int draw_list(FileBrowser& files, double wall_now, float height) {
  int opened = -1;
  const int count = static_cast<int>(files.rows().size());
  const PanelBody body("###files.list", {0.0F, height}, 0.0F, 0.0F);
  if (count == 0) {
    draw_empty_list(files);
    return opened;
  }
  ImGuiListClipper clipper;
  clipper.Begin(count, em(kRowEm));
  if (files.selected() >= 0) clipper.IncludeItemByIndex(files.selected());
  while (clipper.Step()) {
    for (int row = clipper.DisplayStart; row < clipper.DisplayEnd; ++row) {
      if (draw_row(files, row, wall_now)) opened = row;
    }
  }
  if (files.listing()->is_cut) {
    ImGui::Indent(em(0.9F));
    text(Type::kCaption,
         theme().attention,
         "Only " + grouped_number(static_cast<std::int64_t>(kMostEntries)) +
             " names of this folder are listed. Type the whole path of another one.");
    ImGui::Unindent(em(0.9F));
  }
  return opened;
}

/// Letters search from wherever the keyboard is, except in a field; Backspace takes one back, then
/// goes up.
void handle_keys(FileBrowser& files) {
  const ImGuiIO& io = ImGui::GetIO();
  if (!ImGui::IsWindowFocused(ImGuiFocusedFlags_RootAndChildWindows) || io.WantTextInput) return;
  std::string search = files.search();
  if (ImGui::IsKeyPressed(ImGuiKey_Backspace)) {
    if (search.empty()) {
      files.go_up();
      return;
    }
    while (search.size() > 1 && (static_cast<unsigned char>(search.back()) & 0xC0U) == 0x80U)
      search.pop_back();
    search.pop_back();
  }
  for (const ImWchar letter : io.InputQueueCharacters) {
    // Space presses the control that has the keyboard.
    if (letter <= ' ' || letter == 127 || io.KeyCtrl || io.KeyAlt) continue;
    std::array<char, 5> bytes{};
    const int count = ImTextCharToUtf8(bytes.data(), letter);
    search.append(bytes.data(), static_cast<std::size_t>(count));
  }
  if (search == files.search()) return;
  files.set_search(search);
  files.wants_focus = true;
}

/// True when the button was pressed.
bool draw_foot(FileBrowser& files) {
  const KindWords words = words_of(files.kind());
  const float right = ImGui::GetCursorScreenPos().x + ImGui::GetContentRegionAvail().x;
  const ImVec2 start = {ImGui::GetCursorScreenPos().x, ImGui::GetCursorScreenPos().y + em(0.7F)};
  ImGui::SetCursorScreenPos(start);
  if (words.ending != nullptr) {
    const std::array<const char*, 2> kinds = {words.ending, "All files"};
    int shown = files.shows_all_files ? 1 : 0;
    if (segmented("files.kind", kinds, &shown)) files.shows_all_files = shown == 1;
    ImGui::SameLine(0.0F, em(1));
  }
  ImGui::SetCursorScreenPos({ImGui::GetCursorScreenPos().x, start.y + em(0.35F)});
  checkbox("Hidden###files.hidden", &files.shows_hidden);
  tooltip("Names that begin with a dot.");
  ButtonOptions cancel, choose;
  cancel.is_small = choose.is_small = true;
  choose.kind = ButtonKind::kPrimary;
  if (files.choice().empty()) choose.disabled_reason = words.nothing;
  const std::string label = std::string(words.choose) + "###files.choose";
  const char* const cancel_label = "Cancel###files.cancel";
  const float choose_x = right - button_width(label.c_str(), choose);
  ImGui::SetCursorScreenPos({choose_x - em(0.5F) - button_width(cancel_label, cancel), start.y});
  if (button(cancel_label, cancel)) ImGui::CloseCurrentPopup();
  ImGui::SetCursorScreenPos({choose_x, start.y});
  return button(label.c_str(), choose);
}

/// The popup itself; the path when one was chosen.
std::optional<std::string> draw_browser(Studio& studio) {
  FileBrowser& files = studio.files;
  const ImGuiViewport* view = ImGui::GetMainViewport();
  const float height = std::min(em(kHeightEm), view->Size.y - em(3));
  ImGui::SetNextWindowPos({view->Pos.x + view->Size.x * 0.5F, view->Pos.y + view->Size.y * 0.5F},
                          ImGuiCond_Always,
                          {0.5F, 0.5F});
  if (!begin_popover(kPopup, kWidthEm)) return std::nullopt;
  files.is_drawn = true;
  std::optional<std::string> chosen;
  {
    const PanelBody body("###files.body", {0.0F, height}, 0.5F, 0.4F, false);
    text(Type::kBodyStrong, theme().text1, words_of(files.kind()).title);
    gap(0.3F);
    draw_crumbs(files);
    draw_path_field(files);
    const float middle = ImGui::GetContentRegionAvail().y - em(kFootEm);
    draw_sidebar(files, studio.settings.recent_folders, middle);
    ImGui::SameLine(0.0F, em(0.6F));
    int opened = -1;
    {
      const PanelBody right("###files.right", {0.0F, middle}, 0.0F, 0.0F, false);
      draw_header(files);
      opened = draw_list(files, studio.wall_now, ImGui::GetContentRegionAvail().y);
    }
    if (opened >= 0) chosen = files.activate(opened);
    if (!chosen.has_value()) chosen = files.entered();
    const std::string choice = files.choice();
    if (draw_foot(files)) chosen = choice;
    handle_keys(files);
  }
  if (chosen.has_value()) {
    const bool is_folder = files.kind() == FileKind::kFolder;
    remember_folder(studio.settings.recent_folders,
                    is_folder ? *chosen : parent_directory(*chosen));
    ImGui::CloseCurrentPopup();
  }
  end_popover();
  return chosen;
}

void open_browser(Studio& studio, const std::string& id, FileKind kind, const std::string& path) {
  studio.files.open(id, kind, path, studio.settings.recent_folders);
  ImGui::OpenPopup(kPopup);
}

}  // namespace

float browse_width() {
  return em(0.3F) + button_height(true);
}

bool browse_button(Studio& studio, const std::string& id, FileKind kind, std::string* path) {
  const ImVec2 min = ImGui::GetItemRectMin(), max = ImGui::GetItemRectMax();
  const float side = button_height(true);
  ImGui::SameLine();
  ImGui::SetCursorScreenPos({max.x + em(0.3F), std::round((min.y + max.y - side) * 0.5F)});
  ImGui::PushID(id.c_str());
  ButtonOptions options;
  options.is_small = true;
  const std::string label = "Browse###" + id + ".browse";
  if (icon_button(label.c_str(), Icon::kFolder, "Browse…", options))
    open_browser(studio, id, kind, *path);
  std::optional<std::string> chosen;
  if (studio.files.field() == id) chosen = draw_browser(studio);
  ImGui::PopID();
  if (!chosen.has_value()) return false;
  *path = *std::move(chosen);
  return true;
}

void draw_run_folder_browser(Studio& studio) {
  if (std::exchange(studio.wants_run_folder, false))
    open_browser(studio, kRunFolderId, FileKind::kRunFolder, "");
  if (studio.files.field() == kRunFolderId) {
    if (const auto chosen = draw_browser(studio); chosen.has_value()) studio.send(OpenRun{*chosen});
  }
  if (!std::exchange(studio.files.is_drawn, false)) studio.files.close();
}

}  // namespace switchyard::ui
