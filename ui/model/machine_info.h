#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace switchyard::ui {

/// What this machine offers, as far as files tell; gathered by the worker, never by the frame
/// thread.
struct MachineInfo {
  int num_cores = 0;  ///< this process may run on
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_available_bytes = 0;
  std::uint64_t disk_free_bytes = 0;  ///< where runs live
  std::vector<std::string> gpus;      ///< models; empty without a driver
  std::optional<bool> prefers_dark;   ///< theme of the desktop, where it says so
  bool has_notify_send = false;       ///< desktop messages can be shown

  friend bool operator==(const MachineInfo&, const MachineInfo&) = default;
};

/// `proc` is "/proc" outside of tests; `runs` need not exist yet (its nearest parent counts).
MachineInfo read_machine_info(const std::string& proc, const std::string& runs);

}  // namespace switchyard::ui
