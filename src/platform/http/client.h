// The HTTP client, on libcurl.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/status.h"
#include "platform/http/message.h"

namespace caisson::http {

struct ClientRequest {
  Method method = Method::kGet;
  std::string url;
  Headers headers;
  std::string body;
  // Uploads this file instead of `body`.
  std::string body_file;
  // Called with pieces of a 2xx answer's body instead of collecting it in ClientResponse::body; an
  // error ends the transfer and is what Send returns. The body of any other answer is collected,
  // since it says what went wrong.
  std::function<Status(std::string_view)> on_body;
  // Of a body that is collected; a larger one is ResourceExhausted.
  uint64_t max_body_bytes = 256 << 20;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

// Sends requests over kept-alive connections. Any thread; each call waits for its answer on the
// calling thread and has its connections to itself. Unavailable when the server cannot be reached,
// DeadlineExceeded or Cancelled when the context ended first, InvalidArgument when the URL or a
// header is malformed. An HTTP error status is not an error here. Redirects are not followed.
// Proxies are taken from the environment, except for this machine's own addresses. The context's
// trace id travels as `traceparent`, its deadline as `X-Request-Timeout-Ms`.
class Client {
 public:
  Client();
  ~Client();
  Result<ClientResponse> Send(const Context& context, const ClientRequest& request);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace caisson::http
