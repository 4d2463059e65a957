#pragma once

#include "ui/model/studio.h"
#include "ui/plot/line_plot.h"

namespace switchyard::ui {

/// The machine while it works: cores, memory, disk, GPUs; the last minutes of each, and what the
/// run recorded of its memory on the run's own axis.
class HardwarePage {
 public:
  void draw(Studio& studio);

 private:
  LinePlot recorded_{"drawer.hardware.memory"};
};

}  // namespace switchyard::ui
