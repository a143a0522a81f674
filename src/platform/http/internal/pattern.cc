#include "platform/http/internal/pattern.h"

#include <algorithm>
#include <cctype>

#include "base/strings.h"

namespace caisson::http {

namespace {

constexpr std::string_view kRestMark = "...";

bool IsParameterName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_';
  });
}

Result<PatternSegment> ParseSegment(std::string_view text, std::string_view pattern) {
  PatternSegment segment;
  if (text.find_first_of("{}") == std::string_view::npos) {
    segment.text = text;
    return segment;
  }
  if (text.size() < 3 || text.front() != '{' || text.back() != '}') {
    return InvalidArgument("route {}: '{}' must be a whole '{{name}}' or have no braces", pattern,
                           text);
  }
  std::string_view name = text.substr(1, text.size() - 2);
  segment.kind = PatternSegment::Kind::kParameter;
  if (name.ends_with(kRestMark)) {
    segment.kind = PatternSegment::Kind::kRest;
    name.remove_suffix(kRestMark.size());
  }
  if (!IsParameterName(name)) {
    return InvalidArgument("route {}: '{}' is no parameter name; letters, digits and _ are",
                           pattern, name);
  }
  segment.text = name;
  return segment;
}

}  // namespace

Result<Pattern> ParsePattern(std::string_view text) {
  if (text.empty() || text.front() != '/') {
    return InvalidArgument("route '{}' must begin with a slash", text);
  }
  Pattern pattern;
  for (const std::string& part : Split(text.substr(1), '/')) {
    if (!pattern.empty() && pattern.back().kind == PatternSegment::Kind::kRest) {
      return InvalidArgument("route {}: the rest of the path can only come last", text);
    }
    CAISSON_ASSIGN(PatternSegment segment, ParseSegment(part, text));
    const bool repeated = std::any_of(pattern.begin(), pattern.end(), [&](const auto& other) {
      return other.kind != PatternSegment::Kind::kLiteral &&
             segment.kind != PatternSegment::Kind::kLiteral && other.text == segment.text;
    });
    if (repeated) {
      return InvalidArgument("route {} has two parameters named '{}'", text, segment.text);
    }
    pattern.push_back(std::move(segment));
  }
  return pattern;
}

}  // namespace caisson::http
