#include "engine/base/sweep/sweep.h"

#include <algorithm>
#include <set>

#include "engine/base/config/rules.h"
#include "engine/base/core/file_system.h"
#include "engine/base/core/text.h"
#include "engine/base/store/run_folder.h"

namespace switchyard::sweep {
namespace {

constexpr std::string_view kSchema = "switchyard.sweep";
constexpr std::size_t kMostNameBytes = 60;
constexpr std::int64_t kMostSeed = 9'007'199'254'740'991;  // as train.seed declares it
constexpr std::int64_t kMostSteps = 1'000'000'000;

std::string file_stem(const std::string& file) {
  std::string name = base_name(file);
  if (name.ends_with(".json")) name.resize(name.size() - 5);
  return name;
}

/// Reads one document and notes everything that is wrong with it.
class Parser {
 public:
  explicit Parser(const std::string& file) : root_(file + " ") {}

  Parsed parse(const Json& document, const std::string& file) {
    if (!document.is_object()) {
      refuse(root_ + "/", "expected a sweep (a JSON object), found " + document.dump() + ".", "");
      return std::move(out_);
    }
    refuse_unknown(document,
                   root_,
                   {"schema",
                    "version",
                    "name",
                    "preset",
                    "config",
                    "set",
                    "axes",
                    "runs",
                    "seeds",
                    "max_steps",
                    "note"});
    read_header(document);
    read_name(document, file);
    read_base(document);
    Sweep& sweep = out_.sweep;
    if (const Json* set = document.find("set")) sweep.settings = settings_of(*set, at("set"));
    if (const Json* axes = document.find("axes")) read_axes(*axes);
    if (const Json* runs = document.find("runs")) read_runs(*runs);
    if (const Json* seeds = document.find("seeds")) read_seeds(*seeds);
    if (const Json* steps = document.find("max_steps"))
      sweep.max_steps = whole_number(*steps, at("max_steps"), 1, kMostSteps);
    if (const Json* note = document.find("note")) sweep.note = text_of(*note, at("note"));
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::string at(std::string_view key) const {
    return config::pointer_to(root_, key);
  }

  void refuse(std::string where, std::string message, std::string hint) {
    out_.errors.push_back(
        {ErrorCode::kConfig, std::move(where), std::move(message), std::move(hint), {}});
  }

  void refuse_unknown(const Json& object,
                      const std::string& path,
                      const std::vector<std::string>& known) {
    for (const auto& [key, value] : object.members()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::string nearest = config::suggest(key, known);
      refuse(config::pointer_to(path, key),
             "expected a known key, found \"" + valid_utf8(key.substr(0, 80)) + "\".",
             nearest.empty() ? "Known keys here: " + join(known, ", ") + "."
                             : "Did you mean \"" + nearest + "\"?");
    }
  }

  std::string text_of(const Json& value, const std::string& where) {
    if (!value.is_string()) refuse(where, "expected a text, found " + value.dump() + ".", "");
    return value.as_string();
  }

  std::int64_t whole_number(const Json& value,
                            const std::string& where,
                            std::int64_t low,
                            std::int64_t high) {
    if (!value.is_integer() || value.as_integer() < low || value.as_integer() > high) {
      refuse(where,
             "expected an integer in [" + std::to_string(low) + ", " + std::to_string(high) +
                 "], found " + value.dump() + ".",
             "");
    }
    return value.as_integer();
  }

  /// The items of a list that must hold something.
  const Json::Array& items_of(const Json& list, const std::string& where, const char* of_what) {
    if (!list.is_array() || list.size() == 0)
      refuse(where,
             "expected a list of " + std::string(of_what) + ", found " +
                 (list.is_array() ? "an empty one" : list.dump()) + ".",
             "Leave the key out where there is none.");
    return list.items();
  }

  void read_header(const Json& document) {
    if (document["schema"].as_string() != kSchema)
      refuse(at("schema"),
             "expected \"" + std::string(kSchema) + "\", found " + document["schema"].dump() + ".",
             "A sweep file begins with \"schema\": \"switchyard.sweep\", \"version\": 1.");
    const Json* version = document.find("version");
    if (version != nullptr && *version != Json(kVersion))
      refuse(at("version"),
             "expected " + std::to_string(kVersion) + ", found " + version->dump() + ".",
             "This program reads version 1 only.");
  }

  void read_name(const Json& document, const std::string& file) {
    const Json* name = document.find("name");
    out_.sweep.name = name == nullptr ? file_stem(file) : text_of(*name, at("name"));
    refuse_unless_name(out_.sweep.name, at("name"));
  }

  void refuse_unless_name(const std::string& name, const std::string& where) {
    if (name == store::file_name_from(name) && name.size() <= kMostNameBytes) return;
    refuse(where,
           "expected 1 to " + std::to_string(kMostNameBytes) +
               " letters, digits, '-', '_' and '.' (it names run folders), found \"" +
               valid_utf8(name) + "\".",
           "Choose a name such as \"width-sweep\".");
  }

  void read_base(const Json& document) {
    const Json* preset = document.find("preset");
    const Json* config = document.find("config");
    if ((preset == nullptr) == (config == nullptr)) {
      refuse(at("preset"),
             "expected \"preset\" or \"config\" as the base of all runs, found " +
                 std::string(preset == nullptr ? "neither." : "both."),
             "`switchyard-engine presets` lists the names.");
      return;
    }
    std::string& base = preset != nullptr ? out_.sweep.preset : out_.sweep.config_file;
    const char* key = preset != nullptr ? "preset" : "config";
    base = text_of(preset != nullptr ? *preset : *config, at(key));
    if (base.empty()) refuse(at(key), "expected a name, found an empty text.", "");
  }

  /// A path that settings may have: not one that has a key of its own in a sweep.
  void refuse_own_key(const std::string& path, const std::string& where) {
    if (path == "train.seed")
      refuse(where, "expected another path, found \"train.seed\".", "List the seeds as \"seeds\".");
    if (path.empty()) refuse(where, "expected keys joined by dots, found an empty text.", "");
  }

  std::vector<Change> settings_of(const Json& object, const std::string& where) {
    std::vector<Change> settings;
    if (!object.is_object())
      refuse(where, "expected an object {path: value, …}, found " + object.dump() + ".", "");
    for (const auto& [path, value] : object.members()) {
      refuse_own_key(path, config::pointer_to(where, path));
      settings.emplace_back(path, value);
    }
    return settings;
  }

  void read_axes(const Json& axes) {
    std::set<std::string> paths;
    const Json::Array& items = items_of(axes, at("axes"), "axes");
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string here = config::pointer_to(at("axes"), std::to_string(i));
      if (!items[i].is_object()) {
        refuse(here, "expected {\"path\": …, \"values\": […]}, found " + items[i].dump() + ".", "");
        continue;
      }
      refuse_unknown(items[i], here, {"path", "values"});
      Axis axis;
      axis.path = text_of(items[i]["path"], config::pointer_to(here, "path"));
      refuse_own_key(axis.path, config::pointer_to(here, "path"));
      if (!paths.insert(axis.path).second)
        refuse(config::pointer_to(here, "path"), "expected every path once, found it twice.", "");
      axis.values = items_of(items[i]["values"], config::pointer_to(here, "values"), "values");
      for (std::size_t j = 0; j < axis.values.size(); ++j) {
        if (std::find(axis.values.begin() + static_cast<std::ptrdiff_t>(j) + 1,
                      axis.values.end(),
                      axis.values[j]) != axis.values.end())
          refuse(config::pointer_to(here, "values"),
                 "expected every value once, found " + axis.values[j].dump() + " twice.",
                 "");
      }
      out_.sweep.axes.push_back(std::move(axis));
    }
  }

