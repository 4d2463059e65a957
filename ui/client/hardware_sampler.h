#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ui/client/mailbox.h"
#include "ui/model/hardware.h"

namespace switchyard::ui {

/// Measures the machine once a second while somebody looks, on a thread of its own: cores and
/// memory from /proc, the disk where runs live, GPUs through nvidia-smi as a child process where
/// there is one. Does nothing at all while nobody looks.
///
/// Threads: all public functions from any thread.
class HardwareSampler {
 public:
  HardwareSampler(std::string runs, Mailbox& mailbox);
  ~HardwareSampler();
  HardwareSampler(const HardwareSampler&) = delete;
  HardwareSampler& operator=(const HardwareSampler&) = delete;

  void set_wanted(bool is_wanted);

  [[nodiscard]] std::shared_ptr<const HardwareView> view() const { return view_.load(); }

 private:
  void work();
  HardwareSample measure();
  void measure_gpus(HardwareSample& sample);

  std::string runs_;
  Mailbox& mailbox_;
  std::atomic<std::shared_ptr<const HardwareView>> view_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool is_wanted_ = false;
  bool is_stopping_ = false;

  // Of the thread.
  std::vector<CoreTicks> ticks_;
  std::string gpu_note_;
  bool has_gpu_tool_ = true;  ///< until it turns out to be missing
  std::thread thread_;
};

}  // namespace switchyard::ui
