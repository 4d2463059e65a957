#include "engine/train/loop/torch_errors.h"

#include <new>
#include <string_view>
#include <utility>

#include <c10/util/Exception.h>

namespace switchyard::train {

std::string first_line(const std::exception& exception) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&exception);
  const std::string text =
      torch_error != nullptr ? torch_error->what_without_backtrace() : exception.what();
  return text.substr(0, text.find('\n'));
}

Error error_from_exception(const std::exception& exception, std::string where) {
  const bool is_memory = dynamic_cast<const c10::OutOfMemoryError*>(&exception) != nullptr ||
                         dynamic_cast<const std::bad_alloc*>(&exception) != nullptr;
  std::string message = first_line(exception);
  // LibTorch 2.11 has no type for a refusal of the host allocator, only this sentence.
  if (is_memory ||
      message.find("DefaultCPUAllocator: can't allocate memory") != std::string::npos) {
    return {ErrorCode::kOutOfMemory,
            std::move(where),
            "no memory left: " + message,
            "Lower /train/micro_batch_size, /model/seq_len or the model, or close other programs.",
            {}};
  }
  return {ErrorCode::kInternal,
          std::move(where),
          std::move(message),
          "This is a defect of the program; the last checkpoint is intact.",
          {}};
}

}  // namespace switchyard::train
