// Requests and responses, without a socket in sight.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/context.h"
#include "base/json.h"
#include "base/status.h"

namespace caisson::http {

enum class Method { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions };
std::string_view MethodName(Method method);
// By the exact, upper-case name.
std::optional<Method> ParseMethod(std::string_view name);

// Letters compare without case, as header names do (ASCII only).
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

// Header fields in the order of arrival; names compare without case.
class Headers {
 public:
  void Add(std::string_view name, std::string_view value) { fields_.emplace_back(name, value); }
  // Replaces all fields of the name by one.
  void Set(std::string_view name, std::string_view value);
  // The first value, or empty.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  void Remove(std::string_view name);
  void Clear() { fields_.clear(); }
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Reads a request body that is too large to hold. Used by the handler's thread.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // Waits for the next piece; 0 is the end. The socket is read no faster than this is called. An
  // error when the client went away, was too slow, or sent more than the route allows.
  virtual Result<size_t> Read(char* buffer, size_t size) = 0;
};

// Reads a body that is in memory. For dispatch without a server and for tests; `bytes` must outlive
// it.
class StringBodyReader : public BodyReader {
 public:
  explicit StringBodyReader(std::string_view bytes) : rest_(bytes) {}
  Result<size_t> Read(char* buffer, size_t size) override;

 private:
  std::string_view rest_;
};

// Writes a response body piece by piece. Used by the handler's thread.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  // Waits while the client has not taken what was written before (at most 1 MiB is kept). Cancelled
  // when it went away.
  virtual Status Write(std::string_view bytes) = 0;
};

// Collects what is written, up to `max_bytes`; more is ResourceExhausted. For dispatch without a
// server and for tests.
class StringBodyWriter : public BodyWriter {
 public:
  explicit StringBodyWriter(uint64_t max_bytes = UINT64_MAX) : max_bytes_(max_bytes) {}
  Status Write(std::string_view bytes) override;
  const std::string& bytes() const { return bytes_; }
  std::string TakeBytes() { return std::move(bytes_); }

 private:
  uint64_t max_bytes_;
  std::string bytes_;
};

// Reads a body to its end; more than `max_bytes` is ResourceExhausted.
Result<std::string> ReadAll(BodyReader& reader, uint64_t max_bytes);

struct Request {
  Method method = Method::kGet;
  std::string path;                                        // decoded, without the query
  std::string raw_path;                                    // as sent, without the query
  std::vector<std::pair<std::string, std::string>> query;  // decoded
  std::vector<std::pair<std::string, std::string>>
      path_parameters;  // by the route's pattern, decoded
  Headers headers;
  std::string body;                   // whole, for buffered routes
  BodyReader* body_reader = nullptr;  // for streamed routes
  std::string remote_address;         // HOST:PORT of the client
  Context context =
      Context::Background();  // carries the route's timeout and the client's going away

  // The first value of a query or a path parameter, or empty.
  std::string_view Query(std::string_view name) const;
  std::optional<std::string_view> FindQuery(std::string_view name) const;
  std::vector<std::string> QueryAll(std::string_view name) const;
  std::string_view Path(std::string_view name) const;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  // When set, `body` is ignored: the function runs on a worker after the header went out, and the
  // body is chunked unless `content_length` is known. An error ends the connection without the
  // final chunk, so that the client sees the break.
  std::function<Status(BodyWriter&)> stream;
  std::optional<uint64_t> content_length;
  // When set, `body` is ignored: the file's bytes [offset, offset + length) are sent.
  struct FileRange {
    std::string path;
    uint64_t offset = 0;
    uint64_t length = 0;
  };
  std::optional<FileRange> file;

  static Response Text(int status, std::string_view text);
  static Response OfJson(int status, const Json& json);
  static Response Html(int status, std::string html);
};

// Writes the body of a response, whichever kind it is, to `writer` in the calling thread, as the
// server would.
Status WriteBody(const Response& response, BodyWriter& writer);

// "Not Found" for 404; "Unknown" for a number without a registered phrase (RFC 9110, section 15).
std::string_view ReasonPhrase(int status);

// The HTTP status that a Status code stands for (google.rpc.Code's own mapping: NotFound 404,
// AlreadyExists and Aborted 409, FailedPrecondition 400, ResourceExhausted 429, Unavailable 503 and
// so on).
int HttpStatusOf(StatusCode code);

// The answer of the native API to an error: {"error": {"code": "not_found", "message": "..."}}.
Response ErrorResponse(const Status& status);

}  // namespace caisson::http
