#include "ui/model/config_fix.h"

#include <algorithm>
#include <cmath>

#include "engine/base/core/limits.h"
#include "engine/base/core/text.h"
#include "ui/model/config_text.h"

namespace switchyard::ui {
namespace {

using config::Field;

constexpr std::int64_t kMostLayers = 512;

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string parent_of(const std::string& pointer) {
  return pointer.substr(0, pointer.rfind('/'));
}

ConfigFix set_to(const std::string& pointer, Json value) {
  std::string label = "Set to " + config_value_text(value);
  return {std::move(label), pointer, std::move(value), false};
}

/// The value inside the field's range that is nearest to `number`.
Json nearest_in_range(const Field& field, double number) {
  double value = std::clamp(number, field.minimum, field.maximum);
  if (field.type == Field::Type::kInteger)
    return Json(static_cast<std::int64_t>(std::llround(value)));
  if (field.is_minimum_exclusive && value <= field.minimum) {
    value = field.default_value.as_number();
    if (value <= field.minimum || value > field.maximum) value = field.maximum;
  }
  return Json(value);
}

std::optional<ConfigFix> number_fix(const Field& field,
                                    const std::string& pointer,
                                    const Json& value) {
  if (!value.is_number()) return set_to(pointer, field.default_value);
  const double number = value.as_number();
  const bool is_whole = field.type != Field::Type::kInteger || value.is_integer();
  const bool is_below =
      field.is_minimum_exclusive ? number <= field.minimum : number < field.minimum;
  const bool is_inside = !field.has_range || (!is_below && number <= field.maximum);
  if (is_whole && is_inside) return std::nullopt;  // a rule speaks, not the range
  if (!field.has_range)
    return set_to(pointer, Json(static_cast<std::int64_t>(std::llround(number))));
  return set_to(pointer, nearest_in_range(field, number));
}

std::optional<ConfigFix> word_fix(const std::vector<std::string>& words,
                                  const std::string& default_word,
                                  const std::string& pointer,
                                  const Json& value) {
  if (value.is_string() && std::find(words.begin(), words.end(), value.as_string()) != words.end())
    return std::nullopt;
  std::string nearest =
      value.is_string() ? config::suggest(value.as_string(), words) : std::string();
  if (nearest.empty()) nearest = default_word;
  return ConfigFix{"Use " + nearest, pointer, Json(nearest), false};
}

/// What the field alone asks for; nothing when it is content.
std::optional<ConfigFix> field_fix(const Field& field,
                                   const std::string& pointer,
                                   const Json& value) {
  switch (field.type) {
    case Field::Type::kInteger:
    case Field::Type::kNumber:
      return number_fix(field, pointer, value);
    case Field::Type::kBoolean:
      if (value.is_bool()) return std::nullopt;
      return set_to(pointer, field.default_value);
    case Field::Type::kChoice:
      return word_fix(field.choices, field.default_value.as_string(), pointer, value);
    case Field::Type::kText: {
      if (!value.is_string()) return set_to(pointer, field.default_value);
      const auto most = static_cast<std::size_t>(field.maximum);
      if (!field.has_range || value.as_string().size() <= most) return std::nullopt;
      const std::string_view cut = std::string_view(value.as_string()).substr(0, most);
      std::size_t good = find_invalid_utf8(cut);
      if (good == std::string_view::npos) good = cut.size();
      return ConfigFix{"Shorten it", pointer, Json(cut.substr(0, good)), false};
    }
    default:
      return std::nullopt;
  }
}

std::string file_name_from(const std::string& text) {
  std::string name;
  for (const char c : text) {
    const bool is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (is_good) {
      name.push_back(c);
    } else if (!name.empty() && name.back() != '-') {
      name.push_back('-');
    }
  }
  while (!name.empty() && (name.back() == '-')) name.pop_back();
  name.erase(0, name.find_first_not_of('.'));
  return name.empty() ? "my-run" : name;
}

/// Lowers repeats from the last group on until the sum fits.
std::optional<ConfigFix> layer_fix(const ConfigDraft& draft) {
  const Json& layers = draft.value("/model/layers");
  std::int64_t sum = 0;
  for (const Json& group : layers.items()) sum += group["repeat"].as_integer(1);
  for (std::size_t i = layers.size(); i-- > 0;) {
    const std::int64_t repeat = layers[i]["repeat"].as_integer(1);
    const std::int64_t fitting = kMostLayers - (sum - repeat);
    if (fitting >= 1 && fitting < repeat)
      return set_to("/model/layers/" + std::to_string(i) + "/repeat", Json(fitting));
  }
  return std::nullopt;
}

/// What a rule between settings asks for; the rule is known by the key it complains about.
std::optional<ConfigFix> rule_fix(const ConfigDraft& draft, const std::string& pointer) {
  const std::string parent = parent_of(pointer);
  const auto integer = [&](const std::string& at) { return draft.value(at).as_integer(); };
  if (ends_with(pointer, "/router/top_k"))
    return set_to(pointer, draft.value(parent_of(parent) + "/num_experts"));
  if (ends_with(pointer, "/warmup_steps"))
    return set_to(pointer, draft.value(parent + "/decay_steps"));
  if (ends_with(pointer, "/min_learning_rate"))
    return set_to(pointer, draft.value("/optimizer/learning_rate"));
  if (pointer == "/model/d_model") {
    const std::int64_t heads = std::max<std::int64_t>(1, integer("/model/num_heads"));
    return set_to(pointer, Json(std::max(heads, integer(pointer) / heads * heads)));
  }
  if (pointer == "/model/position")
    return ConfigFix{"Use learned", pointer, Json("learned"), false};
  if (pointer == "/model/layers") return layer_fix(draft);
  if (pointer == "/name") {
    const std::string name = file_name_from(draft.value(pointer).as_string());
    return ConfigFix{"Use " + name, pointer, Json(name), false};
  }
  if (pointer == "/data/dataset")
    return ConfigFix{"Use shakespeare", pointer, Json("shakespeare"), false};
  return std::nullopt;
}

}  // namespace

std::string error_pointer(const Error& error) {
  const std::size_t space = error.where.rfind(' ');
  return space == std::string::npos ? error.where : error.where.substr(space + 1);
}

std::string error_sentence(const Error& error) {
  std::string sentence = error.message;
  if (!sentence.empty() && sentence[0] >= 'a' && sentence[0] <= 'z')
    sentence[0] = static_cast<char>(sentence[0] - 'a' + 'A');
  return sentence;
}

std::optional<ConfigFix> suggested_fix(const ConfigDraft& draft, const Error& error) {
  const std::string pointer = error_pointer(error);
  const Json* given = value_at(draft.document(), pointer);
  if (ends_with(pointer, "/type")) {
    const std::string variant = parent_of(pointer);
    const Field* field = field_at(draft.schema(), draft.document(), variant);
    if (field != nullptr && field->type == Field::Type::kVariant) {
      std::vector<std::string> words;
      for (const Field::Alternative& alternative : field->alternatives)
        words.push_back(alternative.type);
      return word_fix(words, words.front(), pointer, given != nullptr ? *given : Json());
    }
  }
  const Field* field = field_at(draft.schema(), draft.document(), pointer);
  if (field == nullptr) {
    if (given == nullptr || pointer.size() < 2) return std::nullopt;
    return ConfigFix{"Remove it", pointer, Json(), true};
  }
  if (given != nullptr) {
    if (auto fix = field_fix(*field, pointer, *given); fix.has_value()) return fix;
  }
  auto fix = rule_fix(draft, pointer);
  if (fix.has_value() && fix->value.is_null()) return std::nullopt;
  return fix;
}

void apply_fix(ConfigDraft& draft, const ConfigFix& fix) {
  if (fix.is_removal) {
    draft.remove(fix.pointer);
    return;
  }
  if (ends_with(fix.pointer, "/type")) {
    draft.set_variant(parent_of(fix.pointer), fix.value.as_string());
    return;
  }
  draft.set(fix.pointer, fix.value);
}

}  // namespace switchyard::ui
