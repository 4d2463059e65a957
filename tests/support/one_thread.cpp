// Linked into test programs whose tensors are tiny: threads would only wait for each other.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace switchyard::test {
namespace {

class OneThread : public ::testing::Environment {
 public:
  void SetUp() override { at::set_num_threads(1); }
};

[[maybe_unused]] const auto* const kOneThread =
    ::testing::AddGlobalTestEnvironment(new OneThread);  // GoogleTest owns and deletes it

}  // namespace
}  // namespace switchyard::test
