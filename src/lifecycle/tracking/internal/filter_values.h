// What the readers of filters share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "lifecycle/tracking/internal/filter_tokens.h"
#include "lifecycle/tracking/search_filter.h"

namespace caisson::tracking::internal {

std::optional<Comparator> FindComparator(std::string_view text);
bool Contains(const std::vector<std::string>& list, std::string_view text);
// The text without the quotes around it, when it has both.
std::string_view TrimPair(std::string_view text, char quote);
std::string Upper(std::string_view text);
// The strings of ('a', "b"): a Python tuple, as MLflow evaluates it.
Result<std::vector<std::string>> ReadList(std::string_view text);

// Logged models have a simpler language of their own.
Result<std::vector<Comparison>> ParseLoggedModelFilter(std::string_view filter,
                                                       const std::vector<Element>& elements);

}  // namespace caisson::tracking::internal
