#include <cstdio>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>

#include "app/cli.h"
#include "app/exit_codes.h"
#include "engine/base/core/text.h"
#include "engine/base/formats/dataset.h"
#include "engine/base/formats/tokenizer.h"

namespace switchyard::cli {
namespace {

Json json_from(const formats::DatasetInfo& info) {
  return Json::object({{"name", Json(info.name)},
                       {"title", Json(info.title)},
                       {"licence", Json(info.licence)},
                       {"source", Json(info.source)},
                       {"sha256", Json(info.sha256)},
                       {"bytes", Json(info.bytes)},
                       {"is_present", Json(info.is_present)},
                       {"path", Json(info.path)}});
}

int run_list(Context& context) {
  const auto datasets = formats::list_datasets();
  if (!datasets.ok()) return fail(context, datasets.error());
  for (const formats::DatasetInfo& info : *datasets) {
    if (context.use_json) {
      print_json(json_from(info));
      continue;
    }
    std::printf("%-18s %12s bytes  %-9s %s (%s)\n",
                info.name.c_str(),
                grouped(info.bytes).c_str(),
                info.is_present ? "present" : "missing",
                info.title.c_str(),
                info.licence.c_str());
  }
  return kExitDone;
}

int run_get(Context& context, const std::string& name, const std::string& from_file) {
  const auto info = formats::get_dataset(name, from_file);
  if (!info.ok()) return fail(context, info.error());
  if (context.use_json) {
    print_json(json_from(*info));
  } else {
    print_line(info->name + " is in place: " + info->path);
  }
  return kExitDone;
}

struct PrepareOptions {
  std::string name, text_file;
  std::string tokenizer = "char";
  double train_frac = 0.9;
  std::int64_t seq_len = 1;
};

Json data_section(const PrepareOptions& options) {
  return Json::object({{"dataset", Json(options.text_file.empty() ? options.name : "")},
                       {"text_file", Json(options.text_file)},
                       {"tokenizer", Json(options.tokenizer)},
                       {"train_frac", Json(options.train_frac)}});
}

int run_prepare(Context& context, const PrepareOptions& options, bool is_info) {
  const auto data = formats::prepare_data(data_section(options), options.seq_len);
  if (!data.ok()) return fail(context, data.error());
  const Json fields = Json::object({{"directory", Json(data->directory)},
                                    {"text_sha256", Json(data->text_sha256)},
                                    {"tokenizer", Json(data->tokenizer->name())},
                                    {"vocab_size", Json(data->tokenizer->vocab_size())},
                                    {"train_tokens", Json(data->train->size())},
                                    {"val_tokens", Json(data->val->size())},
                                    {"val_bytes_per_token", Json(data->val_bytes_per_token)}});
  if (context.use_json) {
    print_json(fields);
    return kExitDone;
  }
  for (const Json::Member& member : fields.members()) {
    const Json& value = member.second;
    const std::string text = value.is_string()    ? value.as_string()
                             : value.is_integer() ? grouped(value.as_integer())
                                                  : value.dump();
    std::printf("%-20s %s\n", member.first.c_str(), text.c_str());
  }
  if (!is_info) print_line("prepared");
  return kExitDone;
}

Result<std::unique_ptr<formats::Tokenizer>> open_tokenizer(const std::string& name,
                                                           const std::string& dataset,
                                                           const std::string& text) {
  if (name == "byte") return formats::byte_tokenizer();
  if (name != "char") {
    std::vector<std::string> known;
    for (const formats::TokenizerInfo& info : formats::all_tokenizers()) {
      known.emplace_back(info.name);
    }
    return Error{ErrorCode::kUsage,
                 "--tokenizer",
                 "expected one of " + join(known, ", ") + ", found `" + name + "`.",
                 "",
                 {}};
  }
  if (dataset.empty()) return formats::char_tokenizer_from_text(text, "standard input");
  SY_ASSIGN_OR_RETURN(const auto data,
                      formats::prepare_data(data_section({.name = dataset, .text_file = ""}), 1));
  return formats::tokenizer_from_json(data.tokenizer->to_json(), dataset);
}

int run_tokenize(Context& context, const std::string& name, const std::string& dataset) {
  const std::string text{std::istreambuf_iterator<char>(std::cin),
                         std::istreambuf_iterator<char>()};
  const auto tokenizer = open_tokenizer(name, dataset, text);
  if (!tokenizer.ok()) return fail(context, tokenizer.error());
  const auto ids = (*tokenizer)->encode(text);
  if (!ids.ok()) return fail(context, ids.error());
  if (context.use_json) {
    Json list = Json::array();
    for (const std::int32_t id : *ids) list.push_back(Json(id));
    print_json(Json::object({{"ids", std::move(list)}}));
    return kExitDone;
  }
  std::string line;
  for (const std::int32_t id : *ids) line += (line.empty() ? "" : " ") + std::to_string(id);
  print_line(line);
  return kExitDone;
}

void add_prepare(
    CLI::App& data, Context& context, const char* name, const char* help, bool is_info) {
  auto options = std::make_shared<PrepareOptions>();
  CLI::App* command = data.add_subcommand(name, help);
  CLI::Option* dataset = command->add_option("name", options->name, "data set");
  command->add_option("--text-file", options->text_file, "a text file of your own")
      ->type_name("FILE")
      ->excludes(dataset);
  command->add_option("--tokenizer", options->tokenizer, "char or byte");
  command->add_option("--train-frac", options->train_frac, "part of the text that trains")
      ->check(CLI::Range(0.0, 1.0));
  add_json_option(*command, context);
  command->callback([&context, options, is_info] {
    if (options->name.empty() && options->text_file.empty()) {
      fail(context,
           Error{ErrorCode::kUsage,
                 "data",
                 "expected the name of a data set or --text-file, found neither.",
                 "`switchyard-engine data list` names the data sets.",
                 {}});
      return;
    }
    run_prepare(context, *options, is_info);
  });
}

}  // namespace

void add_data_commands(CLI::App& app, Context& context) {
  CLI::App* data = app.add_subcommand("data", "Data sets: list, get, prepare, info");
  data->require_subcommand(1);
  CLI::App* list = data->add_subcommand("list", "List the data sets");
  add_json_option(*list, context);
  list->callback([&context] { run_list(context); });

  auto get_name = std::make_shared<std::string>();
  auto from_file = std::make_shared<std::string>();
  CLI::App* get = data->add_subcommand("get", "Put a data set in place (download or local file)");
  get->add_option("name", *get_name, "data set")->required();
  get->add_option("--from", *from_file, "take it from this file")->type_name("FILE");
  add_json_option(*get, context);
  get->callback([&context, get_name, from_file] { run_get(context, *get_name, *from_file); });

  add_prepare(*data, context, "prepare", "Make tokens of a text (cached)", false);
  add_prepare(*data, context, "info", "Tokens, vocabulary and split of a text", true);

  auto tokenizer = std::make_shared<std::string>("char");
  auto dataset = std::make_shared<std::string>();
  CLI::App* tokenize = app.add_subcommand("tokenize", "Text on standard input to token ids");
  tokenize->add_option("--tokenizer", *tokenizer, "char or byte");
  tokenize->add_option("--dataset",
                       *dataset,
                       "data set whose characters are the vocabulary (char; default: the input's)");
  add_json_option(*tokenize, context);
  tokenize->callback(
      [&context, tokenizer, dataset] { run_tokenize(context, *tokenizer, *dataset); });
}

}  // namespace switchyard::cli
