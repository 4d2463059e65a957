#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/core/json.h"
#include "tests/support/temporary_folder.h"

namespace switchyard::test {

/// Folders of a test person: presets that train in seconds, a text, no runs yet. The environment
/// points window and engine at them for the life of the object.
class GuiWorkplace {
 public:
  GuiWorkplace();

  [[nodiscard]] std::string runs() const { return folder / "runs"; }

  /// Changes the default preset, for tests that need a longer or shorter run.
  void set_default_steps(std::int64_t steps) const;

  /// Names of the run folders, sorted.
  [[nodiscard]] std::vector<std::string> run_names() const;

  /// The process that holds the run, 0 when none does.
  [[nodiscard]] static std::int64_t engine_of(const std::string& root);

  TemporaryFolder folder;

 private:
  void write_presets() const;
  std::vector<std::unique_ptr<ScopedEnvironment>> environment_;
};

/// Sentences from a small grammar, the same every time.
std::string made_text(std::size_t bytes);

/// A preset file with its card.
Json test_preset(const std::string& name,
                 const std::string& text_file,
                 bool is_moe,
                 std::int64_t steps);

/// The engine to test with: $SWITCHYARD_ENGINE, else the one built beside the tests; empty: none.
std::string engine_program();
/// The window program built beside the tests; empty: none.
std::string window_program();

/// Ends whatever engines hold runs below `runs`: a failed test leaves none behind.
void kill_engines(const std::string& runs);

}  // namespace switchyard::test
