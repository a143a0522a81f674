// Who may come in.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace caisson::auth {

// Bearer tokens from a file, one `name:sha256-of-token` a line, mode 0600; empty lines and those
// that start with # are skipped. A value; immutable after loading; any thread.
class TokenFile {
 public:
  // InvalidArgument names the line that is wrong; PermissionDenied when others than the owner may
  // read the file.
  static Result<TokenFile> Load(const std::string& path);
  // Appends a new random token (256 bits) for `name`, making the file when needed, and returns the
  // token; only its hash is stored. A name may have several tokens, so that a new one can be handed
  // out before the old line is deleted. Names are letters, digits and . _ - @, at most 64. One
  // process at a time.
  static Result<std::string> Create(const std::string& path, std::string_view name);

  // The principal that the Authorization header proves ("Bearer <token>", or Basic with the token
  // as the password). Unauthenticated when it is missing or wrong; the message never repeats it.
  // The user name of Basic is not looked at: the token says who it is.
  Result<std::string> Authenticate(std::string_view authorization_header) const;

 private:
  struct Token {
    std::string name;
    std::string sha256;
  };
  std::vector<Token> tokens_;
};

// True for addresses that only this machine reaches (127.0.0.0/8, ::1, localhost), also in
// brackets. Names are not looked up.
bool IsLoopback(std::string_view host);

// The rule for listening: loopback needs no login; any other address needs a token file.
// FailedPrecondition names the flags that fix it.
Status CheckListenAddress(std::string_view flag, std::string_view host, bool has_tokens);

// The rule against web pages that reach for a server on the visitor's own machine. A request that a
// page made carries an Origin; it must be that of the address that was asked (PermissionDenied
// otherwise). With `loopback_only`, the Host must be a loopback address too, so that a name that an
// attacker points at 127.0.0.1 does not help.
Status CheckBrowserRequest(std::string_view host_header, std::string_view origin_header,
                           bool loopback_only);

}  // namespace caisson::auth
