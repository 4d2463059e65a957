#include "engine/base/store/probe_blob.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace switchyard::store {
namespace {

using routing::ProbeLayer;
using routing::RoutingProbe;
using routing::TokenUse;

constexpr std::string_view kMagic = "SYPROBE1";
constexpr std::uint64_t kMostLayers = 4096;
constexpr std::uint64_t kMostExperts = 65'536;
constexpr std::uint64_t kMostTokens = 1 << 20;
constexpr std::int64_t kByteExperts = 255;                       // 255 itself stands for no expert
constexpr std::size_t kMostTableEntries = std::size_t{1} << 26;  ///< of all layers

class Encoder {
 public:
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
    bytes += static_cast<char>(value);
  }

  void integer(std::int64_t value) { number(static_cast<std::uint64_t>(value)); }

  void real(double value) {
    const auto bits = std::bit_cast<std::uint64_t>(value);
    bytes.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  }

  /// `rows` · `columns` counts; of a symmetric table only the entries with column >= row.
  void table(const std::vector<std::uint32_t>& counts, std::size_t columns, bool is_symmetric) {
    number(counts.empty() ? 0 : 1);
    std::uint64_t zeros = 0;
    for (std::size_t at = 0; at < counts.size(); ++at) {
      if (is_symmetric && at % columns < at / columns) continue;
      if (counts[at] == 0) {
        ++zeros;
        continue;
      }
      number(zeros);
      number(counts[at]);
      zeros = 0;
    }
    if (zeros > 0) number(zeros), number(0);
  }

  void token_lists(const std::vector<std::vector<TokenUse>>& lists) {
    for (const std::vector<TokenUse>& list : lists) {
      number(list.size());
      for (const TokenUse& use : list) {
        number(static_cast<std::uint32_t>(use.token));
        number(use.count);
        number(use.occurrences);
      }
    }
  }

  void experts(const std::vector<std::uint16_t>& numbers, bool is_byte) {
    for (const std::uint16_t e : numbers) {
      bytes += static_cast<char>(e & 0xFF);
      if (!is_byte) bytes += static_cast<char>(e >> 8);
    }
  }

  std::string bytes;
};

/// Reads what Encoder wrote; after the first fault everything reads as zero and `is_good` is false.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool is_good() const { return is_good_; }

  [[nodiscard]] bool is_at_end() const { return bytes_.empty(); }

  std::uint64_t number(std::uint64_t most) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; is_good_; shift += 7) {
      if (bytes_.empty() || shift > 56) return fail();
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) break;
    }
    return is_good_ && value <= most ? value : fail();
  }

  std::int64_t integer(std::uint64_t most) { return static_cast<std::int64_t>(number(most)); }

  double real() {
    std::uint64_t bits = 0;
    if (!take(&bits, sizeof bits)) return 0.0;
    return std::bit_cast<double>(bits);
  }

  std::vector<std::uint32_t> table(std::size_t rows, std::size_t columns, bool is_symmetric) {
    if (number(1) == 0) return {};
    if (rows * columns > entries_left_) {
      fail();
      return {};
    }
    entries_left_ -= rows * columns;
    std::vector<std::uint32_t> counts(rows * columns, 0);
    const std::size_t num_stored = is_symmetric ? columns * (columns + 1) / 2 : rows * columns;
    std::size_t row = 0, column = 0;
    const auto advance = [&](std::size_t n) {
      column += n;
      while (column >= columns && row < rows) {
        ++row;
        column += (is_symmetric ? row : 0);
        column -= columns;
      }
    };
    for (std::size_t done = 0; is_good_ && done < num_stored; ++done) {
      const std::uint64_t zeros = number(num_stored - done);
      const std::uint64_t value = number(std::numeric_limits<std::uint32_t>::max());
      done += zeros;
      if (value == 0) {  // the end: only zeros are left
        if (done != num_stored) fail();
        break;
      }
      if (done >= num_stored) {
        fail();
        break;
      }
      advance(zeros);
      counts[row * columns + column] = static_cast<std::uint32_t>(value);
      if (is_symmetric) counts[column * columns + row] = static_cast<std::uint32_t>(value);
      advance(1);
    }
    return counts;
  }

  std::vector<std::vector<TokenUse>> token_lists(std::size_t num_experts) {
    std::vector<std::vector<TokenUse>> lists(num_experts);
    for (std::vector<TokenUse>& list : lists) {
      list.resize(number(routing::kMostTopTokens));
      for (TokenUse& use : list) {
        use.token = static_cast<std::int32_t>(number(std::numeric_limits<std::int32_t>::max()));
        use.count = static_cast<std::uint32_t>(number(kMostTokens));
        use.occurrences = static_cast<std::uint32_t>(number(kMostTokens));
        if (use.count == 0 || use.occurrences < use.count) fail();
      }
    }
    return lists;
  }

  std::vector<std::uint16_t> experts(std::size_t count, std::int64_t num_experts) {
    const bool is_byte = num_experts <= kByteExperts;
    if (bytes_.size() < count * (is_byte ? 1 : 2)) {
      fail();
      return {};
    }
    std::vector<std::uint16_t> numbers(count);
    for (std::uint16_t& e : numbers) {
      unsigned char low = 0, high = 0;
      take(&low, 1);
      if (!is_byte) take(&high, 1);
      e = static_cast<std::uint16_t>(low | (high << 8));
      if (e > num_experts) fail();
    }
    return numbers;
  }

  std::uint64_t fail() {
    is_good_ = false;
    bytes_ = {};
    return 0;
  }

 private:
  bool take(void* to, std::size_t size) {
    if (bytes_.size() < size) {
      fail();
      return false;
    }
    std::memcpy(to, bytes_.data(), size);
    bytes_.remove_prefix(size);
    return true;
  }

  std::string_view bytes_;
  std::size_t entries_left_ = kMostTableEntries;
  bool is_good_ = true;
};