  void read_runs(const Json& runs) {
    std::set<std::string> names;
    const Json::Array& items = items_of(runs, at("runs"), "runs");
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string here = config::pointer_to(at("runs"), std::to_string(i));
      if (!items[i].is_object()) {
        refuse(here, "expected {\"name\": …, \"set\": {…}}, found " + items[i].dump() + ".", "");
        continue;
      }
      refuse_unknown(items[i], here, {"name", "set"});
      Variant variant;
      variant.name = text_of(items[i]["name"], config::pointer_to(here, "name"));
      refuse_unless_name(variant.name, config::pointer_to(here, "name"));
      if (!names.insert(variant.name).second)
        refuse(config::pointer_to(here, "name"), "expected every name once, found it twice.", "");
      if (const Json* set = items[i].find("set"))
        variant.settings = settings_of(*set, config::pointer_to(here, "set"));
      out_.sweep.runs.push_back(std::move(variant));
    }
  }

  void read_seeds(const Json& seeds) {
    const Json::Array& items = items_of(seeds, at("seeds"), "integers");
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string here = config::pointer_to(at("seeds"), std::to_string(i));
      const std::int64_t seed = whole_number(items[i], here, 0, kMostSeed);
      std::vector<std::int64_t>& known = out_.sweep.seeds;
      if (std::find(known.begin(), known.end(), seed) != known.end())
        refuse(here, "expected every seed once, found " + std::to_string(seed) + " twice.", "");
      known.push_back(seed);
    }
  }

