// Reads a suite of checks.
#include "base/strings.h"
#include "lifecycle/data/checks.h"
#include "lifecycle/data/internal/check_kind.h"

namespace caisson::data {
namespace {

using internal::Kind;
using internal::Parameter;
using internal::ParameterType;
using internal::Scope;

const std::vector<std::string> kModifiers = {"mostly", "where", "severity", "why"};

bool IsModifier(std::string_view key) {
  return std::find(kModifiers.begin(), kModifiers.end(), key) != kModifiers.end();
}

// Reads one document. Lives for one ParseCheckSuite.
class SuiteReader {
 public:
  SuiteReader(const YamlDocument& document, std::string_view name)
      : document_(document), name_(name) {}

  Result<CheckSuite> Read() {
    CheckSuite suite;
    suite.name = name_;
    const Json& root = document_.value;
    if (!root.is_object()) return Fail("", "a suite is a map with `table` and `columns`");
    for (const auto& [key, value] : root.object()) {
      if (key == "table") {
        CAISSON_TRY(ReadList(Scope::kTable, "", value, "table", suite.checks));
      } else if (key == "columns") {
        CAISSON_TRY(ReadColumns(value, suite.checks));
      } else if (key == "name" && value.is_string()) {
        suite.name = value.AsString();
      } else {
        return Fail(key, fmt::format("unknown key `{}`{}", key,
                                     SuggestName(key, {"table", "columns", "name"})));
      }
    }
    if (suite.checks.empty()) return Fail("", "the suite has no checks");
    return suite;
  }

 private:
  Status Fail(const std::string& path, std::string_view problem) const {
    auto position = document_.positions.find(path);
    if (position == document_.positions.end()) position = document_.positions.find("");
    if (position == document_.positions.end()) return InvalidArgument("{}: {}", name_, problem);
    return InvalidArgument("{}:{}:{}: {}", name_, position->second.line, position->second.column,
                           problem);
  }

  Status ReadColumns(const Json& columns, std::vector<Check>& checks) {
    if (!columns.is_object())
      return Fail("columns", "`columns` is a map from a column to its list of checks");
    for (const auto& [column, list] : columns.object()) {
      CAISSON_TRY(ReadList(Scope::kColumn, column, list, "columns." + column, checks));
    }
    return OkStatus();
  }

  Status ReadList(Scope scope, const std::string& column, const Json& list, const std::string& path,
                  std::vector<Check>& checks) {
    if (!list.is_array()) {
      return Fail(
          path, fmt::format("a list of checks is expected here, and this is {}", list.type_name()));
    }
    for (size_t i = 0; i < list.size(); ++i) {
      Check check;
      check.column = column;
      CAISSON_TRY(ReadCheck(scope, list[i], fmt::format("{}[{}]", path, i), check));
      checks.push_back(std::move(check));
    }
    return OkStatus();
  }

  // `not_null`, or `between: {...}` with modifiers beside it.
  Status ReadCheck(Scope scope, const Json& entry, const std::string& path, Check& check) {
    const auto position = document_.positions.find(path);
    check.line = position == document_.positions.end() ? 0 : position->second.line;
    if (entry.is_null()) {
      // In YAML the name of this check is the null value.
      CAISSON_TRY(TakeKind(scope, "null", path, path, check));
      return ReadArgument(Json(), path, check);
    }
    if (entry.is_string()) {
      CAISSON_TRY(TakeKind(scope, entry.AsString(), path, path, check));
      return ReadArgument(Json(), path, check);
    }
    if (!entry.is_object()) return Fail(path, "a check is a name, or a map `name: argument`");
    const Json* argument = nullptr;
    for (const auto& [key, value] : entry.object()) {
      if (IsModifier(key)) continue;
      if (argument != nullptr) {
        return Fail(path + "." + key,
                    fmt::format("`{}` stands beside `{}`; one check an entry, beside it only {}{}",
                                key, check.kind, Join(kModifiers, ", "), SuggestedModifier(key)));
      }
      CAISSON_TRY(TakeKind(scope, key, path + "." + key, path, check));
      argument = &value;
    }
    if (argument == nullptr) return Fail(path, "the name of a check is missing");
    CAISSON_TRY(ReadModifiers(entry, path, check));
    return ReadArgument(*argument, path + "." + check.kind, check);
  }

