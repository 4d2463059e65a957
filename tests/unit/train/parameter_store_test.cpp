#include "engine/train/model/parameter_store.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace switchyard::train {
namespace {

ParameterStore make_store(at::ScalarType compute) {
  ParameterStore store;
  store.declare({"norm.weight", {5}, false, true});
  store.declare({"a.weight", {3, 7}, true, false});
  store.declare({"b.weight", {2, 70}, true, false});
  store.allocate(at::kFloat, compute, at::kCPU);
  return store;
}

TEST(ParameterStore, PutsDecayedTensorsFirstAndAlignsAll) {
  const ParameterStore store = make_store(at::kFloat);
  EXPECT_EQ(store.num_parameters(), 5 + 21 + 140);
  EXPECT_EQ(store.num_decayed, 64 + 192);
  EXPECT_EQ(store.flat_master.numel(), 64 + 192 + 64);
  EXPECT_EQ(store.master("a.weight").storage_offset(), 0);
  EXPECT_EQ(store.master("b.weight").storage_offset(), 64);
  EXPECT_EQ(store.master("norm.weight").storage_offset(), 256);
}

TEST(ParameterStore, DecaysEverythingWhenToldSo) {
  ParameterStore store;
  store.declare({"norm.weight", {5}, false, true});
  store.declare({"a.weight", {3, 7}, true, false});
  store.decay_all();
  store.allocate(at::kFloat, at::kFloat, at::kCPU);
  EXPECT_EQ(store.num_decayed, store.flat_master.numel());
}

TEST(ParameterStore, CollectsGradientsInTheFlatBuffer) {
  for (const at::ScalarType compute : {at::kFloat, at::kBFloat16}) {
    ParameterStore store = make_store(compute);
    store.zero_gradients();
    for (int i = 0; i < 2; ++i) {
      (store.compute("a.weight") * 2.0).sum().backward();
      (store.compute("norm.weight") * 3.0).sum().backward();
      store.collect_gradients();
    }
    EXPECT_TRUE(at::equal(store.gradient("a.weight"), at::full({3, 7}, 4.0)));
    EXPECT_TRUE(at::equal(store.gradient("norm.weight"), at::full({5}, 6.0)));
    EXPECT_NEAR(store.gradient_norm().item<double>(), std::sqrt(21 * 16.0 + 5 * 36.0), 1e-4);
    store.zero_gradients();
    EXPECT_EQ(store.gradient_norm().item<double>(), 0.0);
  }
}

TEST(ParameterStore, KeepsComputeCopiesOfMastersInTheirOwnType) {
  ParameterStore store = make_store(at::kBFloat16);
  store.master("a.weight").fill_(1.0 + 1.0 / 1024.0);
  EXPECT_EQ(store.compute("a.weight").sum().item<double>(), 0.0);
  store.refresh_compute_copies();
  EXPECT_EQ(store.compute("a.weight").scalar_type(), at::kBFloat16);
  EXPECT_EQ(store.compute("a.weight").to(at::kDouble).sum().item<double>(), 21.0);
  EXPECT_EQ(store.compute("norm.weight").scalar_type(), at::kFloat);
}

TEST(ParameterStore, UsesMastersThemselvesInOnePrecision) {
  ParameterStore store = make_store(at::kFloat);
  store.master("a.weight").fill_(2.0);
  EXPECT_EQ(store.compute("a.weight").sum().item<double>(), 42.0);
  EXPECT_TRUE(store.flat_compute.is_same(store.flat_master));
}

}  // namespace
}  // namespace switchyard::train
