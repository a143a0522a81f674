#include "lifecycle/tracking/internal/filter_values.h"

#include <algorithm>
#include <cctype>

#include "base/strings.h"

namespace caisson::tracking {
namespace internal {
namespace {

struct ComparatorRow {
  Comparator comparator;
  std::string_view text;
};
constexpr ComparatorRow kComparators[] = {
    {Comparator::kEqual, "="},        {Comparator::kNotEqual, "!="},
    {Comparator::kLess, "<"},         {Comparator::kLessEqual, "<="},
    {Comparator::kGreater, ">"},      {Comparator::kGreaterEqual, ">="},
    {Comparator::kLike, "LIKE"},      {Comparator::kIlike, "ILIKE"},
    {Comparator::kIn, "IN"},          {Comparator::kNotIn, "NOT IN"},
    {Comparator::kIsNull, "IS NULL"}, {Comparator::kIsNotNull, "IS NOT NULL"},
};

}  // namespace

std::optional<Comparator> FindComparator(std::string_view text) {
  for (const ComparatorRow& row : kComparators) {
    if (row.text == text) return row.comparator;
  }
  return std::nullopt;
}

bool Contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

std::string_view TrimPair(std::string_view text, char quote) {
  const bool quoted = text.size() >= 2 && text.front() == quote && text.back() == quote;
  return quoted ? text.substr(1, text.size() - 2) : text;
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

Result<std::vector<std::string>> ReadList(std::string_view text) {
  const Status ill_formed = InvalidArgument(
      "While parsing a list in the query, expected a non-empty list of string values, but got "
      "ill-formed list.");
  std::vector<std::string> items;
  std::string_view rest = Trim(text.substr(1, text.size() - 2));
  if (rest.empty()) {
    return InvalidArgument(
        "While parsing a list in the query, expected a non-empty list of string values, but got "
        "empty list");
  }
  while (!rest.empty()) {
    const char quote = rest.front();
    if (quote != '\'' && quote != '"') {
      if (std::isdigit(static_cast<unsigned char>(quote)) == 0 && quote != '-') return ill_formed;
      return InvalidArgument(
          "While parsing a list in the query, expected string value, punctuation, or whitespace, "
          "but got different type in "
          "list: {}",
          text);
    }
    std::string item;
    size_t i = 1;
    for (; i < rest.size() && rest[i] != quote; ++i) {
      if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
      item += rest[i];
    }
    if (i >= rest.size()) return ill_formed;
    items.push_back(std::move(item));
    rest = Trim(rest.substr(i + 1));
    if (rest.empty()) break;
    if (rest.front() != ',') return ill_formed;
    rest = Trim(rest.substr(1));
  }
  return items;
}

}  // namespace internal

std::string_view ComparatorText(Comparator comparator) {
  for (const internal::ComparatorRow& row : internal::kComparators) {
    if (row.comparator == comparator) return row.text;
  }
  return "=";
}

}  // namespace caisson::tracking
