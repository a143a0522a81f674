// The server that http_bench.py measures: the HTTP module alone, with handlers that do nothing.
//
//   http_bench_server [--io-threads N] [--workers N]
//
// Prints its address and serves until standard input ends.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "platform/http/server.h"

namespace caisson::http {
namespace {

Route MakeRoute(Method method, std::string pattern, RunOn run_on, Handler handler) {
  Route route;
  route.method = method;
  route.pattern = std::move(pattern);
  route.run_on = run_on;
  route.handler = std::move(handler);
  route.tag = "bench";
  return route;
}

std::vector<Route> Routes() {
  const Handler constant = [](Request&) { return Response::Text(200, "ok\n"); };
  const Handler echo = [](Request& request) {
    Response response;
    response.headers.Add("Content-Type", "application/json");
    response.body = std::move(request.body);
    return response;
  };
  const Handler stream = [](Request&) {
    Response response;
    response.stream = [](BodyWriter& writer) {
      const std::string piece(256 << 10, 'x');
      for (int i = 0; i < 4'096; ++i) CAISSON_TRY(writer.Write(piece));
      return OkStatus();
    };
    return response;
  };
  return {MakeRoute(Method::kGet, "/livez", RunOn::kIoThread, constant),
          MakeRoute(Method::kGet, "/worker", RunOn::kWorker, constant),
          MakeRoute(Method::kPost, "/v2/models/{model}/infer", RunOn::kIoThread, echo),
          MakeRoute(Method::kPost, "/worker/{model}/infer", RunOn::kWorker, echo),
          MakeRoute(Method::kGet, "/stream", RunOn::kWorker, stream)};
}

int Run(int argc, char** argv) {
  ServerOptions options;
  options.addresses = {"127.0.0.1:0"};
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--io-threads") options.io_threads = std::atoi(argv[i + 1]);
    if (flag == "--workers") options.workers = std::atoi(argv[i + 1]);
  }
  auto router = std::make_shared<Router>();
  if (const Status status = router->Add(Routes()); !status.ok()) {
    std::fprintf(stderr, "%s\n", Message(status).c_str());
    return 1;
  }
  telemetry::Registry registry;
  const auto server = Server::Start(options, router, registry);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", Message(server.status()).c_str());
    return 1;
  }
  std::printf("%s\n", (*server)->addresses().front().c_str());
  std::fflush(stdout);
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  (*server)->Stop();
  return 0;
}

}  // namespace
}  // namespace caisson::http

int main(int argc, char** argv) { return caisson::http::Run(argc, argv); }
