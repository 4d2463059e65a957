#include "engine/base/config/rules.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/base/config/number_list.h"
#include "engine/base/config/routing_rules.h"
#include "engine/base/core/text.h"

namespace switchyard::config {
namespace {

void refuse(std::vector<Error>& errors, std::string where, std::string message, std::string hint) {
  errors.push_back({ErrorCode::kConfig, std::move(where), std::move(message), std::move(hint), {}});
}

/// The pointer part of "source /pointer", for mentioning another key of the same file.
std::string pointer_part(const std::string& path) {
  const std::size_t space = path.rfind(' ');
  return space == std::string::npos ? path : path.substr(space + 1);
}

std::string number_text(const Json& object, std::string_view key) {
  return short_number(object[key].as_number());
}

void top_k_at_most_num_experts(const Json& object,
                               const std::string& path,
                               std::vector<Error>& errors) {
  const Json& top_k = object["router"]["top_k"];
  if (!top_k.is_integer()) return;
  const std::int64_t num_experts = object["num_experts"].as_integer();
  if (top_k.as_integer() <= num_experts) return;
  refuse(errors,
         path + "/router/top_k",
         "expected an integer in [1, " + std::to_string(num_experts) + "] (num_experts), found " +
             std::to_string(top_k.as_integer()) + ".",
         "Lower top_k or raise " + pointer_part(path) + "/num_experts.");
}

void d_model_divisible_by_num_heads(const Json& object,
                                    const std::string& path,
                                    std::vector<Error>& errors) {
  const std::int64_t d_model = object["d_model"].as_integer();
  const std::int64_t num_heads = object["num_heads"].as_integer();
  if (d_model % num_heads == 0) return;
  const std::int64_t lower = std::max(num_heads, d_model / num_heads * num_heads);
  refuse(errors,
         path + "/d_model",
         "expected a multiple of " + std::to_string(num_heads) + " (num_heads), found " +
             std::to_string(d_model) + ".",
         "Set d_model to " + std::to_string(lower) + " or change " + pointer_part(path) +
             "/num_heads.");
}

void head_dim_even_for_rope(const Json& object,
                            const std::string& path,
                            std::vector<Error>& errors) {
  if (object["position"].as_string() != "rope") return;
  const std::int64_t num_heads = object["num_heads"].as_integer();
  const std::int64_t d_model = object["d_model"].as_integer();
  if (d_model % num_heads != 0 || (d_model / num_heads) % 2 == 0) return;
  refuse(errors,
         path + "/position",
         "rope rotates pairs and needs an even head_dim (d_model / num_heads), found " +
             std::to_string(d_model / num_heads) + ".",
         "Change " + pointer_part(path) + "/num_heads or set position to \"learned\".");
}

void num_layers_within_limit(const Json& object,
                             const std::string& path,
                             std::vector<Error>& errors) {
  std::int64_t num_layers = 0;
  for (const Json& entry : object["layers"].items()) num_layers += entry["repeat"].as_integer();
  constexpr std::int64_t kMostLayers = 512;
  if (num_layers <= kMostLayers) return;
  refuse(errors,
         path + "/layers",
         "expected at most " + std::to_string(kMostLayers) + " layers (the sum of repeat), found " +
             std::to_string(num_layers) + ".",
         "Lower a repeat.");
}

void name_is_a_file_name(const Json& object, const std::string& path, std::vector<Error>& errors) {
  const std::string& name = object["name"].as_string();
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  const bool is_good =
      !name.empty() && name[0] != '.' && std::all_of(name.begin(), name.end(), is_allowed);
  if (is_good) return;
  refuse(errors,
         path + "/name",
         "expected letters, digits, '-', '_' and '.' (it names the run's folder), found \"" +
             valid_utf8(name) + "\".",
         "Choose a name such as \"my-run\".");
}

void dataset_or_text_file(const Json& object, const std::string& path, std::vector<Error>& errors) {
  const std::string& dataset = object["dataset"].as_string();
  const std::string& text_file = object["text_file"].as_string();
  if (dataset.empty() && text_file.empty())
    refuse(errors,
           path + "/dataset",
           "expected the name of a data set, found nothing here and nothing in text_file.",
           "Name a data set, or set " + pointer_part(path) + "/text_file to a file of your own.");
}

void warmup_at_most_decay(const Json& object, const std::string& path, std::vector<Error>& errors) {
  const std::int64_t warmup = object["warmup_steps"].as_integer();
  const std::int64_t decay = object["decay_steps"].as_integer();
  if (warmup <= decay) return;
  refuse(errors,
         path + "/warmup_steps",
         "expected an integer in [0, " + std::to_string(decay) + "] (decay_steps), found " +
             std::to_string(warmup) + ".",
         "Lower warmup_steps or raise " + pointer_part(path) + "/decay_steps.");
}

void min_learning_rate_at_most_peak(const Json& object,
                                    const std::string& path,
                                    std::vector<Error>& errors) {
  const Json& lowest = object["schedule"]["min_learning_rate"];
  if (!lowest.is_number()) return;
  const Json& optimizer = object["optimizer"];
  if (lowest.as_number() <= optimizer["learning_rate"].as_number()) return;
  refuse(errors,
         path + "/schedule/min_learning_rate",
         "expected at most " + number_text(optimizer, "learning_rate") +
             " (/optimizer/learning_rate), found " + short_number(lowest.as_number()) + ".",
         "Lower min_learning_rate or raise /optimizer/learning_rate.");
}

void momentum_for_nesterov_and_dampening(const Json& object,
                                         const std::string& path,
                                         std::vector<Error>& errors) {
  if (object["momentum"].as_number() > 0.0) {
    if (!object["use_nesterov"].as_bool() || object["dampening"].as_number() == 0.0) return;
    refuse(errors,
           path + "/dampening",
           "expected 0 (use_nesterov is on), found " + number_text(object, "dampening") + ".",
           "Set dampening to 0 or switch " + pointer_part(path) + "/use_nesterov off.");
    return;
  }
  for (const char* key : {"use_nesterov", "dampening"}) {
    const Json& value = object[key];
    if (value.as_bool() || value.as_number() > 0.0)
      refuse(errors,
             path + "/" + key,
             "acts on the momentum, and " + pointer_part(path) + "/momentum is 0.",
             "Raise momentum above 0 or leave " + std::string(key) + " out.");
  }
}

void thresholds_are_numbers(const Json& object,
                            const std::string& path,
                            std::vector<Error>& errors) {
  const std::string& text = object["thresholds"].as_string();
  const auto numbers = numbers_from_text(text);
  if (numbers && std::all_of(numbers->begin(), numbers->end(), [](double x) { return x >= 0.0; })) {
    return;
  }
  refuse(errors,
         path + "/thresholds",
         "expected numbers of at least 0, separated by commas, found \"" + text + "\".",
         "Write one number for every further choice, like \"0.2\" or \"0.2, 0.1\".");
}

void soft_moe_without_free_experts(const Json& object,
                                   const std::string& path,
                                   std::vector<Error>& errors) {
  if (object["router"]["type"].as_string() != "soft_moe") return;
  for (const char* key : {"num_zero_experts", "num_copy_experts", "num_constant_experts"}) {
    if (object[key].as_integer() == 0) continue;
    refuse(errors,
           path + "/" + key,
           "expected 0 with the router soft_moe, found " +
               std::to_string(object[key].as_integer()) + ".",
           "Its experts compute mixtures of all tokens: choose another router or set " +
               std::string(key) + " to 0.");
  }
}

struct NamedRule {
  std::string_view name;
  Schema::Rule rule;
};

constexpr std::array kRules{
    NamedRule{"d_model_divisible_by_num_heads", &d_model_divisible_by_num_heads},
    NamedRule{"dataset_or_text_file", &dataset_or_text_file},
    NamedRule{"head_dim_even_for_rope", &head_dim_even_for_rope},
    NamedRule{"min_learning_rate_at_most_peak", &min_learning_rate_at_most_peak},
    NamedRule{"momentum_for_nesterov_and_dampening", &momentum_for_nesterov_and_dampening},
    NamedRule{"name_is_a_file_name", &name_is_a_file_name},
    NamedRule{"num_layers_within_limit", &num_layers_within_limit},
    NamedRule{"routing_choices_fit", &routing_choices_fit},
    NamedRule{"soft_moe_without_free_experts", &soft_moe_without_free_experts},
    NamedRule{"thresholds_are_numbers", &thresholds_are_numbers},
    NamedRule{"top_k_at_most_num_experts", &top_k_at_most_num_experts},
    NamedRule{"warmup_at_most_decay", &warmup_at_most_decay},
};

}  // namespace

Schema::Rule rule_by_name(std::string_view name) {
  const auto entry = std::find_if(
      kRules.begin(), kRules.end(), [name](const NamedRule& r) { return r.name == name; });
  return entry == kRules.end() ? nullptr : entry->rule;
}

std::string pointer_to(std::string_view path, std::string_view key) {
  std::string pointer(path);
  pointer += '/';
  for (const char c : valid_utf8(key)) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer.push_back(c);
    }
  }
  return pointer;
}

}  // namespace switchyard::config
