#include "protocols/mlflow/internal/file_answer.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "base/files.h"
#include "base/hash.h"
#include "base/strings.h"
#include "protocols/mlflow/internal/errors.h"

namespace caisson::mlflow::internal {
namespace {

struct MimeRow {
  std::string_view extension;
  std::string_view type;
};
constexpr MimeRow kMimeTypes[] = {
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"mjs", "text/javascript"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"tsv", "text/tab-separated-values"},
    {"wav", "audio/x-wav"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"xml", "text/xml"},
    {"zip", "application/zip"},
};
// What is shown as text whatever the platform's tables say.
constexpr std::string_view kTextExtensions[] = {
    "txt",        "log",  "err",   "cfg",  "conf", "cnf",     "cf",  "ini",
    "properties", "prop", "hocon", "toml", "yaml", "yml",     "xml", "json",
    "js",         "py",   "py3",   "md",   "rst",  "jsonnet", "sh"};
constexpr std::string_view kTextNames[] = {"MLmodel", "MLproject"};

// The range of "bytes=a-b" for a file of `size` bytes; nothing when the header is not one plain
// range.
struct Range {
  uint64_t offset = 0;
  uint64_t length = 0;
};
std::optional<Range> ParseRange(std::string_view header, uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return std::nullopt;
  header.remove_prefix(kUnit.size());
  const size_t dash = header.find('-');
  if (dash == std::string_view::npos || header.find(',') != std::string_view::npos)
    return std::nullopt;
  const std::optional<int64_t> first = ParseInt(header.substr(0, dash));
  const std::optional<int64_t> last = ParseInt(header.substr(dash + 1));
  if (!first.has_value()) {
    if (!last.has_value() || *last <= 0) return std::nullopt;
    const uint64_t length = std::min<uint64_t>(static_cast<uint64_t>(*last), size);
    return Range{size - length, length};
  }
  const auto offset = static_cast<uint64_t>(*first);
  const uint64_t end =
      last.has_value() ? std::min<uint64_t>(static_cast<uint64_t>(*last) + 1, size) : size;
  if (*first < 0 || offset >= end) return Range{offset, 0};
  return Range{offset, end - offset};
}

bool IsToken(std::string_view text) {
  for (char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 &&
        std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return !text.empty();
}

// RFC 6266: an ASCII name for old readers, and the real one beside it.
std::string Disposition(std::string_view name) {
  std::string ascii;
  for (char c : name) {
    if (static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7F) ascii += c;
  }
  if (ascii.empty()) ascii = "download";
  const std::string quoted =
      IsToken(ascii) ? ascii
                     : "\"" + ReplaceAll(ReplaceAll(ascii, "\\", "\\\\"), "\"", "\\\"") + "\"";
  if (ascii == name) return "attachment; filename=" + quoted;
  return fmt::format("attachment; filename={}; filename*=UTF-8''{}", quoted,
                     PercentEncode(name, "!#$&+-.^_`|~"));
}

}  // namespace

std::string_view GuessMimeType(std::string_view name) {
  const std::string base = BaseName(name);
  for (const std::string_view text : kTextNames) {
    if (base == text) return "text/plain";
  }
  const size_t dot = base.rfind('.');
  if (dot == std::string::npos) return "application/octet-stream";
  const std::string extension = ToLower(std::string_view(base).substr(dot + 1));
  for (const std::string_view text : kTextExtensions) {
    if (extension == text) return "text/plain";
  }
  for (const MimeRow& row : kMimeTypes) {
    if (extension == row.extension) return row.type;
  }
  return "application/octet-stream";
}

http::Response FileAnswer(const http::Request& request, const std::string& path,
                          std::string_view name) {
  const Result<FileInfo> info = StatFile(path);
  if (!info.ok()) return ErrorAnswer(NotFound("No such artifact: '{}'", name));
  const uint64_t size = info->identity.size;
  const std::string tag = fmt::format(
      "\"{:016x}-{:x}\"",
      Xxh3(fmt::format("{}:{}", info->identity.mtime_nanos, info->identity.inode)), size);
  http::Response response;
  response.headers.Set("ETag", tag);
  response.headers.Set("Accept-Ranges", "bytes");
  response.headers.Set("X-Content-Type-Options", "nosniff");
  if (request.headers.Get("if-none-match") == tag) {
    response.status = 304;
    return response;
  }
  response.headers.Set("Content-Type", GuessMimeType(name));
  response.headers.Set("Content-Disposition", Disposition(BaseName(name)));
  http::Response::FileRange file{path, 0, size};
  const std::string_view if_range = request.headers.Get("if-range");
  const std::optional<Range> range = if_range.empty() || if_range == tag
                                         ? ParseRange(request.headers.Get("range"), size)
                                         : std::nullopt;
  if (range.has_value() && range->length == 0) {
    response.status = 416;
    response.headers.Set("Content-Range", fmt::format("bytes */{}", size));
    return response;
  }
  if (range.has_value()) {
    response.status = 206;
    response.headers.Set("Content-Range", fmt::format("bytes {}-{}/{}", range->offset,
                                                      range->offset + range->length - 1, size));
    file.offset = range->offset;
    file.length = range->length;
  }
  response.file = std::move(file);
  return response;
}

}  // namespace caisson::mlflow::internal
