#include "kernels/include/sample_token.h"
#include "kernels/src/overlap.cuh"

namespace switchyard::kernels {
namespace {

constexpr int kWarps = 32;
constexpr int kThreads = 32 * kWarps;
constexpr int kMostCandidates = 2048;
constexpr int kMostWords = 4096;      // of 32 tokens, where candidates are marked
constexpr int kTopPCandidates = 512;  // threads whose best token is one, with top-p alone
constexpr unsigned kAll = 0xFFFFFFFFU;

struct Call {
  SampleToken shape;
  SampleTokenArguments args;
};

/// A number whose order is that of the float; 0 is below all of them.
__device__ std::uint32_t key_of(float x) {
  const std::uint32_t bits = __float_as_uint(x + 0.0F);  // one zero
  return (bits & 0x80000000U) != 0U ? ~bits : bits | 0x80000000U;
}

__device__ double warp_total(double x) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) x += __shfl_xor_sync(kAll, x, offset);
  return x;
}

struct Scratch {
  double totals[kWarps];
  std::uint32_t counts[kWarps];
  std::uint32_t token;
};

struct Candidates {
  std::uint32_t marks[kMostWords];
  float logits[kMostCandidates];
  std::int32_t ids[kMostCandidates];
};

/// Sums over the block in a fixed order, the same in every thread.
__device__ double block_total(double x, Scratch& scratch) {
  const double of_warp = warp_total(x);
  __syncthreads();  // the readers of an earlier result are done
  if (threadIdx.x % 32 == 0) scratch.totals[threadIdx.x / 32] = of_warp;
  __syncthreads();
  double total = 0.0;
  for (int warp = 0; warp < kWarps; ++warp) total += scratch.totals[warp];
  return total;
}

/// What `combine` makes of the numbers of all threads.
template <typename Combine>
__device__ std::uint32_t block_reduced(std::uint32_t x, Scratch& scratch, const Combine& combine) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    x = combine(x, __shfl_xor_sync(kAll, x, offset));
  }
  __syncthreads();
  if (threadIdx.x % 32 == 0) scratch.counts[threadIdx.x / 32] = x;
  __syncthreads();
  std::uint32_t result = scratch.counts[0];
  for (int warp = 1; warp < kWarps; ++warp) result = combine(result, scratch.counts[warp]);
  return result;
}

__device__ std::uint32_t block_count(std::uint32_t x, Scratch& scratch) {
  return block_reduced(x, scratch, [](std::uint32_t a, std::uint32_t b) { return a + b; });
}

/// The sum of the counts of the warps before this one; `x` is the same in all lanes.
__device__ std::uint32_t count_before(std::uint32_t x, Scratch& scratch, std::uint32_t* total) {
  __syncthreads();
  if (threadIdx.x % 32 == 0) scratch.counts[threadIdx.x / 32] = x;
  __syncthreads();
  std::uint32_t before = 0, sum = 0;
  for (unsigned warp = 0; warp < kWarps; ++warp) {
    if (warp == threadIdx.x / 32) before = sum;
    sum += scratch.counts[warp];
  }
  *total = sum;
  return before;
}

/// Logits in ascending id order: a whole row, or its candidates. Each warp has consecutive ones.
struct View {
  const float* logits = nullptr;
  const std::int32_t* ids = nullptr;  ///< null: the places themselves
  int size = 0;
  bool is_row = true;

  __device__ int per_warp() const { return (size + kThreads - 1) / kThreads * 32; }

  __device__ float logit(int i) const { return is_row ? __ldcg(logits + i) : logits[i]; }

  /// The same by a load that the compiler leaves where it is.
  __device__ float logit_now(int i) const {
    if (!is_row) return logits[i];
    float x = 0.0F;
    asm volatile("ld.global.cg.f32 %0, [%1];"
                 : "=f"(x)
                 : "l"(__cvta_generic_to_global(logits + i)));
    return x;
  }

  __device__ std::int32_t id(int i) const { return ids == nullptr ? i : ids[i]; }

