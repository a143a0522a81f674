#include "platform/http/router.h"

#include <stdexcept>

#include <gtest/gtest.h>

namespace caisson::http {
namespace {

Route Named(Method method, std::string pattern) {
  Route route;
  route.method = method;
  route.pattern = pattern;
  route.summary = pattern;
  route.handler = [pattern](Request& request) {
    std::string text = pattern;
    for (const auto& [name, value] : request.path_parameters) text += " " + name + "=" + value;
    return Response::Text(200, text + " " + request.body);
  };
  return route;
}

std::string Found(const Router& router, Method method, std::string_view path) {
  const Match match = router.Find(method, path);
  if (match.route == nullptr) return "";
  EXPECT_EQ(router.routes()[match.index], match.route);
  std::string text = match.route->pattern;
  for (const auto& [name, value] : match.path_parameters) text += " " + name + "=" + value;
  return text;
}

TEST(Router, PrefersLiteralOverParameterOverRest) {
  Router router;
  ASSERT_TRUE(router
                  .Add({Named(Method::kGet, "/"), Named(Method::kGet, "/a/{rest...}"),
                        Named(Method::kGet, "/a/{x}"), Named(Method::kGet, "/a/b"),
                        Named(Method::kGet, "/a/{x}/c"), Named(Method::kGet, "/a/b/d"),
                        Named(Method::kPost, "/a/b/e"), Named(Method::kGet, "/ui/{path...}")})
                  .ok());
  EXPECT_EQ(Found(router, Method::kGet, "/"), "/");
  EXPECT_EQ(Found(router, Method::kGet, "/a/b"), "/a/b");
  EXPECT_EQ(Found(router, Method::kGet, "/a/z"), "/a/{x} x=z");
  EXPECT_EQ(Found(router, Method::kGet, "/a/b/c"), "/a/{x}/c x=b");
  EXPECT_EQ(Found(router, Method::kGet, "/a/b/d"), "/a/b/d");
  EXPECT_EQ(Found(router, Method::kGet, "/a/b/e"), "/a/{rest...} rest=b/e");
  EXPECT_EQ(Found(router, Method::kGet, "/a/1/2/3"), "/a/{rest...} rest=1/2/3");
  EXPECT_EQ(Found(router, Method::kGet, "/a/"), "/a/{rest...} rest=");
  EXPECT_EQ(Found(router, Method::kGet, "/ui/"), "/ui/{path...} path=");
  EXPECT_EQ(Found(router, Method::kGet, "/ui"), "");
  EXPECT_EQ(Found(router, Method::kGet, "/a"), "");
  EXPECT_EQ(Found(router, Method::kGet, ""), "");
  EXPECT_EQ(Found(router, Method::kHead, "/a/b"), "/a/b");
}

TEST(Router, DecodesSegmentsAfterTheSplit) {
  Router router;
  ASSERT_TRUE(router.Add({Named(Method::kGet, "/m/{x}/y"), Named(Method::kGet, "/live z")}).ok());
  EXPECT_EQ(Found(router, Method::kGet, "/m/a%2Fb%20c/y"), "/m/{x}/y x=a/b c");
  EXPECT_EQ(Found(router, Method::kGet, "/%6d/1/y"), "/m/{x}/y x=1");
  EXPECT_EQ(Found(router, Method::kGet, "/live%20z"), "/live z");
  EXPECT_EQ(Found(router, Method::kGet, "/m//y"), "");
}

TEST(Router, RefusesWhatIsAmbiguousOrMalformed) {
  Router router;
  ASSERT_TRUE(router.Add({Named(Method::kGet, "/a/{x}")}).ok());
  EXPECT_EQ(router.Add({Named(Method::kGet, "/a/{y}")}).code(), StatusCode::kAlreadyExists);
  EXPECT_TRUE(router.Add({Named(Method::kPost, "/a/{y}")}).ok());
  for (const char* pattern : {"", "a", "/{", "/{}", "/a{x}", "/{x...}/b", "/{x}/{x}", "/{a b}"}) {
    EXPECT_EQ(router.Add({Named(Method::kGet, pattern)}).code(), StatusCode::kInvalidArgument)
        << pattern;
  }
  Route empty = Named(Method::kGet, "/empty");
  empty.handler = nullptr;
  EXPECT_EQ(router.Add({empty}).code(), StatusCode::kInvalidArgument);
}

Response OwnForm(const Status& status) {
  Response response = Response::Text(418, "own: " + Message(status));
  return response;
}

Response Dispatch(const Router& router, Method method, std::string path, std::string body = "") {
  Request request;
  request.method = method;
  request.path = std::move(path);
  request.body = std::move(body);
  return router.Handle(request);
}

TEST(RouterHandle, RunsHandlersAndAnswersForTheTable) {
  Route limited = Named(Method::kPost, "/own/{x}");
  limited.max_body_bytes = 3;
  limited.on_error = OwnForm;
  Route throws = Named(Method::kGet, "/throws");
  throws.handler = [](Request&) -> Response { throw std::runtime_error("boom"); };
  Router router;
  ASSERT_TRUE(router.Add({limited, throws, Named(Method::kGet, "/plain")}).ok());

  EXPECT_EQ(Dispatch(router, Method::kPost, "/own/a b", "abc").body, "/own/{x} x=a b abc");
  EXPECT_EQ(Dispatch(router, Method::kPost, "/own/1", "abcd").status, 413);
  const Response missing = Dispatch(router, Method::kGet, "/own/1/2");
  EXPECT_EQ(missing.status, 404);
  EXPECT_TRUE(missing.body.starts_with("own: "));
  const Response wrong = Dispatch(router, Method::kGet, "/own/1");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.Get("Allow"), "POST");
  EXPECT_TRUE(wrong.body.starts_with("own: "));
  EXPECT_EQ(Dispatch(router, Method::kOptions, "/plain").headers.Get("Allow"), "GET, HEAD");
  EXPECT_TRUE(Dispatch(router, Method::kGet, "/elsewhere").body.starts_with("{"));
  const Response failed = Dispatch(router, Method::kGet, "/throws");
  EXPECT_EQ(failed.status, 500);
  EXPECT_NE(failed.body.find("boom"), std::string::npos);
}

TEST(RouterHandle, BridgesBufferedAndStreamedBodies) {
  Route streamed = Named(Method::kPut, "/streamed");
  streamed.body_mode = BodyMode::kStreamed;
  streamed.handler = [](Request& request) {
    const Result<std::string> body = ReadAll(*request.body_reader, 100);
    Response response;
    response.stream = [text = *body](BodyWriter& writer) { return writer.Write("got " + text); };
    return response;
  };
  Route buffered = Named(Method::kPut, "/buffered");
  buffered.max_body_bytes = 4;
  Router router;
  ASSERT_TRUE(router.Add({streamed, buffered}).ok());

  StringBodyWriter writer;
  ASSERT_TRUE(WriteBody(Dispatch(router, Method::kPut, "/streamed", "abc"), writer).ok());
  EXPECT_EQ(writer.bytes(), "got abc");

  Request request;
  request.method = Method::kPut;
  request.path = "/buffered";
  StringBodyReader reader("abcd");
  request.body_reader = &reader;
  EXPECT_EQ(router.Handle(request).body, "/buffered abcd");
  StringBodyReader large("abcde");
  request.body_reader = &large;
  EXPECT_EQ(router.Handle(request).status, 413);
}

TEST(RouterHandle, HonoursTheContext) {
  Route slow = Named(Method::kGet, "/slow");
  slow.timeout = std::chrono::milliseconds(500);
  slow.handler = [](Request& request) {
    const auto left = request.context.TimeLeft(std::chrono::hours(1));
    return Response::Text(left <= std::chrono::milliseconds(500) ? 200 : 500, "");
  };
  Router router;
  ASSERT_TRUE(router.Add({slow}).ok());
  EXPECT_EQ(Dispatch(router, Method::kGet, "/slow").status, 200);
  CancelSource cancel;
  cancel.Cancel();
  Request request;
  request.path = "/slow";
  request.context = request.context.WithCancel(cancel);
  EXPECT_EQ(router.Handle(request).status, 499);
}

TEST(OpenApi, DescribesEveryRoute) {
  Router router;
  Route put = Named(Method::kPut, "/a/{y}");
  put.body_mode = BodyMode::kStreamed;
  Route open = Named(Method::kGet, "/livez");
  open.needs_login = false;
  open.tag = "native";
  ASSERT_TRUE(
      router.Add({Named(Method::kGet, "/a/{x}"), put, open, Named(Method::kGet, "/a/{x...}")})
          .ok());
  const Json document = router.OpenApi("Title", "1.2.3");
  EXPECT_EQ(document["openapi"].AsString(), "3.1.0");
  EXPECT_EQ(document["info"]["version"].AsString(), "1.2.3");
  const Json& paths = document["paths"];
  EXPECT_EQ(paths["/a/{x}"]["get"]["summary"].AsString(), "/a/{x}");
  EXPECT_EQ(paths["/a/{x}"]["put"]["parameters"][0]["name"].AsString(), "x");
  EXPECT_TRUE(paths["/a/{x}"]["put"]["requestBody"]["content"].Find("*/*") != nullptr);
  EXPECT_EQ(paths["/a/{x_rest}"]["get"]["parameters"][0]["name"].AsString(), "x_rest");
  EXPECT_TRUE(paths["/livez"]["get"].Find("security") == nullptr);
  EXPECT_EQ(paths["/livez"]["get"]["tags"][0].AsString(), "native");
  EXPECT_EQ(paths["/a/{x}"]["get"]["operationId"].AsString(), "get_a_x");
  EXPECT_EQ(document["tags"].size(), 1u);
}

}  // namespace
}  // namespace caisson::http
