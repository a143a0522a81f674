#include "platform/http/router.h"

#include <algorithm>
#include <array>
#include <exception>
#include <map>

#include "base/log.h"
#include "base/strings.h"
#include "platform/http/internal/pattern.h"

namespace caisson::http {

namespace {

constexpr size_t kMethodCount = 7;
constexpr int kNone = -1;

// One position in the tree of segments. The numbers are positions in Impl::routes.
struct Node {
  Node() {
    here.fill(kNone);
    rest.fill(kNone);
  }

  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> parameter;
  std::array<int, kMethodCount> here;  // routes that end at this node, by method
  std::array<int, kMethodCount> rest;  // routes that take all that follows, by method
  int any = kNone;                     // a route at or below this node
};

int RouteFor(const std::array<int, kMethodCount>& by_method, Method method) {
  const int found = by_method[static_cast<size_t>(method)];
  if (found == kNone && method == Method::kHead)
    return by_method[static_cast<size_t>(Method::kGet)];
  return found;
}

std::string DecodeOrKeep(std::string_view text) {
  if (text.find('%') == std::string_view::npos) return std::string(text);
  Result<std::string> decoded = PercentDecode(text, false);
  return decoded.ok() ? *std::move(decoded) : std::string(text);
}

// One walk through the tree. Each node is visited at most once, since each has one way to it.
class Lookup {
 public:
  explicit Lookup(Method method) : method_(method) {}

  // `path` begins after the slash that leads to the segment.
  bool Walk(const Node& node, std::string_view path, bool literal_so_far) {
    const size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    const auto descend = [&](const Node& child, bool literal) {
      if (literal && child.any != kNone) nearest = child.any;
      return last ? Take(child.here) : Walk(child, path.substr(slash + 1), literal);
    };

    auto child = node.literals.find(segment);
    if (child == node.literals.end() && segment.find('%') != std::string_view::npos) {
      child = node.literals.find(DecodeOrKeep(segment));
    }
    if (child != node.literals.end() && descend(*child->second, literal_so_far)) return true;
    if (node.parameter != nullptr && !segment.empty()) {
      values.push_back(segment);
      if (descend(*node.parameter, false)) return true;
      values.pop_back();
    }
    values.push_back(path);
    if (Take(node.rest)) return true;
    values.pop_back();
    return false;
  }

  int found = kNone;
  int nearest = kNone;
  std::vector<std::string_view> values;
  std::array<bool, kMethodCount> allowed{};
  int other_method = kNone;

 private:
  bool Take(const std::array<int, kMethodCount>& by_method) {
    found = RouteFor(by_method, method_);
    if (found != kNone) return true;
    for (size_t i = 0; i < kMethodCount; ++i) {
      if (by_method[i] == kNone) continue;
      allowed[i] = true;
      other_method = by_method[i];
    }
    return false;
  }

