#include "engines/duckdb/internal/error.h"

#include <string>

#include "base/strings.h"

namespace caisson::duckdb {
namespace {

constexpr int kMaxCandidates = 4;

bool StartsWith(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

StatusCode CodeOf(std::string_view text) {
  if (StartsWith(text, "IO Error")) {
    if (Contains(text, "No files found") || Contains(text, "No such file"))
      return StatusCode::kNotFound;
    if (Contains(text, "Permission denied")) return StatusCode::kPermissionDenied;
    if (Contains(text, "No space left")) return StatusCode::kResourceExhausted;
    return StatusCode::kUnavailable;
  }
  if (StartsWith(text, "Out of Memory Error")) return StatusCode::kResourceExhausted;
  if (StartsWith(text, "Permission Error")) return StatusCode::kPermissionDenied;
  if (StartsWith(text, "INTERRUPT Error")) return StatusCode::kCancelled;
  if (StartsWith(text, "Not implemented Error")) return StatusCode::kUnimplemented;
  if (StartsWith(text, "INTERNAL Error") || StartsWith(text, "FATAL Error"))
    return StatusCode::kInternal;
  if (StartsWith(text, "Missing Extension Error")) return StatusCode::kFailedPrecondition;
  return StatusCode::kInvalidArgument;
}

std::string WithoutDoubledSpaces(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c != ' ' || result.empty() || result.back() != ' ') result += c;
  }
  return result;
}

}  // namespace

Status ErrorStatus(std::string_view text) {
  const StatusCode code = CodeOf(text);
  std::string message;
  std::string excerpt;
  int candidates = 0;
  for (const std::string& line : Split(text, '\n')) {
    const std::string_view trimmed = Trim(line);
    if (StartsWith(trimmed, "Stack Trace")) break;
    if (trimmed.empty() || trimmed == "^") continue;
    // "LINE 3: SELECT x FROM t" is followed by a caret, which says nothing on one line.
    if (StartsWith(trimmed, "LINE ")) {
      excerpt = fmt::format(" (line {})", WithoutDoubledSpaces(trimmed.substr(5)));
      continue;
    }
    // Below "Candidate functions:" stands every overload that there is, one indented line each.
    if (line.front() == '\t' && ++candidates > kMaxCandidates) continue;
    if (!message.empty()) message += ' ';
    message += trimmed;
  }
  if (message.empty()) message = "unknown error";
  return Status(code, "DuckDB: " + message + excerpt);
}

}  // namespace caisson::duckdb
