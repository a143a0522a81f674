#include "platform/http/internal/request_parser.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/strings.h"

namespace caisson::http {

namespace {

constexpr size_t kMaxFields = 128;

using CharTable = std::array<bool, 256>;

// RFC 9110, section 5.6.2.
constexpr CharTable kToken = [] {
  CharTable table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

// Visible characters, space, tab and what lies above ASCII (RFC 9110, section 5.5).
constexpr CharTable kFieldValue = [] {
  CharTable table{};
  for (int c = 0x20; c < 0x100; ++c) table[c] = c != 0x7f;
  table['\t'] = true;
  return table;
}();

// Everything that is not a control, a space or '#'. Bytes above ASCII are taken though RFC 3986
// wants them escaped.
constexpr CharTable kTarget = [] {
  CharTable table{};
  for (int c = 0x21; c < 0x100; ++c) table[c] = c != 0x7f && c != '#';
  return table;
}();

bool AllIn(std::string_view text, const CharTable& table) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return table[static_cast<unsigned char>(c)]; });
}

ParseFailure Bad(std::string message) { return {400, std::move(message)}; }

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The decoded text, or nothing when an escape is broken or stands for NUL.
std::optional<std::string> Decode(std::string_view text, bool plus_is_space) {
  if (text.find_first_of(plus_is_space ? "%+" : "%") == std::string_view::npos) {
    return std::string(text);
  }
  Result<std::string> decoded = PercentDecode(text, plus_is_space);
  if (!decoded.ok() || decoded->find('\0') != std::string::npos) return std::nullopt;
  return *std::move(decoded);
}

std::optional<ParseFailure> ParseQuery(std::string_view text, Request& request) {
  while (!text.empty()) {
    const size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    std::optional<std::string> name = Decode(pair.substr(0, equals), true);
    std::optional<std::string> value =
        equals == std::string_view::npos ? std::string() : Decode(pair.substr(equals + 1), true);
    if (!name || !value) {
      return Bad(
          "the query has a broken percent-escape; two hex digits other than 00 must follow %");
    }
    request.query.emplace_back(*std::move(name), *std::move(value));
  }
  return std::nullopt;
}

std::optional<ParseFailure> ParseTarget(std::string_view target, Request& request) {
  if (!AllIn(target, kTarget))
    return Bad("the request target has a character that must be escaped");
  if (target == "*" && request.method == Method::kOptions) {
    request.path = request.raw_path = "*";
    return std::nullopt;
  }
  if (!target.starts_with('/')) {  // the absolute form, which proxies use
    const size_t scheme = target.find("://");
    const std::string_view name = target.substr(0, scheme == std::string_view::npos ? 0 : scheme);
    if (!EqualsIgnoringCase(name, "http") && !EqualsIgnoringCase(name, "https")) {
      return Bad("the request target must begin with a slash");
    }
    target.remove_prefix(scheme + 3);
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
  }
  const size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  request.raw_path = path.empty() ? "/" : path;
  std::optional<std::string> decoded = Decode(request.raw_path, false);
  if (!decoded) {
    return Bad("the path has a broken percent-escape; two hex digits other than 00 must follow %");
  }
  request.path = *std::move(decoded);
  return mark == std::string_view::npos ? std::nullopt
                                        : ParseQuery(target.substr(mark + 1), request);
}

std::optional<ParseFailure> ParseVersion(std::string_view version, Framing& framing) {
  const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") &&
                           version[6] == '.' && version[5] >= '0' && version[5] <= '9' &&
                           version[7] >= '0' && version[7] <= '9';
  if (!well_formed) return Bad("the request line must end with HTTP/1.1");
  if (version[5] != '1') {
    return ParseFailure{505, "this server speaks HTTP/1.1 and HTTP/1.0"};
  }
  framing.http_1_0 = version[7] == '0';
  framing.keep_alive = !framing.http_1_0;
  return std::nullopt;
}

// What the fields that frame a message say, gathered over all of them.
class FramingFields {
 public:
  std::optional<ParseFailure> Take(std::string_view name, std::string_view value,
                                   Framing& framing) {
    switch (name.size()) {
      case 4:
        if (EqualsIgnoringCase(name, "host")) ++hosts_;
        break;
      case 6:
        if (EqualsIgnoringCase(name, "expect")) return TakeExpect(value, framing);
        break;
      case 10:
        if (EqualsIgnoringCase(name, "connection")) TakeConnection(value, framing);
        break;
      case 14:
        if (EqualsIgnoringCase(name, "content-length")) return TakeLength(value, framing);
        break;
      case 17:
        if (EqualsIgnoringCase(name, "transfer-encoding")) return TakeEncoding(value, framing);
        break;
      default:
        break;
    }
    return std::nullopt;
  }

  std::optional<ParseFailure> Finish(const Framing& framing) const {
    if (hosts_ > 1) return Bad("the request has more than one Host");
    if (hosts_ == 0 && !framing.http_1_0) return Bad("the request has no Host");
    if (has_length_ && framing.chunked) {
      return Bad("the request has both Content-Length and Transfer-Encoding");
    }
    if (framing.chunked && framing.http_1_0) return Bad("Transfer-Encoding needs HTTP/1.1");
    return std::nullopt;
  }

