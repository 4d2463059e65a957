#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/core/json.h"

namespace switchyard::config {

/// A read-only view of one object of a *resolved* configuration.
///
/// Every declared key is present and has its declared type and range, so reading cannot fail;
/// asking for a key that the schema does not declare is a mistake of ours and stops the program
/// with the path of the key (SY_CHECK).
/// Threads: reads only; the configuration must outlive the view.
class Node {
 public:
  explicit Node(const Json& object, std::string path = "")
      : object_(&object), path_(std::move(path)) {}

  [[nodiscard]] std::int64_t integer(std::string_view key) const;
  [[nodiscard]] double number(std::string_view key) const;
  [[nodiscard]] bool boolean(std::string_view key) const;
  [[nodiscard]] const std::string& text(std::string_view key) const;
  [[nodiscard]] Node child(std::string_view key) const;                  ///< an object
  [[nodiscard]] std::vector<Node> children(std::string_view key) const;  ///< a list of objects
  [[nodiscard]] bool has(std::string_view key) const;

  [[nodiscard]] const Json& json() const { return *object_; }

  [[nodiscard]] const std::string& path() const { return path_; }  ///< JSON pointer, for messages

 private:
  const Json& at(std::string_view key) const;
  const Json* object_;
  std::string path_;
};

}  // namespace switchyard::config
