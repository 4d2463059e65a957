#include "engine/base/config/node.h"

#include "engine/base/core/check.h"

namespace switchyard::config {

const Json& Node::at(std::string_view key) const {
  const Json* value = object_->find(key);
  SY_CHECK(value != nullptr, "the resolved configuration has no " + path_ + "/" + std::string(key));
  return *value;
}

std::int64_t Node::integer(std::string_view key) const {
  const Json& value = at(key);
  SY_CHECK(value.is_integer(), path_ + "/" + std::string(key) + " is no integer");
  return value.as_integer();
}

double Node::number(std::string_view key) const {
  const Json& value = at(key);
  SY_CHECK(value.is_number(), path_ + "/" + std::string(key) + " is no number");
  return value.as_number();
}

bool Node::boolean(std::string_view key) const {
  const Json& value = at(key);
  SY_CHECK(value.is_bool(), path_ + "/" + std::string(key) + " is no boolean");
  return value.as_bool();
}

const std::string& Node::text(std::string_view key) const {
  const Json& value = at(key);
  SY_CHECK(value.is_string(), path_ + "/" + std::string(key) + " is no text");
  return value.as_string();
}

Node Node::child(std::string_view key) const {
  const Json& value = at(key);
  SY_CHECK(value.is_object(), path_ + "/" + std::string(key) + " is no object");
  return Node(value, path_ + "/" + std::string(key));
}

std::vector<Node> Node::children(std::string_view key) const {
  const Json& value = at(key);
  SY_CHECK(value.is_array(), path_ + "/" + std::string(key) + " is no list");
  std::vector<Node> nodes;
  nodes.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i)
    nodes.emplace_back(value[i], path_ + "/" + std::string(key) + "/" + std::to_string(i));
  return nodes;
}

bool Node::has(std::string_view key) const {
  return object_->find(key) != nullptr;
}

}  // namespace switchyard::config
