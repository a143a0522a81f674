#include "lifecycle/pipelines/internal/template.h"

#include "base/strings.h"

namespace caisson::pipelines::internal {
namespace {

std::string AsText(const Json& value) {
  if (value.is_string()) return value.AsString();
  if (value.is_double()) return FormatDouble(value.AsDouble());
  return value.is_null() ? "" : WriteJson(value);
}

// {"lr": 0.1, "deep": {"units": 3}} becomes "--lr 0.1 --deep.units 3"; true is the bare flag, false
// is left out.
void AppendFlags(const Json& map, const std::string& prefix, std::vector<std::string>& words) {
  for (const auto& [key, value] : map.object()) {
    const std::string name = prefix.empty() ? key : prefix + "." + key;
    if (value.is_object()) {
      AppendFlags(value, name, words);
    } else if (value.is_bool()) {
      if (value.AsBool()) words.push_back("--" + name);
    } else if (value.is_array()) {
      words.push_back("--" + name);
      for (const Json& item : value.array()) words.push_back(ShellQuote(AsText(item)));
    } else {
      words.push_back("--" + name);
      words.push_back(value.is_string() ? ShellQuote(value.AsString()) : AsText(value));
    }
  }
}

Result<std::string> Embed(const Json& value, std::string_view expression, bool in_command) {
  if (value.is_object() && in_command) {
    std::vector<std::string> words;
    AppendFlags(value, "", words);
    return Join(words, " ");
  }
  if (value.is_object() || value.is_array()) {
    return InvalidArgument("${{{}}} is {}; only a plain value can stand inside a text", expression,
                           value.type_name());
  }
  return AsText(value);
}

Result<Json> ResolveString(const std::string& text, const Json& context, bool in_command) {
  std::string out;
  size_t position = 0;
  while (true) {
    const size_t start = text.find("${", position);
    if (start == std::string::npos) break;
    if (start > 0 && text[start - 1] == '\\') {
      out += text.substr(position, start - 1 - position) + "${";
      position = start + 2;
      continue;
    }
    const size_t end = text.find('}', start);
    if (end == std::string::npos) return InvalidArgument("'{}' has a '${{' without its '}}'", text);
    const std::string expression(Trim(std::string_view(text).substr(start + 2, end - start - 2)));
    const Json* value = context.FindPath(expression);
    if (value == nullptr)
      return NotFound("${{{}}} is neither in params.yaml nor in `vars`", expression);
    if (start == 0 && end + 1 == text.size() && !(in_command && value->is_object())) return *value;
    CAISSON_ASSIGN(const std::string embedded, Embed(*value, expression, in_command));
    out += text.substr(position, start - position) + embedded;
    position = end + 1;
  }
  return Json(out + text.substr(position));
}

}  // namespace

Result<Json> ResolveTemplates(const Json& value, const Json& context, bool in_command) {
  if (value.is_string()) return ResolveString(value.AsString(), context, in_command);
  if (value.is_array()) {
    Json resolved = Json::MakeArray();
    for (const Json& item : value.array()) {
      CAISSON_ASSIGN(Json element, ResolveTemplates(item, context, in_command));
      resolved.Append(std::move(element));
    }
    return resolved;
  }
  if (value.is_object()) {
    Json resolved = Json::MakeObject();
    for (const auto& [key, member] : value.object()) {
      CAISSON_ASSIGN(const Json name, ResolveString(key, context, false));
      CAISSON_ASSIGN(Json element, ResolveTemplates(member, context, in_command || key == "cmd"));
      resolved.Set(AsText(name), std::move(element));
    }
    return resolved;
  }
  return value;
}

Status MergeContext(Json& context, const Json& addition, const std::string& where) {
  for (const auto& [key, value] : addition.object()) {
    const Json* present = context.Find(key);
    if (present == nullptr) {
      context.Set(key, value);
    } else if (present->is_object() && value.is_object()) {
      CAISSON_TRY(MergeContext(context.Mutable(key), value, where));
    } else if (!(*present == value)) {
      return InvalidArgument("{}: '{}' has another value elsewhere already", where, key);
    }
  }
  return OkStatus();
}

}  // namespace caisson::pipelines::internal
