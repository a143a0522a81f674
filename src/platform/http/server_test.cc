#include "platform/http/server.h"

#include <atomic>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "platform/http/internal/testing.h"

namespace caisson::http {
namespace {

using std::chrono::milliseconds;

Route Hello(RunOn run_on = RunOn::kIoThread) {
  return MakeRoute(
      Method::kGet, "/hello/{name}",
      [](Request& request) {
        return Response::Text(200, "hello " + std::string(request.Path("name")));
      },
      run_on);
}

Response OwnForm(const Status& status) {
  Response response = Response::Text(418, "own: " + Message(status));
  return response;
}

TEST(Server, AnswersAndKeepsTheConnection) {
  TestServer server({Hello(), EchoRoute(RunOn::kWorker)});
  RawClient client(server.address());
  for (int i = 0; i < 3; ++i) {
    const RawResponse response = client.Exchange(Get(fmt::format("/hello/{}", i)));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, fmt::format("hello {}", i));
    EXPECT_FALSE(response.headers.Get("Date").empty());
    EXPECT_EQ(client.Exchange(Post("/echo", "abc")).body, "abc");
  }
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  TestServer server(
      {Hello(), EchoRoute(RunOn::kWorker, "/worker"), EchoRoute(RunOn::kIoThread, "/inline")});
  RawClient client(server.address());
  std::string requests = "\r\n";
  for (int i = 0; i < 500; ++i) {
    requests += Get(fmt::format("/hello/{}", i));
    requests += Post("/worker", fmt::format("w{}", i));
    requests += Post("/inline", fmt::format("i{}", i));
  }
  std::thread sender([&] { client.Send(requests); });
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(client.Receive().body, fmt::format("hello {}", i));
    ASSERT_EQ(client.Receive().body, fmt::format("w{}", i));
    ASSERT_EQ(client.Receive().body, fmt::format("i{}", i));
  }
  sender.join();
}

