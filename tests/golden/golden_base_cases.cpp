#include <cmath>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "engine/base/core/file_system.h"
#include "engine/base/core/limits.h"
#include "engine/base/core/sha256.h"
#include "engine/base/core/text.h"
#include "engine/base/formats/safetensors.h"
#include "engine/base/formats/tokenizer.h"
#include "tests/golden/golden_cases.h"

namespace switchyard::golden {
namespace {

using formats::SafetensorsReader;
using formats::TensorInfo;

/// Collects the differences of a case whose answers are right or wrong.
class Tally {
 public:
  void check(bool is_right, const std::string& what) {
    ++num_checks_;
    if (is_right) return;
    ++num_wrong_;
    if (first_.empty()) first_ = what;
  }

  [[nodiscard]] CaseOutcome outcome() const {
    CaseOutcome result;
    result.passed = num_wrong_ == 0 && num_checks_ > 0;
    result.largest_error = static_cast<double>(num_wrong_);
    result.detail = first_.empty() ? std::to_string(num_checks_) + " checks" : first_;
    return result;
  }

 private:
  int num_checks_ = 0;
  int num_wrong_ = 0;
  std::string first_;
};

CaseOutcome skipped(std::string why) {
  CaseOutcome result;
  result.is_skipped = true;
  result.detail = std::move(why);
  return result;
}

/// Reads all bytes of all tensors; the digest of each, or the first error.
Result<std::vector<std::string>> digests(const SafetensorsReader& reader) {
  std::vector<std::string> found;
  for (const TensorInfo& tensor : reader.tensors()) {
    std::string bytes(static_cast<std::size_t>(tensor.end - tensor.begin), '\0');
    SY_RETURN_IF_ERROR(reader.read(tensor, bytes.data()));
    found.push_back(sha256_hex(bytes));
  }
  return found;
}

Json shape_json(const TensorInfo& tensor) {
  Json shape = Json::array();
  for (const std::int64_t dim : tensor.shape) shape.push_back(dim);
  return shape;
}

void check_valid_file(const Json& row, const SafetensorsReader& reader, Tally& tally) {
  const std::string& file = row["file"].as_string();
  const auto found = digests(reader);
  tally.check(found.ok(), file + ": tensors cannot be read");
  if (!found.ok()) return;
  tally.check(row["tensors"].size() == reader.tensors().size(), file + ": number of tensors");
  for (std::size_t i = 0; i < reader.tensors().size(); ++i) {
    const TensorInfo& tensor = reader.tensors()[i];
    const Json& want = row["tensors"][tensor.name];
    tally.check(want["dtype"].as_string() == tensor.dtype, file + ": dtype of " + tensor.name);
    tally.check(want["shape"] == shape_json(tensor), file + ": shape of " + tensor.name);
    tally.check(want["sha256"].as_string() == (*found)[i], file + ": bytes of " + tensor.name);
  }
  tally.check(row["metadata"].size() == reader.metadata().size(), file + ": metadata");
  for (const auto& [key, value] : reader.metadata())
    tally.check(row["metadata"][key].as_string() == value, file + ": metadata " + key);
}

std::string bytes_from_hex(const std::string& digits) {
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes.push_back(static_cast<char>(value(digits[i]) * 16 + value(digits[i + 1])));
  return bytes;
}

std::string little_endian_16(const std::int32_t* ids, std::size_t count) {
  std::string bytes;
  bytes.reserve(count * 2);
  for (std::size_t i = 0; i < count; ++i) {
    bytes.push_back(static_cast<char>(ids[i] & 0xFF));
    bytes.push_back(static_cast<char>((ids[i] >> 8) & 0xFF));
  }
  return bytes;
}

void check_first_ids(const Json& want,
                     const std::int32_t* ids,
                     std::size_t count,
                     const std::string& what,
                     Tally& tally) {
  tally.check(want.size() <= count, what + ": too few ids");
  for (std::size_t i = 0; i < want.size() && i < count; ++i)
    tally.check(want[i].as_integer(-1) == ids[i], what + ": id " + std::to_string(i));
}

}  // namespace

CaseOutcome run_safetensors_robustness(const Json& c,
                                       const std::string& folder,
                                       const std::string& /*data_dir*/) {
  Tally tally;
  for (const Json& row : c["expected"]["rows"].items()) {
    const std::string& file = row["file"].as_string();
    const std::string path = folder + "/" + file;
    tally.check(std::filesystem::exists(path), file + ": the file of the case is missing");
    const auto reader = SafetensorsReader::open(path);
    if (row["valid"].as_bool()) {
      tally.check(reader.ok(), file + ": refused: " + (reader.ok() ? "" : reader.error().text()));
      if (reader.ok()) check_valid_file(row, *reader, tally);
    } else {
      const bool is_refused = !reader.ok() || !digests(*reader).ok();
      tally.check(is_refused, file + ": accepted, though " + row["why"].as_string());
      tally.check(reader.ok() || !reader.error().message.empty(), file + ": refused without words");
    }
  }
  return tally.outcome();
}

CaseOutcome run_safetensors_mutations(const Json& c,
                                      const std::string& /*folder*/,
                                      const std::string& /*data_dir*/) {
  Tally tally;
  int number = 0;
  int num_stricter = 0;
  for (const Json& row : c["expected"]["rows"].items()) {
    const std::string name =
        "row " + std::to_string(number++) + " (" + row["origin"].as_string() + ")";
    const auto reader = SafetensorsReader::from_bytes(bytes_from_hex(row["hex"].as_string()), name);
    const bool is_read = reader.ok() && digests(*reader).ok();
    if (!row["reference_reader_accepts"].as_bool()) {
      tally.check(!is_read, name + ": accepted, the reference refuses it");
      continue;
    }
    if (!is_read) {  // a stricter reader is allowed
      ++num_stricter;
      tally.check(reader.ok() || !reader.error().message.empty(), name + ": refused without words");
      continue;
    }
    const Json& want = row["names_and_shapes"];
    tally.check(want.size() == reader->tensors().size(), name + ": number of tensors");
    for (const TensorInfo& tensor : reader->tensors())
      tally.check(want[tensor.name] == shape_json(tensor), name + ": shape of " + tensor.name);
  }
  CaseOutcome result = tally.outcome();
  if (result.passed)
    result.detail +=
        ", " + std::to_string(num_stricter) + " files refused that the reference reads";
  return result;
}

CaseOutcome run_char_dataset(const Json& c,
                             const std::string& /*folder*/,
                             const std::string& data_dir) {
  const Json& params = c["params"];
  const Json& expected = c["expected"];
  const std::string path = data_dir + "/" + params["file"].as_string();
  if (data_dir.empty() || !std::filesystem::exists(path))
    return skipped("needs " + params["file"].as_string() + " below the data folder (--data)");
  Tally tally;
  const auto text = read_file(path, limits::kTextBytes);
  tally.check(text.ok() && sha256_hex(*text) == params["file_sha256"].as_string(),
              "sha256 of the text file");
  if (!text.ok()) return tally.outcome();
  const auto tokenizer = formats::char_tokenizer_from_text(*text, path);
  tally.check(tokenizer.ok(), "the text has no vocabulary");
  if (!tokenizer.ok()) return tally.outcome();
  tally.check((*tokenizer)->vocab_size() == expected["vocab_size"].as_integer(), "vocab_size");
  tally.check((*tokenizer)->to_json()["characters"] == expected["characters"], "characters");
  const auto ids = (*tokenizer)->encode(*text);
  tally.check(ids.ok(), "the text cannot be encoded");
  if (!ids.ok()) return tally.outcome();
  tally.check(static_cast<std::int64_t>(ids->size()) == expected["code_points"].as_integer(),
              "code_points");
  tally.check((*tokenizer)->decode(*ids) == *text, "decoding gives the text back");
  const auto num_train = static_cast<std::size_t>(
      std::floor(params["train_fraction"].as_number() * static_cast<double>(ids->size())));
  const std::size_t num_val = ids->size() - num_train;
  const std::int32_t* val = ids->data() + num_train;
  tally.check(static_cast<std::int64_t>(num_train) == expected["train_tokens"].as_integer(),
              "train_tokens");
  tally.check(static_cast<std::int64_t>(num_val) == expected["validation_tokens"].as_integer(),
              "validation_tokens");
  check_first_ids(expected["first_ids"], ids->data(), num_train, "first_ids", tally);
  check_first_ids(expected["validation_first_ids"], val, num_val, "validation_first_ids", tally);
  tally.check(sha256_hex(little_endian_16(ids->data(), num_train)) ==
                  expected["train_sha256_u16le"].as_string(),
              "train_sha256_u16le");
  tally.check(
      sha256_hex(little_endian_16(val, num_val)) == expected["validation_sha256_u16le"].as_string(),
      "validation_sha256_u16le");
  return tally.outcome();
}

}  // namespace switchyard::golden
