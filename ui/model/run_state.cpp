#include "ui/model/run_state.h"

#include <array>
#include <utility>

namespace switchyard::ui {
namespace {

struct StateName {
  RunState state;
  std::string_view word;
  std::string_view title;
  StateTone tone;
};

constexpr std::array kNames = {
    StateName{RunState::kNone, "none", "No run", StateTone::kQuiet},
    StateName{RunState::kCreated, "created", "Not started", StateTone::kQuiet},
    StateName{RunState::kStarting, "starting", "Starting", StateTone::kAccent},
    StateName{RunState::kRunning, "running", "Running", StateTone::kOk},
    StateName{RunState::kPaused, "paused", "Paused", StateTone::kAccent},
    StateName{RunState::kStopping, "stopping", "Stopping", StateTone::kAccent},
    StateName{RunState::kCompleted, "completed", "Done", StateTone::kQuiet},
    StateName{RunState::kStopped, "stopped", "Stopped", StateTone::kQuiet},
    StateName{RunState::kFailed, "failed", "Failed", StateTone::kFailure},
    StateName{RunState::kKilled, "killed", "Killed", StateTone::kAttention},
    StateName{RunState::kDamaged, "damaged", "Damaged", StateTone::kFailure},
};

const StateName& name_of(RunState state) {
  for (const StateName& name : kNames) {
    if (name.state == state) return name;
  }
  return kNames[0];
}

ButtonState shown(bool is_enabled, std::string reason = {}) {
  return {true, is_enabled, is_enabled ? std::string() : std::move(reason)};
}

const store::Event* last_state_event(const std::vector<store::Event>& events) {
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (event->kind == "state") return &*event;
  }
  return nullptr;
}

}  // namespace

RunState run_state_from_word(std::string_view word) {
  for (const StateName& name : kNames) {
    if (name.word == word) return name.state;
  }
  return RunState::kNone;
}

std::string_view run_state_title(RunState state) {
  return name_of(state).title;
}

std::string_view run_state_word(RunState state) {
  return name_of(state).word;
}

StateTone run_state_tone(RunState state) {
  return name_of(state).tone;
}

bool is_training(RunState state) {
  return state == RunState::kStarting || state == RunState::kRunning ||
         state == RunState::kPaused || state == RunState::kStopping;
}

RunState run_state(bool is_engine_alive,
                   bool is_launching,
                   const std::vector<store::Event>& events,
                   std::int64_t holder_pid) {
  const store::Event* last = last_state_event(events);
  const RunState said =
      last == nullptr ? RunState::kNone : run_state_from_word(last->detail["state"].as_string());
  if (is_engine_alive) {
    const std::int64_t pid = last == nullptr ? 0 : last->detail["pid"].as_integer();
    const bool is_of_this_life = holder_pid == 0 || pid == 0 || pid == holder_pid;
    if (is_training(said) && is_of_this_life) return said;
    // The lock is held but the last word belongs to an earlier engine, or is a farewell.
    return said == RunState::kNone || !is_of_this_life ? RunState::kStarting : RunState::kStopping;
  }
  if (is_launching) return RunState::kStarting;
  if (last == nullptr) return RunState::kCreated;
  if (said == RunState::kCompleted || said == RunState::kStopped || said == RunState::kFailed)
    return said;
  return RunState::kKilled;
}

RunButtons run_buttons(const RunView& run) {
  RunButtons buttons;
  const char* wait = "the engine does not answer yet";
  if (run.state != RunState::kNone && run.state != RunState::kDamaged &&
      run.state != RunState::kCreated && run.state != RunState::kStarting)
    buttons.fork = shown(run.num_checkpoints > 0, "there is no checkpoint yet");
  switch (run.state) {
    case RunState::kRunning:
      buttons.pause = shown(run.is_engine_attached, wait);
      buttons.save = shown(run.is_engine_attached, wait);
      buttons.stop = shown(run.is_engine_attached, wait);
      buttons.evaluate = shown(run.is_engine_attached, wait);
      break;
    case RunState::kPaused:
      buttons.resume = shown(run.is_engine_attached, wait);
      buttons.save = shown(run.is_engine_attached, wait);
      buttons.stop = shown(run.is_engine_attached, wait);
      buttons.evaluate = shown(run.is_engine_attached, wait);
      break;
    case RunState::kStarting:
      buttons.pause = shown(false, "the engine is starting");
      buttons.save = shown(false, "the engine is starting");
      buttons.stop = shown(run.is_engine_attached, "the engine is starting");
      break;
    case RunState::kStopping:
      buttons.pause = shown(false, "the engine is stopping");
      buttons.save = shown(false, "the engine is stopping");
      buttons.stop = shown(false, "the engine is stopping");
      break;
    case RunState::kStopped:
    case RunState::kFailed:
    case RunState::kKilled:
    case RunState::kCreated:
      buttons.restart = shown(true);
      break;
    case RunState::kCompleted:
    case RunState::kNone:
    case RunState::kDamaged:
      break;
  }
  return buttons;
}

}  // namespace switchyard::ui
