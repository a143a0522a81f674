// The words of a drawing: what of a node is shown, and how.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace caisson::lineage::internal {

// The first `limit` attributes worth showing, as name and short value. Members of objects one level
// down count as attributes of their own ("metrics.auc"); lists are shown by their length.
std::vector<std::pair<std::string, std::string>> KeyAttributes(const Json& attributes,
                                                               size_t limit);

// "gate_decision" as people read it: "gate decision".
std::string ReadableWord(std::string_view word);

// At most `characters` characters, the last one an ellipsis when something was left out. UTF-8
// stays whole.
std::string Shorten(std::string_view text, size_t characters);

// The same, and a hash by its first digits.
std::string ShortName(std::string_view name, size_t characters);

}  // namespace caisson::lineage::internal
