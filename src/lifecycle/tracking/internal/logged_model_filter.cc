// Filters on logged models.
#include "base/strings.h"
#include "lifecycle/tracking/internal/filter_values.h"
#include "lifecycle/tracking/python_text.h"

namespace caisson::tracking::internal {
namespace {

// The columns that a filter may name, under their own names.
const std::vector<std::string> kNumbers = {"creation_timestamp_ms", "last_updated_timestamp_ms"};
const std::vector<std::string> kTexts = {"name",   "model_id",      "model_type",
                                         "status", "source_run_id", "experiment_id"};

Status ReadEntity(const std::string& name, Comparison& comparison) {
  const size_t dot = name.find('.');
  const std::string type = dot == std::string::npos ? "attributes" : name.substr(0, dot);
  comparison.key = std::string(
      TrimPair(std::string_view(name).substr(dot == std::string::npos ? 0 : dot + 1), '`'));
  if (type == "metrics") {
    comparison.entity = FilterEntity::kMetric;
  } else if (type == "params") {
    comparison.entity = FilterEntity::kParameter;
  } else if (type == "tags") {
    comparison.entity = FilterEntity::kTag;
  } else if (type != "attributes") {
    return InvalidArgument(
        "Invalid entity type: {}. Expected one of ['attributes', 'metrics', 'params', 'tags'].",
        PythonRepr(type));
  }
  if (comparison.entity != FilterEntity::kAttribute) return OkStatus();
  std::string& key = comparison.key;
  if (key == "creation_time" || key == "creation_timestamp") key = kNumbers[0];
  if (key == "last_updated_timestamp" || key == "last_updated_time") key = kNumbers[1];
  if (Contains(kNumbers, key) || Contains(kTexts, key)) return OkStatus();
  return InvalidArgument("Invalid attribute '{}' in the filter. Accepted: {}", key,
                         PythonReprList(kTexts));
}

std::string_view EntityPrefix(FilterEntity entity) {
  if (entity == FilterEntity::kMetric) return "metrics";
  if (entity == FilterEntity::kParameter) return "params";
  return entity == FilterEntity::kTag ? "tags" : "attributes";
}

Status ReadComparator(const std::string& op, bool is_number, Comparison& comparison) {
  static const std::vector<std::string> number_operators = {"<", "<=", ">", ">=", "=", "!="};
  static const std::vector<std::string> text_operators = {"=",     "!=", "LIKE",
                                                          "ILIKE", "IN", "NOT IN"};
  const std::vector<std::string>& accepted = is_number ? number_operators : text_operators;
  comparison.comparator_text = op;
  comparison.comparator = FindComparator(op).value_or(Comparator::kEqual);
  if (Contains(accepted, op)) return OkStatus();
  const std::string list = PythonReprList(accepted);
  return InvalidArgument("Invalid comparison operator for {}.{}: {}. Expected one of ({}).",
                         EntityPrefix(comparison.entity), comparison.key, PythonRepr(op),
                         list.substr(1, list.size() - 2));
}

Status ReadValue(const Element& value, bool is_number, Comparison& comparison) {
  if (is_number) {
    comparison.number = ParseDouble(value.text);
    if (comparison.number.has_value()) return OkStatus();
    return InvalidArgument("could not convert string to float: {}", PythonRepr(value.text));
  }
  if (value.kind == ElementKind::kParenthesis) {
    CAISSON_ASSIGN(comparison.list, ReadList(value.text));
    return OkStatus();
  }
  std::string_view text = value.text;
  while (text.starts_with('\'')) text.remove_prefix(1);
  while (text.ends_with('\'')) text.remove_suffix(1);
  comparison.text = std::string(text);
  return OkStatus();
}

}  // namespace

Result<std::vector<Comparison>> ParseLoggedModelFilter(std::string_view filter,
                                                       const std::vector<Element>& elements) {
  std::vector<Comparison> comparisons;
  for (const Element& element : elements) {
    if (IsKeyword(element, "AND")) continue;
    if (element.kind != ElementKind::kComparison) {
      return InvalidArgument(
          "Invalid filter string: {}. Expected a list of comparisons separated by 'AND' (e.g. "
          "'metrics.loss > 0.1 AND "
          "params.lr = 0.01').",
          PythonRepr(filter));
    }
    if (element.parts.size() != 3) {
      return InvalidArgument("Invalid comparison: {}. Expected a comparison with 3 tokens.",
                             element.text);
    }
    Comparison comparison;
    CAISSON_TRY(ReadEntity(element.parts[0].text, comparison));
    const bool is_number =
        comparison.entity == FilterEntity::kMetric ||
        (comparison.entity == FilterEntity::kAttribute && Contains(kNumbers, comparison.key));
    CAISSON_TRY(ReadComparator(Upper(element.parts[1].text), is_number, comparison));
    CAISSON_TRY(ReadValue(element.parts[2], is_number, comparison));
    comparisons.push_back(std::move(comparison));
  }
  return comparisons;
}

}  // namespace caisson::tracking::internal
