// The HTTP/1.1 server.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "platform/http/router.h"
#include "platform/telemetry/metrics.h"

namespace caisson::http {

struct ServerOptions {
  std::vector<std::string> addresses = {"127.0.0.1:4600"};  // port 0 picks a free one
  int io_threads = 0;                                       // 0: half the cores, at least one
  int workers = 0;                                          // 0: four a core, at least eight
  int worker_queue_capacity = 1'024;                        // more answer 503 with Retry-After
  // Threads for streamed bodies, which start when they are needed: a slow client keeps one for as
  // long as its stream lasts, and must not keep it from other requests. When all are taken, a
  // stream is answered with 503.
  int max_streams = 256;
  int max_connections = 10'000;  // more are answered with 503 and closed
  size_t max_header_bytes = 64 << 10;
  std::chrono::milliseconds header_timeout{10'000};
  // Between two requests; also how long a client may take nothing of an answer.
  std::chrono::milliseconds idle_timeout{75'000};
  std::chrono::milliseconds drain_timeout{30'000};
  // The principal of a request, or an error (401/403). Empty: everyone is "local". Runs on the I/O
  // thread before the body is read, so it must not wait.
  std::function<Result<std::string>(const Request&)> authenticate;
};

// Serves a router. I/O threads parse and write; handlers run inline or on the worker pool as their
// route says. Keep-alive, pipelined requests in order, Expect: 100-continue, chunked bodies both
// ways with back-pressure, HEAD as GET without a body. Requests, durations and sizes are counted by
// route template. Start and Stop once each, from the owner's thread.
class Server {
 public:
  static Result<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                               std::shared_ptr<const Router> router,
                                               telemetry::Registry& metrics);
  ~Server();
  // The addresses with their real ports, in the order of the options.
  const std::vector<std::string>& addresses() const;
  // Stops accepting, answers what is in flight up to drain_timeout, then closes. Idempotent.
  void Stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace caisson::http
