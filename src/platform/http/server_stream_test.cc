// Bodies that are never whole in memory.
#include <atomic>
#include <cstdio>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "platform/http/client.h"
#include "platform/http/internal/testing.h"

namespace caisson::http {
namespace {

constexpr uint64_t kLargeBytes = 100 << 20;

Route StreamRoute(std::function<Status(BodyWriter&)> stream,
                  std::optional<uint64_t> length = std::nullopt) {
  return MakeRoute(Method::kGet, "/stream", [stream, length](Request&) {
    Response response;
    response.stream = stream;
    response.content_length = length;
    return response;
  });
}

Route UploadRoute(std::function<Response(Request&)> handler) {
  Route route = MakeRoute(Method::kPost, "/upload", std::move(handler));
  route.body_mode = BodyMode::kStreamed;
  route.max_body_bytes = 200 << 20;
  return route;
}

Response CountBytes(Request& request) {
  std::string buffer(32 << 10, '\0');
  uint64_t total = 0;
  while (true) {
    const Result<size_t> got = request.body_reader->Read(buffer.data(), buffer.size());
    if (!got.ok()) return ErrorResponse(got.status());
    if (*got == 0) return Response::Text(200, std::to_string(total));
    total += *got;
  }
}

Status WriteTwo(BodyWriter& writer) {
  CAISSON_TRY(writer.Write("one "));
  return writer.Write("two");
}

TEST(ServerStream, WritesChunks) {
  TestServer server({StreamRoute(WriteTwo), EchoRoute(RunOn::kIoThread)});
  RawClient client(server.address());
  client.Send(Get("/stream") + Post("/echo", "next") + Get("/stream"));
  const RawResponse response = client.Receive();
  EXPECT_TRUE(response.complete);
  EXPECT_EQ(response.headers.Get("Transfer-Encoding"), "chunked");
  EXPECT_EQ(response.body, "one two");
  EXPECT_EQ(client.Receive().body, "next");
  EXPECT_EQ(client.Receive().body, "one two");
}

TEST(ServerStream, WritesAKnownLength) {
  TestServer server({StreamRoute(WriteTwo, 7)});
  RawClient client(server.address());
  const RawResponse response = client.Exchange(Get("/stream"));
  EXPECT_EQ(response.headers.Get("Content-Length"), "7");
  EXPECT_EQ(response.body, "one two");
  EXPECT_EQ(client.Exchange(Get("/stream")).body, "one two");
}

TEST(ServerStream, ServesHttp10UntilTheEnd) {
  TestServer server({StreamRoute(WriteTwo)});
  RawClient client(server.address());
  const RawResponse response =
      client.Exchange("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_FALSE(response.headers.Has("Transfer-Encoding"));
  EXPECT_EQ(response.body, "one two");
}

TEST(ServerStream, ShowsTheClientABreak) {
  const auto fails = [](BodyWriter& writer) {
    CAISSON_TRY(writer.Write("one"));
    return Internal("lost");
  };
  for (const Route& route :
       {StreamRoute(fails), StreamRoute(WriteTwo, 8), StreamRoute(WriteTwo, 5),
        StreamRoute([](BodyWriter&) -> Status { throw std::runtime_error("boom"); })}) {
    TestServer server({route});
    RawClient client(server.address());
    const RawResponse response = client.Exchange(Get("/stream"));
    EXPECT_EQ(response.status, 200);
    EXPECT_FALSE(response.complete);
    EXPECT_TRUE(client.AtEnd());
  }
}

TEST(ServerStream, SendsTheHeadBeforeTheFirstByte) {
  Gate release;
  TestServer server({StreamRoute([&](BodyWriter& writer) {
    release.Wait();
    return writer.Write("late");
  })});
  RawClient client(server.address());
  client.Send(Get("/stream"));
  pollfd readable{client.descriptor(), POLLIN, 0};
  EXPECT_EQ(::poll(&readable, 1, 20'000), 1);
  release.Open();
  EXPECT_EQ(client.Receive().body, "late");
}

TEST(ServerStream, ReadsPlainAndChunkedBodies) {
  TestServer server({UploadRoute(CountBytes), EchoRoute(RunOn::kWorker)});
  RawClient client(server.address());
  const std::string chunked =
      "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n";
  // Behind a request that is on a worker, the body has to be taken back from the I/O thread.
  client.Send(Post("/echo", "first") + Post("/upload", "abcd") + chunked + Post("/upload", "") +
              Post("/echo", "last"));
  EXPECT_EQ(client.Receive().body, "first");
  EXPECT_EQ(client.Receive().body, "4");
  EXPECT_EQ(client.Receive().body, "8");
  EXPECT_EQ(client.Receive().body, "0");
  EXPECT_EQ(client.Receive().body, "last");
  for (const char byte : chunked) client.Send(std::string_view(&byte, 1));
  EXPECT_EQ(client.Receive().body, "8");
}

TEST(ServerStream, AnswersWhileItReads) {
  TestServer server({UploadRoute([](Request& request) {
    Response response;
    response.stream = [&request](BodyWriter& writer) {
      char buffer[5];
      while (true) {
        CAISSON_ASSIGN(const size_t got, request.body_reader->Read(buffer, sizeof(buffer)));
        if (got == 0) return OkStatus();
        CAISSON_TRY(writer.Write(std::string_view(buffer, got)));
      }
    };
    return response;
  })});
  for (int i = 0; i < 20; ++i) {
    RawClient client(server.address());
    client.Send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\nfirst ");
    client.Send("second");
    EXPECT_EQ(client.Receive().body, "first second");
    EXPECT_TRUE(client.AtEnd());
  }
}

TEST(ServerStream, TakesTheSocketBackFromARunningRead) {
  Gate begun;
  Gate release;
  Route slow = MakeRoute(Method::kGet, "/slow", [&](Request&) {
    begun.Open();
    release.Wait();
    return Response::Text(200, "slow");
  });
  TestServer server({slow, UploadRoute(CountBytes)});
  RawClient client(server.address());
  client.Send(Get("/slow") + "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n");
  begun.Wait();
  release.Open();
  EXPECT_EQ(client.Receive().body, "slow");
  client.Send("abcdef");
  EXPECT_EQ(client.Receive().body, "6");
}

TEST(ServerStream, AsksForTheBodyWhenTheHandlerReads) {
  TestServer server({UploadRoute([](Request& request) {
    return request.Query("skip") == "1" ? Response::Text(403, "no") : CountBytes(request);
  })});
  const std::string rest =
      " HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
  RawClient reads(server.address());
  EXPECT_EQ(reads.Exchange("POST /upload" + rest).status, 100);
  EXPECT_EQ(reads.Exchange("abc").body, "3");
  RawClient skips(server.address());
  const RawResponse refused = skips.Exchange("POST /upload?skip=1" + rest);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.headers.Get("Connection"), "close");
}

TEST(ServerStream, LimitsStreamedBodies) {
  Route route = UploadRoute(CountBytes);
  route.max_body_bytes = 4;
  route.on_error = [](const Status& status) {
    return Response::Text(418, "own: " + Message(status));
  };
  TestServer server({route});
  for (const char* request : {"POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde",
                              "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                              "chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"}) {
    RawClient client(server.address());
    const RawResponse response = client.Exchange(request);
    EXPECT_EQ(response.status, 413);
    EXPECT_TRUE(response.body.starts_with("own: "));
  }
  RawClient malformed(server.address());
  EXPECT_EQ(
      malformed
          .Exchange("POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
          .status,
      400);
  RawClient slow(server.address());
  EXPECT_EQ(slow.Exchange("POST /upload HTTP/1.1\r\nHost: x\r\nX-Request-Timeout-Ms: 30\r\n"
                          "Content-Length: 4\r\n\r\nab")
                .status,
            408);
}

TEST(ServerStream, TellsTheHandlerThatTheClientLeft) {
  Gate ended;
  StatusCode code = StatusCode::kOk;
  TestServer server({UploadRoute([&](Request& request) {
    char buffer[16];
    Result<size_t> got = size_t{1};
    while (got.ok() && *got > 0) got = request.body_reader->Read(buffer, sizeof(buffer));
    code = got.status().code();
    ended.Open();
    return Response::Text(200, "");
  })});
  RawClient client(server.address());
  client.Send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc");
  client.Close();
  ended.Wait();
  EXPECT_EQ(code, StatusCode::kCancelled);
}

TEST(ServerStream, CancelsAnEventStreamWhoseClientLeft) {
  Gate begun;
  Gate ended;
  TestServer server({MakeRoute(Method::kGet, "/events", [&](Request& request) {
    Response response;
    response.stream = [&begun, &ended, context = request.context](BodyWriter& writer) {
      CAISSON_TRY(writer.Write("data: 1\n\n"));
      begun.Open();
      while (context.Check().ok()) std::this_thread::yield();
      ended.Open();
      return writer.Write("data: 2\n\n");
    };
    return response;
  })});
  RawClient client(server.address());
  client.Send(Get("/events"));
  begun.Wait();
  client.Close();
  ended.Wait();
}

TEST(ServerStream, ReadsTheSocketNoFasterThanTheHandler) {
  Gate release;
  TestServer server({UploadRoute([&](Request& request) {
    release.Wait();
    return CountBytes(request);
  })});
  RawClient client(server.address());
  client.Send(
      fmt::format("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", kLargeBytes));
  const std::string piece(64 << 10, 'x');
  uint64_t sent = 0;
  pollfd writable{client.descriptor(), POLLOUT, 0};
  while (sent < kLargeBytes && ::poll(&writable, 1, 200) == 1) {
    const ssize_t taken =
        ::send(client.descriptor(), piece.data(),
               std::min<uint64_t>(piece.size(), kLargeBytes - sent), MSG_DONTWAIT);
    if (taken > 0) sent += static_cast<uint64_t>(taken);
  }
  EXPECT_LT(sent, kLargeBytes / 2);  // the kernel's buffers, and no more
  release.Open();
  while (sent < kLargeBytes) {
    const ssize_t taken = ::send(client.descriptor(), piece.data(),
                                 std::min<uint64_t>(piece.size(), kLargeBytes - sent), 0);
    ASSERT_GT(taken, 0);
    sent += static_cast<uint64_t>(taken);
  }
  EXPECT_EQ(client.Receive().body, std::to_string(kLargeBytes));
}

TEST(ServerStream, WritesNoFasterThanTheClientReads) {
  std::atomic<uint64_t> written{0};
  Gate ended;
  StatusCode code = StatusCode::kOk;
  TestServer server({StreamRoute([&](BodyWriter& writer) {
    const std::string piece(64 << 10, 'x');
    Status status;
    while (status.ok() && written < kLargeBytes) {
      status = writer.Write(piece);
      if (status.ok()) written += piece.size();
    }
    code = status.code();
    ended.Open();
    return status;
  })});
  RawClient client(server.address(), 4'096);
  client.Send(Get("/stream"));
  // Still when nothing was written for as long as a poll without events takes.
  pollfd nothing{client.descriptor(), 0, 0};
  uint64_t before = 0;
  do {
    before = written;
    ::poll(&nothing, 1, 200);
  } while (before == 0 || before != written);
  EXPECT_LT(written.load(), kLargeBytes / 2);
  client.Close();
  ended.Wait();
  EXPECT_EQ(code, StatusCode::kCancelled);
}

// Peak resident bytes since the last call of ResetPeak.
uint64_t PeakMemory() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) << 10;
  }
  return 0;
}

uint64_t ResetPeak() {
  std::ofstream("/proc/self/clear_refs") << "5";
  return PeakMemory();
}

TEST(ServerStream, NeedsLittleMemoryForLargeBodies) {
  auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  const std::string path = JoinPath(folder->path(), "large");
  ASSERT_TRUE(WriteFileAtomic(path, "").ok());
  ASSERT_EQ(::truncate(path.c_str(), static_cast<off_t>(kLargeBytes)),
            0);  // holes, which read as zeros

  TestServer server({UploadRoute(CountBytes), StreamRoute([](BodyWriter& writer) {
                       const std::string piece(256 << 10, 'x');
                       for (uint64_t i = 0; i < kLargeBytes; i += piece.size()) {
                         CAISSON_TRY(writer.Write(piece));
                       }
                       return OkStatus();
                     }),
                     MakeRoute(Method::kGet, "/file", [&](Request&) {
                       Response response;
                       response.file = Response::FileRange{path, 0, kLargeBytes};
                       return response;
                     })});
  Client client;
  const uint64_t before = ResetPeak();
  ClientRequest upload;
  upload.method = Method::kPost;
  upload.url = server.url("/upload");
  upload.body_file = path;
  const auto uploaded = client.Send(Context::Background(), upload);
  ASSERT_TRUE(uploaded.ok()) << uploaded.status();
  EXPECT_EQ(uploaded->body, std::to_string(kLargeBytes));
  for (const char* source : {"/stream", "/file"}) {
    uint64_t received = 0;
    ClientRequest download;
    download.url = server.url(source);
    download.on_body = [&](std::string_view piece) {
      received += piece.size();
      return OkStatus();
    };
    const auto downloaded = client.Send(Context::Background(), download);
    ASSERT_TRUE(downloaded.ok()) << downloaded.status();
    EXPECT_EQ(received, kLargeBytes);
  }
  EXPECT_LT(PeakMemory() - before, 24u << 20);
}

TEST(ServerStream, RefusesMoreStreamsThanThreads) {
  Gate begun;
  Gate release;
  ServerOptions options;
  options.max_streams = 1;
  TestServer server({StreamRoute([&](BodyWriter& writer) {
                       begun.Open();
                       release.Wait();
                       return writer.Write("x");
                     }),
                     UploadRoute(CountBytes)},
                    options);
  RawClient first(server.address());
  first.Send(Get("/stream"));
  begun.Wait();
  RawClient second(server.address());
  const RawResponse busy = second.Exchange(Get("/stream"));
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.headers.Get("Retry-After"), "1");
  EXPECT_EQ(second.Exchange(Post("/upload", "abc")).status, 503);
  release.Open();
  EXPECT_EQ(first.Receive().body, "x");
}

TEST(ServerStream, EndsWhenTheServerStops) {
  Gate begun;
  ServerOptions options;
  options.drain_timeout = std::chrono::milliseconds(20);
  TestServer server({UploadRoute([&](Request& request) {
                      begun.Open();
                      return CountBytes(request);
                    })},
                    options);
  RawClient client(server.address());
  client.Send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc");
  begun.Wait();
  server.server->Stop();
  EXPECT_TRUE(client.AtEnd());
}

}  // namespace
}  // namespace caisson::http
