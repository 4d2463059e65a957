#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/config/schema.h"
#include "engine/base/core/json.h"
#include "engine/base/core/result.h"

namespace switchyard::ui {

/// Where a draft began, and what its equivalent command names.
struct DraftOrigin {
  enum class Kind { kPreset, kRun, kFile };
  Kind kind = Kind::kPreset;
  std::string name;  ///< of the preset, else the path of the run folder or file
};

/// A configuration that is being edited: unresolved JSON, changed by pointer, checked after every
/// change, with undo.
///
/// Values that do not fit are kept as typed, so that the form can show them beside their errors.
/// Limits: undo is unbounded, one entry per committed edit.
/// Threads: a value of the frame thread.
class ConfigDraft {
 public:
  using SchemaPtr = std::shared_ptr<const config::Schema>;

  /// `document` is the unresolved configuration the draft begins with. Changes are counted against
  /// `base`, a resolved configuration; null: against the document itself.
  ConfigDraft(SchemaPtr schema, Json document, DraftOrigin origin, Json base = Json());

  [[nodiscard]] const config::Schema& schema() const { return *schema_; }

  [[nodiscard]] const DraftOrigin& origin() const { return origin_; }

  [[nodiscard]] const Json& document() const { return document_; }  ///< unresolved, as saved

  /// Defaults filled in; null where a value does not fit.
  [[nodiscard]] const Json& resolved() const { return resolved_; }

  [[nodiscard]] const Json& base() const { return base_; }

  [[nodiscard]] const std::vector<Error>& errors() const { return errors_; }

  [[nodiscard]] bool is_valid() const { return errors_.empty(); }

  /// What the form shows at a pointer: what was given, else the default; null when there is
  /// neither.
  [[nodiscard]] const Json& value(std::string_view pointer) const;
  [[nodiscard]] bool is_changed(std::string_view pointer) const;
  /// Differences of the resolved configuration to the base.
  [[nodiscard]] std::vector<config::Difference> changes() const;

  /// Changes one value; an entry of its own in undo.
  void set(std::string_view pointer, Json value);
  /// A value while it is being typed: all changes of one pointer in a row are one entry, closed by
  /// commit().
  void type(std::string_view pointer, Json value);
  void commit();
  /// Takes another alternative of a variant; settings that both have are kept.
  void set_variant(std::string_view pointer, std::string_view type);
  void remove(std::string_view pointer);  ///< back to the schema's default
  void revert(std::string_view pointer);  ///< back to the base
  void revert_all();

  // The list of layer groups.
  [[nodiscard]] std::size_t num_layer_groups() const;
  void add_layer_group();
  void duplicate_layer_group(std::size_t index);
  void remove_layer_group(std::size_t index);  ///< the last one stays
  void move_layer_group(std::size_t from, std::size_t to);

  void undo();
  void redo();

  [[nodiscard]] bool can_undo() const { return !undo_.empty(); }

  [[nodiscard]] bool can_redo() const { return !redo_.empty(); }

  /// Grows with every change, typed ones included.
  [[nodiscard]] std::int64_t revision() const { return revision_; }

  /// Grows when an edit is complete: what autosave follows.
  [[nodiscard]] std::int64_t committed_revision() const { return committed_; }

  /// The command that trains the same configuration in a terminal.
  [[nodiscard]] std::string command_line() const;

  /// The draft with its origin as text of a file, for autosave; parse_saved_draft reads it.
  [[nodiscard]] std::string saved_text() const;
  /// The document as it was at the beginning is kept, `document` takes its place.
  void restore(Json document);

 private:
  void apply(Json next);
  void refresh();
  Json* materialise(Json& document, std::string_view pointer) const;
  Json layer_groups() const;

  SchemaPtr schema_;
  DraftOrigin origin_;
  Json first_;     ///< the document of the beginning: what the command starts from
  Json base_;      ///< resolved
  Json document_;  ///< now
  Json resolved_;
  std::vector<Error> errors_;
  std::vector<Json> undo_, redo_;
  std::string typing_;  ///< pointer of the entry that is still open
  std::int64_t revision_ = 0, committed_ = 0;
};

/// A configuration as people keep it in a file: without the card of a preset, brought to the
/// current version. Errors: kConfig, kInputFile.
Result<Json> config_document(std::string_view text, std::string_view source);

/// Text of the file that `config_document` reads back to the same document.
std::string config_file_text(const Json& document);

/// The assignments (as after --set) that turn the document `first` into the resolved `wanted`.
std::vector<std::string> settings_between(const config::Schema& schema,
                                          const Json& first,
                                          const Json& wanted);

/// A word of a command line, quoted when a shell would change it.
std::string shell_quoted(std::string_view word);

/// The value at a JSON pointer, or nullptr.
const Json* value_at(const Json& root, std::string_view pointer);

/// Parts of a JSON pointer, unescaped.
std::vector<std::string> pointer_parts(std::string_view pointer);

/// "/optimizer/learning_rate" -> "optimizer.learning_rate", as --set and tooltips name it.
std::string dotted_path(std::string_view pointer);

/// The declaration behind a pointer, following the variants chosen in `config`; nullptr when there
/// is none.
const config::Field* field_at(const config::Schema& schema,
                              const Json& config,
                              std::string_view pointer);

/// The alternative that `value` chooses; the first when it names none, nullptr when it is unknown.
const config::Field::Alternative* alternative_of(const config::Field& field, const Json& value);

/// What a person typed into the field as a value: a number if it reads as one, else the text
/// itself, which the check then refuses with a reason.
Json value_from_text(const config::Field& field, std::string_view text);

/// The text in which a value is edited.
std::string text_from_value(const Json& value);

}  // namespace switchyard::ui
