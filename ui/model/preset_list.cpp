#include "ui/model/preset_list.h"

#include <algorithm>
#include <map>

#include "engine/base/core/file_system.h"
#include "engine/base/core/limits.h"
#include "engine/base/formats/dataset.h"
#include "engine/base/formats/tokenizer.h"
#include "ui/plot/ticks.h"

namespace switchyard::ui {
namespace {

/// Looks each data set up once.
class DataLookup {
 public:
  DataLookup() {
    auto sets = formats::list_datasets();
    if (sets.ok()) sets_ = std::move(sets).value();
  }

  [[nodiscard]] const std::vector<formats::DatasetInfo>& sets() const { return sets_; }

  void describe(SizedPreset& preset) {
    const Json& data = preset.config["data"];
    const std::string& file = data["text_file"].as_string();
    const std::string& name = data["dataset"].as_string();
    std::string path = file;
    std::int64_t bytes = 0;
    if (file.empty()) {
      const auto found =
          std::find_if(sets_.begin(), sets_.end(), [&](const formats::DatasetInfo& s) {
            return s.name == name;
          });
      if (found == sets_.end()) {
        preset.data_note = "data set \"" + name + "\" is not in the catalogue";
        return;
      }
      if (!found->is_present) {
        preset.data_note = found->title + ": not here yet. Run switchyard-engine data get " + name;
        return;
      }
      path = found->path;
      bytes = found->bytes;
    } else {
      const auto info = real_file_system().info(file);
      if (!info.ok() || !info.value().exists) {
        preset.data_note = file + " is missing";
        return;
      }
      bytes = static_cast<std::int64_t>(info.value().bytes);
    }
    preset.has_data = true;
    preset.data_note = short_number(static_cast<double>(bytes), 2) + " characters of " +
                       (file.empty() ? name : base_name(file)) + ", on this machine";
    set_size(preset, path, data["tokenizer"].as_string());
  }

 private:
  void set_size(SizedPreset& preset, const std::string& path, const std::string& tokenizer) {
    const std::int64_t vocabulary = vocab_size(path, tokenizer);
    if (vocabulary > 0) preset.size = config::model_size(preset.config, vocabulary);
  }

  std::int64_t vocab_size(const std::string& path, const std::string& tokenizer) {
    if (tokenizer == "byte") return formats::byte_tokenizer()->vocab_size();
    const auto known = char_vocabulary_.find(path);
    if (known != char_vocabulary_.end()) return known->second;
    std::int64_t size = 0;
    const auto text = read_file(path, limits::kTextBytes);
    if (text.ok()) {
      const auto made = formats::char_tokenizer_from_text(text.value(), path);
      if (made.ok()) size = made.value()->vocab_size();
    }
    char_vocabulary_[path] = size;
    return size;
  }

  std::vector<formats::DatasetInfo> sets_;
  std::map<std::string, std::int64_t> char_vocabulary_;
};

}  // namespace

ModelFacts model_facts(const Json& config) {
  ModelFacts facts;
  const Json& model = config["model"];
  facts.d_model = model["d_model"].as_integer();
  facts.seq_len = model["seq_len"].as_integer();
  for (const Json& layer : model["layers"].items()) {
    facts.num_layers += std::max<std::int64_t>(1, layer["repeat"].as_integer(1));
    const Json& feed_forward = layer["feed_forward"];
    if (feed_forward["type"].as_string() != "routed_experts" || facts.num_experts != 0) continue;
    facts.num_experts = feed_forward["num_experts"].as_integer();
    facts.top_k = feed_forward["router"]["top_k"].as_integer();
    facts.router = feed_forward["router"]["type"].as_string();
    facts.load_balance_coef = feed_forward["load_balance_coef"].as_number();
  }
  const Json& train = config["train"];
  facts.max_steps = train["max_steps"].as_integer();
  facts.tokens_per_step = facts.seq_len * train["micro_batch_size"].as_integer() *
                          std::max<std::int64_t>(1, train["grad_accum_steps"].as_integer(1));
  return facts;
}

const SizedPreset* PresetList::find(const std::string& name) const {
  for (const SizedPreset& preset : presets) {
    if (preset.card.name == name) return &preset;
  }
  return nullptr;
}

std::string PresetList::default_name() const {
  for (const SizedPreset& preset : presets) {
    if (preset.card.is_default) return preset.card.name;
  }
  return presets.empty() ? std::string() : presets.front().card.name;
}

std::vector<std::string> PresetList::groups() const {
  std::vector<std::string> names;
  for (const SizedPreset& preset : presets) {
    if (std::find(names.begin(), names.end(), preset.card.group) == names.end())
      names.push_back(preset.card.group);
  }
  return names;
}

PresetList read_preset_list(const std::string& configs) {
  PresetList list;
  auto presets = config::load_presets(configs);
  if (!presets.ok()) {
    list.problem = presets.error().text();
    return list;
  }
  auto schema = config::load_run_schema(configs);
  if (!schema.ok()) {
    list.problem = schema.error().text();
    return list;
  }
  DataLookup data;
  for (config::Preset& card : presets.value()) {
    SizedPreset preset;
    const config::Resolved resolved = config::resolve(schema.value(), card.config, card.name);
    if (!resolved.ok()) preset.problem = resolved.errors.front().text();
    preset.config = resolved.ok() ? resolved.config : card.config;
    preset.facts = model_facts(preset.config);
    preset.command = "switchyard-engine train --preset " + card.name;
    preset.card = std::move(card);
    if (preset.problem.empty()) data.describe(preset);
    list.presets.push_back(std::move(preset));
  }
  list.datasets = data.sets();
  list.schema = std::make_shared<const config::Schema>(std::move(schema).value());
  return list;
}

}  // namespace switchyard::ui
