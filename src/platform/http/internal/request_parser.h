// The head of an HTTP/1.1 request: finding its end and reading it (RFC 9112).
//
// Strict where leniency has led to request smuggling: lines end with CRLF, no folded lines, no
// space before a colon, one Host, at most one Content-Length, and never together with
// Transfer-Encoding. No sockets, no state shared between objects.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "platform/http/message.h"

namespace caisson::http {

// Why a request is refused, before any route is known.
struct ParseFailure {
  int http_status = 400;
  std::string message;
};

// How the body is delimited, and what becomes of the connection.
struct Framing {
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expect_continue = false;
  bool chunked = false;
  uint64_t content_length = 0;

  bool has_body() const { return chunked || content_length > 0; }
};

// Finds the empty line that ends a head, in bytes that arrive bit by bit; no byte is looked at
// twice.
class HeadScanner {
 public:
  enum class Found { kMore, kEnd, kBareLineFeed };
  // `bytes` begins with the head's first byte and only grows from call to call.
  Found Scan(std::string_view bytes);
  size_t head_size() const { return line_start_; }  // after kEnd, with the empty line
  void Reset() { position_ = line_start_ = 0; }

 private:
  size_t position_ = 0;
  size_t line_start_ = 0;
};

// False for a byte that cannot begin a request, for example of a TLS handshake.
bool CanBeginRequest(char c);

// Reads a head that HeadScanner found. Fills method, path, raw_path, query and headers of
// `request`, which must be empty.
std::optional<ParseFailure> ParseRequestHead(std::string_view head, Request& request,
                                             Framing& framing);

// Reads the request line alone, to learn which route an unreadable head was meant for.
std::optional<ParseFailure> ParseRequestLine(std::string_view line, Request& request,
                                             Framing& framing);

// The trace id of a `traceparent` field (W3C Trace Context, version 00), or nothing when it is
// malformed.
std::optional<std::string_view> TraceIdOf(std::string_view traceparent);

}  // namespace caisson::http
