#pragma once

#include <functional>
#include <vector>

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

namespace switchyard::train {

/// Part of a model: some tensors from the residual stream and what the last block adds to it
/// (undefined before the first block). What it is called for again gives the same.
using RecomputedPart =
    std::function<std::vector<at::Tensor>(const at::Tensor& x, const at::Tensor& delta)>;

/// `part(x, delta)` of which only x and delta are kept: the backward pass computes the rest again.
/// Memory for activations of one part instead of all, for about a third more work.
///
/// Shapes: those of `part`; every result requires a gradient.
/// Limits: `generator`, of the device, is put back for the second time; null where `part` draws no
///         numbers from it.
/// Determinism: gradients have the bits of `part` alone.
/// Source: Chen et al. 2016, arXiv 1604.06174, section 3.
std::vector<at::Tensor> recomputed(const RecomputedPart& part,
                                   const at::Tensor& x,
                                   const at::Tensor& delta,
                                   at::Generator* generator);

}  // namespace switchyard::train
