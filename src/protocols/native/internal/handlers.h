// Shared by the route tables: from a function that returns a Result to a handler.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/strings.h"
#include "platform/http/router.h"

namespace caisson::native::internal {

template <typename Function>
http::Handler JsonHandler(Function function) {
  return [function = std::move(function)](http::Request& request) -> http::Response {
    Result<Json> result = function(request);
    if (!result.ok()) return http::ErrorResponse(result.status());
    return http::Response::OfJson(200, *result);
  };
}

// A handler whose function also gets the request's JSON body.
template <typename Function>
http::Handler BodyHandler(Function function) {
  return [function = std::move(function)](http::Request& request) -> http::Response {
    const Result<Json> body =
        request.body.empty() ? Result<Json>(Json::MakeObject()) : ParseJson(request.body);
    if (!body.ok()) return http::ErrorResponse(WithContext(body.status(), "the request body"));
    Result<Json> result = function(request, *body);
    if (!result.ok()) return http::ErrorResponse(result.status());
    return http::Response::OfJson(200, *result);
  };
}

inline http::Route MakeRoute(http::Method method, std::string pattern, std::string summary,
                             http::Handler handler) {
  http::Route route;
  route.method = method;
  route.pattern = std::move(pattern);
  route.summary = std::move(summary);
  route.tag = "native";
  route.handler = std::move(handler);
  return route;
}

inline Json Items(Json::Array items) { return Json::Of({{"items", Json(std::move(items))}}); }

// A whole number from the query within [low, high].
inline Result<int64_t> QueryInt(const http::Request& request, std::string_view name,
                                int64_t fallback, int64_t low, int64_t high) {
  const auto text = request.FindQuery(name);
  if (!text.has_value() || text->empty()) return fallback;
  const auto value = ParseInt(*text);
  if (!value.has_value() || *value < low || *value > high) {
    return InvalidArgument(
        "the query parameter '{}' is '{}'; a whole number from {} to {} is accepted", name, *text,
        low, high);
  }
  return *value;
}

inline Result<int64_t> PathVersion(const http::Request& request) {
  const auto value = ParseInt(request.Path("version"));
  if (!value.has_value() || *value < 1) {
    return InvalidArgument("the version is '{}'; a whole number from 1 is accepted",
                           request.Path("version"));
  }
  return *value;
}

}  // namespace caisson::native::internal
