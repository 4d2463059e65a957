#include "ui/model/studio.h"

namespace switchyard::ui {

Studio::Studio()
    : run(std::make_shared<const RunView>()),
      runs(std::make_shared<const RunIndex>()),
      runs_feed(std::make_shared<const RunsFeed>()),
      presets(std::make_shared<const PresetList>()),
      machine(std::make_shared<const MachineInfo>()) {}

// In a file of its own: inlined, g++ 12 takes the moved variant for uninitialised memory.
void Studio::send(Command command) {
  commands.push_back(std::move(command));
}

}  // namespace switchyard::ui
