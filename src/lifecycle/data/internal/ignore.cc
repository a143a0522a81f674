#include "lifecycle/data/internal/ignore.h"

#include "base/files.h"
#include "base/strings.h"

namespace caisson::data::internal {
namespace {

// Reads "[...]" at the start of `pattern`; returns its length, or 0 when it is not closed.
size_t MatchClass(std::string_view pattern, char c, bool& matches) {
  size_t i = 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool found = false;
  for (bool first = true; i < pattern.size() && (first || pattern[i] != ']'); first = false) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    const char low = pattern[i];
    char high = low;
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      i += 2;
      if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
      high = pattern[i];
    }
    found = found || (low <= c && c <= high);
    ++i;
  }
  if (i >= pattern.size()) return 0;
  matches = found != negated;
  return i + 1;
}

// `segments` from `at` against the names of a path from `from`.
bool MatchSegments(const std::vector<std::string>& segments, size_t at,
                   const std::vector<std::string>& names, size_t from) {
  for (; at < segments.size(); ++at, ++from) {
    if (segments[at] == "**") {
      if (at + 1 == segments.size()) return from < names.size();
      for (size_t skip = from; skip <= names.size(); ++skip) {
        if (MatchSegments(segments, at + 1, names, skip)) return true;
      }
      return false;
    }
    if (from >= names.size() || !MatchName(segments[at], names[from])) return false;
  }
  return from == names.size();
}

// Spaces at the end do not count, unless a backslash stands before them.
std::string_view WithoutTrailingSpaces(std::string_view line) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) {
    if (line.size() > 1 && line[line.size() - 2] == '\\') break;
    line.remove_suffix(1);
  }
  return line;
}

}  // namespace

bool MatchName(std::string_view pattern, std::string_view name) {
  size_t p = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;  // where to go on when a guess about * was wrong
  size_t star_name = 0;
  while (n < name.size()) {
    bool matches = false;
    size_t length = 1;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_name = n;
      continue;
    }
    if (p < pattern.size()) {
      if (pattern[p] == '?') {
        matches = true;
      } else if (pattern[p] == '[') {
        length = MatchClass(pattern.substr(p), name[n], matches);
        if (length == 0) {
          length = 1;
          matches = name[n] == '[';
        }
      } else {
        if (pattern[p] == '\\' && p + 1 < pattern.size()) ++p;
        matches = pattern[p] == name[n];
      }
    }
    if (matches) {
      p += length;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

void IgnoreRules::Add(std::string_view folder, std::string_view text) {
  for (const std::string& raw : Split(text, '\n')) {
    std::string_view line = WithoutTrailingSpaces(raw);
    if (line.empty() || line.front() == '#') continue;
    Rule rule;
    rule.folder = folder;
    if (line.front() == '!') {
      rule.keeps = true;
      line.remove_prefix(1);
    }
    if (!line.empty() && line.back() == '/') {
      rule.folders_only = true;
      line.remove_suffix(1);
    }
    rule.anchored = line.find('/') != std::string_view::npos;
    if (!line.empty() && line.front() == '/') line.remove_prefix(1);
    if (line.empty()) continue;
    rule.segments = Split(line, '/');
    rules_.push_back(std::move(rule));
  }
}

Status IgnoreRules::AddFile(const std::string& root, const std::string& folder) {
  const std::string path = JoinPath(JoinPath(root, folder), ".dvcignore");
  if (!FileExists(path)) return OkStatus();
  CAISSON_ASSIGN(const std::string text, ReadFile(path));
  Add(folder, text);
  return OkStatus();
}

bool IgnoreRules::Ignores(std::string_view path, bool is_folder) const {
  const std::string name = BaseName(path);
  if (is_folder && (name == ".git" || name == ".hg" || name == ".dvc")) return true;
  bool ignored = false;
  for (const Rule& rule : rules_) {
    std::string_view below = path;
    if (!rule.folder.empty()) {
      if (path.substr(0, rule.folder.size() + 1) != rule.folder + "/") continue;
      below.remove_prefix(rule.folder.size() + 1);
    }
    if (rule.folders_only && !is_folder) continue;
    const bool matches = rule.anchored ? MatchSegments(rule.segments, 0, Split(below, '/'), 0)
                                       : MatchName(rule.segments[0], name);
    if (matches) ignored = !rule.keeps;
  }
  return ignored;
}

}  // namespace caisson::data::internal