  std::string root_;
  Parsed out_;
};

Json json_from_settings(const std::vector<Change>& settings) {
  Json object = Json::object();
  for (const auto& [path, value] : settings) object.set(path, value);
  return object;
}

}  // namespace

Parsed parse(const Json& document, const std::string& file) {
  return Parser(file).parse(document, file);
}

Json json_from(const Sweep& sweep) {
  Json document = Json::object(
      {{"schema", Json(kSchema)}, {"version", Json(kVersion)}, {"name", Json(sweep.name)}});
  if (!sweep.note.empty()) document.set("note", sweep.note);
  const bool has_preset = !sweep.preset.empty();
  document.set(has_preset ? "preset" : "config", has_preset ? sweep.preset : sweep.config_file);
  if (!sweep.settings.empty()) document.set("set", json_from_settings(sweep.settings));
  Json axes = Json::array(), runs = Json::array(), seeds = Json::array();
  for (const Axis& axis : sweep.axes)
    axes.push_back(Json::object({{"path", Json(axis.path)}, {"values", Json::array(axis.values)}}));
  for (const Variant& run : sweep.runs)
    runs.push_back(
        Json::object({{"name", Json(run.name)}, {"set", json_from_settings(run.settings)}}));
  for (const std::int64_t seed : sweep.seeds) seeds.push_back(seed);
  if (axes.size() > 0) document.set("axes", std::move(axes));
  if (runs.size() > 0) document.set("runs", std::move(runs));
  if (seeds.size() > 0) document.set("seeds", std::move(seeds));
  if (sweep.max_steps > 0) document.set("max_steps", sweep.max_steps);
  return document;
}

Result<Axis> axis_from_text(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size())
    return Error{ErrorCode::kUsage,
                 "--axis " + std::string(text.substr(0, 200)),
                 "expected path=value,value,…, found no path or no value.",
                 "Write for example --axis optimizer.learning_rate=0.001,0.002.",
                 {}};
  Axis axis;
  axis.path = text.substr(0, equals);
  std::string_view values = text.substr(equals + 1);
  const auto list = parse_json("[" + std::string(values) + "]", "--axis");
  if (list.ok()) {
    axis.values = list->items();
    return axis;
  }
  for (std::size_t start = 0; start <= values.size();) {
    const std::size_t comma = std::min(values.find(',', start), values.size());
    const std::string_view word = values.substr(start, comma - start);
    auto value = parse_json(word, "--axis");
    axis.values.push_back(value.ok() ? std::move(value).value() : Json(word));
    start = comma + 1;
  }
  return axis;
}

}  // namespace switchyard::sweep
