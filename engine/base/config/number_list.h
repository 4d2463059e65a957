#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace switchyard::config {

/// Numbers of a text like "0.2, 0.1"; nothing where a part is no finite number or the text is
/// empty.
std::optional<std::vector<double>> numbers_from_text(std::string_view text);

}  // namespace switchyard::config
