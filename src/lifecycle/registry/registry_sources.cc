// Which sources a model version may claim.
#include "base/files.h"
#include "base/strings.h"
#include "lifecycle/registry/internal/registry_impl.h"

namespace caisson::registry {
namespace {

// A URI in parts, as Python's urlsplit cuts it.
struct Uri {
  std::string scheme;
  std::string authority;
  std::string path;
};

Uri SplitUri(std::string_view text) {
  Uri uri;
  const size_t colon = text.find(':');
  if (colon != std::string_view::npos && colon > 0 &&
      text.substr(0, colon).find_first_of("/?#") == std::string_view::npos) {
    uri.scheme = ToLower(text.substr(0, colon));
    text.remove_prefix(colon + 1);
  }
  if (text.starts_with("//")) {
    const size_t end = text.find('/', 2);
    uri.authority =
        ToLower(text.substr(2, end == std::string_view::npos ? std::string_view::npos : end - 2));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
  }
  uri.path = std::string(text.substr(0, text.find_first_of("?#")));
  return uri;
}

// Undoes percent escapes until nothing changes.
std::string Unquote(std::string text) {
  for (int turn = 0; turn < 16 && text.find('%') != std::string::npos; ++turn) {
    const Result<std::string> next = PercentDecode(text, false);
    if (!next.ok() || *next == text) break;
    text = *next;
  }
  return text;
}

std::vector<std::string> PathParts(const std::string& path) {
  std::vector<std::string> parts;
  for (const std::string& part : Split(path, '/')) {
    if (!part.empty()) parts.push_back(Unquote(part));
  }
  return parts;
}

bool IsLocal(std::string_view source) {
  const Uri uri = SplitUri(source);
  if (uri.scheme == "file") return uri.authority.empty() || uri.authority == "localhost";
  return uri.scheme.empty();
}

std::string LocalPath(std::string_view source) {
  const Uri uri = SplitUri(source);
  return NormalizePath(
      AbsolutePath(uri.scheme == "file" ? Unquote(uri.path) : std::string(source)));
}

bool IsInside(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

bool IsWithinUri(std::string_view source, std::string_view root) {
  const Uri a = SplitUri(source);
  const Uri b = SplitUri(root);
  const std::vector<std::string> parts = PathParts(a.path);
  const std::vector<std::string> root_parts = PathParts(b.path);
  if (a.scheme != b.scheme || a.authority != b.authority || root_parts.empty() ||
      parts.size() < root_parts.size())
    return false;
  return std::equal(root_parts.begin(), root_parts.end(), parts.begin());
}

bool IsProxied(std::string_view source) {
  const Uri uri = SplitUri(source);
  if (uri.scheme == "mlflow-artifacts") return true;
  return (uri.scheme == "http" || uri.scheme == "https") &&
         uri.path.find("/api/2.0/mlflow-artifacts/artifacts") != std::string::npos;
}

Status WrongOwner(std::string_view source, std::string_view field) {
  return InvalidArgument(
      "Invalid model version source: '{}'. The {} request parameter must identify the resource "
      "that contains the source.",
      source, field);
}

// No part of the path may lead elsewhere, however it is encoded.
Status CheckNoRelativeParts(std::string_view source) {
  const std::string plain = Unquote(std::string(source));
  const std::string path = SplitUri(plain).path;
  bool bad = plain.find('\0') != std::string::npos;
  for (const std::string& part : Split(plain, '/'))
    bad = bad || part == ".." || (part == "." && !path.empty());
  if (!bad) return OkStatus();
  return InvalidArgument(
      "Invalid model version source: '{}'. If supplying a source as an http, https, local file "
      "path, ftp, objectstore, or "
      "mlflow-artifacts uri, an absolute path must be provided without relative path references "
      "present. Please provide an "
      "absolute path.",
      source);
}

// The artifact folder of whoever the source is said to come from: a run, or a logged model.
struct Owner {
  std::string_view field;         // "run_id" or "model_id"
  std::string id;                 // empty: none was named
  Result<std::string> artifacts;  // its artifact URI
};

Status CheckSource(const std::string& source, const Owner& owner) {
  if (IsLocal(source)) {
    if (!owner.id.empty()) {
      if (absl::IsNotFound(owner.artifacts.status())) return WrongOwner(source, owner.field);
      CAISSON_TRY(owner.artifacts);
      if (IsLocal(*owner.artifacts) && IsInside(LocalPath(source), LocalPath(*owner.artifacts)))
        return OkStatus();
    }
    return InvalidArgument(
        "Invalid model version source: '{}'. To use a local path as a model version source, the {} "
        "request parameter has to be "
        "specified and the local path has to be contained within the artifact directory of the run "
        "specified by the {}.",
        source, owner.field, owner.field);
  }
  CAISSON_TRY(CheckNoRelativeParts(source));
  const Uri uri = SplitUri(source);
  const std::vector<std::string> parts = PathParts(uri.path);
  const bool by_run = owner.field == "run_id";
  if (uri.scheme == "runs") {
    const bool same = by_run && uri.authority.empty() && !owner.id.empty() && !parts.empty() &&
                      parts[0] == owner.id;
    return same ? OkStatus() : WrongOwner(source, owner.field);
  }
  if (uri.scheme == "models") {
    if (!uri.authority.empty()) return WrongOwner(source, "model_id");
    const bool logged_model = parts.size() == 1 && parts[0].starts_with("m-");
    if (!logged_model) return OkStatus();
    return !by_run && parts[0] == owner.id ? OkStatus() : WrongOwner(source, "model_id");
  }
  if (IsProxied(source)) {
    if (owner.id.empty() || absl::IsNotFound(owner.artifacts.status()))
      return WrongOwner(source, owner.field);
    CAISSON_TRY(owner.artifacts);
    return IsWithinUri(source, *owner.artifacts) ? OkStatus() : WrongOwner(source, owner.field);
  }
  return OkStatus();
}

// A "models:/name/3" source takes over the run and the logged model of that version.
Status FollowRegistered(Registry& registry, const Context& context, NewVersion& version,
                        bool has_run_id, bool has_model_id) {
  const Uri uri = SplitUri(version.source);
  if (uri.scheme != "models") return OkStatus();
  if (!uri.authority.empty()) {
    return InvalidArgument(
        "Invalid model version source: '{}'. Registered model sources must use the active model "
        "registry.",
        version.source);
  }
  const std::vector<std::string> parts = PathParts(uri.path);
  if (parts.size() == 1 && parts[0].starts_with("m-")) return OkStatus();
  const Result<ModelReference> reference = ParseModelReference(Join(parts, "/"));
  if (!reference.ok()) return WrongOwner(version.source, "model_id");
  CAISSON_ASSIGN(const RegisteredModel model, registry.GetModel(context, reference->model));
  for (const Tag& tag : model.tags) {
    if (tag.key == internal::kIsPromptTag && ToLower(tag.value) == "true") {
      return InvalidArgument(
          "Invalid model version source: '{}'. Prompt versions cannot be used as model version "
          "sources.",
          version.source);
    }
  }
  CAISSON_ASSIGN(const ModelVersion source, registry.Resolve(context, Join(parts, "/")));
  if ((has_run_id && version.run_id != source.run_id) ||
      (has_model_id && version.model_id != source.model_id)) {
    return InvalidArgument(
        "Invalid model version source: '{}'. The run_id and model_id request parameters must match "
        "the referenced model version.",
        version.source);
  }
  version.source = fmt::format("models:/{}/{}", source.model, source.version);
  if (!has_run_id) version.run_id = source.run_id;
  if (!has_model_id) version.model_id = source.model_id;
  return OkStatus();
}

bool IsPromptRequest(const std::vector<Tag>& tags) {
  bool prompt = false;
  for (const Tag& tag : tags) {
    if (tag.key == internal::kIsPromptTag) prompt = ToLower(tag.value) == "true";
  }
  return prompt;
}

}  // namespace

Result<NewVersion> Registry::ResolveSource(const Context& context, NewVersion version,
                                           bool has_run_id, bool has_model_id) {
  if (IsPromptRequest(version.tags)) {
    if (version.source == "dummy-source" || version.source == "prompt-template") return version;
    return InvalidArgument(
        "Invalid prompt source: '{}'. Prompt sources must use an MLflow placeholder.",
        version.source);
  }
  CAISSON_TRY(FollowRegistered(*this, context, version, has_run_id, has_model_id));
  Owner owner{version.model_id.empty() ? "run_id" : "model_id",
              version.model_id.empty() ? version.run_id : version.model_id, std::string()};
  if (!version.model_id.empty()) {
    const Result<tracking::LoggedModel> model =
        impl_->tracking.GetLoggedModel(context, version.model_id);
    owner.artifacts =
        model.ok() ? Result<std::string>(model->artifact_uri) : Result<std::string>(model.status());
  } else if (!version.run_id.empty()) {
    const Result<tracking::Run> run = impl_->tracking.GetRun(context, version.run_id);
    owner.artifacts =
        run.ok() ? Result<std::string>(run->info.artifact_uri) : Result<std::string>(run.status());
  }
  CAISSON_TRY(CheckSource(version.source, owner));
  return version;
}

}  // namespace caisson::registry
