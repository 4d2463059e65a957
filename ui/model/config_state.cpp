#include "ui/model/config_state.h"

#include <algorithm>
#include <utility>

#include "engine/base/core/limits.h"
#include "ui/model/config_text.h"
#include "ui/model/run_state.h"
#include "ui/model/studio.h"

namespace switchyard::ui {
namespace {

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

void begin_draft(Studio& studio, ConfigDraft draft) {
  ConfigState& config = studio.config;
  const bool is_worth_keeping = config.draft.has_value() && config.draft->can_undo();
  if (is_worth_keeping) {
    config.previous = std::move(config.draft);
    studio.notices.push_back({NoticeKind::kInfo,
                              "The draft before is kept",
                              "The menu of the configuration brings it back."});
  }
  config.draft = std::move(draft);
  config.shows_draft = true;
  config.seen_draft = nullptr;
  config.has_autosave = false;
  config.train_problems.clear();
  config.wants_form = true;
  studio.gallery.is_open = false;
}

/// The draft that was left when the window closed, once the schema is known.
void restore_draft(Studio& studio) {
  ConfigState& config = studio.config;
  if (!config.restored.has_value() || studio.presets->schema == nullptr) return;
  SavedDraft saved = *std::exchange(config.restored, std::nullopt);
  if (config.draft.has_value()) return;
  ConfigDraft draft(studio.presets->schema,
                    std::move(saved.first),
                    std::move(saved.origin),
                    std::move(saved.base));
  draft.restore(std::move(saved.config));
  const std::size_t changed = draft.changes().size();
  config.draft = std::move(draft);
  studio.notices.push_back({NoticeKind::kInfo,
                            "Your draft is back",
                            std::to_string(changed) + (changed == 1 ? " change" : " changes") +
                                " to " + config.draft->value("/name").as_string() +
                                ", in Train under Configuration."});
}

/// The open run as a draft; made again when the run or its settings changed.
void follow_run(Studio& studio) {
  ConfigState& config = studio.config;
  const RunView& run = *studio.run;
  if (!run.config.is_object() || studio.presets->schema == nullptr) {
    config.run.reset();
    config.run_root.clear();
    return;
  }
  if (config.run_root == run.root && config.num_run_events == run.events.size()) return;
  const auto is_setting = [](const store::Event& event) { return event.kind == "setting"; };
  const bool is_same_run = config.run_root == run.root && config.run.has_value();
  const auto seen = static_cast<std::ptrdiff_t>(std::min(config.num_run_events, run.events.size()));
  const bool has_news =
      !is_same_run || std::any_of(run.events.begin() + seen, run.events.end(), is_setting);
  config.run_root = run.root;
  config.num_run_events = run.events.size();
  if (!has_news) return;
  const SizedPreset* preset = studio.presets->find(run.config["name"].as_string());
  const bool has_preset = preset != nullptr && preset->problem.empty();
  config.run.emplace(studio.presets->schema,
                     config_with_settings(run.config, run.events),
                     DraftOrigin{DraftOrigin::Kind::kRun, run.root},
                     has_preset ? preset->config : Json());
  config.seen_draft = nullptr;
}

void ask_for_data(Studio& studio, const ConfigDraft& draft) {
  ConfigState& config = studio.config;
  const Json& data = draft.resolved()["data"];
  if (!data.is_object() || !draft.is_valid()) return;
  std::string key = data_key(data);
  if (key == config.asked_data) return;
  config.asked_data = std::move(key);
  studio.send(ConfigCommand(LookAtData{data}));
}

void derive(Studio& studio, const ConfigDraft& draft) {
  ConfigState& config = studio.config;
  const bool is_seen = config.seen_draft == &draft && config.seen_revision == draft.revision() &&
                       config.seen_data == config.data;
  if (is_seen) return;
  if (config.seen_draft != &draft) config.has_figures = false;
  config.seen_draft = &draft;
  config.seen_revision = draft.revision();
  config.seen_data = config.data;
  config.sections = form_sections(draft);
  if (!draft.is_valid()) return;
  std::int64_t vocabulary = 0, tokens = 0;
  const bool is_known =
      config.data != nullptr && config.data->key == data_key(draft.resolved()["data"]);
  if (is_known) {
    vocabulary = config.data->vocab_size;
    tokens = config.data->num_train_tokens;
  } else if (config.has_figures) {
    vocabulary = config.data != nullptr ? config.data->vocab_size : 0;
  }
  config.figures =
      draft_figures(draft.resolved(), vocabulary, tokens, !studio.machine->gpus.empty());
  config.architecture = architecture_of(draft.resolved(), vocabulary);
  config.has_figures = true;
}

}  // namespace

bool is_run_shown(const Studio& studio) {
  const ConfigState& config = studio.config;
  const bool has_draft = config.draft.has_value() && config.shows_draft;
  return !has_draft && config.run.has_value();
}

ConfigDraft* shown_draft(Studio& studio) {
  ConfigState& config = studio.config;
  if (config.draft.has_value() && config.shows_draft) return &*config.draft;
  if (config.run.has_value()) return &*config.run;
  return config.draft.has_value() ? &*config.draft : nullptr;
}

void update_config(Studio& studio) {
  restore_draft(studio);
  follow_run(studio);
  ConfigDraft* draft = shown_draft(studio);
  if (draft == nullptr) return;
  ask_for_data(studio, *draft);
  derive(studio, *draft);
}

void put_config_event(Studio& studio, ConfigEvent event) {
  ConfigState& config = studio.config;
  std::visit(Overloaded{
                 [&](DataLooked& looked) {
                   if (looked.facts->key == config.asked_data)
                     config.data = std::move(looked.facts);
                 },
                 [&](ProbeReport& report) {
                   config.is_probing = false;
                   config.probe = std::move(report);
                 },
                 [&](TrainAnswer& answer) {
                   config.is_starting = false;
                   config.train_problems = std::move(answer.problems);
                   if (config.train_problems.empty()) config.shows_draft = false;
                 },
                 [&](ConfigLoaded& loaded) {
                   if (studio.presets->schema == nullptr) return;
                   begin_draft(studio,
                               ConfigDraft(studio.presets->schema,
                                           std::move(loaded.document),
                                           {DraftOrigin::Kind::kFile, std::move(loaded.path)}));
                 },
             },
             event);
}

void customise_preset(Studio& studio, const std::string& preset) {
  const SizedPreset* found = studio.presets->find(preset);
  if (found == nullptr || studio.presets->schema == nullptr) return;
  begin_draft(
      studio,
      ConfigDraft(
          studio.presets->schema, found->card.config, {DraftOrigin::Kind::kPreset, preset}));
}

void edit_run_as_new(Studio& studio) {
  if (!studio.config.run.has_value() || studio.presets->schema == nullptr) return;
  begin_draft(studio,
              ConfigDraft(studio.presets->schema,
                          config_with_settings(studio.run->config, studio.run->events),
                          {DraftOrigin::Kind::kRun, studio.run->root}));
}

void discard_draft(Studio& studio) {
  ConfigState& config = studio.config;
  if (!config.draft.has_value()) return;
  config.previous = std::exchange(config.draft, std::nullopt);
  config.seen_draft = nullptr;
  config.train_problems.clear();
}

void bring_back_previous(Studio& studio) {
  ConfigState& config = studio.config;
  if (!config.previous.has_value()) return;
  std::swap(config.draft, config.previous);
  config.shows_draft = true;
  config.seen_draft = nullptr;
  config.has_autosave = false;
}

void train_draft(Studio& studio) {
  ConfigState& config = studio.config;
  if (!config.draft.has_value() || !config.draft->is_valid() || config.is_starting) return;
  config.draft->commit();
  config.is_starting = true;
  config.train_problems.clear();
  studio.send(ConfigCommand(TrainDraft{config.draft->value("/name").as_string(),
                                       config_file_text(config.draft->document())}));
}

void queue_draft(Studio& studio) {
  ConfigState& config = studio.config;
  if (!config.draft.has_value() || !config.draft->is_valid()) return;
  config.draft->commit();
  studio.send(
      RunsOrder(QueueAdd{config.draft->value("/name").as_string(), config.draft->resolved()}));
}

void probe_draft(Studio& studio) {
  ConfigDraft* draft = shown_draft(studio);
  if (draft == nullptr || !draft->is_valid() || studio.config.is_probing) return;
  studio.config.is_probing = true;
  studio.config.probe.reset();
  studio.send(ConfigCommand(
      ProbeConfig{probe_key(draft->resolved()), config_file_text(draft->resolved())}));
}

std::string probe_key(const Json& resolved) {
  const Json& train = resolved["train"];
  return Json::array({resolved["model"],
                      resolved["data"],
                      resolved["optimizer"]["type"],
                      train["micro_batch_size"],
                      train["grad_accum_steps"],
                      train["compute_dtype"],
                      train["num_threads"]})
      .dump();
}

const ProbeReport* probe_of(const ConfigState& config, const Json& resolved) {
  const bool is_there = config.probe.has_value() && config.probe->problem.empty() &&
                        !config.probe->is_cancelled && config.probe->key == probe_key(resolved);
  return is_there ? &*config.probe : nullptr;
}

Json config_with_settings(const Json& config, const std::vector<store::Event>& events) {
  Json changed = config;
  for (const store::Event& event : events) {
    if (event.kind != "setting") continue;
    const std::string& pointer = event.detail["pointer"].as_string();
    if (value_at(changed, pointer) == nullptr) continue;
    Json* place = &changed;
    for (const std::string& part : pointer_parts(pointer)) {
      if (place->is_array()) {
        place = &place->mutable_items()[static_cast<std::size_t>(std::stoul(part))];
      } else {
        place = place->find(part);
      }
    }
    *place = event.detail["to"];
  }
  return changed;
}

std::vector<PendingSetting> pending_settings(const Studio& studio) {
  std::vector<PendingSetting> pending;
  const ConfigState& config = studio.config;
  const bool is_edited = is_run_shown(studio) && config.run->can_undo() && config.run->is_valid() &&
                         studio.run->root == config.run_root;
  if (!is_edited) return pending;
  const Json now =
      config::resolve(
          config.run->schema(), config_with_settings(studio.run->config, studio.run->events), "")
          .config;
  for (const config::Difference& change :
       config::differences(config.run->schema(), now, config.run->resolved())) {
    const config::Field* field =
        field_at(config.run->schema(), config.run->resolved(), change.pointer);
    PendingSetting setting;
    setting.pointer = change.pointer;
    setting.label = field != nullptr ? field->label : dotted_path(change.pointer);
    std::string name = setting.label;
    if (!name.empty() && name[0] >= 'A' && name[0] <= 'Z')
      name[0] = static_cast<char>(name[0] - 'A' + 'a');
    setting.question = "Change " + name + " " + config_value_text(change.left) + " → " +
                       config_value_text(change.right) + " now?";
    setting.assignment = dotted_path(change.pointer) + "=" + change.right.dump();
    pending.push_back(std::move(setting));
  }
  return pending;
}

void drop_settings(Studio& studio) {
  studio.config.run_root.clear();  // made again from the run before the next frame
}

void confirm_setting(Studio& studio, const PendingSetting& setting) {
  studio.send(ConfigCommand(ChangeSetting{setting.assignment, setting.label}));
  ConfigDraft& run = *studio.config.run;
  const Json now = config_with_settings(studio.run->config, studio.run->events);
  const Json* before = value_at(now, setting.pointer);
  if (before != nullptr) run.set(setting.pointer, *before);
}

const char* setting_obstacle(const Studio& studio, const config::Field& field) {
  if (!field.is_resumable) return "fixed for this run; edit it as a new run to change it";
  if (!studio.run->is_engine_attached) return "the run does not train; resume it to change this";
  const RunState state = studio.run->state;
  if (state != RunState::kRunning && state != RunState::kPaused)
    return "can be changed while the run trains or is paused";
  return nullptr;
}

Result<SavedDraft> parse_saved_draft(std::string_view text) {
  JsonLimits limits;
  limits.max_bytes = 4 * limits::kConfigBytes;  // three configurations stand in it
  SY_ASSIGN_OR_RETURN(const Json saved, parse_json(text, "draft.json", limits));
  const auto bad = [](std::string message) {
    return Error{ErrorCode::kInputFile, "draft.json", std::move(message), "", {}};
  };
  if (saved["schema"].as_string() != "switchyard.draft" || saved["version"].as_integer() != 1)
    return bad("expected a draft of version 1, found something else.");
  if (!saved["first"].is_object() || !saved["base"].is_object() || !saved["config"].is_object())
    return bad("expected the configurations \"first\", \"base\" and \"config\".");
  const std::int64_t kind = saved["origin"]["kind"].as_integer(-1);
  if (kind < 0 || kind > static_cast<std::int64_t>(DraftOrigin::Kind::kFile))
    return bad("expected an origin: 0 preset, 1 run, 2 file.");
  return SavedDraft{{static_cast<DraftOrigin::Kind>(kind), saved["origin"]["name"].as_string()},
                    saved["first"],
                    saved["base"],
                    saved["config"]};
}

std::optional<std::string> take_autosave(ConfigState& config) {
  if (config.restored.has_value()) return std::nullopt;  // still to be shown: leave it on disk
  const std::int64_t now = config.draft.has_value() ? config.draft->committed_revision() : -1;
  if (config.has_autosave && config.autosaved == now) return std::nullopt;
  const bool is_first = !config.has_autosave;
  config.has_autosave = true;
  config.autosaved = now;
  if (!config.draft.has_value()) {
    if (is_first) return std::nullopt;  // there was none
    return std::string();
  }
  return config.draft->saved_text();
}

}  // namespace switchyard::ui