  static std::string SuggestedModifier(std::string_view key) {
    const auto near = NearestName(key, kModifiers);
    return near.has_value() ? fmt::format(" (did you mean '{}'?)", *near) : "";
  }

  Status TakeKind(Scope scope, const std::string& kind, const std::string& path,
                  const std::string& fallback, Check& check) {
    check.kind = kind;
    if (internal::FindKind(scope, kind) != nullptr) return OkStatus();
    const std::string& where = document_.positions.contains(path) ? path : fallback;
    const Scope other = scope == Scope::kTable ? Scope::kColumn : Scope::kTable;
    if (internal::FindKind(other, kind) != nullptr) {
      return Fail(where,
                  fmt::format("`{}` is a check of {}", kind,
                              other == Scope::kTable ? "the table; it belongs below `table`"
                                                     : "a column; it belongs below `columns`"));
    }
    std::vector<std::string> names;
    for (const Kind& candidate : internal::CheckKinds()) {
      if (candidate.scope == scope) names.push_back(candidate.name);
    }
    return Fail(where, fmt::format("unknown check `{}`{}", kind, SuggestName(kind, names)));
  }

  Status ReadModifiers(const Json& entry, const std::string& path, Check& check) {
    if (const Json* mostly = entry.Find("mostly"); mostly != nullptr) {
      const Scope scope = check.column.empty() ? Scope::kTable : Scope::kColumn;
      if (!internal::FindKind(scope, check.kind)->takes_mostly) {
        return Fail(path + ".mostly",
                    fmt::format("`mostly` has no meaning for `{}`, which looks at no single rows",
                                check.kind));
      }
      check.mostly = mostly->AsDouble(-1);
      if (!mostly->is_number() || !(check.mostly >= 0 && check.mostly <= 1)) {
        return Fail(path + ".mostly", fmt::format("`mostly` is {}; a share from 0 to 1 is accepted",
                                                  WriteJson(*mostly)));
      }
    }
    for (const auto& [key, target] :
         {std::pair{"where", &check.where}, std::pair{"why", &check.why}}) {
      const Json* value = entry.Find(key);
      if (value == nullptr) continue;
      if (!value->is_string()) return Fail(path + "." + key, fmt::format("`{}` is a text", key));
      *target = value->AsString();
    }
    if (const Json* severity = entry.Find("severity"); severity != nullptr) {
      if (severity->AsString() != "error" && severity->AsString() != "warn") {
        return Fail(path + ".severity", fmt::format("`severity` is {}; error and warn are accepted",
                                                    WriteJson(*severity)));
      }
      check.severity = severity->AsString() == "warn" ? Severity::kWarn : Severity::kError;
    }
    return OkStatus();
  }

  Status ReadArgument(const Json& argument, const std::string& path, Check& check) {
    const Kind& kind =
        *internal::FindKind(check.column.empty() ? Scope::kTable : Scope::kColumn, check.kind);
    check.parameters = Json::MakeObject();
    if (argument.is_object()) {
      for (const auto& [key, value] : argument.object()) {
        CAISSON_TRY(ReadParameter(kind, key, value, path + "." + key, check));
      }
    } else if (!argument.is_null()) {
      if (kind.primary.empty()) {
        return Fail(path, kind.parameters.empty()
                              ? fmt::format("`{}` takes no argument", kind.name)
                              : fmt::format("`{}` takes a map: {}", kind.name, kind.example));
      }
      if (kind.primary == internal::kBothBounds) {
        CAISSON_TRY(ReadParameter(kind, "min", argument, path, check));
        CAISSON_TRY(ReadParameter(kind, "max", argument, path, check));
      } else {
        CAISSON_TRY(ReadParameter(kind, kind.primary, argument, path, check));
      }
    }
    return CheckComplete(kind, path, check);
  }