  const Method method_;
};

}  // namespace

struct Router::Impl {
  std::vector<std::unique_ptr<const Route>> owned;
  std::vector<const Route*> routes;
  std::vector<std::vector<std::string>> parameter_names;
  Node root;
};

Router::Router() : impl_(std::make_unique<Impl>()) {}
Router::~Router() = default;

const std::vector<const Route*>& Router::routes() const { return impl_->routes; }

Status Router::Add(std::vector<Route> routes) {
  for (Route& route : routes) {
    CAISSON_ASSIGN(const Pattern pattern, ParsePattern(route.pattern));
    if (!route.handler || !route.on_error) {
      return InvalidArgument("route {} {} has no handler or no on_error", MethodName(route.method),
                             route.pattern);
    }
    if (route.body_mode == BodyMode::kStreamed) route.run_on = RunOn::kWorker;

    const int index = static_cast<int>(impl_->routes.size());
    Node* node = &impl_->root;
    std::vector<std::string> names;
    std::array<int, kMethodCount>* slots = nullptr;
    for (const PatternSegment& segment : pattern) {
      if (node->any == kNone) node->any = index;
      if (segment.kind == PatternSegment::Kind::kRest) {
        slots = &node->rest;
        names.push_back(segment.text);
        break;
      }
      std::unique_ptr<Node>& child = segment.kind == PatternSegment::Kind::kLiteral
                                         ? node->literals[segment.text]
                                         : node->parameter;
      if (child == nullptr) child = std::make_unique<Node>();
      if (segment.kind == PatternSegment::Kind::kParameter) names.push_back(segment.text);
      node = child.get();
      slots = &node->here;
    }
    if (node->any == kNone) node->any = index;
    int& slot = (*slots)[static_cast<size_t>(route.method)];
    if (slot != kNone) {
      return AlreadyExists("two routes answer {} {}: '{}' and '{}'", MethodName(route.method),
                           route.pattern, impl_->routes[slot]->summary, route.summary);
    }
    slot = index;
    impl_->owned.push_back(std::make_unique<const Route>(std::move(route)));
    impl_->routes.push_back(impl_->owned.back().get());
    impl_->parameter_names.push_back(std::move(names));
  }
  return OkStatus();
}

Match Router::Find(Method method, std::string_view path) const {
  Match match;
  if (path.empty() || path.front() != '/') return match;
  Lookup lookup(method);
  if (lookup.Walk(impl_->root, path.substr(1), true)) {
    const size_t index = static_cast<size_t>(lookup.found);
    match.route = impl_->routes[index];
    match.index = index;
    const std::vector<std::string>& names = impl_->parameter_names[index];
    match.path_parameters.reserve(names.size());
    for (size_t i = 0; i < names.size(); ++i) {
      match.path_parameters.emplace_back(names[i], DecodeOrKeep(lookup.values[i]));
    }
    return match;
  }
  for (size_t i = 0; i < kMethodCount; ++i) {
    if (!lookup.allowed[i]) continue;
    match.allowed.push_back(static_cast<Method>(i));
    const bool has_head = lookup.allowed[static_cast<size_t>(Method::kHead)];
    if (static_cast<Method>(i) == Method::kGet && !has_head) match.allowed.push_back(Method::kHead);
  }
  const int nearest = lookup.other_method != kNone ? lookup.other_method : lookup.nearest;
  if (nearest != kNone) match.nearest = impl_->routes[static_cast<size_t>(nearest)];
  return match;
}

Response RefusalOf(const Route* route, int http_status, const Status& status) {
  Response response;
  try {
    response = route != nullptr ? route->on_error(status) : ErrorResponse(status);
  } catch (const std::exception& error) {
    CAISSON_LOG(kError, "http", "on_error of {} failed: {}", route->pattern, error.what());
    response = ErrorResponse(status);
  }
  response.status = http_status;
  return response;
}

Response UnmatchedResponse(const Match& match, Method method, std::string_view path) {
  if (match.allowed.empty()) {
    return RefusalOf(match.nearest, 404,
                     NotFound("nothing answers {} {}", MethodName(method), path));
  }
  std::vector<std::string> names;
  for (const Method allowed : match.allowed) names.emplace_back(MethodName(allowed));
  const std::string list = Join(names, ", ");
  Response response;
  if (method == Method::kOptions) {
    response.status = 204;
  } else {
    response = RefusalOf(
        match.nearest, 405,
        Unimplemented("{} does not answer {}; it answers {}", path, MethodName(method), list));
  }
  response.headers.Set("Allow", list);
  return response;
}

Response RunHandler(const Route& route, Request& request) {
  try {
    return route.handler(request);
  } catch (const std::exception& error) {
    CAISSON_LOG(kError, "http", "the handler of {} {} threw: {}", MethodName(route.method),
                route.pattern, error.what());
    return RefusalOf(&route, 500,
                     Internal("the request failed inside the program: {}", error.what()));
  } catch (...) {
    CAISSON_LOG(kError, "http", "the handler of {} {} threw", MethodName(route.method),
                route.pattern);
    return RefusalOf(&route, 500, Internal("the request failed inside the program"));
  }
}

Response Router::Handle(Request& request) const {
  if (request.raw_path.empty()) request.raw_path = PercentEncode(request.path, "/");
  Match match = Find(request.method, request.raw_path);
  if (match.route == nullptr) return UnmatchedResponse(match, request.method, request.path);
  const Route& route = *match.route;
  request.path_parameters = std::move(match.path_parameters);
  request.context = request.context.WithTimeout(route.timeout);
  if (const Status status = request.context.Check(); !status.ok()) return route.on_error(status);

  StringBodyReader in_memory(request.body);
  BodyReader* const given = request.body_reader;
  if (route.body_mode == BodyMode::kStreamed) {
    if (given == nullptr) request.body_reader = &in_memory;
  } else if (given != nullptr) {
    Result<std::string> body = ReadAll(*given, route.max_body_bytes);
    if (!body.ok()) {
      const bool too_large = body.status().code() == StatusCode::kResourceExhausted;
      return too_large ? RefusalOf(&route, 413, body.status()) : route.on_error(body.status());
    }
    request.body = *std::move(body);
    request.body_reader = nullptr;
  }
  if (request.body.size() > route.max_body_bytes) {
    return RefusalOf(
        &route, 413,
        ResourceExhausted("the body has {} bytes; {} {} accepts {}", request.body.size(),
                          MethodName(route.method), route.pattern, route.max_body_bytes));
  }
  Response response = RunHandler(route, request);
  request.body_reader = given;
  return response;
}

}  // namespace caisson::http
