#include "engine/train/loop/generator_state.h"

#include <cstdint>

#include <ATen/ATen.h>

#include "engine/base/core/text.h"

namespace switchyard::train {
namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

std::string hex_from_generator(const at::Generator& generator) {
  const at::Tensor bytes = generator.get_state();
  return hex({static_cast<const char*>(bytes.data_ptr()), static_cast<std::size_t>(bytes.numel())});
}

Status restore_generator(at::Generator& generator, const std::string& hex) {
  const std::int64_t num_bytes = generator.get_state().numel();
  const Error damaged{ErrorCode::kInputFile,
                      "state.json /generator/state",
                      "expected " + std::to_string(2 * num_bytes) + " hexadecimal digits.",
                      "The file is damaged, or from another kind of device; resume from an older "
                      "checkpoint.",
                      {}};
  if (std::ssize(hex) != 2 * num_bytes) return damaged;
  at::Tensor bytes = at::empty({num_bytes}, at::kByte);
  auto* data = bytes.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < num_bytes; ++i) {
    const int high = digit(hex[static_cast<std::size_t>(2 * i)]);
    const int low = digit(hex[static_cast<std::size_t>(2 * i + 1)]);
    if (high < 0 || low < 0) return damaged;
    data[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  generator.set_state(bytes);
  return {};
}

}  // namespace switchyard::train
