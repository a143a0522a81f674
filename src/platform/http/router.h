// Routes as data.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "platform/http/message.h"
#include "platform/telemetry/metrics.h"

namespace caisson::http {

enum class RunOn {
  kIoThread,  // inline, for handlers that never wait: a few microseconds to a millisecond, no locks
              // held long, no disk
  kWorker,    // on the worker pool
};

enum class BodyMode {
  kBuffered,  // whole in Request::body, up to max_body_bytes
  kStreamed,  // through Request::body_reader; implies kWorker
};

using Handler = std::function<Response(Request&)>;

// One row of a protocol's table.
//
// `pattern` is "/v2/models/{model}/infer"; a last segment "{path...}" takes the rest of the path,
// slashes included. A literal segment beats a parameter, a parameter beats the rest.
struct Route {
  Method method = Method::kGet;
  std::string pattern;
  Handler handler;
  std::string summary;  // one line, for the OpenAPI document
  std::string tag;      // the protocol: "mlflow", "oip", "native"
  RunOn run_on = RunOn::kWorker;
  BodyMode body_mode = BodyMode::kBuffered;
  uint64_t max_body_bytes = 32 << 20;
  std::chrono::milliseconds timeout{60'000};
  // Turns an error that arose before the handler ran (body too large, timed out, queue full) into
  // the protocol's own form.
  std::function<Response(const Status&)> on_error = ErrorResponse;
  bool needs_login = true;  // false for health checks
};

// What a request ran into.
struct Match {
  const Route* route = nullptr;  // null: nothing matches the path
  std::vector<std::pair<std::string, std::string>> path_parameters;
  std::vector<Method> allowed;  // when the path matches but the method does not
  size_t index = 0;             // of the route in Router::routes()
  // When nothing matches: the route whose on_error gives the answer its form, since its pattern
  // begins with the same literal segments. Null when there is none.
  const Route* nearest = nullptr;
};

// The answer to a request that no handler saw, in the form of the route's protocol, under the given
// HTTP status.
Response RefusalOf(const Route* route, int http_status, const Status& status);
// What Router::Find's failure means: 404, or 405 with Allow.
Response UnmatchedResponse(const Match& match, Method method, std::string_view path);
// Runs the route's handler; an exception becomes the protocol's form of Internal.
Response RunHandler(const Route& route, Request& request);

// The table of all routes. Built by `app` before the server starts, then immutable; any thread may
// look up. Two routes with the same method and pattern are an error of Add.
class Router {
 public:
  Router();
  ~Router();
  Status Add(std::vector<Route> routes);
  // `path` is still percent-encoded: a segment is decoded after the split, so that %2F stays inside
  // its segment.
  Match Find(Method method, std::string_view path) const;
  // Runs the handler of a request in the calling thread, as the server would: the route's timeout
  // and body limit hold, errors of the table and exceptions become responses. `raw_path` may be
  // left empty. A streamed route may be given its body in `body`; a buffered one through
  // `body_reader`. A streamed response is run by the caller (WriteBody).
  Response Handle(Request& request) const;
  const std::vector<const Route*>& routes() const;
  // The OpenAPI 3.1 document of all routes.
  // Where a route has a parameter under another name than an earlier route of the same shape, the
  // first name is used.
  Json OpenApi(std::string_view title, std::string_view version) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace caisson::http
