#include "lifecycle/data/internal/check_kind.h"

namespace caisson::data::internal {
namespace {

std::string TypeWords(ParameterType type) {
  switch (type) {
    case ParameterType::kNumber:
      return "a number";
    case ParameterType::kBound:
      return "a number or a text";
    case ParameterType::kText:
      return "a text";
    case ParameterType::kSql:
      return "SQL";
    case ParameterType::kNames:
      return "columns";
    case ParameterType::kValues:
      return "a list";
    case ParameterType::kTuples:
      return "a list of lists";
    case ParameterType::kTypes:
      return "types";
    case ParameterType::kFlag:
      return "true or false";
    case ParameterType::kFile:
      return "a file";
  }
  return "";
}

std::string Section(std::string_view title, const std::vector<Kind>& kinds) {
  std::string out = fmt::format("### {}\n\n", title);
  for (const Kind& kind : kinds) {
    out += fmt::format("**`{}`**{} {}\n\n    - {}\n\n", kind.name,
                       kind.takes_mostly ? " (`mostly`)" : "", kind.summary, kind.example);
    if (kind.parameters.empty()) continue;
    for (const Parameter& parameter : kind.parameters) {
      out += fmt::format("- `{}`: {}, {}{}\n", parameter.name, TypeWords(parameter.type),
                         parameter.help, parameter.required ? "" : "; optional");
    }
    if (kind.primary == kBothBounds) {
      out += fmt::format("- short: `{}: 5` stands for both bounds\n", kind.name);
    } else if (!kind.primary.empty()) {
      out += fmt::format("- short: what stands directly behind `{}:` is `{}`\n", kind.name,
                         kind.primary);
    }
    out += '\n';
  }
  return out;
}

}  // namespace

const std::vector<Kind>& CheckKinds() {
  static const std::vector<Kind> kinds = [] {
    std::vector<Kind> all;
    for (auto make : {TableKinds, ReferenceKinds, ValueKinds, TextKinds, StatisticKinds, OrderKinds,
                      DistributionKinds}) {
      for (Kind& kind : make()) all.push_back(std::move(kind));
    }
    return all;
  }();
  return kinds;
}

const Kind* FindKind(Scope scope, std::string_view name) {
  for (const Kind& kind : CheckKinds()) {
    if (kind.scope == scope && kind.name == name) return &kind;
  }
  return nullptr;
}

std::string CheckKindsMarkdown() {
  return Section("The table", TableKinds()) +
         Section("The table or a column, against another file", ReferenceKinds()) +
         Section("Values of a column", ValueKinds()) + Section("Texts", TextKinds()) +
         Section("Statistics of a column", StatisticKinds()) +
         Section("Values among each other", OrderKinds()) +
         Section("The distribution, against another file", DistributionKinds());
}

}  // namespace caisson::data::internal