 private:
  std::optional<ParseFailure> TakeExpect(std::string_view value, Framing& framing) {
    if (!EqualsIgnoringCase(value, "100-continue")) {
      return ParseFailure{417, "the only expectation that is understood is 100-continue"};
    }
    framing.expect_continue = !framing.http_1_0;
    return std::nullopt;
  }

  void TakeConnection(std::string_view value, Framing& framing) {
    while (!value.empty()) {
      const size_t comma = value.find(',');
      const std::string_view option = TrimBlanks(value.substr(0, comma));
      value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
      if (EqualsIgnoringCase(option, "close")) {
        framing.keep_alive = false;
        close_ = true;
      } else if (EqualsIgnoringCase(option, "keep-alive") && !close_) {
        framing.keep_alive = true;
      }
    }
  }

  std::optional<ParseFailure> TakeLength(std::string_view value, Framing& framing) {
    if (has_length_) return Bad("the request has more than one Content-Length");
    has_length_ = true;
    const bool digits =
        std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (value.empty() || value.size() > 18 || !digits) {
      return Bad("Content-Length must be a number of bytes, in at most 18 digits");
    }
    for (const char c : value) framing.content_length = framing.content_length * 10 + (c - '0');
    return std::nullopt;
  }

  std::optional<ParseFailure> TakeEncoding(std::string_view value, Framing& framing) {
    if (framing.chunked) return Bad("the request has more than one Transfer-Encoding");
    if (!EqualsIgnoringCase(value, "chunked")) {
      return ParseFailure{501, "the only Transfer-Encoding that is understood is chunked"};
    }
    framing.chunked = true;
    return std::nullopt;
  }

  int hosts_ = 0;
  bool has_length_ = false;
  bool close_ = false;
};

}  // namespace

HeadScanner::Found HeadScanner::Scan(std::string_view bytes) {
  while (true) {
    const void* const found = std::memchr(bytes.data() + position_, '\n', bytes.size() - position_);
    if (found == nullptr) {
      position_ = bytes.size();
      return Found::kMore;
    }
    const size_t line_feed = static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
    if (line_feed == line_start_ || bytes[line_feed - 1] != '\r') return Found::kBareLineFeed;
    const bool empty_line = line_feed - 1 == line_start_;
    position_ = line_start_ = line_feed + 1;
    if (empty_line) return Found::kEnd;
  }
}

bool CanBeginRequest(char c) { return kToken[static_cast<unsigned char>(c)]; }

std::optional<ParseFailure> ParseRequestLine(std::string_view line, Request& request,
                                             Framing& framing) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || first == 0 || last == first + 1) {
    return Bad("the request line must be a method, a target and a version with single spaces");
  }
  const std::string_view method = line.substr(0, first);
  if (!AllIn(method, kToken)) return Bad("the method has a character that is not allowed");
  if (auto failure = ParseVersion(line.substr(last + 1), framing)) return failure;
  const std::optional<Method> known = ParseMethod(method);
  if (!known) {
    return ParseFailure{501,
                        "the method is not known; GET, HEAD, POST, PUT, PATCH, DELETE and "
                        "OPTIONS are"};
  }
  request.method = *known;
  return ParseTarget(line.substr(first + 1, last - first - 1), request);
}

std::optional<ParseFailure> ParseRequestHead(std::string_view head, Request& request,
                                             Framing& framing) {
  size_t end = head.find('\r');
  if (end == std::string_view::npos || !head.ends_with("\r\n\r\n")) {
    return Bad("the head does not end with an empty line");
  }
  if (auto failure = ParseRequestLine(head.substr(0, end), request, framing)) return failure;
  head.remove_suffix(2);
  head.remove_prefix(end + 2);

  FramingFields fields;
  while (!head.empty()) {
    end = head.find('\n');
    if (end == std::string_view::npos || end == 0 || head[end - 1] != '\r') {
      return Bad("a header line does not end with CRLF");
    }
    const std::string_view line = head.substr(0, end - 1);
    head.remove_prefix(end + 1);
    const size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon == std::string_view::npos ? 0 : colon);
    if (name.empty() || !AllIn(name, kToken)) {
      return Bad("a header line must be a name, a colon and a value");
    }
    const std::string_view value = TrimBlanks(line.substr(colon + 1));
    if (!AllIn(value, kFieldValue)) return Bad("a header value has a control character");
    if (auto failure = fields.Take(name, value, framing)) return failure;
    if (request.headers.fields().size() == kMaxFields) {
      return ParseFailure{431, "the request has more than 128 header fields"};
    }
    request.headers.Add(name, value);
  }
  return fields.Finish(framing);
}

std::optional<std::string_view> TraceIdOf(std::string_view traceparent) {
  // 00-<32 hex>-<16 hex>-<2 hex>; a later version may have more after that.
  constexpr size_t kSize = 55;
  if (traceparent.size() < kSize || traceparent[2] != '-' || traceparent[35] != '-' ||
      traceparent[52] != '-') {
    return std::nullopt;
  }
  if (traceparent.starts_with("ff") ||
      (traceparent.starts_with("00") && traceparent.size() > kSize)) {
    return std::nullopt;
  }
  const std::string_view id = traceparent.substr(3, 32);
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!std::all_of(id.begin(), id.end(), is_hex)) return std::nullopt;
  if (id.find_first_not_of('0') == std::string_view::npos) return std::nullopt;
  return id;
}

}  // namespace caisson::http
