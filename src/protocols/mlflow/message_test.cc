#include "protocols/mlflow/internal/message.h"

#include <cmath>

#include <gtest/gtest.h>

#include "protocols/mlflow/internal/errors.h"
#include "protocols/mlflow/internal/file_answer.h"
#include "protocols/mlflow/internal/json_writer.h"
#include "protocols/mlflow/routes.h"

namespace caisson::mlflow {
namespace {

using internal::Check;
using internal::FieldKind;

const internal::Message kItem{{{"key"}, {"value", FieldKind::kDouble}}};
const std::vector<std::string_view> kColors = {"", "RED", "BLUE"};
const internal::RequestShape kShape{{{{"name"},
                                      {"count", FieldKind::kInt},
                                      {"share", FieldKind::kDouble},
                                      {"is_open", FieldKind::kBool},
                                      {"color", FieldKind::kEnum, false, nullptr, &kColors},
                                      {"items", FieldKind::kMessage, true, &kItem},
                                      {"run_ids", FieldKind::kString, true}}},
                                    {{"name", {Check::kRequired, Check::kString}},
                                     {"count", {Check::kInt, Check::kAtMost1000}},
                                     {"items", {Check::kArray}}}};

http::Request Post(std::string body, std::string type = "application/json") {
  http::Request request;
  request.method = http::Method::kPost;
  if (!type.empty()) request.headers.Set("content-type", type);
  request.body = std::move(body);
  return request;
}

Json Read(std::string body) {
  const auto message = ReadRequest(Post(std::move(body)), kShape);
  EXPECT_TRUE(message.ok()) << message.status();
  return message.ok() ? *message : Json();
}

std::string ErrorOf(std::string body) {
  const auto message = ReadRequest(Post(std::move(body)), kShape);
  return message.ok() ? "no error" : Message(message.status());
}

TEST(Message, ReadsWhatProtobufReads) {
  const Json message = Read(
      R"({"name":"x","count":"7","share":"NaN","isOpen":true,"color":2,"items":[{"key":"a","value":1}],"more":1})");
  EXPECT_EQ(message["count"].AsInt(), 7);
  EXPECT_TRUE(std::isnan(message["share"].AsDouble()));
  EXPECT_TRUE(message["is_open"].AsBool());
  EXPECT_EQ(message["color"].AsString(), "BLUE");
  EXPECT_EQ(message["items"][0]["key"].AsString(), "a");
  EXPECT_EQ(message.Find("more"), nullptr);
  EXPECT_EQ(Read(R"({"name":"x","count":3.0})")["count"].AsInt(), 3);
  EXPECT_EQ(Read(R"({"name":"x","count":null})").Find("count"), nullptr);
  EXPECT_EQ(Read(R"("{\"name\":\"twice\"}")")["name"].AsString(), "twice");
}

TEST(Message, SaysWhatMlflowSays) {
  const std::string docs = " See the API docs for more information about request parameters.";
  EXPECT_EQ(ErrorOf("{}"), "Missing value for required parameter 'name'." + docs);
  EXPECT_EQ(ErrorOf("not json"), "Missing value for required parameter 'name'." + docs);
  EXPECT_EQ(ErrorOf(R"({"name":""})"), "Missing value for required parameter 'name'." + docs);
  EXPECT_EQ(
      ErrorOf(R"({"name":5})"),
      "Invalid value 5 for parameter 'name' supplied:  Hint: Value was of type 'int'." + docs);
  EXPECT_EQ(
      ErrorOf(R"({"name":"x","count":"y"})"),
      "Invalid value \"y\" for parameter 'count' supplied:  Hint: Value was of type 'str'." + docs);
  EXPECT_EQ(
      ErrorOf(R"({"name":"x","count":1001})"),
      "Invalid value 1001 for parameter 'count' supplied:  Hint: Value was of type 'int'." + docs);
  EXPECT_EQ(ErrorOf(R"({"name":"x","items":{"b":1,"a":[]}})"),
            "Invalid value {\"a\":[],\"b\":1} for parameter 'items' supplied:  Hint: Value was of "
            "type 'dict'." +
                docs);
  EXPECT_EQ(ErrorOf(R"({"name":"x","is_open":true,"isOpen":true})"),
            "Request specifies both 'is_open' and 'isOpen'; provide only one of them.");
}

TEST(Message, TypesAreCheckedOnlyWhenProtobufGivesUp) {
  // A number in text is fine for protobuf, so that nobody asks whether it is an int.
  EXPECT_EQ(ErrorOf(R"({"name":"x","count":"12"})"), "no error");
  EXPECT_NE(ErrorOf(R"({"name":"x","color":"GREEN"})").find("'color'"), std::string::npos);
}

TEST(Message, ContentTypesMatterForBodies) {
  EXPECT_EQ(Message(ReadRequest(Post("{}", "text/plain"), kShape).status()),
            "Bad Request. Content-Type must be one of ['application/json'].");
  EXPECT_EQ(Message(ReadRequest(Post("{}", ""), kShape).status()),
            "Bad Request. Content-Type header is missing.");
  EXPECT_TRUE(ReadRequest(Post(R"({"name":"x"})", "application/json; charset=utf-8"), kShape).ok());
}

TEST(Message, QueriesAreReadByTheShape) {
  http::Request request;
  request.query = {
      {"name", "x"}, {"run_ids", "a"}, {"run_ids", "b"}, {"is_open", "True"}, {"count", "5"}};
  const auto message = ReadRequest(request, kShape);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ((*message)["run_ids"].size(), 2u);
  EXPECT_TRUE((*message)["is_open"].AsBool());
  EXPECT_EQ((*message)["count"].AsInt(), 5);
  request.query.push_back({"is_open", "no"});
  request.query.erase(request.query.begin() + 3);
  EXPECT_EQ(Message(ReadRequest(request, kShape).status()),
            "Invalid boolean value: no, must be 'true' or 'false'.");
}

TEST(JsonWriter, WritesAsPythonDoes) {
  internal::JsonWriter writer;
  writer.Text("name", "\xC3\xA9\"\n\xF0\x9F\x98\x80");
  writer.Double("a", 1);
  writer.Double("b", std::nan(""));
  writer.BeginArray("list");
  writer.BeginItem();
  writer.Int("i", -5);
  writer.EndObject();
  writer.TextItem("x");
  writer.EndArray();
  writer.BeginObject("empty");
  writer.EndObject();
  writer.Bool("t", true);
  EXPECT_EQ(writer.Finish(),
            "{\n  \"name\": \"\\u00e9\\\"\\n\\ud83d\\ude00\",\n  \"a\": 1.0,\n  \"b\": \"NaN\",\n  "
            "\"list\": [\n    {\n      \"i\": "
            "-5\n    },\n    \"x\"\n  ],\n  \"empty\": {},\n  \"t\": true\n}");
  EXPECT_EQ(internal::JsonWriter().Finish(), "{}");
}

TEST(Errors, HaveMlflowsCodesAndStatuses) {
  const http::Response exists = internal::ErrorAnswer(AlreadyExists("x"));
  EXPECT_EQ(exists.status, 400);
  EXPECT_EQ(exists.body,
            "{\"error_code\": \"RESOURCE_ALREADY_EXISTS\", \"message\": \"x\", \"sqlstate\": "
            "\"KAM00\", \"error_class\": "
            "\"RESOURCE_ALREADY_EXISTS\"}");
  EXPECT_EQ(internal::ErrorAnswer(NotFound("x")).status, 404);
  EXPECT_EQ(internal::ErrorAnswer(FailedPrecondition("x")).status, 500);
  EXPECT_EQ(internal::ErrorAnswer(WithErrorId(InvalidArgument("x"), "INTERNAL_ERROR")).status, 500);
  EXPECT_EQ(internal::ErrorAnswer(Unavailable("x")).status, 503);
}

TEST(FileAnswer, SendsRangesAndTags) {
  const auto folder = TemporaryDirectory::Create().value();
  const std::string path = folder.path() + "/r\xC3\xA9sum\xC3\xA9.txt";
  ASSERT_TRUE(WriteFileAtomic(path, "0123456789").ok());
  http::Request request;
  const http::Response whole = internal::FileAnswer(request, path, "d/r\xC3\xA9sum\xC3\xA9.txt");
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.file->length, 10u);
  EXPECT_EQ(whole.headers.Get("x-content-type-options"), "nosniff");
  EXPECT_EQ(whole.headers.Get("content-disposition"),
            "attachment; filename=rsum.txt; filename*=UTF-8''r%C3%A9sum%C3%A9.txt");
  request.headers.Set("range", "bytes=2-4");
  const http::Response part = internal::FileAnswer(request, path, "x.txt");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.headers.Get("content-range"), "bytes 2-4/10");
  request.headers.Set("range", "bytes=-3");
  EXPECT_EQ(internal::FileAnswer(request, path, "x.txt").file->offset, 7u);
  request.headers.Set("range", "bytes=10-");
  EXPECT_EQ(internal::FileAnswer(request, path, "x.txt").status, 416);
  request.headers.Set("range", "bytes=0-1,3-4");
  EXPECT_EQ(internal::FileAnswer(request, path, "x.txt").status, 200);
  request.headers.Set("if-none-match", whole.headers.Get("etag"));
  EXPECT_EQ(internal::FileAnswer(request, path, "x.txt").status, 304);
}

TEST(Mime, GuessesByName) {
  EXPECT_EQ(internal::GuessMimeType("a/MLmodel"), "text/plain");
  EXPECT_EQ(internal::GuessMimeType("a.JSON"), "text/plain");
  EXPECT_EQ(internal::GuessMimeType("a.png"), "image/png");
  EXPECT_EQ(internal::GuessMimeType("a"), "application/octet-stream");
}

TEST(ServerFlags, AreThoseOfMlflowServer) {
  const auto flags = ParseServerFlags(
      {"--host", "0.0.0.0", "-p", "8080", "--backend-store-uri=sqlite:///x.db",
       "--no-serve-artifacts", "--static-prefix", "", "--workers", "3"},
      {{"MLFLOW_PORT", "7"}, {"MLFLOW_ARTIFACTS_DESTINATION", "/art"}, {"PATH", "x"}});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->host, "0.0.0.0");
  EXPECT_EQ(flags->port, 8080);
  EXPECT_EQ(flags->backend_store_uri, "sqlite:///x.db");
  EXPECT_EQ(flags->artifacts_destination, "/art");
  EXPECT_FALSE(flags->serve_artifacts);
  EXPECT_EQ(flags->static_prefix, "");
  EXPECT_FALSE(ParseServerFlags({"--static-prefix", "x"}, {}).ok());
  EXPECT_FALSE(ParseServerFlags({"--port", "http"}, {}).ok());
  EXPECT_FALSE(ParseServerFlags({"--port"}, {}).ok());
  EXPECT_NE(Message(ParseServerFlags({"--hots", "x"}, {}).status()).find("--host"),
            std::string::npos);
}

}  // namespace
}  // namespace caisson::mlflow
