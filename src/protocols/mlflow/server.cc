// What the server says about itself, and its flags.
#include <utility>

#include "base/strings.h"
#include "protocols/mlflow/internal/endpoint.h"
#include "protocols/mlflow/internal/errors.h"

namespace caisson::mlflow {
namespace internal {
namespace {

constexpr std::string_view kServerInfo =
    R"({"store_type":"SqlStore","workspaces_enabled":false,"trace_archival_enabled":false,"multipart_uploads_enabled":false,)"
    R"("multipart_downloads_enabled":false,"presigned_upload_run_id_supported":false,"presigned_upload_model_id_supported":false,)"
    R"("features_enabled":{"gateway":false}})";

http::Route MakeRoute(std::string pattern, std::string summary, http::Handler handler) {
  http::Route route;
  route.pattern = std::move(pattern);
  route.summary = std::move(summary);
  route.tag = "mlflow";
  route.handler = std::move(handler);
  route.run_on = http::RunOn::kIoThread;
  route.on_error = ErrorAnswer;
  return route;
}

}  // namespace

std::vector<http::Route> ServerRoutes(const MlflowOptions& options, bool include_health) {
  std::vector<http::Route> routes;
  for (const std::string& pattern : {std::string("/api/3.0/mlflow/server-info"),
                                     options.static_prefix + "/ajax-api/3.0/mlflow/server-info"}) {
    routes.push_back(MakeRoute(pattern, "What this server can do", [](http::Request&) {
      return JsonAnswer(std::string(kServerInfo));
    }));
  }
  if (!include_health) return routes;
  routes.push_back(
      MakeRoute("/health", "OK", [](http::Request&) { return http::Response::Text(200, "OK"); }));
  routes.push_back(MakeRoute(
      "/version", "The release of MLflow whose interface this is",
      [version = options.version](http::Request&) { return http::Response::Text(200, version); }));
  for (http::Route& route : routes) route.needs_login = route.pattern != "/health";
  return routes;
}

}  // namespace internal

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Each flag of `mlflow server`, the variable that stands for it, and what it does here.
struct Flag {
  std::string_view name;
  std::string_view variable;
  bool takes_value = true;
  Status (*apply)(ServerFlags& flags,
                  const std::string& value) = nullptr;  // null: accepted, without meaning here
};

Status SetPort(ServerFlags& flags, const std::string& value) {
  const std::optional<int64_t> port = ParseInt(value);
  if (!port.has_value() || *port < 0 || *port > 65'535) {
    return InvalidArgument("--port: '{}' is not a port; accepted are 0 to 65535", value);
  }
  flags.port = static_cast<int>(*port);
  return OkStatus();
}

Status SetWorkers(ServerFlags& flags, const std::string& value) {
  const std::optional<int64_t> workers = ParseInt(value);
  if (!workers.has_value() || *workers < 0)
    return InvalidArgument("--workers: '{}' is not a number of workers", value);
  flags.workers = static_cast<int>(*workers);
  return OkStatus();
}

Status SetPrefix(ServerFlags& flags, const std::string& value) {
  if (!value.starts_with('/')) return InvalidArgument("--static-prefix must begin with a '/'.");
  if (value.ends_with('/')) return InvalidArgument("--static-prefix should not end with a '/'.");
  flags.static_prefix = value;
  return OkStatus();
}

Status SetAppName(ServerFlags& flags, const std::string& value) {
  if (value != "basic-auth")
    return InvalidArgument("--app-name: '{}' is not known; accepted: basic-auth", value);
  flags.app_name = value;
  return OkStatus();
}

template <std::string ServerFlags::*member>
Status SetText(ServerFlags& flags, const std::string& value) {
  flags.*member = value;
  return OkStatus();
}

template <bool ServerFlags::*member, bool value>
Status SetBool(ServerFlags& flags, const std::string&) {
  flags.*member = value;
  return OkStatus();
}

constexpr Flag kFlags[] = {
    {"--host", "MLFLOW_HOST", true, SetText<&ServerFlags::host>},
    {"-h", "", true, SetText<&ServerFlags::host>},
    {"--port", "MLFLOW_PORT", true, SetPort},
    {"-p", "", true, SetPort},
    {"--backend-store-uri", "MLFLOW_BACKEND_STORE_URI", true,
     SetText<&ServerFlags::backend_store_uri>},
    {"--registry-store-uri", "MLFLOW_REGISTRY_STORE_URI", true, nullptr},
    {"--default-artifact-root", "MLFLOW_DEFAULT_ARTIFACT_ROOT", true,
     SetText<&ServerFlags::default_artifact_root>},
    {"--artifacts-destination", "MLFLOW_ARTIFACTS_DESTINATION", true,
     SetText<&ServerFlags::artifacts_destination>},
    {"--serve-artifacts", "", false, SetBool<&ServerFlags::serve_artifacts, true>},
    {"--no-serve-artifacts", "", false, SetBool<&ServerFlags::serve_artifacts, false>},
    {"--artifacts-only", "", false, SetBool<&ServerFlags::artifacts_only, true>},
    {"--static-prefix", "MLFLOW_STATIC_PREFIX", true, SetPrefix},
    {"--app-name", "MLFLOW_APP_NAME", true, SetAppName},
    {"--workers", "MLFLOW_WORKERS", true, SetWorkers},
    {"-w", "", true, SetWorkers},
    {"--allowed-hosts", "MLFLOW_SERVER_ALLOWED_HOSTS", true, nullptr},
    {"--cors-allowed-origins", "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS", true, nullptr},
    {"--x-frame-options", "MLFLOW_SERVER_X_FRAME_OPTIONS", true, nullptr},
    {"--disable-security-middleware", "", false, nullptr},
    {"--gunicorn-opts", "MLFLOW_GUNICORN_OPTS", true, nullptr},
    {"--uvicorn-opts", "MLFLOW_UVICORN_OPTS", true, nullptr},
    {"--waitress-opts", "", true, nullptr},
    {"--expose-prometheus", "MLFLOW_EXPOSE_PROMETHEUS", true, nullptr},
    {"--secrets-cache-ttl", "", true, nullptr},
    {"--secrets-cache-max-size", "", true, nullptr},
    {"--dev", "", false, nullptr},
};

Status Apply(const Flag& flag, const std::string& value, ServerFlags& flags) {
  if (flag.apply == nullptr || (flag.takes_value && value.empty())) return OkStatus();
  return flag.apply(flags, value);
}

Status ApplyEnvironment(const Pairs& environment, ServerFlags& flags) {
  for (const auto& [name, value] : environment) {
    for (const Flag& flag : kFlags) {
      if (!flag.variable.empty() && flag.variable == name) CAISSON_TRY(Apply(flag, value, flags));
    }
    if (name == "MLFLOW_SERVE_ARTIFACTS" && !value.empty())
      flags.serve_artifacts = ToLower(value) == "true" || value == "1";
  }
  return OkStatus();
}

}  // namespace

Result<ServerFlags> ParseServerFlags(const std::vector<std::string>& arguments,
                                     const Pairs& environment) {
  ServerFlags flags;
  CAISSON_TRY(ApplyEnvironment(environment, flags));
  for (size_t i = 0; i < arguments.size(); ++i) {
    const size_t equals =
        arguments[i].starts_with("--") ? arguments[i].find('=') : std::string::npos;
    const std::string name = arguments[i].substr(0, equals);
    const Flag* found = nullptr;
    for (const Flag& flag : kFlags) {
      if (flag.name == name) found = &flag;
    }
    if (found == nullptr) {
      std::vector<std::string> known;
      for (const Flag& flag : kFlags) known.emplace_back(flag.name);
      return InvalidArgument("No such option: {}{}", name, SuggestName(name, known));
    }
    std::string value;
    if (equals != std::string::npos) {
      value = arguments[i].substr(equals + 1);
    } else if (found->takes_value) {
      if (i + 1 == arguments.size())
        return InvalidArgument("Option '{}' requires an argument.", name);
      value = arguments[++i];
    }
    CAISSON_TRY(Apply(*found, value, flags));
  }
  return flags;
}

}  // namespace caisson::mlflow
