#include "engine/base/config/presets.h"

#include <algorithm>

#include "engine/base/core/assets.h"
#include "engine/base/core/file_system.h"
#include "engine/base/core/limits.h"

namespace switchyard::config {
namespace {

Error bad_file(std::string where, std::string message, std::string hint = "") {
  return {ErrorCode::kConfig, std::move(where), std::move(message), std::move(hint), {}};
}

/// A missing or unreadable configuration is a mistake in the configuration, not in a data file.
Error as_config_error(Error error) {
  if (error.code == ErrorCode::kInputFile) error.code = ErrorCode::kConfig;
  return error;
}

Result<Json> read_json(const std::string& path) {
  auto text = read_file(path, limits::kConfigBytes);
  if (!text.ok()) return as_config_error(std::move(text).error());
  JsonLimits json_limits;
  json_limits.max_bytes = limits::kConfigBytes;
  json_limits.max_depth = limits::kConfigDepth;
  json_limits.max_values = limits::kConfigValues;
  auto document = parse_json(*text, path, json_limits);
  if (!document.ok()) return as_config_error(std::move(document).error());
  return document;
}

/// Names become file names below the folder: nothing that leads out of it.
bool is_file_name(const std::string& name) {
  return !name.empty() && name[0] != '.' && name.find_first_of("/\\") == std::string::npos &&
         name.find('\0') == std::string::npos;
}

Result<Preset> read_preset(const std::string& directory,
                           const std::string& name,
                           const std::string& group) {
  const std::string path = directory + "/" + name + ".json";
  SY_ASSIGN_OR_RETURN(Json document, read_json(path));
  const Json& card = document["preset"];
  if (!card.is_object())
    return bad_file(path + " /preset", "expected an object that describes the preset, found none.");
  Preset preset;
  preset.name = name;
  preset.group = group.empty() ? card["group"].as_string() : group;
  preset.summary = card["summary"].as_string();
  preset.expected = card["expected"].as_string();
  preset.expected_val_loss = card["expected_val_loss"].as_number();
  preset.source = card["source"].as_string();
  preset.time_cpu = card["time_cpu"].as_string();
  preset.time_gpu = card["time_gpu"].as_string();
  preset.glyph = card["glyph"].as_string();
  preset.is_default = card["is_default"].as_bool();
  Json::Object& members = document.mutable_members();
  std::erase_if(members, [](const Json::Member& member) { return member.first == "preset"; });
  preset.config = std::move(document);
  return preset;
}

struct Listed {
  std::string group;
  std::string name;
};

/// The names of configs/index.json in gallery order.
Result<std::vector<Listed>> read_index(const std::string& directory) {
  const std::string path = directory + "/index.json";
  SY_ASSIGN_OR_RETURN(const Json index, read_json(path));
  std::vector<Listed> listed;
  for (const Json& group : index["groups"].items()) {
    for (const Json& name : group["presets"].items()) {
      if (!is_file_name(name.as_string()))
        return bad_file(path, "expected the name of a file in this folder, found " + name.dump());
      listed.push_back({group["name"].as_string(), name.as_string()});
    }
  }
  if (listed.empty()) return bad_file(path, "expected groups with presets, found none.");
  return listed;
}

}  // namespace

std::string configs_directory() {
  return shared_directory("SWITCHYARD_CONFIGS", "configs");
}

Result<std::vector<Preset>> load_presets(const std::string& directory) {
  SY_ASSIGN_OR_RETURN(const std::vector<Listed> listed, read_index(directory));
  std::vector<Preset> presets;
  for (const Listed& entry : listed) {
    SY_ASSIGN_OR_RETURN(Preset preset, read_preset(directory, entry.name, entry.group));
    presets.push_back(std::move(preset));
  }
  return presets;
}

Result<Preset> load_preset(const std::string& directory, std::string_view name) {
  SY_ASSIGN_OR_RETURN(const std::vector<Listed> listed, read_index(directory));
  std::vector<std::string> names;
  for (const Listed& entry : listed) {
    if (entry.name == name) return read_preset(directory, entry.name, entry.group);
    names.push_back(entry.name);
  }
  const std::string nearest = suggest(name, names);
  std::string list;
  for (const std::string& known : names) list += (list.empty() ? "" : ", ") + known;
  return Error{
      ErrorCode::kUsage,
      "--preset",
      "expected the name of a preset, found \"" + std::string(name) + "\".",
      (nearest.empty() ? "" : "Did you mean \"" + nearest + "\"? ") + "Presets: " + list + ".",
      {}};
}

Result<Json> read_config_file(const std::string& path) {
  return read_json(path);
}

Result<Schema> load_run_schema(const std::string& directory) {
  const std::string path = directory + "/schema/run.schema.json";
  SY_ASSIGN_OR_RETURN(const std::string text, read_file(path, limits::kConfigBytes));
  SY_ASSIGN_OR_RETURN(const Json document, parse_json(text, path));
  auto schema = schema_from_json_schema(document);
  if (!schema.ok()) schema.error().where = path + " " + schema.error().where;
  return schema;
}

}  // namespace switchyard::config
