#include "platform/http/message.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "platform/http/internal/response_head.h"

namespace caisson::http {
namespace {

TEST(Headers, CompareNamesWithoutCase) {
  Headers headers;
  headers.Add("Accept", "a");
  headers.Add("accept", "b");
  EXPECT_EQ(headers.Get("ACCEPT"), "a");
  headers.Set("ACCEPT", "c");
  EXPECT_EQ(headers.fields().size(), 1u);
  EXPECT_EQ(headers.Get("Accept"), "c");
  EXPECT_TRUE(headers.Has("accept"));
  headers.Remove("Accept");
  EXPECT_FALSE(headers.Has("accept"));
  EXPECT_EQ(headers.Get("accept"), "");
}

TEST(Method, NamesReadBack) {
  for (const Method method : {Method::kGet, Method::kHead, Method::kPost, Method::kPut,
                              Method::kPatch, Method::kDelete, Method::kOptions}) {
    EXPECT_EQ(ParseMethod(MethodName(method)), method);
  }
  EXPECT_FALSE(ParseMethod("get"));
}

TEST(ErrorResponse, SaysCodeAndMessage) {
  const Response response = ErrorResponse(NotFound("no model 'x'"));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, R"({"error":{"code":"not_found","message":"no model 'x'"}})");
  EXPECT_EQ(HttpStatusOf(StatusCode::kAborted), 409);
  EXPECT_EQ(HttpStatusOf(StatusCode::kUnavailable), 503);
  EXPECT_EQ(HttpStatusOf(StatusCode::kInternal), 500);
}

TEST(WriteBody, WritesEveryKind) {
  StringBodyWriter text;
  ASSERT_TRUE(WriteBody(Response::Text(200, "abc"), text).ok());
  EXPECT_EQ(text.bytes(), "abc");

  Response streamed;
  streamed.stream = [](BodyWriter& writer) {
    CAISSON_TRY(writer.Write("x"));
    return writer.Write("y");
  };
  StringBodyWriter collected;
  ASSERT_TRUE(WriteBody(streamed, collected).ok());
  EXPECT_EQ(collected.TakeBytes(), "xy");
  StringBodyWriter small(1);
  EXPECT_EQ(WriteBody(streamed, small).code(), StatusCode::kResourceExhausted);

  auto folder = TemporaryDirectory::Create();
  ASSERT_TRUE(folder.ok());
  Response file;
  file.file = Response::FileRange{JoinPath(folder->path(), "f"), 2, 3};
  ASSERT_TRUE(WriteFileAtomic(file.file->path, "0123456").ok());
  StringBodyWriter range;
  ASSERT_TRUE(WriteBody(file, range).ok());
  EXPECT_EQ(range.bytes(), "234");
  file.file->length = 9;
  EXPECT_EQ(WriteBody(file, range).code(), StatusCode::kDataLoss);
}

TEST(ReadAll, StopsAtTheLimit) {
  StringBodyReader reader("abcdef");
  EXPECT_EQ(*ReadAll(reader, 6), "abcdef");
  StringBodyReader again("abcdef");
  EXPECT_EQ(ReadAll(again, 5).status().code(), StatusCode::kResourceExhausted);
}

TEST(ResponseHead, KeepsItsFramingAndItsLines) {
  Response response = Response::Text(404, "");
  response.headers.Add("Content-Length", "7");
  response.headers.Add("X-Evil", "a\r\nSet-Cookie: b");
  ResponseFraming framing;
  const std::string date = HttpDate(784'111'777);
  framing.date = date;
  framing.content_length = 3;
  framing.keep_alive = false;
  std::string out;
  AppendResponseHead(out, response, framing);
  EXPECT_EQ(
      out,
      "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "X-Evil: a  Set-Cookie: b\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n"
      "Content-Length: 3\r\n\r\n");
}

}  // namespace
}  // namespace caisson::http
