#pragma once

#include <string>
#include <string_view>

#include "engine/base/store/run_store.h"
#include "ui/model/run_view.h"

namespace switchyard::ui {

/// The state of a run from what is true in its folder: whether the lock is held decides between
/// living and dead states, the last "state" event says which.
///
/// Math: held: the event's word, or starting before the first one of this life; free: completed,
///       stopped, failed as the event says; running, paused or stopping without a holder = killed;
///       no event at all = created.
/// `is_launching`: an engine was started and does not hold the lock yet.
RunState run_state(bool is_engine_alive,
                   bool is_launching,
                   const std::vector<store::Event>& events,
                   std::int64_t holder_pid);

/// "running", "paused", … as the store writes it; kNone for another word.
RunState run_state_from_word(std::string_view word);
/// "Running", "Paused", "Killed", … for people.
std::string_view run_state_title(RunState state);
/// The same as one word of the store.
std::string_view run_state_word(RunState state);

enum class StateTone { kQuiet, kOk, kAccent, kAttention, kFailure };
StateTone run_state_tone(RunState state);
bool is_training(RunState state);  ///< starting, running, paused, stopping

/// One button of the run bar.
struct ButtonState {
  bool is_shown = false;
  bool is_enabled = false;
  std::string reason;  ///< why it is disabled
};

/// Which buttons the run bar shows. Depends on the engine's state alone.
struct RunButtons {
  ButtonState pause, resume, save, stop;
  ButtonState restart;  ///< resume a dead run from its last checkpoint
  ButtonState evaluate;
  ButtonState fork;  ///< a child run from a checkpoint
};

RunButtons run_buttons(const RunView& run);

}  // namespace switchyard::ui
