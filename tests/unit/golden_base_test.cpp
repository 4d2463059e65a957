#include <gtest/gtest.h>

#include "engine/base/core/file_system.h"
#include "tests/golden/golden_cases.h"

namespace switchyard::golden {
namespace {

CaseOutcome run(const std::string& folder_name, CaseRunner runner, const std::string& data_dir) {
  const std::string folder = std::string(SY_SOURCE_DIR) + "/tests/golden/data/" + folder_name;
  const auto text = read_file(folder + "/case.json", std::uint64_t{64} << 20U);
  EXPECT_TRUE(text.ok());
  const auto document = parse_json(*text, folder);
  EXPECT_TRUE(document.ok()) << document.error().text();
  return runner(*document, folder, data_dir);
}

TEST(GoldenBase, SafetensorsFilesAreAcceptedAndRefusedAsPublished) {
  const CaseOutcome outcome = run("safetensors", &run_safetensors_robustness, "");
  EXPECT_TRUE(outcome.passed) << outcome.detail;
}

TEST(GoldenBase, MutatedSafetensorsFilesAreNeverMisread) {
  const CaseOutcome outcome = run("safetensors_mutations", &run_safetensors_mutations, "");
  EXPECT_TRUE(outcome.passed) << outcome.detail;
}

TEST(GoldenBase, OperationsAreCountedAsPublished) {
  const CaseOutcome outcome = run("flops", &run_flop_accounting, "");
  EXPECT_TRUE(outcome.passed) << outcome.detail;
}

TEST(GoldenBase, ACharacterCaseWithoutItsTextIsSkipped) {
  EXPECT_TRUE(run("chars-tinyshakespeare", &run_char_dataset, "").is_skipped);
  EXPECT_TRUE(run("chars-tinyshakespeare", &run_char_dataset, "/nowhere").is_skipped);
}

}  // namespace
}  // namespace switchyard::golden
