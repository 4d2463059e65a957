#include "engine/base/formats/dataset.h"

#include <cmath>
#include <span>

#include "engine/base/core/file_system.h"
#include "engine/base/core/limits.h"
#include "engine/base/core/sha256.h"
#include "engine/base/core/text.h"

namespace switchyard::formats {
namespace {

Error bad_text(const std::string& path, std::string message, std::string hint) {
  return {ErrorCode::kInputFile, path, std::move(message), std::move(hint), {}};
}

/// The text that a "data" section names, and the path it came from.
struct SourceText {
  std::string path;
  std::string text;
  std::string sha256;
};

/// Where the text lies; for a text of the user only `path` is set.
Result<DatasetInfo> locate_text(const Json& data_config) {
  DatasetInfo own;
  own.path = data_config["text_file"].as_string();
  if (!own.path.empty()) return own;
  SY_ASSIGN_OR_RETURN(const DatasetInfo info,
                      find_dataset(data_config["dataset"].as_string(), "/data/dataset"));
  if (info.is_present) return info;
  return bad_text(info.path,
                  "expected the text of the data set " + info.name + " (" + grouped(info.bytes) +
                      " bytes), found none.",
                  info.url.empty() ? "Run ./studio --build, or: switchyard-engine data get " +
                                         info.name + " --from FILE."
                                   : "Run: switchyard-engine data get " + info.name + ".");
}

Result<SourceText> read_text(const Json& data_config) {
  SourceText source;
  SY_ASSIGN_OR_RETURN(const DatasetInfo located, locate_text(data_config));
  source.path = located.path;
  SY_ASSIGN_OR_RETURN(const FileInfo info, real_file_system().info(source.path));
  if (!info.exists || info.is_directory)
    return bad_text(
        source.path,
        info.exists ? "expected a text file, found a folder." : "expected a text file, found none.",
        "Set data.text_file to a UTF-8 text file.");
  SY_ASSIGN_OR_RETURN(source.text, read_file(source.path, limits::kTextBytes));
  if (source.text.empty())
    return bad_text(source.path, "expected text, found an empty file.", "Choose another file.");
  if (const std::size_t nul = source.text.find('\0'); nul != std::string::npos)
    return bad_text(source.path,
                    "expected text, found a binary file (NUL at offset " +
                        grouped(static_cast<std::int64_t>(nul)) + ").",
                    "Choose a plain text file in UTF-8.");
  if (const std::size_t bad = find_invalid_utf8(source.text); bad != std::string::npos)
    return bad_text(source.path,
                    "expected UTF-8 text, found an invalid byte at offset " +
                        grouped(static_cast<std::int64_t>(bad)) + ".",
                    "Convert it, for example: iconv -f ISO-8859-1 -t UTF-8 FILE.");
  source.sha256 = sha256_hex(source.text);
  if (!located.sha256.empty() && source.sha256 != located.sha256)
    return bad_text(source.path,
                    "its content is not that of the data set " + located.name + " (sha256 " +
                        source.sha256.substr(0, 12) + "… instead of " +
                        located.sha256.substr(0, 12) + "…).",
                    "Put it in place again: switchyard-engine data get " + located.name + ".");
  return source;
}

/// Offset of the first byte of the validation part.
std::size_t split_offset(std::string_view text, double train_frac) {
  std::size_t num_characters = 0;
  for (const char c : text)
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) ++num_characters;
  const auto num_train =
      static_cast<std::size_t>(std::floor(train_frac * static_cast<double>(num_characters)));
  std::size_t offset = 0;
  for (std::size_t seen = 0; offset < text.size(); ++offset) {
    const bool is_start = (static_cast<unsigned char>(text[offset]) & 0xC0U) != 0x80U;
    if (is_start && seen++ == num_train) break;
  }
  return offset;
}

Status check_length(const std::string& path,
                    std::string_view part,
                    std::int64_t num_tokens,
                    std::int64_t seq_len) {
  if (num_tokens >= seq_len + 1) return {};
  return bad_text(path,
                  "expected at least " + grouped(seq_len + 1) + " tokens in the " +
                      std::string(part) + " part (seq_len + 1), found " + grouped(num_tokens) + ".",
                  "Use a longer text, lower model.seq_len, or change data.train_frac.");
}

constexpr std::string_view kTrainFile = "/train.tokens";
constexpr std::string_view kValFile = "/val.tokens";
constexpr std::string_view kTokenizerFile = "/tokenizer.json";
constexpr std::string_view kSummaryFile = "/prepared.json";

std::string in(const std::string& directory, std::string_view name) {
  return directory + std::string(name);
}

Result<Json> read_document(const std::string& path) {
  SY_ASSIGN_OR_RETURN(const std::string text, read_file(path, limits::kTokenizerBytes));
  JsonLimits json_limits;
  json_limits.max_bytes = limits::kTokenizerBytes;
  json_limits.max_values = limits::kTokenizerEntries + 100;
  return parse_json(text, path, json_limits);
}

Result<PreparedData> open_prepared(const std::string& directory, const std::string& text_sha256) {
  PreparedData data;
  data.directory = directory;
  data.text_sha256 = text_sha256;
  SY_ASSIGN_OR_RETURN(const Json summary, read_document(in(directory, kSummaryFile)));
  data.val_bytes_per_token = summary["val_bytes_per_token"].as_number();
  SY_ASSIGN_OR_RETURN(const Json tokenizer, read_document(in(directory, kTokenizerFile)));
  SY_ASSIGN_OR_RETURN(data.tokenizer,
                      tokenizer_from_json(tokenizer, in(directory, kTokenizerFile)));
  SY_ASSIGN_OR_RETURN(TokenShard train, TokenShard::open(in(directory, kTrainFile)));
  SY_ASSIGN_OR_RETURN(TokenShard val, TokenShard::open(in(directory, kValFile)));
  const std::int64_t vocab_size = data.tokenizer->vocab_size();
  if (train.vocab_size() != vocab_size || val.vocab_size() != vocab_size ||
      !(data.val_bytes_per_token > 0.0) || summary["text_sha256"].as_string() != text_sha256)
    return bad_text(directory, "its files do not belong together.", "Delete the folder.");
  data.train = std::make_shared<TokenShard>(std::move(train));
  data.val = std::make_shared<TokenShard>(std::move(val));
  return data;
}

Result<std::unique_ptr<Tokenizer>> tokenizer_for(const std::string& name,
                                                 const SourceText& source) {
  if (name == "byte") return byte_tokenizer();
  return char_tokenizer_from_text(source.text, source.path);
}

/// Writes all files of a prepared text into `directory`, which exists and is empty.
Status write_prepared(const std::string& directory,
                      const SourceText& source,
                      const Json& data_config,
                      std::int64_t seq_len) {
  SY_ASSIGN_OR_RETURN(const std::unique_ptr<Tokenizer> tokenizer,
                      tokenizer_for(data_config["tokenizer"].as_string(), source));
  const std::size_t split = split_offset(source.text, data_config["train_frac"].as_number());
  const std::string_view text = source.text;
  SY_ASSIGN_OR_RETURN(const std::vector<std::int32_t> train,
                      tokenizer->encode(text.substr(0, split)));
  SY_ASSIGN_OR_RETURN(const std::vector<std::int32_t> val, tokenizer->encode(text.substr(split)));
  SY_RETURN_IF_ERROR(
      check_length(source.path, "training", static_cast<std::int64_t>(train.size()), seq_len));
  SY_RETURN_IF_ERROR(
      check_length(source.path, "validation", static_cast<std::int64_t>(val.size()), seq_len));
  const std::int64_t vocab_size = tokenizer->vocab_size();
  SY_RETURN_IF_ERROR(write_token_shard(in(directory, kTrainFile), train, vocab_size));
  SY_RETURN_IF_ERROR(write_token_shard(in(directory, kValFile), val, vocab_size));
  SY_RETURN_IF_ERROR(
      write_file_durably(in(directory, kTokenizerFile), tokenizer->to_json().dump() + "\n"));
  Json summary = Json::object();
  summary.set("text_sha256", source.sha256);
  summary.set("text_bytes", static_cast<std::int64_t>(text.size()));
  summary.set("train_tokens", static_cast<std::int64_t>(train.size()));
  summary.set("val_tokens", static_cast<std::int64_t>(val.size()));
  summary.set("val_bytes_per_token",
              static_cast<double>(text.size() - split) / static_cast<double>(val.size()));
  return write_file_durably(in(directory, kSummaryFile), summary.dump(2) + "\n");
}

/// Writes into a temporary folder and renames it, so that a folder that can be seen is complete.
Status build_cache(const std::string& directory,
                   const SourceText& source,
                   const Json& data_config,
                   std::int64_t seq_len) {
  FileSystem& fs = real_file_system();
  const std::string temporary = directory + ".tmp-" + unique_suffix();
  SY_RETURN_IF_ERROR(make_directories(temporary));
  Status done = write_prepared(temporary, source, data_config, seq_len);
  if (done.ok()) done = remove_tree(directory);  // a damaged one, if any
  if (done.ok()) done = fs.rename(temporary, directory, RenameMode::kNoReplace);
  if (done.ok()) return fs.sync_directory(parent_directory(directory));
  // The first failure is the one to report.
  static_cast<void>(remove_tree(temporary));
  SY_ASSIGN_OR_RETURN(const FileInfo info, fs.info(directory));
  // Another process may have finished the same work first: then its folder is as good.
  if (info.exists) return {};
  return done;
}

}  // namespace

Result<PreparedData> prepare_data(const Json& data_config, std::int64_t seq_len) {
  SY_ASSIGN_OR_RETURN(const SourceText source, read_text(data_config));
  const std::string directory = data_directory() + "/prepared/" + source.sha256 + "-" +
                                data_config["tokenizer"].as_string() + "-" +
                                short_number(data_config["train_frac"].as_number());
  auto data = open_prepared(directory, source.sha256);
  if (!data.ok()) {
    SY_RETURN_IF_ERROR(build_cache(directory, source, data_config, seq_len));
    data = open_prepared(directory, source.sha256);
    if (!data.ok()) return data;
  }
  SY_RETURN_IF_ERROR(check_length(source.path, "training", data->train->size(), seq_len));
  SY_RETURN_IF_ERROR(check_length(source.path, "validation", data->val->size(), seq_len));
  return data;
}

}  // namespace switchyard::formats