  Status ReadParameter(const Kind& kind, const std::string& key, const Json& value,
                       const std::string& path, Check& check) {
    for (const Parameter& parameter : kind.parameters) {
      if (parameter.name != key) continue;
      if (value.is_null()) return OkStatus();
      Json accepted = value;
      const std::string problem = Accept(parameter.type, accepted);
      if (!problem.empty()) {
        return Fail(path, fmt::format("`{}` of `{}` is {}; {} is accepted", key, kind.name,
                                      WriteJson(value), problem));
      }
      check.parameters.Set(key, std::move(accepted));
      return OkStatus();
    }
    std::vector<std::string> names;
    for (const Parameter& parameter : kind.parameters) names.push_back(parameter.name);
    if (names.empty()) return Fail(path, fmt::format("`{}` takes no argument", kind.name));
    return Fail(
        path, fmt::format("`{}` has no parameter `{}`{}", kind.name, key, SuggestName(key, names)));
  }

  // Empty when the value is of the type; one value in place of a list becomes a list.
  static std::string Accept(ParameterType type, Json& value) {
    const auto is_text = [](const Json& item) { return item.is_string(); };
    const auto is_scalar = [](const Json& item) { return !item.is_array() && !item.is_object(); };
    const auto all = [](const Json& list, auto predicate) {
      return list.is_array() && !list.empty() &&
             std::all_of(list.array().begin(), list.array().end(), predicate);
    };
    switch (type) {
      case ParameterType::kNumber:
        return value.is_number() ? "" : "a number";
      case ParameterType::kBound:
        return value.is_number() || value.is_string() ? "" : "a number or a text";
      case ParameterType::kText:
      case ParameterType::kFile:
        return value.is_string() ? "" : "a text";
      case ParameterType::kSql:
        // `row: cancelled` and `row: true` are SQL too.
        if (value.is_bool() || value.is_number()) value = Json(WriteJson(value));
        return value.is_string() && !Trim(value.AsString()).empty() ? "" : "SQL as a text";
      case ParameterType::kNames:
      case ParameterType::kTypes:
        if (value.is_string()) value = Json(Json::Array{value});
        return all(value, is_text) ? ""
                                   : (type == ParameterType::kNames ? "a list of columns"
                                                                    : "a type or a list of types");
      case ParameterType::kValues:
        if (is_scalar(value)) value = Json(Json::Array{value});
        return all(value, is_scalar) ? "" : "a list of values";
      case ParameterType::kTuples:
        return all(value, [&](const Json& item) { return all(item, is_scalar); })
                   ? ""
                   : "a list of lists";
      case ParameterType::kFlag:
        return value.is_bool() ? "" : "true or false";
    }
    return "";
  }

  Status CheckComplete(const Kind& kind, const std::string& path, const Check& check) const {
    bool bounded = false;
    for (const Parameter& parameter : kind.parameters) {
      bounded = bounded || parameter.name == "min";
      if (parameter.required && check.parameters.Find(parameter.name) == nullptr) {
        return Fail(path, fmt::format("`{}` needs `{}`, for example {}", kind.name, parameter.name,
                                      kind.example));
      }
    }
    if (!bounded) return OkStatus();
    const Json& min = check.parameters["min"];
    const Json& max = check.parameters["max"];
    if (min.is_null() && max.is_null()) {
      return Fail(path, fmt::format("`{}` needs `min`, `max` or both, for example {}", kind.name,
                                    kind.example));
    }
    if (min.is_number() && max.is_number() && min.AsDouble() > max.AsDouble()) {
      return Fail(path,
                  fmt::format("`min` {} is greater than `max` {}", WriteJson(min), WriteJson(max)));
    }
    return OkStatus();
  }

  const YamlDocument& document_;
  const std::string name_;
};

}  // namespace

Result<CheckSuite> ParseCheckSuite(const YamlDocument& document, std::string_view name) {
  return SuiteReader(document, name).Read();
}

Result<CheckSuite> ReadCheckSuite(const std::string& path) {
  CAISSON_ASSIGN(const YamlDocument document, ReadYamlFile(path));
  return ParseCheckSuite(document, path);
}

}  // namespace caisson::data
