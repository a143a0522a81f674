#include "protocols/oip/routes.h"

#include "base/strings.h"
#include "protocols/oip/internal/compression.h"
#include "protocols/oip/internal/infer_body.h"

namespace caisson::oip {
namespace {

using http::Method;
using http::Request;
using http::Response;

constexpr uint64_t kMaxBodyBytes = 64 << 20;  // Triton's default
constexpr std::string_view kJsonLength = "Inference-Header-Content-Length";
constexpr std::string_view kExtensions[] = {"binary_tensor_data", "model_repository", "parameters"};

// Triton's mapping: what is not one of these is 400, also a model that is not ready.
int HttpStatus(StatusCode code) {
  switch (code) {
    case StatusCode::kNotFound:
      return 404;
    case StatusCode::kUnavailable:
      return 503;
    case StatusCode::kUnimplemented:
      return 501;
    case StatusCode::kInternal:
    case StatusCode::kDataLoss:
      return 500;
    case StatusCode::kResourceExhausted:
      return 413;
    case StatusCode::kUnauthenticated:
      return 401;
    case StatusCode::kPermissionDenied:
      return 403;
    case StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 400;
  }
}

Response OipError(const Status& status) {
  return Response::OfJson(HttpStatus(status.code()), Json::Of({{"error", Message(status)}}));
}

// A handler from a function that returns JSON.
template <typename Function>
http::Handler JsonHandler(Function function) {
  return [function](Request& request) -> Response {
    const Result<Json> result = function(request);
    return result.ok() ? Response::OfJson(200, *result) : OipError(result.status());
  };
}

Json TensorsToJson(const std::vector<onnxruntime::TensorInfo>& tensors) {
  Json list = Json::MakeArray();
  for (const onnxruntime::TensorInfo& tensor : tensors) {
    list.Append(Json::Of({{"name", tensor.name},
                          {"datatype", onnxruntime::DataTypeName(tensor.type)},
                          {"shape", Json::ArrayOf(tensor.shape)}}));
  }
  return list;
}

Result<Json> ModelMetadata(const serving::Endpoints& endpoints, const Request& request) {
  CAISSON_ASSIGN(const serving::ModelMetadata metadata,
                 endpoints.Metadata(request.Path("model"), request.Path("version")));
  return Json::Of({{"name", metadata.name},
                   {"versions", Json::ArrayOf(metadata.versions)},
                   {"platform", metadata.platform},
                   {"inputs", TensorsToJson(metadata.inputs)},
                   {"outputs", TensorsToJson(metadata.outputs)}});
}

// The model configuration extension: proto3 JSON of ModelConfig, as far as it says something about
// an ONNX model.
Result<Json> ModelConfig(const serving::Endpoints& endpoints, const Request& request) {
  CAISSON_ASSIGN(const serving::ModelMetadata metadata,
                 endpoints.Metadata(request.Path("model"), request.Path("version")));
  const auto tensors = [](const std::vector<onnxruntime::TensorInfo>& infos) {
    Json list = Json::MakeArray();
    for (const onnxruntime::TensorInfo& info : infos) {
      const std::string_view type = onnxruntime::DataTypeName(info.type);
      list.Append(Json::Of({{"name", info.name},
                            {"data_type", "TYPE_" + std::string(type == "BYTES" ? "STRING" : type)},
                            {"dims", Json::ArrayOf(info.shape)}}));
    }
    return list;
  };
  return Json::Of({{"name", metadata.name},
                   {"platform", metadata.platform},
                   {"backend", "onnxruntime"},
                   {"max_batch_size", 0},
                   {"input", tensors(metadata.inputs)},
                   {"output", tensors(metadata.outputs)}});
}

Result<Json> RepositoryIndex(const serving::Endpoints& endpoints) {
  Json list = Json::MakeArray();
  for (const std::string& name : endpoints.names()) {
    const Result<serving::ModelMetadata> metadata = endpoints.Metadata(name, "");
    if (!metadata.ok()) {
      list.Append(Json::Of({{"name", name},
                            {"version", ""},
                            {"state", "UNAVAILABLE"},
                            {"reason", Message(metadata.status())}}));
      continue;
    }
    for (const std::string& version : metadata->versions) {
      list.Append(
          Json::Of({{"name", name}, {"version", version}, {"state", "READY"}, {"reason", ""}}));
    }
  }
  return list;
}

Result<std::optional<size_t>> JsonLength(const Request& request) {
  const std::string_view text = request.headers.Get(kJsonLength);
  if (text.empty()) return std::optional<size_t>();
  const auto length = ParseInt(text);
  if (!length.has_value() || *length < 1) {
    return InvalidArgument(
        "{} is '{}'; the number of bytes of JSON at the start of the body is accepted", kJsonLength,
        text);
  }
  return std::optional<size_t>(static_cast<size_t>(*length));
}

Result<Response> Infer(serving::Endpoints& endpoints, Request& request) {
  CAISSON_ASSIGN(const std::optional<size_t> json_length, JsonLength(request));
  CAISSON_ASSIGN(const internal::Encoding encoding,
                 internal::ParseContentEncoding(request.headers.Get("Content-Encoding")));
  std::string decompressed;
  if (encoding != internal::Encoding::kIdentity) {
    CAISSON_ASSIGN(decompressed, internal::Decompress(encoding, request.body, kMaxBodyBytes));
  }
  const std::string& bytes =
      encoding == internal::Encoding::kIdentity ? request.body : decompressed;
  CAISSON_ASSIGN(internal::InferBody body, internal::ParseInferBody(bytes, json_length));

  serving::InferRequest infer;
  infer.endpoint = request.Path("model");
  infer.version = request.Path("version");
  infer.request_id = body.id;
  infer.event_time = body.event_time;
  infer.inputs = std::move(body.inputs);
  for (const internal::RequestedOutput& output : body.outputs)
    infer.output_names.push_back(output.name);
  CAISSON_ASSIGN(const serving::InferResponse answer, endpoints.Infer(infer));
  CAISSON_ASSIGN(internal::InferAnswer written,
                 internal::WriteInferAnswer(infer.endpoint, body, answer));

  Response response;
  response.body = std::move(written.body);
  if (written.json_size.has_value()) {
    response.headers.Set(kJsonLength, std::to_string(*written.json_size));
    response.headers.Set("Content-Type", "application/octet-stream");
  } else {
    response.headers.Set("Content-Type", "application/json");
  }
  const internal::Encoding wanted =
      internal::ChooseEncoding(request.headers.Get("Accept-Encoding"));
  // A client that takes gzip is not served faster by compressing a few hundred bytes.
  if (wanted != internal::Encoding::kIdentity && response.body.size() > 1'024) {
    response.body = internal::Compress(wanted, response.body);
    response.headers.Set("Content-Encoding", internal::EncodingName(wanted));
  }
  return response;
}

http::Route MakeRoute(Method method, std::string pattern, std::string summary,
                      http::Handler handler) {
  http::Route route;
  route.method = method;
  route.pattern = std::move(pattern);
  route.summary = std::move(summary);
  route.tag = "oip";
  route.handler = std::move(handler);
  route.on_error = OipError;
  // None of these waits: what they read is published in memory.
  route.run_on = http::RunOn::kIoThread;
  return route;
}

http::Handler ReadyHandler(serving::Endpoints& endpoints) {
  return [&endpoints](Request& request) {
    const Result<serving::ModelMetadata> metadata =
        endpoints.Metadata(request.Path("model"), request.Path("version"));
    if (metadata.ok())
      return Response::OfJson(200, Json::Of({{"name", metadata->name}, {"ready", true}}));
    return OipError(metadata.status().code() == StatusCode::kUnavailable
                        ? FailedPrecondition("{}", Message(metadata.status()))
                        : metadata.status());
  };
}

}  // namespace

std::vector<http::Route> OipRoutes(serving::Endpoints& endpoints, std::string server_version) {
  std::vector<http::Route> routes;
  routes.push_back(MakeRoute(Method::kGet, "/v2", "The server and what it can do",
                             JsonHandler([server_version](Request&) -> Result<Json> {
                               Json extensions = Json::MakeArray();
                               for (const std::string_view extension : kExtensions)
                                 extensions.Append(extension);
                               return Json::Of({{"name", "caisson"},
                                                {"version", server_version},
                                                {"extensions", extensions}});
                             })));
  for (const auto& [path, key] :
       {std::pair{"/v2/health/live", "live"}, {"/v2/health/ready", "ready"}}) {
    http::Route health = MakeRoute(Method::kGet, path, "The server is there",
                                   JsonHandler([key = std::string(key)](Request&) -> Result<Json> {
                                     return Json::Of({{key, true}});
                                   }));
    health.needs_login = false;
    routes.push_back(std::move(health));
  }
  routes.push_back(
      MakeRoute(Method::kPost, "/v2/repository/index", "Models and their versions",
                JsonHandler([&endpoints](Request&) { return RepositoryIndex(endpoints); })));
  for (const std::string prefix : {"/v2/models/{model}", "/v2/models/{model}/versions/{version}"}) {
    routes.push_back(MakeRoute(
        Method::kGet, prefix, "A model's inputs and outputs",
        JsonHandler([&endpoints](Request& request) { return ModelMetadata(endpoints, request); })));
    routes.push_back(MakeRoute(
        Method::kGet, prefix + "/config", "A model's configuration",
        JsonHandler([&endpoints](Request& request) { return ModelConfig(endpoints, request); })));
    routes.push_back(MakeRoute(Method::kGet, prefix + "/ready", "Whether a model answers",
                               ReadyHandler(endpoints)));
    http::Route infer =
        MakeRoute(Method::kPost, prefix + "/infer", "Asks a model", [&endpoints](Request& request) {
          Result<Response> response = Infer(endpoints, request);
          return response.ok() ? *std::move(response) : OipError(response.status());
        });
    infer.max_body_bytes = kMaxBodyBytes;
    routes.push_back(std::move(infer));
  }
  return routes;
}

}  // namespace caisson::oip
