#include "lifecycle/registry/gates.h"

#include <cctype>
#include <cmath>

#include "base/strings.h"

namespace caisson::registry {
namespace {

struct ComparatorRow {
  std::string_view text;
  GateRule::Comparator comparator;
};
// The longer ones first, so that ">=" is not read as ">".
constexpr ComparatorRow kComparators[] = {
    {">=", GateRule::Comparator::kGreaterEqual},
    {"<=", GateRule::Comparator::kLessEqual},
    {">", GateRule::Comparator::kGreater},
    {"<", GateRule::Comparator::kLess},
};

std::string_view ComparatorText(GateRule::Comparator comparator) {
  for (const ComparatorRow& row : kComparators) {
    if (row.comparator == comparator) return row.text;
  }
  return ">=";
}

bool IsMetricName(std::string_view name) {
  if (name.empty()) return false;
  for (char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 &&
        std::string_view("_.-/").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

Status Bad(std::string_view text, std::string_view problem) {
  return InvalidArgument(
      "gate '{}': {}. A gate is 'metric comparator bound', for example 'auc >= 0.65', 'auc >= "
      "champion - 0.005' or 'p99_ms <= 5'",
      text, problem);
}

// champion, champion - 0.005, champion * 1.02
Status ReadChampionBound(std::string_view text, std::string_view bound, GateRule& rule) {
  rule.against_champion = true;
  const std::string_view rest = Trim(bound.substr(std::string_view("champion").size()));
  if (rest.empty()) return OkStatus();
  const char op = rest.front();
  if (op != '+' && op != '-' && op != '*') {
    return Bad(
        text,
        fmt::format("after 'champion' comes '{}', but +, - or * and a number are accepted", rest));
  }
  const std::string number_text(Trim(rest.substr(1)));
  const std::optional<double> number = ParseDouble(number_text);
  if (!number.has_value() || !std::isfinite(*number))
    return Bad(text, fmt::format("'{}' is not a number", number_text));
  if (op == '*') {
    rule.factor = *number;
  } else {
    rule.offset = op == '-' ? -*number : *number;
  }
  return OkStatus();
}

bool Compare(double left, GateRule::Comparator comparator, double right) {
  switch (comparator) {
    case GateRule::Comparator::kGreaterEqual:
      return left >= right;
    case GateRule::Comparator::kLessEqual:
      return left <= right;
    case GateRule::Comparator::kGreater:
      return left > right;
    case GateRule::Comparator::kLess:
      return left < right;
  }
  return false;
}

std::optional<double> FindMetric(const MetricMap& metrics, const std::string& name) {
  const auto found = metrics.find(name);
  if (found == metrics.end()) return std::nullopt;
  return found->second;
}

std::string Names(const MetricMap& metrics) {
  std::vector<std::string> names;
  for (const auto& [name, value] : metrics) names.push_back(name);
  return names.empty() ? "none" : Join(names, ", ");
}

GateLine DecideLine(const GateRule& rule, const MetricMap& candidate,
                    const std::optional<MetricMap>& champion) {
  GateLine line;
  line.rule = rule;
  line.left = FindMetric(candidate, rule.metric);
  if (!line.left.has_value()) {
    line.why =
        fmt::format("the candidate has no metric '{}' (it has: {})", rule.metric, Names(candidate));
    return line;
  }
  if (!std::isfinite(*line.left)) {
    line.why = fmt::format("the candidate's {} is {}, not a number", rule.metric,
                           FormatDouble(*line.left));
    return line;
  }
  if (rule.against_champion && !champion.has_value()) {
    line.passed = true;
    line.why =
        fmt::format("{} is {:.6g}; there is no champion to compare with", rule.metric, *line.left);
    return line;
  }
  std::string bound;
  if (rule.against_champion) {
    const std::optional<double> theirs = FindMetric(*champion, rule.metric);
    if (!theirs.has_value() || !std::isfinite(*theirs)) {
      line.why = fmt::format("the champion has no metric '{}' to compare with (it has: {})",
                             rule.metric, Names(*champion));
      return line;
    }
    line.right = *theirs * rule.factor + rule.offset;
    bound = fmt::format("{:.6g} (the champion's {:.6g})", *line.right, *theirs);
  } else {
    line.right = rule.offset;
    bound = fmt::format("{:.6g}", *line.right);
  }
  line.passed = Compare(*line.left, rule.comparator, *line.right);
  line.why = fmt::format("{} is {:.6g}, which is {}{} {}", rule.metric, *line.left,
                         line.passed ? "" : "not ", ComparatorText(rule.comparator), bound);
  return line;
}

Json OptionalNumber(const std::optional<double>& value) {
  return value.has_value() ? Json(*value) : Json();
}

}  // namespace

Result<GateRule> ParseGateRule(std::string_view text) {
  GateRule rule;
  rule.text = std::string(Trim(text));
  const size_t at = text.find_first_of("<>");
  if (at == std::string_view::npos)
    return Bad(text, "it has no comparator; accepted are >=, <=, > and <");
  rule.metric = std::string(Trim(text.substr(0, at)));
  if (!IsMetricName(rule.metric))
    return Bad(text, fmt::format("'{}' is not the name of a metric", rule.metric));
  std::string_view rest = text.substr(at);
  for (const ComparatorRow& row : kComparators) {
    if (!rest.starts_with(row.text)) continue;
    rule.comparator = row.comparator;
    rest = Trim(rest.substr(row.text.size()));
    break;
  }
  if (rest == "champion" || (rest.starts_with("champion") && !IsMetricName(rest.substr(0, 9)))) {
    CAISSON_TRY(ReadChampionBound(text, rest, rule));
    return rule;
  }
  const std::optional<double> number = ParseDouble(rest);
  if (!number.has_value() || !std::isfinite(*number)) {
    return Bad(text, fmt::format("the bound '{}' is neither a number nor 'champion'", rest));
  }
  rule.offset = *number;
  return rule;
}

Result<std::vector<GateRule>> ParseGateRules(const std::vector<std::string>& texts) {
  std::vector<GateRule> rules;
  for (const std::string& text : texts) {
    CAISSON_ASSIGN(GateRule rule, ParseGateRule(text));
    rules.push_back(std::move(rule));
  }
  return rules;
}

GateDecision Decide(const std::vector<GateRule>& rules, const MetricMap& candidate,
                    const std::optional<MetricMap>& champion) {
  GateDecision decision;
  decision.admitted = true;
  for (const GateRule& rule : rules) {
    decision.lines.push_back(DecideLine(rule, candidate, champion));
    decision.admitted = decision.admitted && decision.lines.back().passed;
  }
  return decision;
}

Json ToJson(const GateDecision& decision) {
  Json lines = Json::MakeArray();
  for (const GateLine& line : decision.lines) {
    lines.Append(Json::Of({{"rule", line.rule.text},
                           {"left", OptionalNumber(line.left)},
                           {"right", OptionalNumber(line.right)},
                           {"passed", line.passed},
                           {"why", line.why}}));
  }
  return Json::Of({{"admitted", decision.admitted}, {"lines", std::move(lines)}});
}

Result<GateDecision> GateDecisionFromJson(const Json& json) {
  GateDecision decision;
  decision.admitted = json["admitted"].AsBool();
  for (const Json& item : json["lines"].array()) {
    GateLine line;
    CAISSON_ASSIGN(line.rule, ParseGateRule(item["rule"].AsString()));
    if (item["left"].is_number()) line.left = item["left"].AsDouble();
    if (item["right"].is_number()) line.right = item["right"].AsDouble();
    line.passed = item["passed"].AsBool();
    line.why = item["why"].AsString();
    decision.lines.push_back(std::move(line));
  }
  return decision;
}

}  // namespace caisson::registry
