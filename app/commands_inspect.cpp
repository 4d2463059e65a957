#include <cstdio>
#include <memory>

#include "app/cli.h"
#include "app/exit_codes.h"
#include "engine/base/config/model_flops.h"
#include "engine/base/config/model_size.h"
#include "engine/base/config/presets.h"
#include "engine/base/config/schema.h"
#include "engine/base/core/file_system.h"
#include "engine/base/core/text.h"
#include "engine/base/formats/dataset.h"
#include "engine/train/loop/run_setup.h"

namespace switchyard::cli {
namespace {

int run_presets(Context& context) {
  const auto presets = config::load_presets(config::configs_directory());
  if (!presets.ok()) return fail(context, presets.error());
  std::string group;
  for (const config::Preset& preset : *presets) {
    if (context.use_json) {
      print_json(Json::object({{"name", Json(preset.name)},
                               {"group", Json(preset.group)},
                               {"summary", Json(preset.summary)},
                               {"expected", Json(preset.expected)},
                               {"source", Json(preset.source)},
                               {"time_cpu", Json(preset.time_cpu)},
                               {"time_gpu", Json(preset.time_gpu)},
                               {"is_default", Json(preset.is_default)}}));
      continue;
    }
    if (preset.group != group) print_line((group.empty() ? "" : "\n") + preset.group);
    group = preset.group;
    std::printf("  %-28s %s%s\n",
                preset.name.c_str(),
                preset.summary.c_str(),
                preset.is_default ? " (default)" : "");
  }
  return kExitDone;
}

struct ConfigOptions {
  std::string preset, config_file;
  std::vector<std::string> settings;
};

void add_config_options(CLI::App& command, ConfigOptions& options) {
  command.add_option("--preset", options.preset, "name of a preset")->type_name("NAME");
  command.add_option("--config", options.config_file, "configuration file")->type_name("FILE");
  command.add_option("--set", options.settings, "change one key")
      ->type_name("PATH=VALUE")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

int run_params(Context& context, const ConfigOptions& options, std::int64_t vocab_size) {
  std::string source;
  const auto loaded =
      train::load_config(options.preset, options.config_file, options.settings, source);
  if (!loaded.ok()) return fail(context, loaded.error());
  const config::Resolved resolved = config::resolve(train::program_schema(), *loaded, source);
  if (!resolved.ok()) return fail(context, resolved.errors);
  const Json& config = resolved.config;
  if (vocab_size == 0) vocab_size = config["model"]["vocab_size"].as_integer();
  if (vocab_size == 0) {
    const auto data =
        formats::prepare_data(config["data"], config["model"]["seq_len"].as_integer());
    if (!data.ok()) return fail(context, data.error());
    vocab_size = data->tokenizer->vocab_size();
  }
  const config::ModelSize size = config::model_size(config, vocab_size);
  const Json by_part = config::flops_by_part(config, vocab_size);
  const auto rules = config::flop_rules(config, vocab_size);
  if (context.use_json) {
    Json by_rule = Json::object();
    for (const config::FlopRule& rule : rules)
      by_rule.set(rule.name, Json(rule.flops_per_token_step));
    print_json(Json::object({{"params_total", Json(size.params_total)},
                             {"params_active", Json(size.params_active)},
                             {"flops_per_token_forward", Json(size.flops_per_token_forward)},
                             {"flops_per_token_step", Json(size.flops_per_token_step)},
                             {"flops_by_part", by_part},
                             {"flops_per_token_step_by_rule", std::move(by_rule)},
                             {"vocab_size", Json(vocab_size)}}));
    return kExitDone;
  }
  print_line("parameters             " + grouped(size.params_total));
  print_line("active per token       " + grouped(size.params_active));
  std::printf("FLOP per token forward %.4g\nFLOP per token step    %.4g\n",
              size.flops_per_token_forward,
              size.flops_per_token_step);
  print_line("vocabulary             " + grouped(vocab_size));
  print_line("\nFLOP per token         forward     step");
  for (const auto& [name, flops] : by_part["forward"].members()) {
    std::printf("  %-20s %-11.4g %.4g\n",
                name.c_str(),
                flops.as_number(),
                by_part["step"][name].as_number());
  }
  print_line("\nFLOP per token step by rule (C d_model, L layers, T seq_len, N active parameters)");
  for (const config::FlopRule& rule : rules) {
    std::printf("  %-20s %-11.4g %s\n",
                std::string(rule.name).c_str(),
                rule.flops_per_token_step,
                std::string(rule.formula).c_str());
  }
  return kExitDone;
}

int run_schema(Context& context, const std::string& directory) {
  const std::string text = config::json_schema(train::program_schema()).dump(2) + "\n";
  if (directory.empty()) {
    std::fputs(text.c_str(), stdout);
    return kExitDone;
  }
  const std::string path = directory + "/run.schema.json";
  Status status = make_directories(directory);
  if (status.ok()) status = write_file_durably(path, text);
  if (!status.ok()) return fail(context, status.error());
  if (context.use_json) {
    print_json(Json::object({{"path", Json(path)}}));
  } else {
    print_line("wrote " + path);
  }
  return kExitDone;
}

}  // namespace

void add_inspect_commands(CLI::App& app, Context& context) {
  CLI::App* presets = app.add_subcommand("presets", "List the presets");
  add_json_option(*presets, context);
  presets->callback([&context] { run_presets(context); });

  auto options = std::make_shared<ConfigOptions>();
  auto vocab_size = std::make_shared<std::int64_t>(0);
  CLI::App* params = app.add_subcommand("params", "Count parameters and operations of a model");
  add_config_options(*params, *options);
  params->add_option("--vocab-size", *vocab_size, "0 takes the vocabulary of the data set")
      ->check(CLI::Range(0, 16777216));
  add_json_option(*params, context);
  params->callback([&context, options, vocab_size] { run_params(context, *options, *vocab_size); });

  auto directory = std::make_shared<std::string>();
  CLI::App* schema = app.add_subcommand("schema", "Print the JSON Schema of run configurations");
  schema->add_option("--write", *directory, "write run.schema.json into this folder instead")
      ->type_name("DIR");
  add_json_option(*schema, context);
  schema->callback([&context, directory] { run_schema(context, *directory); });
}

}  // namespace switchyard::cli
