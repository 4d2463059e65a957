#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ui/client/mailbox.h"
#include "ui/model/plot_export.h"

namespace switchyard::ui {

/// Writes plots and samples on a thread of its own, and says where they are or what went wrong.
/// Threads: `order` from any thread.
class Exporter {
 public:
  /// `assets`: the folder with fonts/, for pictures.
  Exporter(std::string assets, Mailbox& mailbox);
  ~Exporter();  ///< finishes the order in hand
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  void order(ExportPlots wanted);

 private:
  void work();
  void carry_out(const ExportPlots& wanted);

  std::string assets_;
  Mailbox& mailbox_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<ExportPlots> orders_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace switchyard::ui
