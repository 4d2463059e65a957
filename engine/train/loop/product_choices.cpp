#include "engine/train/loop/product_choices.h"

#include <string>

#include "engine/base/core/file_system.h"
#include "engine/base/core/log.h"
#include "engine/base/formats/dataset.h"

namespace switchyard::train {
namespace {

constexpr std::int64_t kMostBytes = 4 << 20;

std::string path() {
  return formats::data_directory() + "/product_choices.json";
}

}  // namespace

Json known_product_choices() {
  const Result<std::string> text = read_file(path(), kMostBytes);
  if (!text.ok()) return Json::object();
  Result<Json> choices = parse_json(*text, path());
  return choices.ok() && choices->is_object() ? std::move(choices).value() : Json::object();
}

void remember_product_choices(const Json& choices) {
  Json known = known_product_choices();
  const std::size_t num_known = known.size();
  for (const auto& [product, algorithm] : choices.members()) {
    if (known.find(product) == nullptr) known.set(product, algorithm);
  }
  if (known.size() == num_known) return;
  const Status made = make_directories(formats::data_directory());
  const Status written = made.ok() ? write_file_durably(path(), known.dump(1)) : made;
  if (!written.ok()) log_warning("product choices are not kept", {{"reason", Json(written.error().text())}});
}

}  // namespace switchyard::train
