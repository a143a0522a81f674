#include "platform/http/internal/response_head.h"

#include <charconv>

namespace caisson::http {

namespace {

void AppendNumber(std::string& out, uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  out.append(digits, static_cast<size_t>(end - digits));
}

bool IsFramingField(std::string_view name) {
  switch (name.size()) {
    case 10:
      return EqualsIgnoringCase(name, "connection");
    case 14:
      return EqualsIgnoringCase(name, "content-length");
    case 17:
      return EqualsIgnoringCase(name, "transfer-encoding");
    default:
      return false;
  }
}

void AppendField(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  const size_t start = out.size();
  out.append(value);
  for (size_t i = start; i < out.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(out[i]);
    if (c < 0x20 || c == 0x7f) out[i] = ' ';
  }
  out.append("\r\n");
}

}  // namespace

std::string HttpDate(std::time_t time) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[parts.tm_wday],
                     parts.tm_mday, kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
}

bool IsBodyless(int status) { return status < 200 || status == 204 || status == 304; }

void AppendResponseHead(std::string& out, const Response& response,
                        const ResponseFraming& framing) {
  if (response.status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
  } else {
    out.append("HTTP/1.1 ");
    AppendNumber(out, static_cast<uint64_t>(response.status));
    out.append(" ").append(ReasonPhrase(response.status)).append("\r\n");
  }
  for (const auto& [name, value] : response.headers.fields()) {
    if (!IsFramingField(name)) AppendField(out, name, value);
  }
  out.append("Date: ").append(framing.date).append("\r\n");
  if (!framing.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (framing.http_1_0) {
    out.append("Connection: keep-alive\r\n");
  }
  if (framing.chunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (framing.content_length) {
    out.append("Content-Length: ");
    AppendNumber(out, *framing.content_length);
    out.append("\r\n");
  }
  out.append("\r\n");
}

}  // namespace caisson::http