TEST(Server, WaitsForAPipeliningClientThatDoesNotRead) {
  std::atomic<int> handled{0};
  Route big = MakeRoute(
      Method::kGet, "/big",
      [&](Request&) {
        ++handled;
        return Response::Text(200, std::string(200'000, 'x'));
      },
      RunOn::kIoThread);
  TestServer server({big});
  RawClient client(server.address(), 4'096);
  constexpr int kRequests = 150;
  std::string requests;
  for (int i = 0; i < kRequests; ++i) requests += Get("/big");
  client.Send(requests);
  for (int i = 0; i < kRequests; ++i) {
    ASSERT_EQ(client.Receive().body.size(), 200'000u);
    // What was answered but not read lies in the kernel's buffers, which hold a few megabytes.
    ASSERT_LT(handled.load() - i, 100);
  }
}

TEST(Server, TakesTornRequests) {
  TestServer server({EchoRoute(RunOn::kIoThread), EchoRoute(RunOn::kWorker, "/worker")});
  RawClient client(server.address());
  const std::string chunked =
      "POST /worker HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n2;e=1\r\nde\r\n0\r\n\r\n";
  for (const std::string& request : {Post("/echo", "a body"), chunked}) {
    for (const char byte : request) ASSERT_TRUE(client.Send(std::string_view(&byte, 1)));
  }
  EXPECT_EQ(client.Receive().body, "a body");
  EXPECT_EQ(client.Receive().body, "abcde");
}

TEST(Server, TakesLargeBodies) {
  TestServer server({EchoRoute(RunOn::kIoThread), EchoRoute(RunOn::kWorker, "/worker")});
  std::string body(5 << 20, '\0');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 + i / 7);
  for (const char* path : {"/echo", "/worker"}) {
    RawClient client(server.address());
    std::thread sender([&] { client.Send(Post(path, body) + Post(path, "next")); });
    const RawResponse response = client.Receive();
    EXPECT_TRUE(response.body == body);
    EXPECT_EQ(client.Receive().body, "next");
    sender.join();
  }
}

TEST(Server, RefusesWhatIsMalformedAndCloses) {
  Route own = Hello();
  own.on_error = OwnForm;
  TestServer server({own, EchoRoute(RunOn::kIoThread)});
  const std::string bad[] = {
      "GET /hello/%zz HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /hello/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
      std::string("GET /hello/\0 HTTP/1.1\r\nHost: x\r\n\r\n", 34),
      "GET /hello/a HTTP/1.1\nHost: x\n\n",
      "GET /hello/a HTTP/1.1\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
      "\x16\x03\x01\x02\x02",
      "\r\r\n",
  };
  for (const std::string& request : bad) {
    RawClient client(server.address());
    client.Send(request);
    const RawResponse response = client.Receive();
    EXPECT_EQ(response.status, 400) << request;
    EXPECT_EQ(response.headers.Get("Connection"), "close") << request;
    EXPECT_TRUE(client.AtEnd()) << request;
  }
  RawClient client(server.address());
  client.Send("GET /hello/a HTTP/1.1\r\nBad Name: x\r\n\r\n");
  EXPECT_TRUE(client.Receive().body.starts_with("own: "));
}

TEST(Server, AnswersForTheTableInTheRoutesForm) {
  Route own = EchoRoute(RunOn::kIoThread, "/own/echo");
  own.on_error = OwnForm;
  TestServer server({own, Hello()});
  RawClient client(server.address());
  EXPECT_EQ(client.Exchange(Get("/absent")).status, 404);
  const RawResponse missing = client.Exchange(Get("/own/absent"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_TRUE(missing.body.starts_with("own: "));
  const RawResponse wrong = client.Exchange(Get("/own/echo"));
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.Get("Allow"), "POST");
  EXPECT_TRUE(wrong.body.starts_with("own: "));
  // The body of a refused request is here already, so the connection lives on.
  EXPECT_EQ(client.Exchange(Post("/absent", "abc")).status, 404);
  EXPECT_EQ(client.Exchange(Get("/hello/a")).status, 200);
}

TEST(Server, LimitsBodies) {
  Route own = EchoRoute(RunOn::kIoThread);
  own.max_body_bytes = 4;
  own.on_error = OwnForm;
  TestServer server({own});
  RawClient exact(server.address());
  EXPECT_EQ(exact.Exchange(Post("/echo", "abcd")).status, 200);
  const std::string requests[] = {
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc",
      "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n",
  };
  for (const std::string& request : requests) {
    RawClient client(server.address());
    const RawResponse response = client.Exchange(request);
    EXPECT_EQ(response.status, 413) << request;
    EXPECT_TRUE(response.body.starts_with("own: ")) << request;
    EXPECT_TRUE(client.AtEnd());
  }
}

TEST(Server, LetsAClientFinishSendingARefusedBody) {
  Route own = EchoRoute(RunOn::kIoThread);
  own.max_body_bytes = 4;
  TestServer server({own});
  RawClient client(server.address());
  EXPECT_TRUE(client.Send(Post("/echo", std::string(8 << 20, 'x'))));
  EXPECT_EQ(client.Receive().status, 413);
}

TEST(Server, LimitsHeads) {
  ServerOptions options;
  options.max_header_bytes = 512;
  Route own = Hello();
  own.on_error = OwnForm;
  TestServer server({own}, options);
  RawClient fields(server.address());
  const RawResponse too_large =
      fields.Exchange(Get("/hello/a", "X: " + std::string(600, 'x') + "\r\n"));
  EXPECT_EQ(too_large.status, 431);
  EXPECT_TRUE(too_large.body.starts_with("own: "));
  EXPECT_TRUE(fields.AtEnd());
  RawClient unfinished(server.address());
  EXPECT_EQ(unfinished.Exchange("GET /hello/a HTTP/1.1\r\n" + std::string(600, 'x')).status, 431);
  RawClient target(server.address());
  EXPECT_EQ(target.Exchange("GET /" + std::string(600, 'x')).status, 414);
}

TEST(Server, EndsSlowClients) {
  ServerOptions options;
  options.header_timeout = milliseconds(30);
  options.idle_timeout = milliseconds(60);
  Route own = EchoRoute(RunOn::kIoThread);
  own.on_error = OwnForm;
  own.timeout = milliseconds(30);
  TestServer server({own}, options);

  RawClient head(server.address());
  head.Send("POST /echo HTTP/1.1\r\nHo");
  const RawResponse slow_head = head.Receive();
  EXPECT_EQ(slow_head.status, 408);
  EXPECT_TRUE(slow_head.body.starts_with("own: "));
  EXPECT_TRUE(head.AtEnd());

  for (const char* start :
       {"Content-Length: 5\r\n\r\nab", "Transfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    RawClient body(server.address());
    body.Send(std::string("POST /echo HTTP/1.1\r\nHost: x\r\n") + start);
    const RawResponse slow_body = body.Receive();
    EXPECT_EQ(slow_body.status, 408);
    EXPECT_TRUE(slow_body.body.starts_with("own: "));
  }

  RawClient idle(server.address());
  EXPECT_EQ(idle.Exchange(Post("/echo", "a")).status, 200);
  EXPECT_TRUE(idle.AtEnd());
}

TEST(Server, AnswersHeadLikeGetWithoutTheBody) {
  TestServer server({Hello(), MakeRoute(Method::kGet, "/stream", [](Request&) {
                       Response response;
                       response.stream = [](BodyWriter& writer) { return writer.Write("never"); };
                       response.content_length = 5;
                       return response;
                     })});
  RawClient client(server.address());
  client.Send("HEAD /hello/abc HTTP/1.1\r\nHost: x\r\n\r\n");
  const RawResponse head = client.Receive(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.Get("Content-Length"), "9");
  client.Send("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.Receive(true).headers.Get("Content-Length"), "5");
  EXPECT_EQ(client.Exchange(Get("/hello/abc")).body, "hello abc");
}

TEST(Server, AsksForTheBodyOnExpectContinue) {
  TestServer server({EchoRoute(RunOn::kWorker)});
  RawClient client(server.address());
  client.Send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 100);
  client.Send("abc");
  EXPECT_EQ(client.Receive().body, "abc");
  EXPECT_EQ(client.Exchange(Post("/echo", "here", "Expect: 100-continue\r\n")).body, "here");
}

TEST(Server, FollowsHttp10AndConnectionClose) {
  TestServer server({Hello()});
  RawClient old(server.address());
  EXPECT_EQ(old.Exchange("GET /hello/a HTTP/1.0\r\n\r\n").headers.Get("Connection"), "close");
  EXPECT_TRUE(old.AtEnd());
  RawClient kept(server.address());
  const std::string request = "GET /hello/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  EXPECT_EQ(kept.Exchange(request).headers.Get("Connection"), "keep-alive");
  EXPECT_EQ(kept.Exchange(request).status, 200);
  RawClient closing(server.address());
  EXPECT_EQ(closing.Exchange(Get("/hello/a", "Connection: close\r\n")).status, 200);
  EXPECT_TRUE(closing.AtEnd());
}

TEST(Server, AsksWhoItIsBeforeTheBody) {
  ServerOptions options;
  options.authenticate = [](const Request& request) -> Result<std::string> {
    const std::string_view token = request.headers.Get("Authorization");
    if (token.empty()) return Unauthenticated("a token is missing");
    if (token == "bad") return PermissionDenied("not you");
    return std::string(token);
  };
  Route who = MakeRoute(Method::kPost, "/who", [](Request& request) {
    return Response::Text(200, request.context.principal());
  });
  Route open = who;
  open.pattern = "/open";
  open.needs_login = false;
  TestServer server({who, open}, options);
  RawClient client(server.address());
  EXPECT_EQ(client.Exchange(Post("/who", "", "Authorization: ada\r\n")).body, "ada");
  EXPECT_EQ(client.Exchange(Post("/open", "")).body, "local");
  EXPECT_EQ(client.Exchange(Post("/who", "", "Authorization: bad\r\n")).status, 403);
  const RawResponse refused = client.Exchange(
      "POST /who HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
  EXPECT_EQ(refused.status, 401);
  EXPECT_TRUE(refused.headers.Has("WWW-Authenticate"));
}

TEST(Server, SetsTraceAndDeadline) {
  Route route = MakeRoute(Method::kGet, "/context", [](Request& request) {
    const auto left =
        std::chrono::ceil<milliseconds>(request.context.TimeLeft(std::chrono::hours(1)));
    return Response::Text(200,
                          fmt::format("{} {}", request.context.trace_id(), left.count() <= 60'000));
  });
  Route quick = route;
  quick.pattern = "/quick";
  quick.handler = [](Request& request) {
    const auto left =
        std::chrono::ceil<milliseconds>(request.context.TimeLeft(std::chrono::hours(1)));
    return Response::Text(200, left.count() <= 2'000 && left.count() > 0 ? "short" : "long");
  };
  TestServer server({route, quick});
  RawClient client(server.address());
  const std::string id = "4bf92f3577b34da6a3ce929d0e0e4736";
  EXPECT_EQ(
      client.Exchange(Get("/context", "traceparent: 00-" + id + "-00f067aa0ba902b7-01\r\n")).body,
      id + " true");
  const std::string first = client.Exchange(Get("/context")).body;
  const std::string second = client.Exchange(Get("/context")).body;
  EXPECT_EQ(first.size(), 37u);
  EXPECT_NE(first, second);
  EXPECT_EQ(client.Exchange(Get("/quick", "X-Request-Timeout-Ms: 2000\r\n")).body, "short");
  EXPECT_EQ(client.Exchange(Get("/quick", "X-Request-Timeout-Ms: 9999999\r\n")).body, "long");
  EXPECT_EQ(client.Exchange(Get("/quick", "X-Request-Timeout-Ms: -1\r\n")).status, 400);
}

TEST(Server, TurnsExceptionsIntoErrors) {
  Route throws = MakeRoute(Method::kGet, "/throws",
                           [](Request&) -> Response { throw std::runtime_error("boom"); });
  throws.on_error = OwnForm;
  TestServer server({throws});
  RawClient client(server.address());
  const RawResponse response = client.Exchange(Get("/throws"));
  EXPECT_EQ(response.status, 500);
  EXPECT_TRUE(response.body.starts_with("own: ")) << response.body;
}

TEST(Server, AnswersBusyWhenTheQueueIsFull) {
  Gate begun;
  Gate release;
  Route slow = MakeRoute(Method::kGet, "/slow", [&](Request&) {
    begun.Open();
    release.Wait();
    return Response::Text(200, "done");
  });
  slow.on_error = OwnForm;
  ServerOptions options;
  options.workers = 1;
  options.worker_queue_capacity = 1;
  TestServer server({slow, Hello()}, options);
  RawClient first(server.address());
  first.Send(Get("/slow"));
  begun.Wait();
  // One of these waits in the queue, the other finds it full.
  RawClient second(server.address());
  RawClient third(server.address());
  second.Send(Get("/slow"));
  third.Send(Get("/slow"));
  pollfd either[2] = {{second.descriptor(), POLLIN, 0}, {third.descriptor(), POLLIN, 0}};
  ASSERT_GT(::poll(either, 2, 20'000), 0);
  RawClient& refused = either[0].revents != 0 ? second : third;
  RawClient& queued = either[0].revents != 0 ? third : second;
  const RawResponse busy = refused.Receive();
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.headers.Get("Retry-After"), "1");
  EXPECT_TRUE(busy.body.starts_with("own: "));
  // Inline routes and the refused connection still work.
  EXPECT_EQ(refused.Exchange(Get("/hello/a")).status, 200);
  release.Open();
  EXPECT_EQ(first.Receive().body, "done");
  EXPECT_EQ(queued.Receive().body, "done");
}

TEST(Server, AnswersLateWhenTheTimeRanOutInTheQueue) {
  Gate begun;
  Gate release;
  std::atomic<int> runs{0};
  Route slow = MakeRoute(Method::kGet, "/slow", [&](Request&) {
    ++runs;
    begun.Open();
    release.Wait();
    return Response::Text(200, "done");
  });
  ServerOptions options;
  options.workers = 1;
  TestServer server({slow}, options);
  RawClient first(server.address());
  first.Send(Get("/slow"));
  begun.Wait();
  RawClient second(server.address());
  const auto deadline = std::chrono::steady_clock::now() + milliseconds(5);
  second.Send(Get("/slow", "X-Request-Timeout-Ms: 1\r\n"));
  while (server.registry.GetGauge("caisson_http_requests_in_flight", "").value() < 2 ||
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  release.Open();
  EXPECT_EQ(second.Receive().status, 504);
  EXPECT_EQ(runs.load(), 1);
}

TEST(Server, LimitsConnections) {
  ServerOptions options;
  options.max_connections = 2;
  TestServer server({Hello()}, options);
  RawClient first(server.address());
  RawClient second(server.address());
  EXPECT_EQ(first.Exchange(Get("/hello/a")).status, 200);
  EXPECT_EQ(second.Exchange(Get("/hello/a")).status, 200);
  RawClient third(server.address());
  const RawResponse refused = third.Receive();
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.complete);
  EXPECT_TRUE(third.AtEnd());
  first.Close();
  int status = 503;
  while (status == 503) {
    RawClient again(server.address());
    status = again.Exchange(Get("/hello/a")).status;
    if (status == 0) status = 503;  // the refusal came before the request was sent
  }
  EXPECT_EQ(status, 200);
}

TEST(Server, CancelsTheRequestOfAClientThatLeft) {
  Gate begun;
  std::atomic<bool> cancelled{false};
  Gate ended;
  Route route = MakeRoute(Method::kGet, "/wait", [&](Request& request) {
    begun.Open();
    while (request.context.Check().ok()) std::this_thread::yield();
    cancelled = request.context.Check().code() == StatusCode::kCancelled;
    ended.Open();
    return Response::Text(200, "");
  });
  TestServer server({route, Hello()});
  RawClient client(server.address());
  client.Send(Get("/wait"));
  begun.Wait();
  client.Close();
  ended.Wait();
  EXPECT_TRUE(cancelled.load());
}

TEST(Server, SendsFileRanges) {
  auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  const std::string path = JoinPath(folder->path(), "data");
  std::string content(3 << 20, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 + i / 251);
  ASSERT_TRUE(WriteFileAtomic(path, content).ok());
  const auto handler = [&](Request& request) {
    Response response;
    response.file = Response::FileRange{std::string(request.Query("path")),
                                        std::stoull(std::string(request.Query("offset"))),
                                        std::stoull(std::string(request.Query("length")))};
    return response;
  };
  TestServer server({MakeRoute(Method::kGet, "/worker", handler),
                     MakeRoute(Method::kGet, "/inline", handler, RunOn::kIoThread)});
  for (const char* route : {"/worker", "/inline"}) {
    RawClient client(server.address());
    const auto get = [&](const std::string& file, uint64_t offset, uint64_t length) {
      return client.Exchange(
          Get(fmt::format("{}?path={}&offset={}&length={}", route, file, offset, length)));
    };
    EXPECT_TRUE(get(path, 0, content.size()).body == content);
    EXPECT_TRUE(get(path, 1'000, 2 << 20).body == content.substr(1'000, 2 << 20));
    EXPECT_EQ(get(path, 5, 10).body, content.substr(5, 10));
    EXPECT_EQ(get(path, 5, 0).body, "");
    EXPECT_EQ(get(path + ".absent", 0, 1).status, 404);
    EXPECT_EQ(get(path, 1, content.size()).status, 500);
    EXPECT_EQ(get(folder->path(), 0, 1).status, 400);
    client.Send(
        fmt::format("HEAD {}?path={}&offset=0&length=77 HTTP/1.1\r\nHost: x\r\n\r\n", route, path));
    EXPECT_EQ(client.Receive(true).headers.Get("Content-Length"), "77");
    EXPECT_TRUE(get(path, 0, content.size()).body == content);
  }
}

TEST(Server, CountsByRoute) {
  TestServer server({Hello(), EchoRoute(RunOn::kWorker)});
  RawClient client(server.address());
  for (int i = 0; i < 3; ++i) client.Exchange(Get(fmt::format("/hello/{}", i)));
  client.Exchange(Post("/echo", "abc"));
  client.Exchange(Get("/absent/1"));
  const auto count = [&](const char* method, const char* route, const char* status) {
    return server.registry
        .GetCounter("caisson_http_requests_total", "",
                    {{"method", method}, {"route", route}, {"status", status}})
        .value();
  };
  EXPECT_EQ(count("GET", "/hello/{name}", "200"), 3u);
  EXPECT_EQ(count("POST", "/echo", "200"), 1u);
  EXPECT_EQ(count("", "unmatched", "404"), 1u);
  telemetry::Histogram& seconds =
      server.registry.GetHistogram("caisson_http_request_seconds", "", {{"route", "/hello/{name}"}},
                                   telemetry::LatencyBuckets());
  EXPECT_EQ(seconds.count(), 3u);
  EXPECT_GT(server.registry.GetCounter("caisson_http_received_bytes_total", "").value(), 100u);
  EXPECT_GT(server.registry.GetCounter("caisson_http_sent_bytes_total", "").value(), 100u);
  EXPECT_EQ(server.registry.GetGauge("caisson_http_connections", "").value(), 1);
  EXPECT_EQ(server.registry.GetGauge("caisson_http_requests_in_flight", "").value(), 0);
}

TEST(Server, RefusesAPortThatIsTaken) {
  TestServer server({Hello()});
  ServerOptions options;
  telemetry::Registry registry;
  for (const auto& [address, code] : std::vector<std::pair<std::string, StatusCode>>{
           {server.address(), StatusCode::kFailedPrecondition},
           {"127.0.0.1", StatusCode::kInvalidArgument},
           {"127.0.0.1:http", StatusCode::kInvalidArgument},
           {"127.0.0.1:70000", StatusCode::kInvalidArgument},
           {"::1:80", StatusCode::kInvalidArgument}}) {
    options.addresses = {address};
    const auto second = Server::Start(options, std::make_shared<Router>(), registry);
    EXPECT_EQ(second.status().code(), code) << second.status();
    EXPECT_NE(second.status().message().find(address.substr(0, 5)), std::string::npos);
  }
}

}  // namespace
}  // namespace caisson::http
