// The kinds of checks that there are, for documentation and for people.
#pragma once

#include <string>

#include "base/json.h"

namespace caisson::data {

// [{"name", "scope": "table" or "column", "group", "summary", "example", "mostly", "short",
//   "parameters": [{"name", "type", "required", "help"}]}]
Json CheckCatalogue();
// The reference part of docs/checks.md.
std::string CheckCatalogueMarkdown();

}  // namespace caisson::data