  /// Calls visit(i, logit, is_there) by whole warps, 32 elements in order at a time, while it
  /// returns true.
  template <typename Visit>
  __device__ void each_by_warp(const Visit& visit) const {
    constexpr int kAtOnce = 8;  // loads in flight
    const int first = static_cast<int>(threadIdx.x) / 32 * per_warp();
    const int end = min(size, first + per_warp());
    for (int start = first; start < end; start += 32 * kAtOnce) {
      const int own = start + static_cast<int>(threadIdx.x) % 32;
      float batch[kAtOnce];
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) {
        batch[k] = logit_now(min(own + 32 * k, end - 1));
      }
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) {
        if (start + 32 * k >= end) return;  // the same for the whole warp
        if (!visit(own + 32 * k, batch[k], own + 32 * k < end)) return;
      }
    }
  }

  /// Calls visit(logit) for every element of this thread.
  template <typename Visit>
  __device__ void each(const Visit& visit) const {
    each_by_warp([&](int, float logit, bool is_there) {
      if (is_there) visit(logit);
      return true;
    });
  }
};

/// The largest x in [low, high] that `holds` is true of. It is true of low, and where it is false
/// of one it is of all above.
template <typename Holds>
__device__ std::uint32_t last_that(std::uint32_t low, std::uint32_t high, const Holds& holds) {
  while (low < high) {
    const std::uint32_t middle = high - (high - low) / 2U;
    if (holds(middle)) {
      low = middle;
    } else {
      high = middle - 1U;
    }
  }
  return low;
}

/// What stays of a view: keys above `cut`, and of those at it, in ascending id order, while the
/// weight before them is below `bound`; never weights below `min_weight`.
struct Filter {
  float largest, scale;  ///< weight = exp((logit - largest) scale)
  float min_weight = 0.0F;
  std::uint32_t cut = 0;
  bool has_top_p = false;
  double mass_above = 0.0, bound = 0.0;

  __device__ float weight(float logit) const { return expf((logit - largest) * scale); }

  /// `rank`: how many of the same key come before.
  __device__ float kept(float logit, std::uint32_t rank) const {
    const std::uint32_t key = key_of(logit);
    const float w = weight(logit);
    if (key < cut || w < min_weight) return 0.0F;
    const bool is_beyond = has_top_p && key == cut &&
                           mass_above + static_cast<double>(rank) * static_cast<double>(w) >= bound;
    return is_beyond ? 0.0F : w;
  }
};

/// How many keys are at least `key`.
__device__ std::uint32_t count_from(const View& view, std::uint32_t key, Scratch& scratch) {
  std::uint32_t count = 0;
  if (view.is_row) {
    view.each([&](float logit) { count += key_of(logit) >= key ? 1U : 0U; });
    return block_count(count, scratch);
  }
  for (int start = 0; start < view.size; start += kThreads) {
    const int i = start + static_cast<int>(threadIdx.x);
    const bool is_one = i < view.size && key_of(view.logits[i]) >= key;
    count += static_cast<std::uint32_t>(__syncthreads_count(is_one ? 1 : 0));
  }
  return count;
}

/// The weight of the keys above `above`.
__device__ double mass_of(const View& view,
                          const Filter& filter,
                          std::uint32_t above,
                          Scratch& scratch) {
  double mass = 0.0;
  view.each([&](float logit) {
    if (key_of(logit) > above) mass += static_cast<double>(filter.weight(logit));
  });
  return block_total(mass, scratch);
}

/// Gathers what may be drawn: every token whose logit is one of the `wanted` largest among the
/// threads' best ones, or larger. False when there are too many.
__device__ bool gather(const View& row,
                       std::uint32_t best_key,
                       std::uint32_t wanted,
                       std::uint32_t highest,
                       Candidates& candidates,
                       Scratch& scratch,
                       View* view,
                       std::uint32_t* bound) {
  if (row.size > 32 * kMostWords) return false;
  *bound = 0;
  if (row.size > kMostCandidates) {
    *bound = last_that(0U, highest, [&](std::uint32_t x) {
      return __syncthreads_count(best_key >= x ? 1 : 0) >= static_cast<int>(wanted);
    });
  }
  const unsigned lane = threadIdx.x % 32;
  std::uint32_t own = 0;
  row.each_by_warp([&](int i, float logit, bool is_there) {
    const unsigned marks = __ballot_sync(kAll, is_there && key_of(logit) >= *bound);
    if (lane == 0) candidates.marks[i / 32] = marks;
    own += static_cast<std::uint32_t>(__popc(marks));
    return true;
  });
  std::uint32_t total = 0;
  std::uint32_t at = count_before(own, scratch, &total);
  if (total > kMostCandidates) return false;
  const int first = static_cast<int>(threadIdx.x) / 32 * row.per_warp();
  for (int word = first / 32; word * 32 < min(row.size, first + row.per_warp()); ++word) {
    const unsigned marks = candidates.marks[word];
    if ((marks >> lane & 1U) != 0U) {
      const auto place = at + static_cast<std::uint32_t>(__popc(marks & ((1U << lane) - 1U)));
      const int i = word * 32 + static_cast<int>(lane);
      candidates.ids[place] = i;
      candidates.logits[place] = row.logit(i);
    }
    at += static_cast<std::uint32_t>(__popc(marks));
  }
  __syncthreads();
  *view = {candidates.logits, candidates.ids, static_cast<int>(total), false};
  return true;
}

