#include "ui/shell/fonts.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include <ft2build.h>
#include FT_FREETYPE_H
#include <misc/freetype/imgui_freetype.h>

#include <imgui.h>

#include "engine/base/core/text.h"

namespace switchyard::ui {
namespace {

constexpr std::size_t kNumIcons = static_cast<std::size_t>(Icon::kCount);

/// Glyph names of Bootstrap Icons 1.10, in the order of Icon. The release has neither copy nor
/// floppy, crosshair or sun.
constexpr std::array<const char*, kNumIcons> kGlyphNames = {"graph-down",
                                                            "signpost-split",
                                                            "chat-square-text",
                                                            "list-ul",
                                                            "play-fill",
                                                            "pause-fill",
                                                            "stop-fill",
                                                            "save",
                                                            "share",
                                                            "speedometer2",
                                                            "gear",
                                                            "question-circle",
                                                            "bell-fill",
                                                            "bell",
                                                            "moon-stars",
                                                            "brightness-high",
                                                            "circle-half",
                                                            "arrow-counterclockwise",
                                                            "pin-angle",
                                                            "pin-angle-fill",
                                                            "clipboard",
                                                            "download",
                                                            "three-dots",
                                                            "check-circle",
                                                            "check-circle-fill",
                                                            "exclamation-triangle-fill",
                                                            "exclamation-circle-fill",
                                                            "star-fill",
                                                            "star",
                                                            "activity",
                                                            "terminal",
                                                            "cpu",
                                                            "gpu-card",
                                                            "hdd",
                                                            "arrow-repeat",
                                                            "lock-fill",
                                                            "fast-forward-fill",
                                                            "funnel",
                                                            "search",
                                                            "chevron-down",
                                                            "chevron-right",
                                                            "check-lg",
                                                            "x-lg",
                                                            "plus-lg",
                                                            "trash",
                                                            "clock",
                                                            "flag",
                                                            "sliders",
                                                            "file-earmark-text",
                                                            "folder2-open",
                                                            "send-fill",
                                                            "pencil",
                                                            "arrow-right",
                                                            "arrow-down-right",
                                                            "arrow-up-right",
                                                            "arrow-right",
                                                            "skip-start-fill",
                                                            "skip-end-fill",
                                                            "info-circle",
                                                            "arrow-return-left",
                                                            "layers",
                                                            "eye",
                                                            "eye-slash",
                                                            "grid",
                                                            "memory",
                                                            "keyboard",
                                                            "box-arrow-up-right",
                                                            "diagram-3",
                                                            "unlock-fill"};

enum Face {
  kRegular,
  kMedium,
  kSemiBold,
  kDisplay,
  kRegularDigits,
  kMediumDigits,
  kMono,
  kNumFaces
};

struct Loaded {
  std::array<ImFont*, kNumFaces> faces{};
  std::array<std::array<char, 5>, kNumIcons> icons{};
  std::array<std::vector<std::uint8_t>, kNumFaces> known{};  ///< code points that were asked for
};

Loaded loaded;

/// Digits keep their glyph but get one advance. Everything else comes from the merged second
/// source.
constexpr ImWchar kAllButDigits[] = {0x1, 0x2F, 0x3A, 0x10FFFF, 0};
constexpr float kDigitAdvanceEm = 0.565F;
constexpr float kReferenceSize = 13.0F;
constexpr ImWchar kIconRange[] = {0xF000, 0xF8FF, 0};

ImFontConfig config_for(unsigned flags) {
  ImFontConfig config;
  config.FontLoaderFlags = flags;
  config.SizePixels = kReferenceSize;
  config.OversampleH = 1;
  return config;
}

struct FaceSpec {
  Face face;
  const char* file;
  bool use_fixed_digits;
};

constexpr FaceSpec kSpecs[] = {
    {kRegular, "Inter-Regular", false},
    {kMedium, "Inter-Medium", false},
    {kSemiBold, "Inter-SemiBold", false},
    {kDisplay, "InterDisplay-SemiBold", false},
    {kRegularDigits, "Inter-Regular", true},
    {kMediumDigits, "Inter-Medium", true},
    {kMono, "JetBrainsMono-Regular", false},
};

/// The file `stem`.otf or .ttf in `folder`, empty when absent.
std::string font_file(const std::string& folder, const std::string& stem) {
  for (const char* extension : {".otf", ".ttf", ".ttc"}) {
    const std::string path = folder + "/" + stem + extension;
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error)) return path;
  }
  return {};
}

