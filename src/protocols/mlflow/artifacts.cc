// Artifacts: of runs, model versions and logged models, and the proxy that clients upload to and
// download from.
#include "lifecycle/tracking/artifacts.h"

#include <functional>
#include <utility>

#include "base/files.h"
#include "protocols/mlflow/internal/endpoint.h"
#include "protocols/mlflow/internal/entities_json.h"
#include "protocols/mlflow/internal/errors.h"
#include "protocols/mlflow/internal/file_answer.h"

namespace caisson::mlflow::internal {
namespace {

using tracking::ArtifactFolder;
using tracking::ArtifactInfo;

constexpr size_t kChunkBytes = 256 << 10;
constexpr uint64_t kMaxPageUploadBytes = 10 << 20;  // upload-artifact is for the pages only
constexpr std::chrono::milliseconds kTransferTimeout = std::chrono::hours(6);

const RequestShape kListRun{{{{"run_id"}, {"run_uuid"}, {"path"}, {"page_token"}}},
                            {{"run_id", {Check::kString, Check::kRequired}},
                             {"path", {Check::kString}},
                             {"page_token", {Check::kString}}}};
const RequestShape kListModel{{{{"artifact_directory_path"}, {"page_token"}}},
                              {{"artifact_directory_path", {Check::kString}}}};

void WriteFiles(JsonWriter& writer, const std::vector<ArtifactInfo>& files, bool base_names) {
  if (files.empty()) return;
  writer.BeginArray("files");
  for (const ArtifactInfo& file : files) {
    writer.BeginItem();
    writer.Text("path", base_names ? BaseName(file.path) : file.path);
    writer.Bool("is_dir", file.is_directory);
    if (!file.is_directory) writer.Int("file_size", static_cast<int64_t>(file.size));
    writer.EndObject();
  }
  writer.EndArray();
}

Result<std::string> ListUnder(const Call& call, const std::string& uri, std::string_view path) {
  CAISSON_ASSIGN(const std::string root, call.services.tracking.ArtifactFolder(uri));
  CAISSON_ASSIGN(const std::vector<ArtifactInfo> files, ArtifactFolder(root).List(path));
  JsonWriter writer;
  writer.Text("root_uri", uri);
  WriteFiles(writer, files, false);
  return writer.Finish();
}

Result<std::string> ListRun(const Call& call) {
  CAISSON_ASSIGN(const std::string path, SafePath(call.message["path"].AsString()));
  CAISSON_ASSIGN(const tracking::Run run,
                 call.services.tracking.GetRun(call.context, RunId(call.message)));
  return ListUnder(call, run.info.artifact_uri, path);
}

Result<std::string> ListModel(const Call& call) {
  CAISSON_ASSIGN(const std::string path,
                 SafePath(call.message["artifact_directory_path"].AsString()));
  CAISSON_ASSIGN(const tracking::LoggedModel model,
                 call.services.tracking.GetLoggedModel(call.context,
                                                       std::string(call.request.Path("model_id"))));
  return ListUnder(call, model.artifact_uri, path);
}

// --- Downloads by run, version or logged model. ---

Result<std::string> FindUnder(tracking::Store& store, const std::string& uri,
                              const std::string& path) {
  CAISSON_ASSIGN(const std::string root, store.ArtifactFolder(uri));
  const Result<std::string> file = ArtifactFolder(root).Find(path);
  if (absl::IsNotFound(file.status())) return NotFound("No such artifact: '{}'", path);
  return file;
}

// What a download asks for, whichever way.
using Locate = std::function<Result<std::string>(const http::Request&, const std::string& path)>;

http::Response Download(const http::Request& request, std::string_view path_field,
                        const Locate& locate) {
  const std::optional<std::string_view> raw = request.FindQuery(path_field);
  if (!raw.has_value() || raw->empty()) {
    return ErrorAnswer(
        WithErrorId(InvalidArgument("Request must include the \"{}\" query parameter.", path_field),
                    "BAD_REQUEST"));
  }
  const Result<std::string> path = SafePath(*raw);
  if (!path.ok()) return ErrorAnswer(path.status());
  const Result<std::string> file = locate(request, *path);
  if (!file.ok()) return ErrorAnswer(file.status());
  return FileAnswer(request, *file, *path);
}

Result<std::string> LocateInRun(tracking::Store& store, const http::Request& request,
                                const std::string& path) {
  std::string run_id(request.Query("run_id"));
  if (run_id.empty()) run_id = request.Query("run_uuid");
  CAISSON_ASSIGN(const tracking::Run run, store.GetRun(request.context, run_id));
  return FindUnder(store, run.info.artifact_uri, path);
}

Result<std::string> LocateInVersion(const MlflowDependencies& services,
                                    const http::Request& request, const std::string& path) {
  const std::string name(request.Query("name"));
  CAISSON_ASSIGN(const int64_t version,
                 registry::ParseVersionNumber(name, request.Query("version")));
  CAISSON_ASSIGN(const std::string uri,
                 services.registry.GetDownloadUri(request.context, name, version));
  return FindUnder(services.tracking, uri, path);
}

Result<std::string> LocateInModel(tracking::Store& store, const http::Request& request,
                                  const std::string& path) {
  CAISSON_ASSIGN(const tracking::LoggedModel model,
                 store.GetLoggedModel(request.context, std::string(request.Path("model_id"))));
  return FindUnder(store, model.artifact_uri, path);
}

// --- The proxy. ---

ArtifactFolder Proxied(const tracking::Store& store) {
  return ArtifactFolder(store.options().artifacts_destination);
}

// Copies a request body into a file that appears when it is whole.
Status Receive(http::BodyReader& reader, const Context& context, PendingFile file) {
  std::string chunk(kChunkBytes, '\0');
  while (true) {
    CAISSON_TRY(context.Check());
    CAISSON_ASSIGN(const size_t count, reader.Read(chunk.data(), chunk.size()));
    if (count == 0) break;
    CAISSON_TRY(file.Append(std::string_view(chunk.data(), count)));
  }
  return file.Commit();
}

http::Response Upload(const tracking::Store& store, http::Request& request) {
  Result<PendingFile> file = Proxied(store).Create(request.Path("path"));
  if (!file.ok()) return ErrorAnswer(file.status());
  Status status;
  if (request.body_reader != nullptr) {
    status = Receive(*request.body_reader, request.context, *std::move(file));
  } else {
    status = file->Append(request.body);
    if (status.ok()) status = file->Commit();
  }
  return status.ok() ? JsonAnswer("{}") : ErrorAnswer(status);
}

http::Response DownloadProxied(const tracking::Store& store, http::Request& request) {
  const Result<std::string> path = SafePath(request.Path("path"));
  if (!path.ok()) return ErrorAnswer(path.status());
  const Result<std::string> file = Proxied(store).Find(*path);
  if (file.ok()) return FileAnswer(request, *file, *path);
  if (!absl::IsNotFound(file.status())) return ErrorAnswer(file.status());
  const Result<FileInfo> folder =
      StatFile(NormalizePath(store.options().artifacts_destination + "/" + *path));
  if (folder.ok() && folder->kind == FileKind::kDirectory) {
    return ErrorAnswer(
        InvalidArgument("Artifact path refers to a directory, not a file: '{}'", *path));
  }
  return ErrorAnswer(NotFound("No such artifact: '{}'", *path));
}

http::Response ListProxied(const tracking::Store& store, http::Request& request) {
  const Result<std::string> path = SafePath(request.Query("path"));
  if (!path.ok()) return ErrorAnswer(path.status());
  const Result<std::vector<ArtifactInfo>> files = Proxied(store).List(*path);
  if (!files.ok()) return ErrorAnswer(files.status());
  JsonWriter writer;
  WriteFiles(writer, *files, true);
  return JsonAnswer(writer.Finish());
}

http::Response DeleteProxied(const tracking::Store& store, http::Request& request) {
  const Status status = Proxied(store).Remove(request.Path("path"));
  return status.ok() ? JsonAnswer("{}") : ErrorAnswer(status);
}

// Multipart uploads need a store that hands out addresses; clients fall back to one PUT when they
// see this.
http::Response NoMultipart(http::Request&) {
  return ErrorAnswer(
      Unimplemented("Multipart upload is not supported for the current artifact repository"));
}

http::Response UploadFromPage(tracking::Store& store, http::Request& request) {
  const std::string run_id(request.Query("run_uuid"));
  if (run_id.empty()) return ErrorAnswer(InvalidArgument("Request must specify run_uuid."));
  if (request.Query("path").empty())
    return ErrorAnswer(InvalidArgument("Request must specify path."));
  const Result<std::string> path = SafePath(request.Query("path"));
  if (!path.ok()) return ErrorAnswer(path.status());
  if (request.body.empty()) return ErrorAnswer(InvalidArgument("Request must specify data."));
  if (request.body.size() > kMaxPageUploadBytes) {
    return ErrorAnswer(InvalidArgument("Artifact size is too large. Max size is 10MB."));
  }
  const Result<tracking::Run> run = store.GetRun(request.context, run_id);
  if (!run.ok()) return ErrorAnswer(run.status());
  const Result<std::string> root = store.ArtifactFolder(run->info.artifact_uri);
  if (!root.ok()) return ErrorAnswer(root.status());
  Result<PendingFile> file = ArtifactFolder(*root).Create(*path);
  Status status = file.status();
  if (status.ok()) status = file->Append(request.body);
  if (status.ok()) status = file->Commit();
  return status.ok() ? JsonAnswer("") : ErrorAnswer(status);
}

http::Route MakeRoute(http::Method method, std::string pattern, std::string summary,
                      http::Handler handler) {
  http::Route route;
  route.method = method;
  route.pattern = std::move(pattern);
  route.summary = std::move(summary);
  route.tag = "mlflow";
  route.handler = std::move(handler);
  route.on_error = ErrorAnswer;
  route.timeout = kTransferTimeout;
  return route;
}

// A handler of the proxy, or the refusal of a server that does not serve artifacts.
http::Handler IfServed(const MlflowOptions& options, const std::string& pattern,
                       http::Handler handler) {
  if (options.serve_artifacts) return handler;
  return [pattern](http::Request&) {
    return http::Response::Text(
        503,
        fmt::format("Endpoint: {} disabled due to the mlflow server running with "
                    "`--no-serve-artifacts`. To enable "
                    "artifacts server functionality, run `mlflow server` with `--serve-artifacts`",
                    pattern));
  };
}

void AddProxyRoutes(std::vector<http::Route>& routes, const MlflowDependencies& services,
                    const MlflowOptions& options) {
  using http::Method;
  tracking::Store& store = services.tracking;
  for (const std::string& base : Twins("/mlflow-artifacts", options)) {
    const std::string one = base + "/artifacts/{path...}";
    const auto add = [&](Method method, const std::string& pattern, std::string summary,
                         http::Handler handler) {
      routes.push_back(MakeRoute(method, pattern, std::move(summary),
                                 IfServed(options, pattern, std::move(handler))));
    };
    add(Method::kGet, one, "Download an artifact",
        [&store](http::Request& request) { return DownloadProxied(store, request); });
    add(Method::kPut, one, "Upload an artifact",
        [&store](http::Request& request) { return Upload(store, request); });
    routes.back().body_mode = http::BodyMode::kStreamed;
    routes.back().max_body_bytes = options.max_artifact_bytes;
    add(Method::kDelete, one, "Delete artifacts",
        [&store](http::Request& request) { return DeleteProxied(store, request); });
    add(Method::kGet, base + "/artifacts", "List artifacts",
        [&store](http::Request& request) { return ListProxied(store, request); });
    for (const std::string_view step : {"create", "complete", "abort"}) {
      add(Method::kPost, fmt::format("{}/mpu/{}/{{path...}}", base, step), "Multipart uploads",
          NoMultipart);
    }
  }
}

}  // namespace

std::vector<Endpoint> ArtifactListEndpoints() {
  return {
      {http::Method::kGet, "/mlflow/artifacts/list", ListRun, &kListRun, "List a run's artifacts"},
      {http::Method::kGet, "/mlflow/logged-models/{model_id}/artifacts/directories", ListModel,
       &kListModel, "List a logged model's artifacts"},
  };
}

std::vector<http::Route> ArtifactRoutes(const MlflowDependencies& services,
                                        const MlflowOptions& options) {
  using http::Method;
  std::vector<http::Route> routes;
  AddProxyRoutes(routes, services, options);
  if (options.artifacts_only) return routes;
  tracking::Store& store = services.tracking;
  const std::string& prefix = options.static_prefix;
  routes.push_back(MakeRoute(
      Method::kGet, prefix + "/get-artifact", "Download a run's artifact",
      [&store](http::Request& request) {
        return Download(request, "path", [&store](const http::Request& r, const std::string& path) {
          return LocateInRun(store, r, path);
        });
      }));
  routes.push_back(MakeRoute(Method::kGet, prefix + "/model-versions/get-artifact",
                             "Download a version's artifact", [services](http::Request& request) {
                               return Download(
                                   request, "path",
                                   [&services](const http::Request& r, const std::string& path) {
                                     return LocateInVersion(services, r, path);
                                   });
                             }));
  routes.push_back(MakeRoute(
      Method::kGet, prefix + "/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files",
      "Download a logged model's artifact", [&store](http::Request& request) {
        return Download(request, "artifact_file_path",
                        [&store](const http::Request& r, const std::string& path) {
                          return LocateInModel(store, r, path);
                        });
      }));
  routes.push_back(MakeRoute(Method::kPost, prefix + "/ajax-api/2.0/mlflow/upload-artifact",
                             "Upload an artifact from a page", [&store](http::Request& request) {
                               return UploadFromPage(store, request);
                             }));
  return routes;
}

}  // namespace caisson::mlflow::internal
