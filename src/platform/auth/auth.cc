#include "platform/auth/auth.h"

#include <algorithm>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include "base/files.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/strings.h"

namespace caisson::auth {
namespace {

constexpr size_t kHashDigits = 64;
constexpr size_t kMaxNameLength = 64;
constexpr int kTokenBytes = 32;
// So that a token is recognised as one where it turns up by mistake, for example by scanners of
// public repositories.
constexpr std::string_view kTokenPrefix = "caisson_";

bool IsName(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameLength) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-@").find(c) != std::string_view::npos;
  });
}

bool IsHash(std::string_view text) {
  return text.size() == kHashDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Status CheckMode(const std::string& path) {
  CAISSON_ASSIGN(const FileInfo info, StatFile(path));
  if ((info.mode & 0077) == 0) return OkStatus();
  return PermissionDenied(
      "{}: others than its owner may use this file (mode {:04o}); run: chmod 600 {}", path,
      info.mode & 07777, ShellQuote(path));
}

// Removes "Bearer" or another scheme, in any case, and the spaces after it; false when the header
// has another one.
bool TakeScheme(std::string_view& header, std::string_view scheme) {
  if (header.size() <= scheme.size() || ToLower(header.substr(0, scheme.size())) != scheme)
    return false;
  if (header[scheme.size()] != ' ') return false;
  header = Trim(header.substr(scheme.size()));
  return true;
}

// The token in the header; empty when there is none.
std::string TokenOf(std::string_view header) {
  header = Trim(header);
  if (TakeScheme(header, "bearer")) return std::string(header);
  if (!TakeScheme(header, "basic")) return "";
  const auto decoded = Base64Decode(header);
  if (!decoded.ok()) return "";
  const size_t colon = decoded->find(':');
  return colon == std::string::npos ? "" : decoded->substr(colon + 1);
}

}  // namespace

Result<TokenFile> TokenFile::Load(const std::string& path) {
  CAISSON_TRY(CheckMode(path));
  CAISSON_ASSIGN(const std::string text, ReadFile(path));
  TokenFile file;
  int number = 0;
  for (const std::string& raw_line : Split(text, '\n')) {
    ++number;
    const std::string_view line = Trim(raw_line);
    if (line.empty() || line[0] == '#') continue;
    const size_t colon = line.rfind(':');
    const std::string_view name = line.substr(0, colon == std::string_view::npos ? 0 : colon);
    const std::string hash = colon == std::string_view::npos ? "" : ToLower(line.substr(colon + 1));
    // The line may hold a secret by mistake, so it is not repeated.
    if (!IsName(name) || !IsHash(hash)) {
      return InvalidArgument(
          "{}:{}: expected NAME:SHA256, the name in letters, digits and . _ - @, the hash of the "
          "token in 64"
          " hex digits",
          path, number);
    }
    file.tokens_.push_back({std::string(name), hash});
  }
  return file;
}

Result<std::string> TokenFile::Create(const std::string& path, std::string_view name) {
  if (!IsName(name)) {
    return InvalidArgument(
        "'{}' is no name for a token: use letters, digits and . _ - @, at most {}", name,
        kMaxNameLength);
  }
  std::string text;
  if (FileExists(path)) {
    // What is not a token file is not made into one.
    CAISSON_TRY(Load(path));
    CAISSON_ASSIGN(text, ReadFile(path));
    if (!text.empty() && text.back() != '\n') text += '\n';
  }
  const std::string token = fmt::format("{}{}", kTokenPrefix, RandomHex(kTokenBytes));
  text += fmt::format("{}:{}\n", name, Sha256(token));
  CAISSON_TRY(WriteFileAtomic(path, text, 0600));
  return token;
}

Result<std::string> TokenFile::Authenticate(std::string_view authorization_header) const {
  const std::string token = TokenOf(authorization_header);
  if (token.empty()) {
    return Unauthenticated(
        "a token is needed: send the header 'Authorization: Bearer TOKEN', or the token as a "
        "password");
  }
  const std::string hash = Sha256(token);
  // All are compared, so that the time tells nothing of the place.
  const Token* found = nullptr;
  for (const Token& candidate : tokens_) {
    if (ConstantTimeEquals(candidate.sha256, hash)) found = &candidate;
  }
  if (found == nullptr)
    return Unauthenticated("the token is not known here; it may have been withdrawn");
  return found->name;
}

bool IsLoopback(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  const std::string text = ToLower(host);
  if (text == "localhost" || text == "localhost.") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

Status CheckListenAddress(std::string_view flag, std::string_view host, bool has_tokens) {
  if (has_tokens || IsLoopback(host)) return OkStatus();
  return FailedPrecondition(
      "{} {}: other machines can reach this address, and no login is configured. Make a token with"
      " `caisson token create NAME` and start with --token-file FILE, or listen on 127.0.0.1 with "
      "{} 127.0.0.1:PORT",
      flag, host.empty() ? "(all addresses)" : host, flag);
}

Status CheckBrowserRequest(std::string_view host_header, std::string_view origin_header,
                           bool loopback_only) {
  std::string_view host = host_header;
  const size_t colon = host.rfind(':');
  // The colons of a bracketed IPv6 address are no port.
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos)
    host = host.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (loopback_only && !IsLoopback(host)) {
    return PermissionDenied(
        "the request is for the host '{}', but this server is for 127.0.0.1 and localhost",
        host_header);
  }
  if (origin_header.empty()) return OkStatus();
  const size_t scheme = origin_header.find("://");
  const std::string_view origin =
      scheme == std::string_view::npos ? origin_header : origin_header.substr(scheme + 3);
  if (origin != host_header) {
    return PermissionDenied("a page of {} may not call this server ({})", origin_header,
                            host_header);
  }
  return OkStatus();
}

}  // namespace caisson::auth
