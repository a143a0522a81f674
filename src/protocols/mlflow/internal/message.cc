#include "protocols/mlflow/internal/message.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/strings.h"
#include "lifecycle/tracking/artifacts.h"
#include "lifecycle/tracking/python_text.h"

namespace caisson::mlflow::internal {
namespace {

using tracking::PythonCompactJson;
using tracking::PythonTypeName;

constexpr std::string_view kSeeDocs =
    " See the API docs for more information about request parameters.";

// The name of a field in protobuf's own JSON, which is accepted as well: run_id is also runId.
std::string CamelCase(std::string_view name) {
  std::string camel;
  bool upper = false;
  for (char c : name) {
    if (c == '_') {
      upper = true;
    } else {
      camel += upper ? static_cast<char>(c - ('a' <= c && c <= 'z' ? 32 : 0)) : c;
      upper = false;
    }
  }
  return camel;
}

std::optional<Json> ReadInt(const Json& value) {
  if (value.is_int()) return value;
  if (value.is_double()) {
    const double number = value.AsDouble();
    const bool whole =
        std::isfinite(number) && number == std::floor(number) && std::abs(number) < 9.2e18;
    return whole ? std::optional<Json>(static_cast<int64_t>(number)) : std::nullopt;
  }
  if (value.is_string()) {
    if (const std::optional<int64_t> number = ParseInt(value.AsString())) return Json(*number);
  }
  return std::nullopt;
}

std::optional<Json> ReadDouble(const Json& value) {
  if (value.is_number()) return Json(value.AsDouble());
  if (!value.is_string()) return std::nullopt;
  const std::string& text = value.AsString();
  const double infinity = std::numeric_limits<double>::infinity();
  if (text == "NaN") return Json(std::numeric_limits<double>::quiet_NaN());
  if (text == "Infinity" || text == "-Infinity") return Json(text[0] == '-' ? -infinity : infinity);
  // Python's float() knows more spellings, but protobuf refuses those.
  if (text.empty() || text.find_first_not_of("+-0123456789.eE") != std::string::npos)
    return std::nullopt;
  const std::optional<double> number = ParseDouble(text);
  return number.has_value() ? std::optional<Json>(*number) : std::nullopt;
}

std::optional<Json> ReadEnum(const Json& value, const std::vector<std::string_view>& names) {
  if (value.is_string()) {
    for (const std::string_view name : names) {
      if (!name.empty() && name == value.AsString()) return Json(name);
    }
  }
  const std::optional<Json> number = ReadInt(value);
  if (!number.has_value() || number->AsInt() < 0 ||
      static_cast<size_t>(number->AsInt()) >= names.size())
    return std::nullopt;
  const std::string_view name = names[static_cast<size_t>(number->AsInt())];
  return name.empty() ? std::nullopt : std::optional<Json>(name);
}

bool ReadMessage(const Json& json, const Message& message, Json& out);

std::optional<Json> ReadValue(const Json& value, const Field& field) {
  switch (field.kind) {
    case FieldKind::kString:
      return value.is_string() ? std::optional<Json>(value) : std::nullopt;
    case FieldKind::kInt:
      return ReadInt(value);
    case FieldKind::kDouble:
      return ReadDouble(value);
    case FieldKind::kBool:
      return value.is_bool() ? std::optional<Json>(value) : std::nullopt;
    case FieldKind::kEnum:
      return ReadEnum(value, *field.names);
    case FieldKind::kMessage: {
      Json inner = Json::MakeObject();
      if (!value.is_object() || !ReadMessage(value, *field.message, inner)) return std::nullopt;
      return inner;
    }
  }
  return std::nullopt;
}

// Reads what can be read; false when something could not.
bool ReadMessage(const Json& json, const Message& message, Json& out) {
  bool whole = true;
  for (const Field& field : message.fields) {
    const Json* value = json.Find(field.name);
    if (value == nullptr) value = json.Find(CamelCase(field.name));
    if (value == nullptr || value->is_null()) continue;
    if (!field.repeated) {
      std::optional<Json> read = ReadValue(*value, field);
      whole = whole && read.has_value();
      if (read.has_value()) out.Set(field.name, *std::move(read));
      continue;
    }
    if (!value->is_array()) {
      whole = false;
      continue;
    }
    Json items = Json::MakeArray();
    for (const Json& item : value->array()) {
      std::optional<Json> read = ReadValue(item, field);
      whole = whole && read.has_value();
      if (read.has_value()) items.Append(*std::move(read));
    }
    out.Set(field.name, std::move(items));
  }
  return whole;
}

Status RejectDoubleSpelling(const Json& json, const Message& message) {
  if (!json.is_object()) return OkStatus();
  for (const Field& field : message.fields) {
    const std::string camel = CamelCase(field.name);
    const Json* value = json.Find(field.name);
    const Json* other = json.Find(camel);
    if (value != nullptr && other != nullptr && camel != field.name) {
      return InvalidArgument("Request specifies both '{}' and '{}'; provide only one of them.",
                             field.name, camel);
    }
    if (field.message == nullptr) continue;
    if (value == nullptr) value = other;
    if (value == nullptr) continue;
    if (!value->is_array()) {
      CAISSON_TRY(RejectDoubleSpelling(*value, *field.message));
      continue;
    }
    for (const Json& item : value->array()) CAISSON_TRY(RejectDoubleSpelling(item, *field.message));
  }
  return OkStatus();
}

// --- The second stage. ---

Status Missing(std::string_view field) {
  return InvalidArgument("Missing value for required parameter '{}'.{}", field, kSeeDocs);
}

Status Wrong(std::string_view field, const Json& value, std::string_view hint = "") {
  const std::string text =
      hint.empty() ? fmt::format(" Hint: Value was of type '{}'.", PythonTypeName(value))
                   : std::string(hint);
  return InvalidArgument("Invalid value {} for parameter '{}' supplied: {}{}",
                         PythonCompactJson(value), field, text, kSeeDocs);
}

bool IsMissing(const Json& value) {
  return value.is_null() || (value.is_string() && value.AsString().empty());
}

// int(x) of Python, as far as JSON values go.
std::optional<int64_t> PythonInt(const Json& value) {
  if (value.is_bool()) return value.AsBool() ? 1 : 0;
  if (value.is_int()) return value.AsInt();
  if (value.is_double() && std::isfinite(value.AsDouble()))
    return static_cast<int64_t>(value.AsDouble());
  if (value.is_string()) return ParseInt(Trim(value.AsString()));
  return std::nullopt;
}

bool IsPythonFloat(const Json& value) {
  if (value.is_number() || value.is_bool()) return true;
  if (!value.is_string()) return false;
  const std::string text = ToLower(Trim(value.AsString()));
  for (const std::string_view word : {"nan", "inf", "infinity"}) {
    if (text == word || text == fmt::format("-{}", word) || text == fmt::format("+{}", word))
      return true;
  }
  return ParseDouble(text).has_value();
}

Status CheckItems(const Json& items, std::string_view field,
                  const std::vector<std::string_view>& required) {
  for (size_t i = 0; i < items.size(); ++i) {
    for (const std::string_view name : required) {
      if (IsMissing(items[i][name])) return Missing(fmt::format("{}[{}].{}", field, i, name));
    }
  }
  return OkStatus();
}

Status CheckAtMost(const Json& value, std::string_view field, int64_t limit) {
  if (value.is_null()) return OkStatus();  // as good as not sent
  const std::optional<int64_t> number = PythonInt(value);
  return number.has_value() && *number <= limit ? OkStatus() : Wrong(field, value);
}

bool IsTypeCheck(Check check) {
  return check == Check::kString || check == Check::kInt || check == Check::kDouble ||
         check == Check::kBool || check == Check::kArray || check == Check::kStringItems;
}

Status CheckType(Check check, std::string_view field, const Json& value) {
  bool valid = true;
  switch (check) {
    case Check::kString:
      valid = value.is_string();
      break;
    case Check::kInt:
      valid = PythonInt(value).has_value();
      break;
    case Check::kDouble:
      valid = IsPythonFloat(value);
      break;
    case Check::kBool:
      valid = value.is_bool();
      break;
    case Check::kArray:
      valid = value.is_array();
      break;
    case Check::kStringItems:
      for (const Json& item : value.array()) valid = valid && item.is_string();
      break;
    default:
      break;
  }
  return valid ? OkStatus() : Wrong(field, value);
}

Status RunCheck(Check check, std::string_view field, const Json& value) {
  switch (check) {
    case Check::kRequired:
      return IsMissing(value) ? Missing(field) : OkStatus();
    case Check::kAtMost1000:
      return CheckAtMost(value, field, 1'000);
    case Check::kAtMost50000:
      return CheckAtMost(value, field, 50'000);
    case Check::kAtMost200000:
      return CheckAtMost(value, field, 200'000);
    case Check::kRunIds:
      if (value.size() <= 100) return OkStatus();
      return InvalidArgument(
          "GetMetricHistoryBulkInterval request must specify at most 100 run_ids. Received {} "
          "run_ids.{}",
          value.size(), kSeeDocs);
    case Check::kIntervalPoints: {
      const std::optional<int64_t> number = PythonInt(value);
      if (number.has_value() && *number >= 1 && *number <= 2'500) return OkStatus();
      return InvalidArgument("max_results must be between 1 and 2500.{}", kSeeDocs);
    }
    case Check::kMetricFields:
      return CheckItems(value, field, {"key", "value", "timestamp"});
    case Check::kKeyFields:
      return CheckItems(value, field, {"key"});
    default:
      return CheckType(check, field, value);
  }
}

Status RunChecks(const Json& json, const RequestShape& shape, bool parsed) {
  static const Json kNothing;
  for (const FieldChecks& field : shape.checks) {
    const Json* found = json.Find(field.field);
    const bool required =
        std::find(field.checks.begin(), field.checks.end(), Check::kRequired) != field.checks.end();
    if (found == nullptr && !required) continue;
    const Json* value = found == nullptr ? &kNothing : found;
    if (field.field == "run_id" && value->is_null() && json.Find("run_uuid") != nullptr)
      value = json.Find("run_uuid");
    for (const Check check : field.checks) {
      if (parsed && IsTypeCheck(check)) continue;
      CAISSON_TRY(RunCheck(check, field.field, *value));
    }
  }
  return OkStatus();
}

// The first field that protobuf could not read, for requests that the validators let through.
Status FirstUnreadable(const Json& json, const Message& message) {
  for (const Field& field : message.fields) {
    const Json* value = json.Find(field.name);
    if (value == nullptr) value = json.Find(CamelCase(field.name));
    if (value == nullptr || value->is_null()) continue;
    Json out = Json::MakeObject();
    if (!ReadMessage(json, Message{{field}}, out)) return Wrong(field.name, *value);
  }
  return OkStatus();
}

// --- The first stage. ---

Status CheckContentType(const http::Request& request) {
  if (request.method != http::Method::kPost && request.method != http::Method::kPut)
    return OkStatus();
  if (!request.headers.Has("content-type"))
    return InvalidArgument("Bad Request. Content-Type header is missing.");
  const std::string_view type = request.headers.Get("content-type");
  if (Trim(type.substr(0, type.find(';'))) == "application/json") return OkStatus();
  return InvalidArgument("Bad Request. Content-Type must be one of ['application/json'].");
}

Result<Json> QueryToJson(const http::Request& request, const Message& message) {
  Json json = Json::MakeObject();
  for (const Field& field : message.fields) {
    const std::optional<std::string_view> value = request.FindQuery(field.name);
    if (!value.has_value()) continue;
    if (field.repeated) {
      json.Set(field.name, Json::ArrayOf(request.QueryAll(field.name)));
    } else if (field.kind == FieldKind::kBool) {
      const std::string text = ToLower(*value);
      if (text != "true" && text != "false") {
        return InvalidArgument("Invalid boolean value: {}, must be 'true' or 'false'.", *value);
      }
      json.Set(field.name, text == "true");
    } else {
      json.Set(field.name, *value);
    }
  }
  return json;
}

}  // namespace

Result<Json> ReadBody(const http::Request& request) {
  CAISSON_TRY(CheckContentType(request));
  Result<Json> json = ParseJson(request.body, {.max_depth = 50, .allow_nan = true});
  if (json.ok() && json->is_string())
    json = ParseJson(std::string(json->AsString()), {.max_depth = 50, .allow_nan = true});
  if (!json.ok() || json->is_null() || (json->is_array() && json->empty()))
    return Json::MakeObject();
  if (!json->is_object()) {
    return InvalidArgument(
        "Invalid request body: expected a JSON object, got a value of type '{}'.",
        PythonTypeName(*json));
  }
  return json;
}

Result<Json> ReadRequest(const http::Request& request, const RequestShape& shape) {
  Json json;
  if (request.method == http::Method::kGet && !request.query.empty()) {
    CAISSON_ASSIGN(json, QueryToJson(request, shape.message));
  } else {
    CAISSON_ASSIGN(json, ReadBody(request));
  }
  CAISSON_TRY(RejectDoubleSpelling(json, shape.message));
  Json message = Json::MakeObject();
  const bool parsed = ReadMessage(json, shape.message, message);
  CAISSON_TRY(RunChecks(json, shape, parsed));
  // MLflow goes on with the fields before the unreadable one and forgets the rest; that loses data
  // without a word.
  if (!parsed) CAISSON_TRY(FirstUnreadable(json, shape.message));
  return message;
}

std::string RunId(const Json& message) {
  const std::string& run_id = message["run_id"].AsString();
  return run_id.empty() ? message["run_uuid"].AsString() : run_id;
}

std::vector<std::string> Strings(const Json& array) {
  std::vector<std::string> strings;
  for (const Json& item : array.array()) strings.push_back(item.AsString());
  return strings;
}

Result<std::string> SafePath(std::string_view path) { return tracking::CheckArtifactPath(path); }

}  // namespace caisson::mlflow::internal
