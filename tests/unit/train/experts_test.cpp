#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "engine/train/experts/grouped_linear.h"
#include "engine/train/experts/routed_experts.h"
#include "tests/support/gradient_check.h"
#include "tests/support/model_config.h"

namespace switchyard::train {
namespace {

at::Tensor choices(std::int64_t N, std::int64_t K, std::int64_t E, std::uint64_t seed) {
  return std::get<1>(test::normal({N, E}, seed).sort(1, true)).narrow(1, 0, K).contiguous();
}

TEST(Dispatch, SortsByExpertAndKeepsTheOrderWithin) {
  const at::Tensor index = at::tensor({2, 0, 1, 0, 2, 1}, at::kLong).view({3, 2});
  const Dispatch dispatch = make_dispatch(index, 4);
  const auto expect = [](const at::Tensor& got, std::vector<std::int64_t> want) {
    EXPECT_TRUE(at::equal(got.to(at::kLong), at::tensor(want, at::kLong))) << got;
  };
  expect(dispatch.slot_from_row, {1, 3, 2, 5, 0, 4});
  expect(dispatch.row_from_slot, {4, 0, 2, 1, 5, 3});
  expect(dispatch.token_from_row, {0, 1, 1, 2, 0, 2});
  expect(dispatch.tokens_per_expert, {2, 2, 2, 0});
  expect(dispatch.offsets, {2, 4, 6, 6});
}

TEST(Dispatch, AcceptsNoTokens) {
  const Dispatch dispatch = make_dispatch(at::empty({0, 2}, at::kLong), 3);
  const at::Tensor rows = dispatch_rows(at::empty({0, 4}, at::kDouble), dispatch);
  const at::Tensor y = grouped_linear(rows, test::normal({3, 5, 4}, 1), dispatch);
  EXPECT_EQ(combine_rows(y, at::empty({0, 2}, at::kDouble), dispatch).sizes(),
            at::IntArrayRef({0, 5}));
}

TEST(GroupedLinear, EqualsOneProductPerToken) {
  for (const auto& [N, E, K] : {std::array<std::int64_t, 3>{17, 5, 2}, {1, 1, 1}, {6, 3, 3}}) {
    const at::Tensor index = choices(N, K, E, 3);
    const at::Tensor x = test::normal({N, 6}, 4), weight = test::normal({E, 7, 6}, 5);
    const at::Tensor gate = test::normal({N, K}, 6);
    const Dispatch dispatch = make_dispatch(index, E);
    const at::Tensor got =
        combine_rows(grouped_linear(dispatch_rows(x, dispatch), weight, dispatch), gate, dispatch);
    for (std::int64_t n = 0; n < N; ++n) {
      at::Tensor want = at::zeros({7}, at::kDouble);
      for (std::int64_t k = 0; k < K; ++k) {
        want += gate[n][k] * at::mv(weight[index[n][k].item<std::int64_t>()], x[n]);
      }
      EXPECT_LE((got[n] - want).abs().max().item<double>(), 1e-12);
    }
  }
}

TEST(GroupedLinear, HasTheGradientsOfCentralDifferences) {
  const std::int64_t N = 5, E = 4, K = 2;
  const Dispatch dispatch = make_dispatch(choices(N, K, E, 1), E);
  const at::Tensor x = test::normal({N, 3}, 2), weight = test::normal({E, 4, 3}, 3);
  const at::Tensor gate = test::normal({N, K}, 4), of_out = test::normal({N, 4}, 5);
  x.requires_grad_(true);
  weight.requires_grad_(true);
  gate.requires_grad_(true);
  const auto function = [&] {
    const at::Tensor y = grouped_linear(dispatch_rows(x, dispatch), weight, dispatch);
    return (combine_rows(at::tanh(y), gate, dispatch) * of_out).sum();
  };
  for (const at::Tensor& leaf : {x, weight, gate}) {
    test::expect_gradient_matches(function, leaf, {1e-5, 1e-8, 1});
  }
}

TEST(GroupedLinear, GivesAnExpertWithoutRowsAGradientOfZero) {
  const at::Tensor index = at::tensor({0, 2, 2, 0}, at::kLong).view({4, 1});
  const Dispatch dispatch = make_dispatch(index, 3);
  const at::Tensor x = test::normal({4, 3}, 1);
  const at::Tensor weight = test::normal({3, 2, 3}, 2).requires_grad_(true);
  grouped_linear(dispatch_rows(x, dispatch), weight, dispatch).sum().backward();
  ASSERT_TRUE(weight.grad().defined());
  EXPECT_EQ(weight.grad()[1].abs().max().item<double>(), 0.0);
  EXPECT_GT(weight.grad()[0].abs().max().item<double>(), 0.0);
}

TEST(RoutedExperts, WithOneExpertEqualsTheDenseBlock) {
  const Json routed = test::small_config(test::routed(
      {"model.layers.0.feed_forward.num_experts=1", "model.layers.0.feed_forward.router.top_k=1"}));
  const Json dense = test::small_config(
      {"model.layers.0.feed_forward.activation=swiglu", "model.layers.0.feed_forward.d_ff=16"});
  const auto block = [](const Json& config) {
    return config::Node(config).child("model").children("layers")[0].child("feed_forward");
  };
  const config::Node routed_model = config::Node(routed).child("model");
  const config::Node dense_model = config::Node(dense).child("model");
  RoutedExperts experts(routed_model, block(routed), "routed", 11);
  DenseFeedForward feed_forward(dense_model, block(dense), "dense");
  ParameterStore parameters;
  experts.declare(parameters);
  feed_forward.declare(parameters);
  parameters.allocate(at::kDouble, at::kDouble, at::kCPU);
  std::uint64_t seed = 1;
  for (const char* matrix : {"gate", "up", "down"}) {
    const at::Tensor one = parameters.master("dense." + std::string(matrix) + ".weight");
    one.copy_(test::normal(one.sizes(), seed++));
    parameters.master("routed.experts." + std::string(matrix) + ".weight")[0].copy_(one);
  }
  experts.bind(parameters);
  feed_forward.bind(parameters);
  const at::Tensor x = test::normal({2, 3, 16}, 9);
  TokenView tokens;
  tokens.x = x.view({6, 16});
  tokens.num_sequences = 2;
  const at::Tensor got = experts.forward(tokens).y.view_as(x);
  EXPECT_LE((got - feed_forward.forward(x)).abs().max().item<double>(), 1e-12);
}

}  // namespace
}  // namespace switchyard::train
