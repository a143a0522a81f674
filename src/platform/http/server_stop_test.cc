#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "platform/http/internal/testing.h"

namespace caisson::http {
namespace {

using std::chrono::milliseconds;

Route Hello() {
  return MakeRoute(
      Method::kGet, "/hello/{name}",
      [](Request& request) {
        return Response::Text(200, "hello " + std::string(request.Path("name")));
      },
      RunOn::kIoThread);
}

// The listener is closed first when a server stops.
void WaitUntilRefusing(const std::string& address) {
  while (RawClient(address).connected()) std::this_thread::yield();
}

TEST(ServerStop, AnswersWhatIsInFlight) {
  Gate begun;
  Gate release;
  TestServer server({MakeRoute(Method::kGet, "/slow",
                               [&](Request&) {
                                 begun.Open();
                                 release.Wait();
                                 return Response::Text(200, "done");
                               }),
                     Hello()});
  RawClient busy(server.address());
  RawClient idle(server.address());
  EXPECT_EQ(idle.Exchange(Get("/hello/a")).status, 200);
  busy.Send(Get("/slow"));
  begun.Wait();
  std::thread stopper([&] { server.server->Stop(); });
  WaitUntilRefusing(server.address());
  EXPECT_TRUE(idle.AtEnd());
  release.Open();
  const RawResponse response = busy.Receive();
  EXPECT_EQ(response.body, "done");
  EXPECT_EQ(response.headers.Get("Connection"), "close");
  stopper.join();
  EXPECT_TRUE(busy.AtEnd());
  server.server->Stop();
}

TEST(ServerStop, CancelsWhatTakesTooLong) {
  Gate begun;
  ServerOptions options;
  options.drain_timeout = milliseconds(20);
  std::atomic<bool> cancelled{false};
  TestServer server({MakeRoute(Method::kGet, "/endless",
                               [&](Request& request) {
                                 begun.Open();
                                 while (request.context.Check().ok()) std::this_thread::yield();
                                 cancelled = true;
                                 return Response::Text(200, "");
                               })},
                    options);
  RawClient client(server.address());
  client.Send(Get("/endless"));
  RawClient torn(server.address());
  torn.Send("GET / HT");
  begun.Wait();
  server.server->Stop();
  EXPECT_TRUE(cancelled.load());
  EXPECT_TRUE(client.AtEnd());
  EXPECT_TRUE(torn.AtEnd());
}

TEST(ServerStop, SurvivesClientsThatComeAndGo) {
  for (int round = 0; round < 5; ++round) {
    TestServer server({Hello(), EchoRoute(RunOn::kWorker)});
    std::atomic<bool> stop{false};
    std::atomic<int> answered{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&, i] {
        while (!stop) {
          RawClient client(server.address());
          if (!client.connected()) continue;
          const std::string request = i % 2 == 0 ? Get("/hello/a") : Post("/echo", "abc");
          if (client.Exchange(request).status == 200) ++answered;
          if (i >= 2) client.Send(request);  // and leaves
        }
      });
    }
    while (answered < 20) std::this_thread::yield();
    server.server->Stop();
    stop = true;
    for (std::thread& client : clients) client.join();
  }
}

}  // namespace
}  // namespace caisson::http
