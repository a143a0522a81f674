// The pattern of a route, taken apart.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace caisson::http {

struct PatternSegment {
  enum class Kind { kLiteral, kParameter, kRest };
  Kind kind = Kind::kLiteral;
  std::string text;  // the literal, or the parameter's name
};
using Pattern = std::vector<PatternSegment>;

// "/v2/models/{model}" is two literals and a parameter; "/" is one empty literal. InvalidArgument
// names what is wrong.
Result<Pattern> ParsePattern(std::string_view text);

}  // namespace caisson::http
