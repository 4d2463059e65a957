#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/checkpoint/checkpoint.h"
#include "engine/base/ipc/channel.h"
#include "engine/base/routing/doctor.h"
#include "engine/base/store/run_folder.h"
#include "engine/train/loop/checkpointer.h"
#include "engine/train/loop/pins.h"
#include "engine/train/loop/recorder.h"
#include "engine/train/loop/sampler.h"
#include "engine/train/loop/session.h"
#include "engine/train/loop/trainer.h"

namespace switchyard::train {

/// The body of train_run(); private to session*.cpp.
class Session {
 public:
  Session(const RunSetup& setup,
          std::string device,
          const EventSink& sink,
          const std::function<bool()>& is_stop_requested);

  Result<TrainOutcome> run();

 private:
  // session.cpp: start, loop, end
  Status start();
  Status start_new();
  Status start_resumed();
  Status start_forked();  // session_fork.cpp, with the two below
  [[nodiscard]] bool is_same_machine(const checkpoint::Found& found) const;
  [[nodiscard]] bool is_batch_split_changed() const;
  Status open_services(std::int64_t resume_after_step);
  Result<TrainOutcome> loop();
  Status one_step();
  Status roll_back(const GuardVerdict& verdict);
  Status give_up_on_numerics(const Error& error);
  Status give_up_on_memory(const Error& error);
  void note_guard_action(std::int64_t step, const Json& action);
  void note_gaps();
  Status evaluate_windows();
  Result<Evaluation> evaluate_split();
  Status save_checkpoint(bool is_forced);

  // session_routing.cpp: what the routers do
  /// Records the routing statistics and lets the doctor look at them.
  void note_routing(const StepReport& report);
  [[nodiscard]] bool is_probe_due(std::int64_t step) const;
  void probe_routing();
  void note_findings(const std::vector<routing::FindingChange>& changes);
  /// After the weights went back to another step, or at the start.
  void begin_diagnosis();
  Result<TrainOutcome> finish_completed();
  Result<TrainOutcome> finish_stopped();
  void fail(const Error& error);
  void announce_start();
  void log_step(const StepReport& report);
  void emit(Json event) const;
  void set_state(const std::string& state, const std::string& reason = "");
  Status check_folder();
  [[nodiscard]] bool is_due(const char* section, const char* key, std::int64_t step) const;
  [[nodiscard]] bool is_asked_to_stop();

  /// A text that is being written, or scored.
  struct ActiveSample {
    int client = 0;
    std::int64_t id = 0;
    SampleRequest request;
    std::optional<std::string> scored_text;  ///< present: `score`, and `request` means nothing
    std::unique_ptr<TokenSource> source;     ///< null until its turn comes
    double started = 0.0;
    std::int64_t num_tokens = 0;
  };

  // session_commands.cpp: messages
  /// Serves messages for up to `timeout_ms`, then samples for a bounded time.
  void serve(int timeout_ms);
  void handle(const ipc::Server::Incoming& incoming);
  Result<Json> execute(int client, std::int64_t id, const Json& message);
  Result<Json> change_setting(const Json& message);
  void greet_new_clients();
  void run_requests();
  void reply(int client, std::int64_t id, const Result<Json>& result);
  [[nodiscard]] Json status_fields() const;

  // session_samples.cpp: samples, scores, pinned prompts
  Result<Json> add_sample(int client, std::int64_t id, const Json& message);
  Result<Json> cancel_sample(int client, const Json& message);
  Status open_source(ActiveSample& sample);
  void sample_for(double budget_ms, int most_tokens);
  void finish_sample(const Error* error);
  Result<Json> add_pin(const Json& message);
  Result<Json> remove_pin(const Json& message);
  /// Answers all pinned prompts with the present weights, right after a checkpoint.
  void answer_pins();
  /// False when there is no time for more (`deadline` in monotonic seconds, 0: none yet).
  bool answer_pin(const Pin& pin, double& deadline);

  struct Waiting {
    int client = 0;
    std::int64_t id = 0;
  };

  RunSetup setup_;
  std::string device_;
  const EventSink& sink_;
  const std::function<bool()>& is_stop_requested_;
  store::RunPaths paths_;
  std::optional<store::RunLock> lock_;
  std::unique_ptr<Trainer> trainer_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<ipc::Server> server_;
  routing::Doctor doctor_;
  std::optional<routing::RoutingProbe> last_probe_;
  std::int64_t probe_step_ = -1;
  bool can_probe_ = true;  ///< false after a probe failed: training goes on without
  std::deque<ActiveSample> samples_;
  Pins pins_;
  std::vector<Waiting> waiting_checkpoints_, waiting_evaluations_;
  std::string state_ = "created";
  bool is_pause_wanted_ = false;
  bool is_stop_wanted_ = false;
  bool is_save_wanted_ = true;  ///< when stopping
  bool is_busy_ = false;        ///< inside an evaluation or a save: requests wait
  int num_clients_ = 0;
  double last_step_message_ = -1.0;  ///< monotonic seconds, to clients
  double last_train_loss_ = 0.0, last_val_loss_ = 0.0;
  std::int64_t eval_step_ = -1;  ///< of the last evaluation on the regular windows
  double eval_loss_ = 0.0;
  double step_time_ms_sum_ = 0.0;
  std::int64_t tokens_since_log_ = 0;
};

}  // namespace switchyard::train
