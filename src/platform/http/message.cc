#include "platform/http/message.h"

#include <algorithm>
#include <array>

#include <unistd.h>

#include "base/files.h"

namespace caisson::http {

namespace {

struct MethodEntry {
  Method method;
  std::string_view name;
};

constexpr std::array<MethodEntry, 7> kMethods = {{{Method::kGet, "GET"},
                                                  {Method::kHead, "HEAD"},
                                                  {Method::kPost, "POST"},
                                                  {Method::kPut, "PUT"},
                                                  {Method::kPatch, "PATCH"},
                                                  {Method::kDelete, "DELETE"},
                                                  {Method::kOptions, "OPTIONS"}}};

struct Phrase {
  int status;
  std::string_view text;
};

constexpr Phrase kPhrases[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string_view FirstValue(const std::vector<std::pair<std::string, std::string>>& pairs,
                            std::string_view name) {
  for (const auto& [key, value] : pairs) {
    if (key == name) return value;
  }
  return {};
}

std::string_view CodeName(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "ok";
    case StatusCode::kCancelled:
      return "cancelled";
    case StatusCode::kUnknown:
      return "unknown";
    case StatusCode::kInvalidArgument:
      return "invalid_argument";
    case StatusCode::kDeadlineExceeded:
      return "deadline_exceeded";
    case StatusCode::kNotFound:
      return "not_found";
    case StatusCode::kAlreadyExists:
      return "already_exists";
    case StatusCode::kPermissionDenied:
      return "permission_denied";
    case StatusCode::kResourceExhausted:
      return "resource_exhausted";
    case StatusCode::kFailedPrecondition:
      return "failed_precondition";
    case StatusCode::kAborted:
      return "aborted";
    case StatusCode::kOutOfRange:
      return "out_of_range";
    case StatusCode::kUnimplemented:
      return "unimplemented";
    case StatusCode::kInternal:
      return "internal";
    case StatusCode::kUnavailable:
      return "unavailable";
    case StatusCode::kDataLoss:
      return "data_loss";
    case StatusCode::kUnauthenticated:
      return "unauthenticated";
    default:
      return "unknown";
  }
}

Status WriteFileRange(const Response::FileRange& range, BodyWriter& writer) {
  CAISSON_ASSIGN(FileDescriptor file, OpenForReading(range.path));
  std::string buffer(256 << 10, '\0');
  uint64_t offset = range.offset;
  uint64_t left = range.length;
  while (left > 0) {
    const size_t wanted = std::min<uint64_t>(left, buffer.size());
    const ssize_t got = ::pread(file.get(), buffer.data(), wanted, static_cast<off_t>(offset));
    if (got < 0) {
      if (errno == EINTR) continue;
      return ErrnoStatus(errno, "read " + range.path);
    }
    if (got == 0) return DataLoss("{} ended {} bytes early", range.path, left);
    CAISSON_TRY(writer.Write(std::string_view(buffer.data(), static_cast<size_t>(got))));
    offset += static_cast<uint64_t>(got);
    left -= static_cast<uint64_t>(got);
  }
  return OkStatus();
}

}  // namespace

std::string_view MethodName(Method method) { return kMethods[static_cast<size_t>(method)].name; }

std::optional<Method> ParseMethod(std::string_view name) {
  for (const MethodEntry& entry : kMethods) {
    if (entry.name == name) return entry.method;
  }
  return std::nullopt;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return LowerAscii(x) == LowerAscii(y);
         });
}

void Headers::Set(std::string_view name, std::string_view value) {
  Remove(name);
  Add(name, value);
}

std::string_view Headers::Get(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (EqualsIgnoringCase(key, name)) return value;
  }
  return {};
}

bool Headers::Has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [&](const auto& field) { return EqualsIgnoringCase(field.first, name); });
}

void Headers::Remove(std::string_view name) {
  std::erase_if(fields_, [&](const auto& field) { return EqualsIgnoringCase(field.first, name); });
}

Result<size_t> StringBodyReader::Read(char* buffer, size_t size) {
  const size_t taken = std::min(size, rest_.size());
  rest_.copy(buffer, taken);
  rest_.remove_prefix(taken);
  return taken;
}

Status StringBodyWriter::Write(std::string_view bytes) {
  if (bytes.size() > max_bytes_ - bytes_.size()) {
    return ResourceExhausted("the body is larger than {} bytes", max_bytes_);
  }
  bytes_.append(bytes);
  return OkStatus();
}

Result<std::string> ReadAll(BodyReader& reader, uint64_t max_bytes) {
  std::string bytes;
  std::string buffer(64 << 10, '\0');
  while (true) {
    CAISSON_ASSIGN(const size_t got, reader.Read(buffer.data(), buffer.size()));
    if (got == 0) return bytes;
    if (got > max_bytes - bytes.size()) {
      return ResourceExhausted("the body is larger than the {} bytes that are accepted here",
                               max_bytes);
    }
    bytes.append(buffer.data(), got);
  }
}

std::string_view Request::Query(std::string_view name) const { return FirstValue(query, name); }

std::optional<std::string_view> Request::FindQuery(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::vector<std::string> Request::QueryAll(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : query) {
    if (key == name) values.push_back(value);
  }
  return values;
}

std::string_view Request::Path(std::string_view name) const {
  return FirstValue(path_parameters, name);
}

Response Response::Text(int status, std::string_view text) {
  Response response;
  response.status = status;
  response.headers.Add("Content-Type", "text/plain; charset=utf-8");
  response.body = text;
  return response;
}

Response Response::OfJson(int status, const Json& json) {
  Response response;
  response.status = status;
  response.headers.Add("Content-Type", "application/json");
  response.body = WriteJson(json);
  return response;
}

Response Response::Html(int status, std::string html) {
  Response response;
  response.status = status;
  response.headers.Add("Content-Type", "text/html; charset=utf-8");
  response.body = std::move(html);
  return response;
}

Status WriteBody(const Response& response, BodyWriter& writer) {
  if (response.stream) return response.stream(writer);
  if (response.file) return WriteFileRange(*response.file, writer);
  return response.body.empty() ? OkStatus() : writer.Write(response.body);
}

std::string_view ReasonPhrase(int status) {
  for (const Phrase& phrase : kPhrases) {
    if (phrase.status == status) return phrase.text;
  }
  return "Unknown";
}

int HttpStatusOf(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return 200;
    case StatusCode::kInvalidArgument:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kOutOfRange:
      return 400;
    case StatusCode::kUnauthenticated:
      return 401;
    case StatusCode::kPermissionDenied:
      return 403;
    case StatusCode::kNotFound:
      return 404;
    case StatusCode::kAlreadyExists:
    case StatusCode::kAborted:
      return 409;
    case StatusCode::kResourceExhausted:
      return 429;
    case StatusCode::kCancelled:
      return 499;
    case StatusCode::kUnimplemented:
      return 501;
    case StatusCode::kUnavailable:
      return 503;
    case StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

Response ErrorResponse(const Status& status) {
  return Response::OfJson(HttpStatusOf(status.code()),
                          Json::Of({{"error", Json::Of({{"code", Json(CodeName(status.code()))},
                                                        {"message", Json(Message(status))}})}}));
}

}  // namespace caisson::http
