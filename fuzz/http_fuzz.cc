// Requests as the network may send them: the head's end, the head, the route, the chunked body.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "platform/http/internal/chunk_decoder.h"
#include "platform/http/internal/request_parser.h"
#include "platform/http/router.h"

namespace caisson::http {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

Router* MakeRouter() {
  auto* router = new Router;
  std::vector<Route> routes;
  for (const char* pattern : {"/", "/a", "/a/{x}", "/a/{x}/b", "/a/{rest...}", "/{y}/c/{z}"}) {
    Route route;
    route.pattern = pattern;
    route.handler = [](Request&) { return Response(); };
    routes.push_back(std::move(route));
  }
  Require(router->Add(std::move(routes)).ok());
  return router;
}

// The whole at once, or byte by byte: the end must be found in the same place.
HeadScanner::Found ScanSlowly(std::string_view bytes, size_t& head_size) {
  HeadScanner scanner;
  HeadScanner::Found found = HeadScanner::Found::kMore;
  for (size_t size = 1; size <= bytes.size() && found == HeadScanner::Found::kMore; ++size) {
    found = scanner.Scan(bytes.substr(0, size));
  }
  head_size = scanner.head_size();
  return found;
}

// The decoded body and whether it is complete; "!" when it is malformed.
std::string Decode(std::string_view bytes, size_t step) {
  ChunkDecoder decoder;
  std::string decoded;
  while (!bytes.empty() && !decoder.done()) {
    std::string_view input = bytes.substr(0, step);
    bytes.remove_prefix(input.size());
    while (!input.empty() && !decoder.done()) {
      const Result<std::string_view> piece = decoder.Next(input);
      if (!piece.ok()) return "!";
      decoded.append(*piece);
    }
  }
  return decoded + (decoder.done() ? "|" : "");
}

void Check(const Router& router, std::string_view bytes) {
  HeadScanner scanner;
  const HeadScanner::Found found = scanner.Scan(bytes);
  size_t slow_size = 0;
  Require(ScanSlowly(bytes, slow_size) == found);
  if (found == HeadScanner::Found::kEnd) {
    Require(slow_size == scanner.head_size() && slow_size <= bytes.size());
    bytes = bytes.substr(0, slow_size);
  }
  Request request;
  Framing framing;
  if (ParseRequestHead(bytes, request, framing)) return;
  Require(request.path.find('\0') == std::string::npos);
  Require(!framing.chunked || framing.content_length == 0);
  for (const auto& [name, value] : request.headers.fields()) {
    Require(!name.empty() && value.find_first_of("\r\n") == std::string::npos);
  }
  const Match match = router.Find(request.method, request.raw_path);
  if (match.route == nullptr) UnmatchedResponse(match, request.method, request.path);
  TraceIdOf(request.headers.Get("traceparent"));
}

}  // namespace
}  // namespace caisson::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace caisson::http;
  static const Router* const router = MakeRouter();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Check(*router, bytes);
  const std::string whole = Decode(bytes, size + 1);
  Require(Decode(bytes, 1) == whole);
  Require(Decode(bytes, 7) == whole);
  return 0;
}
