#pragma once

#include <string>
#include <string_view>

#include <imgui.h>

#include "engine/base/core/result.h"

namespace switchyard::ui {

/// What a text is for; decides face and size. Kinds named Digits have digits of fixed width: use
/// them for every value that changes, so that nothing moves.
enum class Type {
  kBody,           ///< 12 Regular: labels, rows
  kBodyMedium,     ///< 12 Medium: dock tabs
  kBodyStrong,     ///< 12 SemiBold: titles of cards
  kCaption,        ///< 11 Regular: captions, units, table heads
  kControl,        ///< 13 Medium: buttons, workspace tabs, sections
  kHeading,        ///< 13 SemiBold: inspector title, names of presets
  kRunName,        ///< 14 SemiBold
  kDisplay,        ///< 22 Inter Display SemiBold: start screen only
  kDigits,         ///< 12 Regular, fixed digits: values in rows and fields
  kDigitsStrong,   ///< 12 Medium, fixed digits: read-outs
  kDigitsCaption,  ///< 11 Regular, fixed digits: tick labels, counts
  kDigitsCard,     ///< 13 Medium, fixed digits: value in a card's title row
  kDigitsBar,      ///< 15 Medium, fixed digits: values in the run bar
  kMono,           ///< 12 JetBrains Mono: tokens, keys, commands, log
  kMonoLarge,      ///< 13 JetBrains Mono
};

/// Icons by what they mean here; drawn from Bootstrap Icons by glyph name.
enum class Icon {
  kTrain,
  kRouting,
  kPrompt,
  kRuns,
  kStart,
  kPause,
  kStop,
  kSave,
  kFork,
  kProbe,
  kSettings,
  kHelp,
  kAlerts,
  kBell,
  kThemeDark,
  kThemeLight,
  kThemeContrast,
  kRevert,
  kPin,
  kPinned,
  kCopy,
  kExport,
  kMore,
  kOk,
  kOkFilled,
  kAttention,
  kFailure,
  kBest,
  kBestEmpty,
  kSpike,
  kLog,
  kHardware,
  kGpu,
  kDisk,
  kAgain,
  kSeed,
  kLive,
  kFilter,
  kSearch,
  kChevronDown,
  kChevronRight,
  kCheck,
  kClose,
  kPlus,
  kTrash,
  kClock,
  kFlag,
  kSliders,
  kFile,
  kFolder,
  kSend,
  kDraft,
  kArrowRight,
  kTrendDown,
  kTrendUp,
  kTrendFlat,
  kPrevious,
  kNext,
  kInfo,
  kUndo,
  kLayers,
  kShow,
  kHide,
  kGrid,
  kMemory,
  kKeyboard,
  kOpen,
  kArchitecture,
  kUnlocked,
  kCount
};

/// The folder with fonts/: $SWITCHYARD_ASSETS, else ../share/switchyard/assets beside the program.
std::string assets_dir();

/// Loads every face into the atlas of the current context; call once, before the first frame.
/// Errors: kInputFile when a font file or the icon font is missing or unreadable.
Status load_fonts(const std::string& assets);

ImFont* font(Type type);

/// Size before scaling, in pixels at scale 1; PushFont takes it.
float font_size(Type type);

/// The icon as text (UTF-8), empty when the icon font lacks it.
const char* icon(Icon name);

/// Sets face and size until the end of the scope.
class FontScope {
 public:
  explicit FontScope(Type type) { ImGui::PushFont(font(type), font_size(type)); }

  ~FontScope() { ImGui::PopFont(); }

  FontScope(const FontScope&) = delete;
  FontScope& operator=(const FontScope&) = delete;
};

/// The text as it can be drawn: a code point that no font covers becomes "‹U+12000›", a byte that
/// is not UTF-8 "‹FF›". Returns `text` itself when all of it can be drawn, else `storage`.
std::string_view drawable(Type type, std::string_view text, std::string& storage);

/// Size of a text in a face, in pixels, as drawn by drawable.
ImVec2 text_size(Type type, std::string_view text);

}  // namespace switchyard::ui