Error missing(const std::string& folder, const std::string& stem) {
  return Error{ErrorCode::kInputFile,
               folder + "/" + stem,
               "the font " + stem + " (.otf or .ttf) is missing or cannot be read",
               "build again with ./studio --build, or point SWITCHYARD_ASSETS at the assets folder",
               {}};
}

void merge_icons_and_fallbacks(const std::string& folder, const std::string& icon_path) {
  ImFontAtlas* atlas = ImGui::GetIO().Fonts;
  ImFontConfig icons = config_for(ImGuiFreeTypeLoaderFlags_NoHinting);
  icons.MergeMode = true;
  icons.GlyphOffset = {0.0F, 2.0F * kReferenceSize / 13.0F};
  icons.GlyphRanges = kIconRange;
  atlas->AddFontFromFileTTF(icon_path.c_str(), kReferenceSize, &icons);
  for (const char* stem : {"DejaVuSans", "NotoSansCJK-Regular"}) {
    const std::string path = font_file(folder, stem);
    if (path.empty()) continue;  // other scripts show as boxes, the text itself stays whole
    ImFontConfig fallback = config_for(ImGuiFreeTypeLoaderFlags_NoHinting);
    fallback.MergeMode = true;
    atlas->AddFontFromFileTTF(path.c_str(), kReferenceSize, &fallback);
  }
}

Status load_face(const FaceSpec& spec, const std::string& folder, const std::string& icon_path) {
  const std::string path = font_file(folder, spec.file);
  if (path.empty()) return missing(folder, spec.file);
  ImFontAtlas* atlas = ImGui::GetIO().Fonts;
  const unsigned hinting = spec.face == kMono ? ImGuiFreeTypeLoaderFlags_LightHinting
                                              : ImGuiFreeTypeLoaderFlags_NoHinting;
  ImFontConfig config = config_for(hinting);
  ImFont* result = nullptr;
  if (spec.use_fixed_digits) {
    config.GlyphExcludeRanges = kAllButDigits;
    config.GlyphMinAdvanceX = config.GlyphMaxAdvanceX = kDigitAdvanceEm * kReferenceSize;
    result = atlas->AddFontFromFileTTF(path.c_str(), kReferenceSize, &config);
    if (result == nullptr) return missing(folder, spec.file);
    config = config_for(hinting);
    config.MergeMode = true;
    atlas->AddFontFromFileTTF(path.c_str(), kReferenceSize, &config);
  } else {
    result = atlas->AddFontFromFileTTF(path.c_str(), kReferenceSize, &config);
  }
  if (result == nullptr) return missing(folder, spec.file);
  loaded.faces[spec.face] = result;
  merge_icons_and_fallbacks(folder, icon_path);
  return {};
}

void encode_utf8(unsigned long code, std::array<char, 5>& out) {
  out[0] = static_cast<char>(0xE0U | (code >> 12));
  out[1] = static_cast<char>(0x80U | ((code >> 6) & 0x3FU));
  out[2] = static_cast<char>(0x80U | (code & 0x3FU));
  out[3] = '\0';
}

Status find_icons(const std::string& path) {
  FT_Library library = nullptr;
  FT_Face face = nullptr;
  if (FT_Init_FreeType(&library) != 0) {
    return Error{ErrorCode::kInternal, path, "FreeType cannot start", "", {}};
  }
  if (FT_New_Face(library, path.c_str(), 0, &face) != 0) {
    FT_Done_FreeType(library);
    return Error{ErrorCode::kInputFile, path, "the icon font cannot be read", "build again", {}};
  }
  std::vector<unsigned long> code_of_glyph(static_cast<std::size_t>(face->num_glyphs), 0);
  FT_UInt glyph = 0;
  for (FT_ULong code = FT_Get_First_Char(face, &glyph); glyph != 0;
       code = FT_Get_Next_Char(face, code, &glyph)) {
    if (glyph < code_of_glyph.size() && code >= 0x800 && code < 0x10000)
      code_of_glyph[glyph] = code;
  }
  for (std::size_t i = 0; i < kNumIcons; ++i) {
    const FT_UInt index = FT_Get_Name_Index(face, kGlyphNames[i]);
    if (index != 0 && code_of_glyph[index] != 0) encode_utf8(code_of_glyph[index], loaded.icons[i]);
  }
  FT_Done_Face(face);
  FT_Done_FreeType(library);
  return {};
}

