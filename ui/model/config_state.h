#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ui/model/architecture.h"
#include "ui/model/config_draft.h"
#include "ui/model/config_form.h"
#include "ui/model/data_facts.h"
#include "ui/model/memory_estimate.h"
#include "ui/model/run_view.h"

namespace switchyard::ui {

struct Studio;

// What the client's threads tell the form.

struct DataLooked {
  std::shared_ptr<const DataFacts> facts;
};

/// Measured training steps, or why there are none.
struct ProbeReport {
  std::string key;  ///< of the configuration that was measured
  std::string problem;
  bool is_cancelled = false;
  std::string device;
  double peak_bytes = 0.0;
  double tokens_per_second = 0.0;
  double ms = 0.0, ms_min = 0.0, ms_p95 = 0.0;
};

/// The engine's answer to TrainDraft: empty when it trains.
struct TrainAnswer {
  std::vector<std::string> problems;
};

struct ConfigLoaded {
  std::string path;
  Json document;
};

using ConfigEvent = std::variant<DataLooked, ProbeReport, TrainAnswer, ConfigLoaded>;

/// A draft as found on disk, before the schema is known.
struct SavedDraft {
  DraftOrigin origin;
  Json first, base, config;
};

/// Everything the form, the drawing and the data view share. Owned by the frame thread.
struct ConfigState {
  std::optional<ConfigDraft> draft;
  std::optional<ConfigDraft> previous;  ///< the draft that the last new one replaced
  bool shows_draft = true;              ///< else the open run, when there is one
  std::optional<SavedDraft> restored;   ///< waits for the schema

  // The open run, as a draft that only live changes touch.
  std::optional<ConfigDraft> run;
  std::string run_root;
  std::size_t num_run_events = 0;

  // Derived from the draft that is shown; follows every keystroke.
  std::vector<FormSection> sections;
  DraftFigures figures;
  Architecture architecture;
  bool has_figures = false;  ///< there was a valid configuration to count
  std::int64_t seen_revision = -1;
  const ConfigDraft* seen_draft = nullptr;
  std::shared_ptr<const DataFacts> data;  ///< null: not looked at yet
  std::shared_ptr<const DataFacts> seen_data;
  std::string asked_data;  ///< key of the last LookAtData

  bool is_probing = false;
  std::optional<ProbeReport> probe;
  bool is_starting = false;  ///< TrainDraft was sent, no answer yet
  std::vector<std::string> train_problems;

  std::string path;             ///< typed, to save or load
  std::string wanted_section;   ///< scroll there once
  std::string wanted_setting;   ///< pointer: show it and give it the keyboard, once
  bool wants_form = false;      ///< bring the Train workspace and the form to the front
  std::int64_t autosaved = -1;  ///< committed revision that was given to the writer
  bool has_autosave = false;
};

/// The draft that the form shows, or nullptr when there is neither draft nor run.
ConfigDraft* shown_draft(Studio& studio);

/// Is what the form shows the open run, not a draft?
bool is_run_shown(const Studio& studio);

/// Before each frame: restores what was saved, follows run, draft and data.
void update_config(Studio& studio);

void put_config_event(Studio& studio, ConfigEvent event);

// What buttons do.
void customise_preset(Studio& studio, const std::string& preset);
void edit_run_as_new(Studio& studio);
void discard_draft(Studio& studio);
void bring_back_previous(Studio& studio);
void train_draft(Studio& studio);
void queue_draft(Studio& studio);  ///< Adds it to the runs that wait; it stays a draft
void probe_draft(Studio& studio);

/// Identifies what a probe measures: everything but the name and what only touches the schedule of
/// the run.
std::string probe_key(const Json& resolved);

/// The probe of exactly this configuration, or nullptr.
const ProbeReport* probe_of(const ConfigState& config, const Json& resolved);

/// The configuration of a run with the settings that were changed while it trained.
Json config_with_settings(const Json& config, const std::vector<store::Event>& events);

/// A change of a running run that waits for a yes.
struct PendingSetting {
  std::string pointer;
  std::string label;
  std::string question;  ///< "Change learning rate 1e-3 → 5e-4 now?"
  std::string assignment;
};

/// What differs between the shown run and its draft, in order.
std::vector<PendingSetting> pending_settings(const Studio& studio);
void confirm_setting(Studio& studio, const PendingSetting& setting);
void drop_settings(Studio& studio);

/// May this setting be changed while the open run trains? Else the reason why not.
const char* setting_obstacle(const Studio& studio, const config::Field& field);

/// The text of draft.json, read before the first frame. Errors: kInputFile.
Result<SavedDraft> parse_saved_draft(std::string_view text);

/// Text for the autosave file when it has changed since the last call; empty when the draft was
/// discarded.
std::optional<std::string> take_autosave(ConfigState& config);

}  // namespace switchyard::ui
