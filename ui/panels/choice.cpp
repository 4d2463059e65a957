#include "ui/panels/choice.h"

#include <algorithm>
#include <string>

#include "ui/shell/theme.h"
#include "ui/widgets/buttons.h"
#include "ui/widgets/fields.h"
#include "ui/widgets/text.h"

namespace switchyard::ui {
namespace {

float segments_width(std::span<const char* const> items) {
  float total = 2.0F * px(2);
  for (const char* item : items) total += text_size(Type::kBodyMedium, item).x + 2.0F * em(0.75F);
  return total;
}

}  // namespace

float choice_width(std::span<const char* const> items, float max_width) {
  const float segments = segments_width(items);
  if (segments <= max_width) return segments;
  float widest = 0.0F;
  for (const char* item : items) widest = std::max(widest, text_size(Type::kBody, item).x);
  return std::min(max_width, widest + em(2.8F));
}

bool choice(const char* id, std::span<const char* const> items, int* selected, float max_width) {
  if (segments_width(items) <= max_width) return segmented(id, items, selected);
  FieldOptions options;
  options.width = choice_width(items, max_width);
  return combo((std::string("###") + id).c_str(), items, selected, options);
}

}  // namespace switchyard::ui