void encode(const ProbeLayer& layer, Encoder& to) {
  to.integer(layer.layer);
  to.integer(layer.num_experts);
  to.integer(layer.top_k);
  to.integer(layer.next_layer + 1);
  to.integer(layer.next_num_experts);
  to.real(layer.router_entropy_nats);
  to.real(layer.top1_margin);
  to.real(layer.boundary_margin);
  to.real(layer.vocabulary_specialization);
  const auto E = static_cast<std::size_t>(layer.num_experts);
  to.table(layer.coactivation, E, true);
  to.table(layer.transition, static_cast<std::size_t>(layer.next_num_experts), false);
  to.table(layer.position_counts, E, false);
  to.token_lists(layer.input_by_share);
  to.token_lists(layer.input_by_count);
  to.token_lists(layer.target_by_share);
  to.experts(layer.experts, layer.num_experts <= kByteExperts);
}

ProbeLayer decode_layer(Decoder& from, std::int64_t num_set_tokens) {
  ProbeLayer layer;
  layer.layer = static_cast<int>(from.number(kMostLayers));
  layer.num_experts = from.integer(kMostExperts);
  layer.top_k = from.integer(static_cast<std::uint64_t>(layer.num_experts));
  layer.next_layer = static_cast<int>(from.number(kMostLayers)) - 1;
  layer.next_num_experts = from.integer(kMostExperts);
  if (layer.num_experts < 1 || layer.top_k < 1) from.fail();
  layer.router_entropy_nats = from.real();
  layer.top1_margin = from.real();
  layer.boundary_margin = from.real();
  layer.vocabulary_specialization = from.real();
  if (!from.is_good()) return layer;
  const auto E = static_cast<std::size_t>(layer.num_experts);
  const auto next = static_cast<std::size_t>(layer.next_num_experts);
  const auto has_pairs = [](std::size_t n) {
    return n <= static_cast<std::size_t>(routing::kMostPairExperts);
  };
  layer.coactivation = from.table(has_pairs(E) ? E : 0, E, has_pairs(E));
  layer.transition = from.table(has_pairs(E) && has_pairs(next) ? E : 0, next, false);
  layer.position_counts =
      from.table(static_cast<std::size_t>(routing::kNumPositionBuckets), E, false);
  layer.input_by_share = from.token_lists(E);
  layer.input_by_count = from.token_lists(E);
  layer.target_by_share = from.token_lists(E);
  layer.experts =
      from.experts(static_cast<std::size_t>(num_set_tokens * layer.top_k), layer.num_experts);
  return layer;
}

}  // namespace

std::string bytes_from_probe(const RoutingProbe& probe) {
  Encoder to;
  to.bytes = kMagic;
  to.integer(probe.num_tokens);
  to.integer(probe.num_set_tokens);
  to.number(probe.text_crc);
  to.number(probe.layers.size());
  for (const ProbeLayer& layer : probe.layers) encode(layer, to);
  return std::move(to.bytes);
}

Result<RoutingProbe> probe_from_bytes(std::string_view bytes, const std::string& path) {
  RoutingProbe probe;
  Decoder from(bytes.substr(std::min(bytes.size(), kMagic.size())));
  if (!bytes.starts_with(kMagic)) from.fail();
  probe.num_tokens = from.integer(kMostTokens);
  probe.num_set_tokens = from.integer(static_cast<std::uint64_t>(probe.num_tokens));
  probe.text_crc = static_cast<std::uint32_t>(from.number(0xFFFFFFFF));
  const std::uint64_t num_layers = from.number(kMostLayers);
  for (std::uint64_t i = 0; from.is_good() && i < num_layers; ++i)
    probe.layers.push_back(decode_layer(from, probe.num_set_tokens));
  if (from.is_good() && from.is_at_end()) return probe;
  return Error{ErrorCode::kInputFile, path, "expected a routing probe, found other bytes.", "", {}};
}

}  // namespace switchyard::store