/// The token of view whose cumulative weight is the first above u times all weight.
__device__ std::int32_t draw(const View& view, const Filter& filter, double u, Scratch& scratch) {
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const unsigned lower = (1U << lane) - 1U;
  std::uint32_t ties_before = 0;
  if (filter.has_top_p) {
    std::uint32_t own = 0, all = 0;
    view.each_by_warp([&](int, float logit, bool is_there) {
      const bool is_tie = is_there && key_of(logit) == filter.cut;
      own += static_cast<std::uint32_t>(__popc(__ballot_sync(kAll, is_tie)));
      return true;
    });
    ties_before = count_before(own, scratch, &all);
  }
  std::uint32_t ties = ties_before;
  const auto kept = [&](float logit, bool is_there) {
    std::uint32_t rank = 0;
    if (filter.has_top_p) {
      const unsigned equal = __ballot_sync(kAll, is_there && key_of(logit) == filter.cut);
      rank = ties + static_cast<std::uint32_t>(__popc(equal & lower));
      ties += static_cast<std::uint32_t>(__popc(equal));
    }
    return is_there ? static_cast<double>(filter.kept(logit, rank)) : 0.0;
  };
  double mass = 0.0;
  view.each_by_warp([&](int, float logit, bool is_there) {
    mass += kept(logit, is_there);
    return true;
  });
  const double target = u * block_total(mass, scratch);
  // The warp that has it: the first whose cumulative weight exceeds the target, else the last with
  // any weight.
  double before = 0.0, cumulative = 0.0;
  unsigned chosen = 0;
  for (unsigned i = 0; i < kWarps; ++i) {
    const double of_warp = scratch.totals[i];
    if (of_warp > 0.0) {
      chosen = i;
      before = cumulative;
    }
    cumulative += of_warp;
    if (of_warp > 0.0 && cumulative > target) break;
  }
  if (warp == chosen) {
    ties = ties_before;
    int last = 0;
    view.each_by_warp([&](int i, float logit, bool is_there) {
      const double own = kept(logit, is_there);
      double sum = own;
#pragma unroll
      for (unsigned offset = 1; offset < 32; offset *= 2) {
        const double other = __shfl_up_sync(kAll, sum, offset);
        if (lane >= offset) sum += other;
      }
      const unsigned possible = __ballot_sync(kAll, own > 0.0);
      const unsigned beyond = __ballot_sync(kAll, own > 0.0 && before + sum > target);
      const int first = i - static_cast<int>(lane);
      if (beyond != 0U) {
        last = first + __ffs(static_cast<int>(beyond)) - 1;
        return false;
      }
      if (possible != 0U) last = first + 31 - __clz(static_cast<int>(possible));
      before += __shfl_sync(kAll, sum, 31);
      return true;
    });
    if (lane == 0) scratch.token = static_cast<std::uint32_t>(view.id(last));
  }
  __syncthreads();
  return static_cast<std::int32_t>(scratch.token);
}

