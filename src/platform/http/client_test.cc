#include "platform/http/client.h"

#include <cstdlib>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "platform/http/internal/testing.h"

namespace caisson::http {
namespace {

using std::chrono::milliseconds;

Response Describe(Request& request) {
  std::string text(MethodName(request.method));
  text += " " + request.raw_path + " x=" + std::string(request.Query("x")) + " " + request.body;
  Response response = Response::Text(200, text);
  response.headers.Add("X-Echo", request.headers.Get("X-Sent"));
  response.headers.Add("X-Type", request.headers.Get("Content-Type"));
  return response;
}

TEST(Client, SendsAndReceives) {
  std::vector<Route> routes;
  for (const Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kPatch,
                              Method::kDelete, Method::kOptions}) {
    routes.push_back(MakeRoute(method, "/d/{rest...}", Describe));
  }
  TestServer server(std::move(routes));
  Client client;
  for (const Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kPatch,
                              Method::kDelete, Method::kOptions}) {
    ClientRequest request;
    request.method = method;
    request.url = server.url("/d/a%20b/../c?x=1");
    request.headers.Add("X-Sent", "a value");
    request.headers.Add("X-Empty", "");
    if (method != Method::kGet) request.body = std::string("\0body", 5);
    const auto response = client.Send(Context::Background(), request);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body,
              std::string(MethodName(method)) + " /d/a%20b/../c x=1 " + request.body);
    EXPECT_EQ(response->headers.Get("x-echo"), "a value");
    EXPECT_EQ(response->headers.Get("X-Type"), "");
  }
  ClientRequest head;
  head.method = Method::kHead;
  head.url = server.url("/d/x");
  const auto response = client.Send(Context::Background(), head);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "");
  ClientRequest empty;
  empty.method = Method::kPost;
  empty.url = server.url("/d/x");
  EXPECT_EQ(client.Send(Context::Background(), empty)->body, "POST /d/x x= ");
}

TEST(Client, KeepsItsConnections) {
  TestServer server({MakeRoute(Method::kGet, "/who", [](Request& request) {
    return Response::Text(200, request.remote_address);
  })});
  Client client;
  ClientRequest request;
  request.url = server.url("/who");
  std::set<std::string> addresses;
  for (int i = 0; i < 5; ++i) addresses.insert(client.Send(Context::Background(), request)->body);
  EXPECT_EQ(addresses.size(), 1u);
}

TEST(Client, MayBeSharedByThreads) {
  TestServer server({EchoRoute(RunOn::kWorker)});
  Client client;
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        ClientRequest request;
        request.method = Method::kPost;
        request.url = server.url("/echo");
        request.body = fmt::format("{}-{}", t, i);
        const auto response = client.Send(Context::Background(), request);
        if (response.ok() && response->body == request.body) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right.load(), 200);
}

TEST(Client, StreamsBodies) {
  Route upload = EchoRoute(RunOn::kWorker);
  Route fails =
      MakeRoute(Method::kGet, "/fails", [](Request&) { return Response::Text(500, "why"); });
  Route get =
      MakeRoute(Method::kGet, "/text", [](Request&) { return Response::Text(200, "some text"); });
  TestServer server({upload, fails, get});
  auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  ClientRequest request;
  request.method = Method::kPost;
  request.url = server.url("/echo");
  request.body_file = JoinPath(folder->path(), "f");
  Client client;
  EXPECT_EQ(client.Send(Context::Background(), request).status().code(), StatusCode::kNotFound);
  std::string content(2 << 20, 'y');
  ASSERT_TRUE(WriteFileAtomic(request.body_file, content).ok());
  EXPECT_TRUE(client.Send(Context::Background(), request)->body == content);
  request.max_body_bytes = 1'000;
  EXPECT_EQ(client.Send(Context::Background(), request).status().code(),
            StatusCode::kResourceExhausted);

  std::string received;
  ClientRequest download;
  download.url = server.url("/text");
  download.on_body = [&](std::string_view piece) {
    received += piece;
    return OkStatus();
  };
  EXPECT_EQ(client.Send(Context::Background(), download)->body, "");
  EXPECT_EQ(received, "some text");
  download.url = server.url("/fails");
  const auto failed = client.Send(Context::Background(), download);
  EXPECT_EQ(failed->status, 500);
  EXPECT_EQ(failed->body, "why");
  EXPECT_EQ(received, "some text");
  download.url = server.url("/text");
  download.on_body = [](std::string_view) { return DataLoss("stop"); };
  EXPECT_EQ(client.Send(Context::Background(), download).status(), DataLoss("stop"));
}

TEST(Client, EndsWithItsContext) {
  Gate begun;
  Gate release;
  TestServer server({MakeRoute(Method::kGet, "/wait", [&](Request& request) {
    begun.Open();
    release.Wait();
    return Response::Text(200, "");
  })});
  Client client;
  ClientRequest request;
  request.url = server.url("/wait");
  const auto late = client.Send(Context::Background().WithTimeout(milliseconds(30)), request);
  EXPECT_EQ(late.status().code(), StatusCode::kDeadlineExceeded);
  CancelSource cancel;
  std::thread canceller([&] {
    begun.Wait();
    cancel.Cancel();
  });
  const auto cancelled = client.Send(Context::Background().WithCancel(cancel), request);
  EXPECT_EQ(cancelled.status().code(), StatusCode::kCancelled);
  canceller.join();
  release.Open();
}

TEST(Client, PassesTheContextOn) {
  TestServer server({MakeRoute(Method::kGet, "/context", [](Request& request) {
    const bool short_time =
        request.context.TimeLeft(std::chrono::hours(1)) < std::chrono::seconds(20);
    return Response::Text(200, fmt::format("{} {}", request.context.trace_id(), short_time));
  })});
  Client client;
  ClientRequest request;
  request.url = server.url("/context");
  const std::string id = "4bf92f3577b34da6a3ce929d0e0e4736";
  const Context context =
      Context::Background().WithTraceId(id).WithTimeout(std::chrono::seconds(15));
  EXPECT_EQ(client.Send(context, request)->body, id + " true");
}

TEST(Client, ExplainsWhatWentWrong) {
  Client client;
  ClientRequest request;
  {
    TestServer gone({EchoRoute(RunOn::kIoThread)});
    request.url = gone.url("/echo");
  }
  const auto refused = client.Send(Context::Background(), request);
  EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable);
  EXPECT_NE(refused.status().message().find(request.url), std::string::npos);
  for (const char* url : {"", "no url", "ftp://x/y", "file:///etc/passwd", "http://"}) {
    request.url = url;
    EXPECT_EQ(client.Send(Context::Background(), request).status().code(),
              StatusCode::kInvalidArgument)
        << url;
  }
  request.url = "http://127.0.0.1:1/";
  request.headers.Add("X", "a\r\nInjected: b");
  EXPECT_EQ(client.Send(Context::Background(), request).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(Client, UsesNoProxyForThisMachine) {
  TestServer server({EchoRoute(RunOn::kIoThread)});
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  Client client;
  ClientRequest request;
  request.method = Method::kPost;
  request.url = server.url("/echo");
  request.body = "direct";
  const auto response = client.Send(Context::Background(), request);
  ::unsetenv("http_proxy");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "direct");
}

}  // namespace
}  // namespace caisson::http
