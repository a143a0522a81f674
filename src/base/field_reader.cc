#include "base/json.h"
#include "base/strings.h"

namespace caisson {
namespace {

const Json kNull;

// The value as an error message shows it.
std::string Excerpt(const Json& value) {
  constexpr size_t kLongest = 60;
  if (value.is_array() || value.is_object())
    return fmt::format("an {} of {}", value.type_name(), value.size());
  std::string text = WriteJson(value, {.allow_nan = true});
  if (text.size() > kLongest) {
    size_t end = kLongest;
    while (end > 0 && (text[end] & 0xC0) == 0x80) --end;
    text = text.substr(0, end) + "...";
  }
  return value.is_null() ? text : fmt::format("the {} {}", value.type_name(), text);
}

}  // namespace

FieldReader::FieldReader(const Json& json, std::string where)
    : json_(json), where_(std::move(where)) {
  if (!json.is_object() && !json.is_null()) {
    status_ =
        InvalidArgument("{}: must be an object (names with values), not {}", where_, Excerpt(json));
  }
}

const Json* FieldReader::Take(std::string_view key, bool required) {
  known_.emplace_back(key);
  const Json* value = json_.Find(key);
  if (value != nullptr && !value->is_null()) return value;
  if (required && status_.ok()) {
    if (value != nullptr) {
      status_ = InvalidArgument("{}: the field '{}' is required but has no value", where_, key);
    } else {
      status_ = InvalidArgument("{}: the required field '{}' is missing", where_, key);
    }
  }
  return nullptr;
}

void FieldReader::WrongType(std::string_view key, const Json& value, std::string_view accepted) {
  Fail(key, fmt::format("must be {}, not {}", accepted, Excerpt(value)));
}

void FieldReader::Fail(std::string_view key, std::string_view problem) {
  if (status_.ok()) status_ = InvalidArgument("{}: '{}' {}", where_, key, problem);
}

std::string FieldReader::String(std::string_view key) {
  const Json* value = Take(key, true);
  if (value == nullptr) return "";
  if (!value->is_string()) WrongType(key, *value, "a string");
  return value->AsString();
}

std::string FieldReader::String(std::string_view key, std::string_view fallback) {
  const Json* value = Take(key, false);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) WrongType(key, *value, "a string");
  return value->AsString(fallback);
}

int64_t FieldReader::Int(std::string_view key) {
  const Json* value = Take(key, true);
  if (value == nullptr) return 0;
  // Two fallbacks tell an exact integer from one that is none.
  if (value->AsInt(0) != value->AsInt(1)) WrongType(key, *value, "an integer");
  return value->AsInt();
}

int64_t FieldReader::Int(std::string_view key, int64_t fallback) {
  if (Has(key)) return Int(key);
  known_.emplace_back(key);
  return fallback;
}

double FieldReader::Double(std::string_view key) {
  const Json* value = Take(key, true);
  if (value == nullptr) return 0;
  if (!value->is_number()) WrongType(key, *value, "a number");
  return value->AsDouble();
}

double FieldReader::Double(std::string_view key, double fallback) {
  if (Has(key)) return Double(key);
  known_.emplace_back(key);
  return fallback;
}

bool FieldReader::Bool(std::string_view key, bool fallback) {
  const Json* value = Take(key, false);
  if (value == nullptr) return fallback;
  if (!value->is_bool()) WrongType(key, *value, "true or false");
  return value->AsBool(fallback);
}

std::vector<std::string> FieldReader::Strings(std::string_view key) {
  std::vector<std::string> out;
  const Json* value = Take(key, false);
  if (value == nullptr) return out;
  if (value->is_string()) {
    out.push_back(value->AsString());
    return out;
  }
  if (!value->is_array()) WrongType(key, *value, "a list of strings");
  for (const Json& element : value->array()) {
    if (!element.is_string()) WrongType(key, element, "a list of strings only");
    out.push_back(element.AsString());
  }
  return out;
}

const Json& FieldReader::Raw(std::string_view key) {
  const Json* value = Take(key, false);
  return value ? *value : kNull;
}

bool FieldReader::Has(std::string_view key) const { return !json_[key].is_null(); }

Status FieldReader::Finish() {
  if (!status_.ok()) return status_;
  for (const auto& [key, value] : json_.object()) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    status_ = InvalidArgument("{}: unknown field '{}'{}", where_, key, SuggestName(key, known_));
    break;
  }
  return status_;
}

}  // namespace caisson