/// The token that the settings and the random number choose.
__device__ std::int32_t choose(const View& row,
                               const SampleSettings& settings,
                               double u,
                               float* largest,
                               Candidates& candidates,
                               Scratch& scratch) {
  std::uint32_t best_key = 0;
  row.each([&](float logit) { best_key = max(best_key, key_of(logit)); });
  const std::uint32_t highest =
      block_reduced(best_key, scratch, [](std::uint32_t a, std::uint32_t b) { return max(a, b); });
  *largest = __uint_as_float((highest & 0x80000000U) != 0U ? highest & 0x7FFFFFFFU : ~highest);
  if (settings.temperature == 0.0F) {
    std::uint32_t first = kAll;
    row.each_by_warp([&](int i, float logit, bool is_there) {
      if (is_there && key_of(logit) == highest) first = min(first, static_cast<std::uint32_t>(i));
      return true;
    });
    return static_cast<std::int32_t>(
        block_reduced(first, scratch, [](std::uint32_t a, std::uint32_t b) { return min(a, b); }));
  }
  Filter filter{*largest, fminf(1.0F / settings.temperature, 3e38F)};
  filter.min_weight = settings.min_p;
  const bool has_top_k = settings.top_k > 0 && settings.top_k < row.size;
  const bool has_top_p = settings.top_p < 1.0F;
  const auto wanted = static_cast<std::uint32_t>(has_top_k ? settings.top_k : kTopPCandidates);
  double mass = has_top_k || !has_top_p ? 0.0 : mass_of(row, filter, 0U, scratch);
  View view = row;
  std::uint32_t low = 0;
  if ((has_top_k || has_top_p) && wanted <= kThreads) {
    const bool is_gathered =
        gather(row, best_key, wanted, highest, candidates, scratch, &view, &low);
    const bool is_enough =
        is_gathered && (has_top_k || mass_of(view, filter, 0U, scratch) >=
                                         static_cast<double>(settings.top_p) * mass);
    if (!is_enough) {
      view = row;
      low = 0;
    }
  }
  if (has_top_k) {
    low = last_that(low, highest, [&](std::uint32_t x) {
      return count_from(view, x, scratch) >= static_cast<std::uint32_t>(settings.top_k);
    });
    if (has_top_p) mass = mass_of(view, filter, low - 1U, scratch);
  }
  filter.cut = low;
  if (has_top_p) {
    filter.has_top_p = true;
    filter.bound = static_cast<double>(settings.top_p) * mass;
    // The lowest key above which there is less than the bound: one more than the last above which
    // there is not.
    if (mass_of(view, filter, low, scratch) >= filter.bound) {
      filter.cut = 1U + last_that(low, highest - 1U, [&](std::uint32_t x) {
                     return mass_of(view, filter, x, scratch) >= filter.bound;
                   });
    }
    filter.mass_above = mass_of(view, filter, filter.cut, scratch);
  }
  return draw(view, filter, u, scratch);
}

__global__ void __launch_bounds__(kThreads) sample_kernel(const Call call) {
  __shared__ Candidates candidates;
  __shared__ Scratch scratch;
  device::let_next_start();
  device::wait_for_previous();
  const SampleTokenArguments& args = call.args;
  const std::int64_t m = blockIdx.x;
  const auto drawn =
      static_cast<std::int64_t>(__ldcg(reinterpret_cast<const long long*>(args.num_drawn) + m));
  const View row{
      args.logits + m * call.shape.stride, nullptr, static_cast<int>(call.shape.V), true};
  const double u = philox_uniform(args.seed[m], static_cast<std::uint64_t>(drawn));
  float largest = 0.0F;
  const std::int32_t token = choose(row, *args.settings, u, &largest, candidates, scratch);
  const bool has_column = drawn >= 0 && drawn < call.shape.capacity;
  const std::int64_t at = m * call.shape.capacity + drawn;
  if (has_column && (args.log_probability != nullptr || args.entropy != nullptr)) {
    double mass = 0.0, weighted = 0.0;
    row.each([&](float logit) {
      const float w = expf(logit - largest);
      mass += static_cast<double>(w);
      weighted += static_cast<double>(w) * static_cast<double>(logit - largest);
    });
    mass = block_total(mass, scratch);
    weighted = block_total(weighted, scratch);
    if (threadIdx.x == 0) {
      const double log_mass = log(mass);
      const auto above = static_cast<double>(row.logit(token) - largest);
      if (args.log_probability != nullptr) {
        args.log_probability[at] = static_cast<float>(above - log_mass);
      }
      if (args.entropy != nullptr) {
        args.entropy[at] = static_cast<float>(log_mass - weighted / mass);
      }
    }
  }
  if (threadIdx.x != 0) return;
  args.token[m] = token;
  args.num_drawn[m] = drawn + 1;
  if (args.length != nullptr) args.length[m] = __ldcg(args.length + m) + 1;
  if (args.tokens != nullptr && has_column) args.tokens[at] = token;
}

}  // namespace

KernelStatus sample_token_cuda(const SampleToken& shape,
                               const SampleTokenArguments& args,
                               CudaStream stream) {
  if (shape.M < 0 || shape.V < 1 || shape.V > (std::int64_t{1} << 24U) || shape.stride < shape.V ||
      shape.M >= (std::int64_t{1} << 31U)) {
    return {"sample_token: expected M >= 0, 1 <= V <= 2^24 and rows at least that long"};
  }
  if (shape.M == 0) return {};
  device::LaunchShape grid;
  grid.num_blocks = static_cast<unsigned>(shape.M);
  grid.num_threads = kThreads;
  grid.may_overlap = shape.may_overlap;
  return device::launch(sample_kernel, grid, stream, Call{shape, args});
}

}  // namespace switchyard::kernels
