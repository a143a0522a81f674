// A first suite of checks for a table, from what it looks like today.
#pragma once

#include <string>

#include "lifecycle/data/profile.h"

namespace caisson::data {

// The text of a suite that the described table passes and that a person would keep: bounds are
// rounded outwards, so that tomorrow's data passes too, and what is only true by chance is left
// out.
std::string SuggestSuite(const TableDescription& description, const std::string& path);

}  // namespace caisson::data
