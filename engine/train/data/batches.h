#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

#include "engine/base/formats/token_shard.h"

namespace switchyard::train {

/// Inputs and targets on the CPU; targets are the inputs shifted by one token.
struct Batch {
  at::Tensor tokens;   ///< [rows, seq_len] int64
  at::Tensor targets;  ///< [rows, seq_len] int64
};

/// The start of row `row` of batch `index`: uniform over [0, num_starts).
///
/// Math:   floor(h x num_starts / 2^64) with h a 64-bit mix of (seed, index, row).
/// Determinism: a pure function, the same on every machine: a resume needs no loader state, and the
///         rows do not depend on how a batch is cut into micro-batches.
/// Source: splitmix64, Steele, Lea & Flood 2014, doi 10.1145/2660193.2660195.
std::int64_t batch_start(std::uint64_t seed,
                         std::int64_t index,
                         std::int64_t row,
                         std::int64_t num_starts);

/// Batch number `index`: `rows` windows at pseudo-random places of the shard. `is_pinned`: in memory
/// from which a GPU copies by itself.
///
/// Shapes: both tensors [rows, seq_len].
/// Limits: the shard holds at least seq_len + 1 tokens (checked when data is prepared).
/// Source: uniform windows as in nanoGPT; the counter-based choice is ours.
Batch make_batch(const formats::TokenShard& shard,
                 std::uint64_t seed,
                 std::int64_t index,
                 std::int64_t rows,
                 std::int64_t seq_len,
                 bool is_pinned = false);

}  // namespace switchyard::train
