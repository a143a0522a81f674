// The path arithmetic of files.h.
#include <filesystem>
#include <system_error>

#include "base/files.h"

namespace caisson {
namespace {

std::string_view WithoutTrailingSlashes(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path;
}

// The parts between slashes, with "." dropped and ".." resolved as far as there is something to go
// back from.
std::vector<std::string_view> NormalParts(std::string_view path) {
  const bool absolute = !path.empty() && path.front() == '/';
  std::vector<std::string_view> parts;
  size_t start = 0;
  while (start <= path.size()) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    start = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!absolute) {
      parts.push_back(part);
    }
  }
  return parts;
}

std::string JoinParts(const std::vector<std::string_view>& parts, size_t first) {
  std::string text;
  for (size_t i = first; i < parts.size(); ++i) {
    if (i > first) text += '/';
    text += parts[i];
  }
  return text;
}

}  // namespace

std::string JoinPath(std::string_view folder, std::string_view name) {
  if (folder.empty() || (!name.empty() && name.front() == '/')) return std::string(name);
  if (name.empty()) return std::string(folder);
  return folder.back() == '/' ? fmt::format("{}{}", folder, name)
                              : fmt::format("{}/{}", folder, name);
}

std::string ParentPath(std::string_view path) {
  path = WithoutTrailingSlashes(path);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(WithoutTrailingSlashes(path.substr(0, slash + 1)));
}

std::string BaseName(std::string_view path) {
  path = WithoutTrailingSlashes(path);
  if (path == "/") return "/";
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string NormalizePath(std::string_view path) {
  const bool absolute = !path.empty() && path.front() == '/';
  const std::string text = JoinParts(NormalParts(path), 0);
  if (absolute) return "/" + text;
  return text.empty() ? "." : text;
}

std::string AbsolutePath(std::string_view path) {
  if (!path.empty() && path.front() == '/') return NormalizePath(path);
  // A working directory that was removed leaves the path as it is; opening it then reports that it
  // does not exist.
  std::error_code error;
  const std::string working_directory = std::filesystem::current_path(error).string();
  return NormalizePath(error ? std::string(path) : JoinPath(working_directory, path));
}

std::string RelativePath(std::string_view path, std::string_view base) {
  const std::vector<std::string_view> to = NormalParts(path);
  const std::vector<std::string_view> from = NormalParts(base);
  size_t common = 0;
  while (common < to.size() && common < from.size() && to[common] == from[common]) ++common;
  std::string text;
  for (size_t i = common; i < from.size(); ++i) text += i == common ? ".." : "/..";
  const std::string rest = JoinParts(to, common);
  if (rest.empty()) return text.empty() ? "." : text;
  return text.empty() ? rest : text + "/" + rest;
}

}  // namespace caisson