struct TypeSpec {
  Face face;
  float size;
};

TypeSpec spec_of(Type type) {
  switch (type) {
    case Type::kBody:
      return {kRegular, 12};
    case Type::kBodyMedium:
      return {kMedium, 12};
    case Type::kBodyStrong:
      return {kSemiBold, 12};
    case Type::kCaption:
      return {kRegular, 11};
    case Type::kControl:
      return {kMedium, 13};
    case Type::kHeading:
      return {kSemiBold, 13};
    case Type::kRunName:
      return {kSemiBold, 14};
    case Type::kDisplay:
      return {kDisplay, 22};
    case Type::kDigits:
      return {kRegularDigits, 12};
    case Type::kDigitsStrong:
      return {kMediumDigits, 12};
    case Type::kDigitsCaption:
      return {kRegularDigits, 11};
    case Type::kDigitsCard:
      return {kMediumDigits, 13};
    case Type::kDigitsBar:
      return {kMediumDigits, 15};
    case Type::kMono:
      return {kMono, 12};
    case Type::kMonoLarge:
      return {kMono, 13};
  }
  return {kRegular, 12};
}

}  // namespace

std::string assets_dir() {
  if (const char* named = std::getenv("SWITCHYARD_ASSETS"); named != nullptr && *named != '\0') {
    return named;
  }
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  return (program.parent_path().parent_path() / "share/switchyard/assets").string();
}

Status load_fonts(const std::string& assets) {
  const std::string folder = assets + "/fonts";
  const std::string icon_path = font_file(folder, "bootstrap-icons");
  if (icon_path.empty()) return missing(folder, "bootstrap-icons");
  loaded = {};
  SY_RETURN_IF_ERROR(find_icons(icon_path));
  for (const FaceSpec& spec : kSpecs) SY_RETURN_IF_ERROR(load_face(spec, folder, icon_path));
  ImGui::GetIO().FontDefault = loaded.faces[kRegular];
  return {};
}

ImFont* font(Type type) {
  return loaded.faces[spec_of(type).face];
}

float font_size(Type type) {
  return spec_of(type).size;
}

const char* icon(Icon name) {
  return loaded.icons[static_cast<std::size_t>(name)].data();
}

namespace {

/// Whether a face has a glyph; asked once for each code point.
bool has_glyph(Face face, char32_t code) {
  if (code < 0x80) return true;
  std::vector<std::uint8_t>& known = loaded.known[face];  // 0 unknown, 1 no, 2 yes
  if (known.empty()) known.resize(0x10000);
  if (code >= known.size()) return loaded.faces[face]->IsGlyphInFont(code);
  if (known[code] == 0) known[code] = loaded.faces[face]->IsGlyphInFont(code) ? 2 : 1;
  return known[code] == 2;
}

constexpr std::string_view kChipStart = "\xE2\x80\xB9", kChipEnd = "\xE2\x80\xBA";

}  // namespace

std::string_view drawable(Type type, std::string_view text, std::string& storage) {
  const auto is_plain = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  const auto first = std::find_if_not(text.begin(), text.end(), is_plain);
  if (first == text.end()) return text;
  const Face face = spec_of(type).face;
  bool is_changed = false;
  storage.assign(text.begin(), first);
  for (std::size_t i = static_cast<std::size_t>(first - text.begin()); i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    const std::size_t length = std::max<std::size_t>(1, point.length);
    if (point.length > 0 && has_glyph(face, point.value)) {
      storage.append(text.substr(i, length));
    } else {
      std::array<char, 16> code{};
      std::snprintf(code.data(),
                    code.size(),
                    point.length > 0 ? "U+%04X" : "%02X",
                    point.length > 0 ? static_cast<unsigned>(point.value)
                                     : static_cast<unsigned>(static_cast<unsigned char>(text[i])));
      storage.append(kChipStart).append(code.data()).append(kChipEnd);
      is_changed = true;
    }
    i += length;
  }
  return is_changed ? std::string_view(storage) : text;
}

ImVec2 text_size(Type type, std::string_view text) {
  std::string storage;
  text = drawable(type, text, storage);
  const FontScope scope(type);
  return ImGui::CalcTextSize(text.data(), text.data() + text.size());
}

}  // namespace switchyard::ui
