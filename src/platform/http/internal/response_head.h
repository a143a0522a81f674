// The head of a response, as bytes.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "platform/http/message.h"

namespace caisson::http {

struct ResponseFraming {
  std::string_view date;  // of HttpDate
  bool http_1_0 = false;  // the request's version
  bool keep_alive = true;
  bool chunked = false;
  std::optional<uint64_t> content_length;  // none: no such field
};

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7).
std::string HttpDate(std::time_t time);

// True for a status whose response never has a body.
bool IsBodyless(int status);

// Appends the status line, the response's fields and those that frame it. Content-Length,
// Transfer-Encoding and Connection among the response's own fields are left out, and control
// characters in values become spaces.
void AppendResponseHead(std::string& out, const Response& response, const ResponseFraming& framing);

}  // namespace caisson::http
