// The HTTP client, on libcurl.
#pragma once

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
  // Called with pieces of the answer's body instead of collecting it in ClientResponse::body; an error ends the transfer.
  std::function<Status(std::string_view)> on_body;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

// Sends requests over kept-alive connections. Any thread; each call waits for its answer on the calling thread. Unavailable
// when the server cannot be reached, DeadlineExceeded when the context ended first. An HTTP error status is not an error here.
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
