#include "base/json.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/strings.h"

namespace caisson {
namespace {

const Json kNull;
const std::string kEmptyString;
const Json::Array kEmptyArray;
const Json::Object kEmptyObject;

constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr double kTwoTo64 = 18446744073709551616.0;

// One step of "a.b[0].c": a key, or an index.
struct PathStep {
  std::string_view key;
  std::optional<size_t> index;
};

// Nothing when the path is malformed.
std::optional<std::vector<PathStep>> ParsePath(std::string_view path) {
  std::vector<PathStep> steps;
  size_t i = 0;
  while (i < path.size()) {
    if (path[i] == '[') {
      const size_t close = path.find(']', i);
      if (close == std::string_view::npos) return std::nullopt;
      const auto index = ParseInt(path.substr(i + 1, close - i - 1));
      if (!index || *index < 0) return std::nullopt;
      steps.push_back({{}, static_cast<size_t>(*index)});
      i = close + 1;
      if (i < path.size() && path[i] == '.') {
        if (++i == path.size()) return std::nullopt;
      } else if (i < path.size() && path[i] != '[') {
        return std::nullopt;
      }
    } else {
      const size_t end = std::min(path.find_first_of(".[", i), path.size());
      if (end == i) return std::nullopt;
      steps.push_back({path.substr(i, end - i), std::nullopt});
      i = end;
      if (i < path.size() && path[i] == '.') {
        if (++i == path.size()) return std::nullopt;
      }
    }
  }
  return steps;
}

bool NumbersEqual(const Json& a, const Json& b) {
  if (a.is_double() && b.is_double()) return a.AsDouble() == b.AsDouble();
  if (b.is_double()) return NumbersEqual(b, a);
  if (a.is_double()) {
    const double value = a.AsDouble();
    if (value != std::trunc(value)) return false;
    // Compared as integers: as doubles, 2^53 and 2^53 + 1 would be the same.
    if (b.is_int())
      return value >= -kTwoTo63 && value < kTwoTo63 && static_cast<int64_t>(value) == b.AsInt();
    return value >= kTwoTo63 && value < kTwoTo64 && static_cast<uint64_t>(value) == b.AsUint();
  }
  return false;
}

bool ObjectsEqual(const Json::Object& a, const Json::Object& b) {
  if (a.size() != b.size()) return false;
  // Equal objects mostly have one order; from the first difference on, look up by name.
  size_t i = 0;
  while (i < a.size() && a[i].first == b[i].first) {
    if (!(a[i].second == b[i].second)) return false;
    ++i;
  }
  if (i == a.size()) return true;
  std::unordered_map<std::string_view, const Json*> others;
  for (size_t j = i; j < b.size(); ++j) others.emplace(b[j].first, &b[j].second);
  for (; i < a.size(); ++i) {
    const auto found = others.find(a[i].first);
    if (found == others.end() || !(a[i].second == *found->second)) return false;
  }
  return true;
}

}  // namespace

std::string_view Json::type_name() const {
  constexpr std::string_view kNames[] = {"null",   "boolean", "integer", "integer",
                                         "number", "string",  "array",   "object"};
  return kNames[value_.index()];
}

bool Json::AsBool(bool fallback) const {
  const bool* value = std::get_if<bool>(&value_);
  return value ? *value : fallback;
}

int64_t Json::AsInt(int64_t fallback) const {
  if (const int64_t* value = std::get_if<int64_t>(&value_)) return *value;
  if (const double* value = std::get_if<double>(&value_)) {
    if (*value >= -kTwoTo63 && *value < kTwoTo63 && *value == std::trunc(*value))
      return static_cast<int64_t>(*value);
  }
  return fallback;
}

uint64_t Json::AsUint(uint64_t fallback) const {
  if (const uint64_t* value = std::get_if<uint64_t>(&value_)) return *value;
  if (const int64_t* value = std::get_if<int64_t>(&value_))
    return *value >= 0 ? static_cast<uint64_t>(*value) : fallback;
  if (const double* value = std::get_if<double>(&value_)) {
    if (*value >= 0 && *value < kTwoTo64 && *value == std::trunc(*value))
      return static_cast<uint64_t>(*value);
  }
  return fallback;
}

double Json::AsDouble(double fallback) const {
  if (const double* value = std::get_if<double>(&value_)) return *value;
  if (const int64_t* value = std::get_if<int64_t>(&value_)) return static_cast<double>(*value);
  if (const uint64_t* value = std::get_if<uint64_t>(&value_)) return static_cast<double>(*value);
  return fallback;
}

const std::string& Json::AsString() const {
  const std::string* value = std::get_if<std::string>(&value_);
  return value ? *value : kEmptyString;
}

std::string Json::AsString(std::string_view fallback) const {
  const std::string* value = std::get_if<std::string>(&value_);
  return value ? *value : std::string(fallback);
}

const Json::Array& Json::array() const {
  const Array* value = std::get_if<Array>(&value_);
  return value ? *value : kEmptyArray;
}

const Json::Object& Json::object() const {
  const Object* value = std::get_if<Object>(&value_);
  return value ? *value : kEmptyObject;
}

const Json* Json::Find(std::string_view key) const {
  for (const Member& member : object()) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

const Json& Json::operator[](std::string_view key) const {
  const Json* found = Find(key);
  return found ? *found : kNull;
}

const Json& Json::operator[](size_t index) const {
  const Array& elements = array();
  return index < elements.size() ? elements[index] : kNull;
}

size_t Json::size() const { return is_array() ? array().size() : object().size(); }

Json& Json::Set(std::string_view key, Json value) {
  Mutable(key) = std::move(value);
  return *this;
}

Json& Json::Mutable(std::string_view key) {
  Object& members = mutable_object();
  for (Member& member : members) {
    if (member.first == key) return member.second;
  }
  return members.emplace_back(std::string(key), Json()).second;
}

void Json::Remove(std::string_view key) {
  if (Object* members = std::get_if<Object>(&value_)) {
    std::erase_if(*members, [&](const Member& member) { return member.first == key; });
  }
}

Json& Json::Append(Json value) {
  mutable_array().push_back(std::move(value));
  return *this;
}

Json::Array& Json::mutable_array() {
  if (!is_array()) value_ = Array();
  return std::get<Array>(value_);
}

Json::Object& Json::mutable_object() {
  if (!is_object()) value_ = Object();
  return std::get<Object>(value_);
}

const Json* Json::FindPath(std::string_view dotted_path) const {
  const auto steps = ParsePath(dotted_path);
  if (!steps) return nullptr;
  const Json* at = this;
  for (const PathStep& step : *steps) {
    if (step.index) {
      at = *step.index < at->array().size() ? &at->array()[*step.index] : nullptr;
    } else {
      at = at->Find(step.key);
    }
    if (at == nullptr) return nullptr;
  }
  return at;
}

Status Json::SetPath(std::string_view dotted_path, Json value) {
  const auto steps = ParsePath(dotted_path);
  if (!steps || steps->empty()) {
    return InvalidArgument(
        "'{}' is not a path; accepted are names joined by dots and indexes, like a.b[0].c",
        dotted_path);
  }
  Json* at = this;
  for (const PathStep& step : *steps) {
    if (step.index) {
      if (!at->is_array() || *step.index >= at->size()) {
        return InvalidArgument(
            "'{}' has no element [{}]: the value there is of type {} with {} elements", dotted_path,
            *step.index, at->type_name(), at->size());
      }
      at = &at->mutable_array()[*step.index];
    } else {
      if (!at->is_null() && !at->is_object()) {
        return InvalidArgument(
            "cannot set '{}': '{}' would lie in a value of type {}, not in an object", dotted_path,
            step.key, at->type_name());
      }
      at = &at->Mutable(step.key);
    }
  }
  *at = std::move(value);
  return OkStatus();
}

bool Json::operator==(const Json& other) const {
  if (value_.index() != other.value_.index()) {
    return is_number() && other.is_number() && NumbersEqual(*this, other);
  }
  if (is_object()) return ObjectsEqual(object(), other.object());
  return value_ == other.value_;
}

}  // namespace caisson
