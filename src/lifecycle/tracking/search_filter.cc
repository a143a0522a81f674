#include "lifecycle/tracking/search_filter.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/strings.h"
#include "lifecycle/tracking/internal/filter_tokens.h"
#include "lifecycle/tracking/internal/filter_values.h"
#include "lifecycle/tracking/python_text.h"

namespace caisson::tracking {
namespace {

using internal::Contains;
using internal::Element;
using internal::ElementKind;
using internal::FindComparator;
using internal::ReadList;
using internal::TrimPair;
using internal::Upper;

constexpr std::string_view kNumericComparators[] = {"<", "<=", ">", ">=", "=", "!="};

// What differs between the searches.
struct Rules {
  std::vector<std::string> attributes;        // that a filter may name
  std::vector<std::string> order_attributes;  // that order_by may name
  std::vector<std::string> numeric;           // attributes that are numbers
  std::vector<std::string> listed;            // attributes that IN accepts
  bool upper_comparators = true;              // "like" is accepted for LIKE
  bool run_entities = false;                  // metrics, params and datasets too
  bool null_for_params = false;
};

const Rules& RulesOf(FilterDialect dialect) {
  static const Rules runs = {
      .attributes = {"artifact_uri", "end_time", "run_id", "run_name", "start_time", "status",
                     "user_id", "created", "Created", "run name", "Run name", "Run Name"},
      .order_attributes = {"artifact_uri", "end_time", "run_id", "run_name", "start_time", "status",
                           "user_id", "created", "Created"},
      .numeric = {"start_time", "end_time", "created", "Created"},
      .listed = {"run_id"},
      .run_entities = true,
      .null_for_params = true};
  static const Rules experiments = {
      .attributes = {"name", "experiment_id", "creation_time", "last_update_time"},
      .order_attributes = {"name", "experiment_id", "creation_time", "last_update_time"},
      .numeric = {"creation_time", "last_update_time"},
      .listed = {"experiment_id"},
      .upper_comparators = false};
  static const Rules registered_models = {
      .attributes = {"name"},
      .order_attributes = {"name", "timestamp", "creation_timestamp", "last_updated_timestamp"},
      .numeric = {"creation_timestamp", "last_updated_timestamp"},
      .listed = {"name"}};
  static const Rules model_versions = {
      .attributes = {"name", "version_number", "run_id", "source_path"},
      .order_attributes = {"name", "version_number", "creation_timestamp",
                           "last_updated_timestamp"},
      .numeric = {"version_number", "creation_timestamp", "last_updated_timestamp"},
      .listed = {"name", "run_id"}};
  switch (dialect) {
    case FilterDialect::kExperiments:
      return experiments;
    case FilterDialect::kRegisteredModels:
      return registered_models;
    case FilterDialect::kModelVersions:
      return model_versions;
    default:
      return runs;
  }
}

// A Python set of str as text. Python's own order is random; this one is the declaration's.
std::string SetText(const std::vector<std::string>& items) {
  const std::string list = PythonReprList(items);
  return "{" + list.substr(1, list.size() - 2) + "}";
}

std::string_view StripQuotes(std::string_view text) {
  const std::string_view single = TrimPair(text, '\'');
  return single.size() != text.size() ? single : TrimPair(text, '"');
}

std::optional<FilterEntity> RunEntity(std::string_view name) {
  static const std::set<std::string_view> metric = {"metric", "metrics"};
  static const std::set<std::string_view> parameter = {"parameter", "parameters", "param",
                                                       "params"};
  static const std::set<std::string_view> tag = {"tag", "tags"};
  static const std::set<std::string_view> attribute = {"attribute", "attributes", "attr", "run"};
  static const std::set<std::string_view> dataset = {"dataset", "datasets"};
  if (metric.contains(name)) return FilterEntity::kMetric;
  if (parameter.contains(name)) return FilterEntity::kParameter;
  if (tag.contains(name)) return FilterEntity::kTag;
  if (attribute.contains(name)) return FilterEntity::kAttribute;
  if (dataset.contains(name)) return FilterEntity::kDataset;
  return std::nullopt;
}

std::string_view EntityName(FilterEntity entity) {
  switch (entity) {
    case FilterEntity::kMetric:
      return "metric";
    case FilterEntity::kParameter:
      return "parameter";
    case FilterEntity::kTag:
      return "tag";
    case FilterEntity::kDataset:
      return "dataset";
    default:
      return "attribute";
  }
}

struct Identifier {
  FilterEntity entity = FilterEntity::kAttribute;
  std::string key;
};

Result<Identifier> ReadIdentifier(const Rules& rules, std::string_view text,
                                  const std::vector<std::string>& attributes) {
  const size_t dot = text.find('.');
  const std::string_view type = dot == std::string_view::npos ? "attribute" : text.substr(0, dot);
  const std::string_view raw_key = dot == std::string_view::npos ? text : text.substr(dot + 1);
  Identifier identifier;
  if (rules.run_entities) {
    const std::optional<FilterEntity> entity = RunEntity(TrimPair(type, '`'));
    if (!entity.has_value()) {
      return InvalidArgument(
          "Invalid entity type '{}'. Valid values are ['metric', 'parameter', 'tag', 'attribute', "
          "'dataset']",
          TrimPair(type, '`'));
    }
    identifier.entity = *entity;
  } else if (type == "tag" || type == "tags") {
    identifier.entity = FilterEntity::kTag;
  } else if (type != "attribute") {
    return InvalidArgument(
        "Invalid entity type '{}'. Valid entity types are ('attribute', 'tag', 'tags')", type);
  }
  identifier.key = std::string(TrimPair(StripQuotes(raw_key), '`'));
  if (identifier.entity == FilterEntity::kAttribute && !Contains(attributes, identifier.key)) {
    return InvalidArgument("Invalid attribute key '{}' specified. Valid keys are '{}'",
                           identifier.key, SetText(attributes));
  }
  static const std::vector<std::string> dataset_keys = {"name", "digest", "context"};
  if (identifier.entity == FilterEntity::kDataset && !Contains(dataset_keys, identifier.key)) {
    return InvalidArgument("Invalid dataset key '{}' specified. Valid keys are '{}'",
                           identifier.key, SetText(dataset_keys));
  }
  return identifier;
}

Result<std::string> QuotedText(std::string_view text) {
  const std::string_view inner = StripQuotes(text);
  if (inner.size() == text.size()) {
    return InvalidArgument(
        "Parameter value is either not quoted or unidentified quote types used for string value "
        "{}. Use either single or "
        "double quotes.",
        text);
  }
  return std::string(inner);
}

bool IsText(const Element& value) {
  return value.kind == ElementKind::kString || value.kind == ElementKind::kIdentifier;
}
bool IsNumber(const Element& value) {
  return value.kind == ElementKind::kInteger || value.kind == ElementKind::kFloat;
}

Status ReadNumber(const Element& value, Comparison& comparison) {
  comparison.number = ParseDouble(value.text.ends_with('.') ? value.text + "0" : value.text);
  if (!comparison.number.has_value())
    return InvalidArgument("could not convert string to float: '{}'", value.text);
  return OkStatus();
}

Status ReadListedValue(const Rules& rules, FilterDialect dialect, const Element& value,
                       Comparison& comparison) {
  if (dialect != FilterDialect::kLoggedModels && comparison.entity == FilterEntity::kAttribute &&
      !Contains(rules.listed, comparison.key)) {
    std::vector<std::string> sorted = rules.listed;
    std::sort(sorted.begin(), sorted.end());
    return InvalidArgument(
        "Only {} attributes support comparison with a list of quoted string values.",
        PythonReprList(sorted));
  }
  CAISSON_ASSIGN(comparison.list, ReadList(value.text));
  return OkStatus();
}

Status ReadAttributeValue(const Rules& rules, FilterDialect dialect, const Element& value,
                          Comparison& comparison) {
  const bool registry =
      dialect == FilterDialect::kRegisteredModels || dialect == FilterDialect::kModelVersions;
  if (!registry && Contains(rules.numeric, comparison.key)) {
    if (!IsNumber(value)) {
      return InvalidArgument("Expected numeric value type for numeric attribute: {}. Found {}",
                             comparison.key, value.text);
    }
    if (dialect == FilterDialect::kExperiments && value.kind == ElementKind::kFloat) {
      const std::optional<double> number = ParseDouble(value.text);
      return InvalidArgument("Invalid value for numeric attribute '{}': '{}'", comparison.key,
                             PythonFloat(number.value_or(0)));
    }
    return ReadNumber(value, comparison);
  }
  if (IsText(value)) {
    CAISSON_ASSIGN(comparison.text, QuotedText(value.text));
    if (dialect == FilterDialect::kModelVersions && Contains(rules.numeric, comparison.key)) {
      const std::optional<int64_t> number = ParseInt(Trim(comparison.text));
      if (!number.has_value()) {
        return InvalidArgument("Invalid value for numeric attribute '{}': {}", comparison.key,
                               PythonRepr(comparison.text));
      }
      comparison.number = static_cast<double>(*number);
    }
    return OkStatus();
  }
  if (value.kind == ElementKind::kParenthesis)
    return ReadListedValue(rules, dialect, value, comparison);
  if (dialect == FilterDialect::kModelVersions && IsNumber(value)) {
    if (!Contains(rules.numeric, comparison.key)) {
      return InvalidArgument("Only the '{}' attributes support comparison with numeric values.",
                             SetText(rules.numeric));
    }
    if (value.kind == ElementKind::kFloat) {
      return InvalidArgument("Invalid value for numeric attribute '{}': {}", comparison.key,
                             value.text);
    }
    return ReadNumber(value, comparison);
  }
  if (registry) {
    return InvalidArgument(
        "Expected a quoted string value or a list of quoted string values for attributes. Got "
        "value {}",
        value.text);
  }
  return InvalidArgument("Expected a quoted string value for attributes. Got value {}", value.text);
}

Status ReadValue(const Rules& rules, FilterDialect dialect, const Element& value,
                 Comparison& comparison) {
  if (comparison.entity == FilterEntity::kAttribute)
    return ReadAttributeValue(rules, dialect, value, comparison);
  if (comparison.entity == FilterEntity::kMetric) {
    if (!IsNumber(value))
      return InvalidArgument("Expected numeric value type for metric. Found {}", value.text);
    return ReadNumber(value, comparison);
  }
  if (comparison.entity == FilterEntity::kDataset) {
    if (value.kind == ElementKind::kParenthesis)
      return ReadListedValue(rules, dialect, value, comparison);
    if (!IsText(value)) {
      return InvalidArgument("Expected a quoted string value for dataset attributes. Got value {}",
                             value.text);
    }
  } else if (!IsText(value)) {
    return InvalidArgument("Expected a quoted string value for {} (e.g. 'my-value'). Got value {}",
                           EntityName(comparison.entity), value.text);
  }
  CAISSON_ASSIGN(comparison.text, QuotedText(value.text));
  return OkStatus();
}

// Which comparators an entity accepts, and what is said about others.
Status CheckComparator(const Rules& rules, FilterDialect dialect, const Comparison& comparison,
                       std::string_view text) {
  const bool numeric =
      comparison.entity == FilterEntity::kMetric ||
      (comparison.entity == FilterEntity::kAttribute && Contains(rules.numeric, comparison.key));
  std::vector<std::string> accepted;
  if (numeric) {
    accepted.assign(std::begin(kNumericComparators), std::end(kNumericComparators));
  } else {
    accepted = {"=", "!=", "LIKE", "ILIKE"};
    const bool lists = comparison.entity == FilterEntity::kDataset ||
                       comparison.entity == FilterEntity::kAttribute;
    if (lists) accepted.insert(accepted.end(), {"IN", "NOT IN"});
    if (!lists && dialect == FilterDialect::kRuns)
      accepted.insert(accepted.end(), {"IS NULL", "IS NOT NULL"});
    if (!lists && dialect == FilterDialect::kExperiments)
      accepted.insert(accepted.end(), {"IS NULL", "IS NOT NULL"});
  }
  if (dialect == FilterDialect::kExperiments && comparison.key == "experiment_id" &&
      comparison.entity == FilterEntity::kAttribute) {
    accepted = {"=", "!=", "IN", "NOT IN"};
    if (!Contains(accepted, text))
      return InvalidArgument("Invalid comparator for experiment_id: {}", text);
    return OkStatus();
  }
  if (Contains(accepted, text)) return OkStatus();
  if (dialect == FilterDialect::kRegisteredModels || dialect == FilterDialect::kModelVersions) {
    if (comparison.entity == FilterEntity::kTag)
      return InvalidArgument("Invalid comparator for tag: {}", text);
    if (numeric)
      return InvalidArgument("Invalid comparator for attribute {}: {}", comparison.key, text);
    return InvalidArgument("Invalid comparator for attribute: {}", text);
  }
  if (dialect == FilterDialect::kExperiments && comparison.entity == FilterEntity::kTag) {
    return InvalidArgument("Invalid comparator for tag: {}", text);
  }
  return InvalidArgument("Invalid comparator '{}' not one of '{}'", text, SetText(accepted));
}

Result<Comparison> ReadComparison(const Rules& rules, FilterDialect dialect,
                                  const Element& element) {
  const std::vector<Element>& parts = element.parts;
  const std::string upper = Upper(parts[1].text);
  if (parts[0].kind != ElementKind::kIdentifier) {
    return InvalidArgument("Invalid comparison clause. Expected 'Identifier' found '{}'",
                           parts[0].text);
  }
  CAISSON_ASSIGN(Identifier identifier, ReadIdentifier(rules, parts[0].text, rules.attributes));
  Comparison comparison;
  comparison.entity = identifier.entity;
  comparison.key = std::move(identifier.key);
  if (parts.size() == 2) {
    const bool tag = comparison.entity == FilterEntity::kTag;
    if (!tag && !(rules.null_for_params && comparison.entity == FilterEntity::kParameter)) {
      if (rules.null_for_params) {
        return InvalidArgument(
            "IS NULL / IS NOT NULL is only supported for tags and params, not for '{}' '{}'",
            EntityName(comparison.entity), comparison.key);
      }
      return InvalidArgument(
          "IS NULL / IS NOT NULL is only supported for tags, not for attribute '{}'",
          comparison.key);
    }
    comparison.comparator = upper == "IS NULL" ? Comparator::kIsNull : Comparator::kIsNotNull;
    comparison.comparator_text = upper;
    return comparison;
  }
  CAISSON_TRY(ReadValue(rules, dialect, parts[2], comparison));
  comparison.comparator_text = rules.upper_comparators ? upper : parts[1].text;
  comparison.comparator = FindComparator(comparison.comparator_text).value_or(Comparator::kEqual);
  return comparison;
}

Element MakeComparison(std::vector<Element> parts) {
  std::string text;
  for (const Element& part : parts) text += (text.empty() ? "" : " ") + part.text;
  return {ElementKind::kComparison, std::move(text), std::move(parts)};
}

// Joins `a IN (...)`, `a NOT IN (...)`, `a IS NULL` and `a IS NOT NULL`, which the grouping leaves
// apart.
std::vector<Element> JoinListComparisons(const std::vector<Element>& elements) {
  std::vector<Element> joined;
  for (size_t i = 0; i < elements.size();) {
    const Element& first = elements[i];
    if (elements.size() - i < 3 || first.kind != ElementKind::kIdentifier) {
      joined.push_back(first);
      ++i;
      continue;
    }
    const Element& second = elements[i + 1];
    const Element& third = elements[i + 2];
    if (IsKeyword(second, "IN") && third.kind == ElementKind::kParenthesis) {
      joined.push_back(MakeComparison({first, second, third}));
      i += 3;
    } else if (IsKeyword(second, "IS") &&
               (IsKeyword(third, "NULL") || IsKeyword(third, "NOT NULL"))) {
      joined.push_back(
          MakeComparison({first, {ElementKind::kKeyword, "IS " + Upper(third.text), {}}}));
      i += 3;
    } else if (i + 3 < elements.size() && IsKeyword(second, "NOT") && IsKeyword(third, "IN") &&
               elements[i + 3].kind == ElementKind::kParenthesis) {
      joined.push_back(
          MakeComparison({first, {ElementKind::kKeyword, "NOT IN", {}}, elements[i + 3]}));
      i += 4;
    } else {
      // The reference consumes four elements here without looking at them again.
      for (size_t end = std::min(i + 4, elements.size()); i < end; ++i)
        joined.push_back(elements[i]);
    }
  }
  return joined;
}

}  // namespace

Result<std::vector<Comparison>> ParseFilter(FilterDialect dialect, std::string_view filter) {
  CAISSON_ASSIGN(std::vector<Comparison> comparisons, ParseFilterSyntax(dialect, filter));
  CAISSON_TRY(CheckComparators(dialect, comparisons));
  return comparisons;
}

Status CheckComparators(FilterDialect dialect, const std::vector<Comparison>& comparisons) {
  if (dialect == FilterDialect::kLoggedModels) return OkStatus();  // its own reader looked at them
  const Rules& rules = RulesOf(dialect);
  for (const Comparison& comparison : comparisons) {
    CAISSON_TRY(CheckComparator(rules, dialect, comparison, comparison.comparator_text));
  }
  return OkStatus();
}

Result<std::vector<Comparison>> ParseFilterSyntax(FilterDialect dialect, std::string_view filter) {
  std::vector<Comparison> comparisons;
  if (filter.empty()) return comparisons;
  const internal::ElementList list = internal::ReadElements(filter);
  if (list.statements > 1) {
    if (dialect == FilterDialect::kLoggedModels) {
      return InvalidArgument("Invalid filter string: {}. Expected a single SQL expression.",
                             PythonRepr(filter));
    }
    return InvalidArgument(
        "Search filter contained multiple expression {}. Provide AND-ed expression list.",
        PythonRepr(filter));
  }
  const std::vector<Element> elements = JoinListComparisons(list.elements);
  if (dialect == FilterDialect::kLoggedModels)
    return internal::ParseLoggedModelFilter(filter, elements);
  std::vector<std::string> invalid;
  for (const Element& element : elements) {
    if (element.kind == ElementKind::kComparison || IsKeyword(element, "AND")) continue;
    invalid.push_back(dialect == FilterDialect::kRuns ? "'" + element.text + "'" : element.text);
  }
  if (!invalid.empty())
    return InvalidArgument("Invalid clause(s) in filter string: {}", Join(invalid, ", "));
  const Rules& rules = RulesOf(dialect);
  for (const Element& element : elements) {
    if (element.kind != ElementKind::kComparison) continue;
    CAISSON_ASSIGN(Comparison comparison, ReadComparison(rules, dialect, element));
    comparisons.push_back(std::move(comparison));
  }
  return comparisons;
}

namespace {

// The words of a shell command line: what Python's shlex.split makes of it.
Result<std::vector<std::string>> ShellWords(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      if (c == '\\' && i + 1 < text.size()) ++i;
      word += text[i];
      in_word = true;
    }
  }
  if (quote != '\0') return InvalidArgument("No closing quotation");
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace

Result<OrderKey> ParseOrderBy(FilterDialect dialect, std::string_view text) {
  const Status unparsable =
      InvalidArgument("Invalid order_by clause '{}'. Could not be parsed.", text);
  const internal::ElementList list = internal::ReadElements(text);
  const std::vector<Element>& elements = list.elements;
  std::string token;
  if (list.statements == 1 && elements.size() == 1 &&
      elements[0].kind == ElementKind::kIdentifier) {
    token = elements[0].text;
  } else if (list.statements == 1 && !elements.empty() &&
             elements[0].kind == ElementKind::kBuiltin && elements.size() == 1) {
    token = "timestamp";
  } else if (list.statements == 1 && elements.size() == 2 &&
             elements[0].kind == ElementKind::kBuiltin && elements[1].kind == ElementKind::kOrder) {
    token = "timestamp " + elements[1].text;
  } else {
    return unparsable;
  }
  CAISSON_ASSIGN(const std::vector<std::string> words, ShellWords(ReplaceAll(token, "`", "\"")));
  if (words.size() > 2) return unparsable;
  OrderKey key;
  if (words.size() == 2) {
    const std::string order = ToLower(words[1]);
    if (order != "asc" && order != "desc")
      return InvalidArgument("Invalid ordering key in order_by clause '{}'.", text);
    key.ascending = order == "asc";
    token = words[0];
  }
  const Rules& rules = RulesOf(dialect);
  CAISSON_ASSIGN(Identifier identifier, ReadIdentifier(rules, Trim(token), rules.order_attributes));
  if (dialect != FilterDialect::kRuns && identifier.entity != FilterEntity::kAttribute) {
    return InvalidArgument("Invalid order_by entity: {}", EntityName(identifier.entity));
  }
  key.entity = identifier.entity;
  key.key = std::move(identifier.key);
  return key;
}

bool MatchesLike(std::string_view text, std::string_view pattern, bool ignore_case) {
  const auto same = [ignore_case](char a, char b) {
    if (!ignore_case) return a == b;
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  // The classic two-pointer walk: on a mismatch the last % takes one more character.
  size_t t = 0;
  size_t p = 0;
  size_t star = std::string_view::npos;
  size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '%') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && (pattern[p] == '_' || same(pattern[p], text[t]))) {
      ++p;
      ++t;
      while (t < text.size() && pattern[p - 1] == '_' &&
             (static_cast<unsigned char>(text[t]) & 0xC0) == 0x80)
        ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  return p == pattern.size();
}

}  // namespace caisson::tracking
