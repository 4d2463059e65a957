#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"
#include "engine/base/core/result.h"
#include "engine/base/formats/token_shard.h"
#include "engine/base/formats/tokenizer.h"

namespace switchyard::formats {

/// One entry of assets/datasets.json: where a text comes from, its licence, size and checksum.
struct DatasetInfo {
  std::string name;  ///< "shakespeare", "tinyshakespeare"
  std::string title;
  std::string licence;
  std::string source;  ///< for people: package or address
  std::string url;     ///< "" when it has no public download (comes with setup)
  std::string sha256;
  std::int64_t bytes = 0;
  bool is_present = false;  ///< the text is in the data folder, with the right size
  std::string path;         ///< of the text file
};

/// $SWITCHYARD_DATA, else $XDG_DATA_HOME/switchyard/data, else ~/.local/share/switchyard/data.
std::string data_directory();
Result<std::vector<DatasetInfo>> list_datasets();
/// One entry by name; an unknown name is kConfig at `where` with the nearest name and the list.
Result<DatasetInfo> find_dataset(std::string_view name, std::string_view where);
/// Puts a data set in place: copied from `from_file`, else downloaded (libcurl); checked by sha256;
/// atomic. Does nothing when the right text is there. Errors: kUnavailable (no download, no
/// network) and kInputFile (another text) with the way out.
Result<DatasetInfo> get_dataset(std::string_view name, const std::string& from_file);

/// A text made into tokens: two shards and a tokenizer, cached under <data>/prepared/<text
/// sha256>-<tokenizer>-<train_frac>/.
struct PreparedData {
  std::string directory;
  std::shared_ptr<Tokenizer> tokenizer;
  std::shared_ptr<TokenShard> train;
  std::shared_ptr<TokenShard> val;
  double val_bytes_per_token = 1.0;  ///< for bits per byte
  std::string text_sha256;
};

/// Prepares the data of a resolved config's "data" section (dataset by name, or `text_file`), or
/// opens the cache. Split: the first floor(train_frac x n) characters are the training part. Errors
/// (kInputFile, with the way out): missing data set (names `switchyard-engine data get`), missing,
/// empty, binary (NUL bytes or invalid UTF-8) text, a split shorter than seq_len + 1.
Result<PreparedData> prepare_data(const Json& data_config, std::int64_t seq_len);

}  // namespace switchyard::formats
