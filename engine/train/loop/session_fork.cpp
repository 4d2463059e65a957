#include <utility>

#include "engine/base/config/node.h"
#include "engine/base/core/file_system.h"
#include "engine/train/loop/session_impl.h"

namespace switchyard::train {

/// A run that begins with another run's checkpoint. Its own copy of that checkpoint is in place
/// before config.json is: a crash in between leaves no run that would begin anew from nothing.
Status Session::start_forked() {
  const ForkSource& source = *setup_.fork;
  const checkpoint::ScanResult scan = checkpoint::scan(store::RunPaths{source.root}.checkpoints(),
                                                       checkpoint::ScanDepth::kChecksums);
  SY_ASSIGN_OR_RETURN(const checkpoint::Found found, choose_checkpoint(scan, source.checkpoint));
  const config::Node config(setup_.config);
  SY_ASSIGN_OR_RETURN(
      auto data,
      formats::prepare_data(setup_.config["data"], config.child("model").integer("seq_len")));
  int num_threads = static_cast<int>(config.child("train").integer("num_threads"));
  if (num_threads == 0) num_threads = static_cast<int>(found.manifest["num_threads"].as_integer());
  const Json tokenizer = data.tokenizer->to_json();
  SY_ASSIGN_OR_RETURN(trainer_,
                      Trainer::create({setup_.config, std::move(data), device_, num_threads}));
  SY_RETURN_IF_ERROR(Checkpointer::restore(*trainer_, found));
  if (is_batch_split_changed()) trainer_->use_configured_batch_split();
  trainer_->begin_fork();

  SY_RETURN_IF_ERROR(make_directories(paths_.root));
  SY_ASSIGN_OR_RETURN(lock_, store::RunLock::acquire(paths_.root));
  SY_RETURN_IF_ERROR(remove_tree(paths_.checkpoints()));  // of a fork that never came to be
  SY_RETURN_IF_ERROR(make_directories(paths_.checkpoints()));
  checkpointer_ = std::make_unique<Checkpointer>(paths_.checkpoints());
  SY_ASSIGN_OR_RETURN(const Checkpointer::Saved saved, checkpointer_->save(*trainer_, 2));
  SY_RETURN_IF_ERROR(store::create_run_folder(paths_.root, setup_.config));
  SY_RETURN_IF_ERROR(write_file_durably(paths_.tokenizer(), tokenizer.dump(1)));
  SY_RETURN_IF_ERROR(open_services(-1));
  const bool is_exact = setup_.changes.empty() && is_same_machine(found);
  recorder_->event("fork",
                   found.step,
                   Json::object({{"parent", Json(source.root)},
                                 {"parent_name", Json(base_name(source.root))},
                                 {"step", Json(found.step)},
                                 {"is_exact", Json(is_exact)}}));
  recorder_->event(
      "checkpoint",
      found.step,
      Json::object(
          {{"path", Json(saved.path)}, {"step", Json(found.step)}, {"is_best", Json(false)}}));
  return {};
}

/// Do thread count and device promise the same bits as when the checkpoint was written?
bool Session::is_same_machine(const checkpoint::Found& found) const {
  return found.manifest["num_threads"].as_integer() == trainer_->num_threads() &&
         found.manifest["device"].as_string() == trainer_->device_name();
}

bool Session::is_batch_split_changed() const {
  for (const config::Difference& change : setup_.changes) {
    if (change.pointer == "/train/micro_batch_size" || change.pointer == "/train/grad_accum_steps")
      return true;
  }
  return false;
}

}  // namespace switchyard::train
