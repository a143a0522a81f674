#include "platform/http/internal/request_parser.h"

#include <gtest/gtest.h>

namespace caisson::http {
namespace {

struct Parsed {
  std::optional<ParseFailure> failure;
  Request request;
  Framing framing;
};

Parsed Parse(std::string_view head) {
  Parsed parsed;
  parsed.failure = ParseRequestHead(head, parsed.request, parsed.framing);
  return parsed;
}

int StatusOf(std::string_view head) {
  const Parsed parsed = Parse(head);
  return parsed.failure ? parsed.failure->http_status : 200;
}

TEST(RequestParser, ReadsAHead) {
  const Parsed parsed = Parse(
      "PUT /a%20b/%2Fc?x=1&y=a+b%26&empty=&flag&&x=2 HTTP/1.1\r\nHost: h\r\nX-One:  two words "
      "\t\r\n"
      "Content-Length: 12\r\n\r\n");
  ASSERT_FALSE(parsed.failure) << parsed.failure->message;
  EXPECT_EQ(parsed.request.method, Method::kPut);
  EXPECT_EQ(parsed.request.raw_path, "/a%20b/%2Fc");
  EXPECT_EQ(parsed.request.path, "/a b//c");
  EXPECT_EQ(parsed.request.Query("y"), "a b&");
  EXPECT_EQ(parsed.request.QueryAll("x"), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(parsed.request.FindQuery("empty"), "");
  EXPECT_EQ(parsed.request.FindQuery("flag"), "");
  EXPECT_FALSE(parsed.request.FindQuery("absent"));
  EXPECT_EQ(parsed.request.headers.Get("x-one"), "two words");
  EXPECT_EQ(parsed.framing.content_length, 12u);
  EXPECT_TRUE(parsed.framing.keep_alive);
}

TEST(RequestParser, ReadsTheOtherFormsOfATarget) {
  EXPECT_EQ(Parse("GET http://h:1/p?q=1 HTTP/1.1\r\nHost: h\r\n\r\n").request.path, "/p");
  EXPECT_EQ(Parse("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n").request.path, "/");
  EXPECT_EQ(Parse("GET http://h?q=1 HTTP/1.1\r\nHost: h\r\n\r\n").request.Query("q"), "1");
  EXPECT_EQ(Parse("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").request.path, "*");
}

TEST(RequestParser, FollowsConnectionFields) {
  EXPECT_FALSE(Parse("GET / HTTP/1.0\r\n\r\n").framing.keep_alive);
  EXPECT_TRUE(Parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").framing.keep_alive);
  EXPECT_FALSE(
      Parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, CLOSE\r\n\r\n").framing.keep_alive);
  EXPECT_FALSE(Parse("GET / HTTP/1.1\r\nHost: h\r\nConnection: close, keep-alive\r\n\r\n")
                   .framing.keep_alive);
  EXPECT_TRUE(
      Parse("GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\n\r\n").framing.expect_continue);
  EXPECT_TRUE(
      Parse("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n").framing.chunked);
}

TEST(RequestParser, RefusesWhatIsMalformed) {
  const std::string_view bad[] = {
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
      " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET x HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET ftp://h/x HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /#f HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /?a=%g1 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /?%00 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / http/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/11\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nName : b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nA: b\x01\r\n\r\n",
      std::string_view("GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n", 36),
      std::string_view("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 28),
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
      "chunked\r\n\r\n",
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "\r\n\r\n",
      "",
  };
  for (const std::string_view head : bad) EXPECT_EQ(StatusOf(head), 400) << head;
  EXPECT_EQ(StatusOf("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
  EXPECT_EQ(StatusOf("PRI * HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n"), 417);
  EXPECT_EQ(StatusOf("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
            501);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 128; ++i) many += "A: b\r\n";
  EXPECT_EQ(StatusOf(many + "\r\n"), 431);
}

TEST(HeadScanner, FindsTheEndHoweverTheBytesArrive) {
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
  const size_t head_size = bytes.size() - 4;
  for (size_t step = 1; step <= bytes.size(); ++step) {
    HeadScanner scanner;
    HeadScanner::Found found = HeadScanner::Found::kMore;
    for (size_t size = step; found == HeadScanner::Found::kMore; size += step) {
      found = scanner.Scan(std::string_view(bytes).substr(0, size));
      if (found == HeadScanner::Found::kMore) {
        ASSERT_LT(size, head_size);
      }
    }
    EXPECT_EQ(found, HeadScanner::Found::kEnd);
    EXPECT_EQ(scanner.head_size(), head_size);
  }
}

TEST(HeadScanner, RefusesABareLineFeedAtOnce) {
  HeadScanner scanner;
  EXPECT_EQ(scanner.Scan("GET / HTTP/1.1\n"), HeadScanner::Found::kBareLineFeed);
  scanner.Reset();
  EXPECT_EQ(scanner.Scan("GET / HTTP/1.1\r\nA: b\r\n\n"), HeadScanner::Found::kBareLineFeed);
}

TEST(TraceId, IsReadFromTraceparent) {
  const std::string id = "4bf92f3577b34da6a3ce929d0e0e4736";
  EXPECT_EQ(TraceIdOf("00-" + id + "-00f067aa0ba902b7-01"), id);
  EXPECT_EQ(TraceIdOf("01-" + id + "-00f067aa0ba902b7-01-more"), id);
  EXPECT_FALSE(TraceIdOf("00-" + id + "-00f067aa0ba902b7-01-more"));
  EXPECT_FALSE(TraceIdOf("ff-" + id + "-00f067aa0ba902b7-01"));
  EXPECT_FALSE(TraceIdOf("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"));
  EXPECT_FALSE(TraceIdOf("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
  EXPECT_FALSE(TraceIdOf("00-" + id));
  EXPECT_FALSE(TraceIdOf(""));
}

}  // namespace
}  // namespace caisson::http
