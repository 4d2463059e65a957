#include "ui/model/dropped_path.h"

#include "engine/base/core/file_system.h"
#include "ui/model/studio.h"

namespace switchyard::ui {
namespace {

void score_text(Studio& studio, const std::string& path) {
  studio.prompt.score.path = path;
  studio.prompt.score.is_reading = true;
  studio.wants_panel = "prompt.score";
  studio.send(PromptCommand(ReadTextFile{path}));
}

void take_as_data(Studio& studio, const std::string& path) {
  ConfigState& config = studio.config;
  if (!config.draft.has_value()) customise_preset(studio, studio.presets->default_name());
  if (!config.draft.has_value()) {
    studio.notices.push_back({NoticeKind::kAttention,
                              "There is no preset to train this text with",
                              "Open a configuration first, then drop the text again."});
    return;
  }
  config.draft->set("/data/text_file", Json(path));
  config.shows_draft = config.wants_form = true;
  studio.gallery.is_open = false;
  config.wanted_setting = "/data/text_file";
  studio.notices.push_back(
      {NoticeKind::kOk, base_name(path) + " is the data of the draft", "Press Train to begin."});
}

}  // namespace

void use_dropped(Studio& studio, const DroppedPath& dropped) {
  switch (dropped.kind) {
    case DroppedKind::kRunFolder:
      studio.send(OpenRun{dropped.path});
      return;
    case DroppedKind::kConfig:
      studio.send(ConfigCommand(LoadConfigFile{dropped.path}));
      return;
    case DroppedKind::kText:
      if (studio.reads_texts) {
        score_text(studio, dropped.path);
      } else {
        take_as_data(studio, dropped.path);
      }
      return;
    case DroppedKind::kOther:
      break;
  }
  studio.notices.push_back({NoticeKind::kAttention,
                            base_name(dropped.path) + " cannot be opened here",
                            "Drop a run folder, a .json configuration or a .txt text."});
}

}  // namespace switchyard::ui
