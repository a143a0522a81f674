// MLflow's filter and order_by languages.
//
// MLflow parses filters with the Python library sqlparse, whose tokenizer is part of what clients
// see: which characters a bare key may hold, what is a number, what counts as quoted. The lexer
// here follows its observable behaviour for the conjunctions that MLflow accepts and refuses the
// rest with MLflow's texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace caisson::tracking {

enum class FilterEntity { kMetric, kParameter, kTag, kAttribute, kDataset };

enum class Comparator {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kLike,
  kIlike,
  kIn,
  kNotIn,
  kIsNull,
  kIsNotNull
};
std::string_view ComparatorText(Comparator comparator);

// One comparison of a conjunction. Which of the values is set follows from the entity and the
// comparator.
struct Comparison {
  FilterEntity entity = FilterEntity::kAttribute;
  std::string key;
  Comparator comparator = Comparator::kEqual;
  std::string comparator_text;    // as written, in upper case where the dialect does not tell
  std::string text;               // for text comparisons
  std::optional<double> number;   // for metrics and numeric attributes
  std::vector<std::string> list;  // for IN and NOT IN
};

// Which searches use which grammar; the set of attributes and comparators differs.
enum class FilterDialect { kRuns, kExperiments, kRegisteredModels, kModelVersions, kLoggedModels };

// InvalidArgument with MLflow's text when the filter is not accepted. An empty filter has no
// comparisons.
Result<std::vector<Comparison>> ParseFilter(FilterDialect dialect, std::string_view filter);

// The two halves of ParseFilter. MLflow looks at order_by between them, which shows when both are
// wrong.
Result<std::vector<Comparison>> ParseFilterSyntax(FilterDialect dialect, std::string_view filter);
Status CheckComparators(FilterDialect dialect, const std::vector<Comparison>& comparisons);

struct OrderKey {
  FilterEntity entity = FilterEntity::kAttribute;
  std::string key;
  bool ascending = true;
};

Result<OrderKey> ParseOrderBy(FilterDialect dialect, std::string_view text);

// LIKE with % and _; bytes compare exactly, or without ASCII case for ILIKE.
bool MatchesLike(std::string_view text, std::string_view pattern, bool ignore_case);

}  // namespace caisson::tracking
