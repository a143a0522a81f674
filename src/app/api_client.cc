#include "app/api_client.h"

#include <cstdlib>

#include "app/application.h"
#include "app/data_folder.h"
#include "base/strings.h"
#include "platform/http/client.h"

namespace caisson::app {
namespace {

constexpr std::pair<std::string_view, StatusCode> kCodes[] = {
    {"invalid_argument", StatusCode::kInvalidArgument},
    {"not_found", StatusCode::kNotFound},
    {"already_exists", StatusCode::kAlreadyExists},
    {"failed_precondition", StatusCode::kFailedPrecondition},
    {"aborted", StatusCode::kAborted},
    {"permission_denied", StatusCode::kPermissionDenied},
    {"unauthenticated", StatusCode::kUnauthenticated},
    {"resource_exhausted", StatusCode::kResourceExhausted},
    {"unavailable", StatusCode::kUnavailable},
    {"deadline_exceeded", StatusCode::kDeadlineExceeded},
    {"cancelled", StatusCode::kCancelled},
    {"unimplemented", StatusCode::kUnimplemented},
    {"data_loss", StatusCode::kDataLoss},
};

class HttpApiClient : public ApiClient {
 public:
  HttpApiClient(std::string url, std::string token)
      : url_(std::move(url)), token_(std::move(token)) {}
  std::string url() const override { return url_; }

 protected:
  Result<Answer> Send(http::Method method, std::string_view path, const std::string& body,
                      const std::function<Status(std::string_view)>& on_piece) override {
    http::ClientRequest request;
    request.method = method;
    request.url = url_ + std::string(path);
    request.body = body;
    request.headers.Set("Accept", "application/json");
    if (!body.empty()) request.headers.Set("Content-Type", "application/json");
    if (!token_.empty()) request.headers.Set("Authorization", "Bearer " + token_);
    request.on_body = on_piece;
    CAISSON_ASSIGN(http::ClientResponse response, client_.Send(Context::Background(), request));
    return Answer{response.status, std::move(response.body)};
  }

 private:
  std::string url_;
  std::string token_;
  http::Client client_;
};

// Collects a streamed body, or hands it on.
class CallbackWriter : public http::BodyWriter {
 public:
  CallbackWriter(std::string* collected, const std::function<Status(std::string_view)>& on_piece)
      : collected_(collected), on_piece_(on_piece) {}
  Status Write(std::string_view bytes) override {
    if (on_piece_) return on_piece_(bytes);
    collected_->append(bytes);
    return OkStatus();
  }

 private:
  std::string* collected_;
  const std::function<Status(std::string_view)>& on_piece_;
};

class LocalApiClient : public ApiClient {
 public:
  explicit LocalApiClient(std::unique_ptr<Application> application)
      : application_(std::move(application)) {}
  std::string url() const override { return ""; }

 protected:
  Result<Answer> Send(http::Method method, std::string_view path, const std::string& body,
                      const std::function<Status(std::string_view)>& on_piece) override {
    http::Request request;
    request.method = method;
    const size_t question = path.find('?');
    request.raw_path = std::string(path.substr(0, question));
    CAISSON_ASSIGN(request.path, PercentDecode(request.raw_path, false));
    if (question != std::string_view::npos) {
      for (const std::string& pair : Split(path.substr(question + 1), '&')) {
        const size_t equals = pair.find('=');
        CAISSON_ASSIGN(std::string key, PercentDecode(pair.substr(0, equals), true));
        CAISSON_ASSIGN(
            std::string value,
            PercentDecode(equals == std::string::npos ? "" : pair.substr(equals + 1), true));
        request.query.emplace_back(std::move(key), std::move(value));
      }
    }
    request.body = body;
    if (!body.empty()) request.headers.Set("Content-Type", "application/json");
    http::Response response = application_->router()->Handle(request);
    Answer answer{response.status, std::move(response.body)};
    if (response.stream) {
      answer.body.clear();
      CallbackWriter writer(&answer.body, on_piece);
      CAISSON_TRY(response.stream(writer));
    } else if (response.file.has_value()) {
      CAISSON_ASSIGN(answer.body, ReadFile(response.file->path));
    } else if (on_piece) {
      CAISSON_TRY(on_piece(answer.body));
    }
    return answer;
  }

 private:
  std::unique_ptr<Application> application_;
};

std::string WithScheme(const std::string& address) {
  return address.rfind("http", 0) == 0 ? address : "http://" + address;
}

}  // namespace

Result<std::unique_ptr<ApiClient>> ApiClient::Connect(const Invocation& invocation) {
  const char* token_variable = std::getenv("CAISSON_TOKEN");
  const std::string token = token_variable == nullptr ? "" : token_variable;
  std::string server = invocation.Value("server");
  if (server.empty() && !invocation.Given("data")) {
    const char* url = std::getenv("CAISSON_URL");
    if (url != nullptr) server = url;
  }
  if (!server.empty()) return std::make_unique<HttpApiClient>(WithScheme(server), token);

  const std::string folder = invocation.Value("data");
  const std::optional<LockHolder> holder = DataFolder::FindHolder(folder);
  if (holder.has_value() && !holder->http_address.empty()) {
    return std::make_unique<HttpApiClient>(WithScheme(holder->http_address), token);
  }
  CAISSON_ASSIGN(auto application, Application::Open({.data_folder = folder,
                                                      .command = "caisson " + invocation.path(),
                                                      .background = false}));
  return std::make_unique<LocalApiClient>(std::move(application));
}

Result<Json> ApiClient::Call(http::Method method, std::string_view path, const Json& body) {
  CAISSON_ASSIGN(const Answer answer,
                 Send(method, path, body.is_null() ? "" : WriteJson(body), nullptr));
  if (answer.status >= 400) return StatusFromAnswer(answer.status, answer.body);
  if (answer.body.empty()) return Json();
  return ParseJson(answer.body);
}

Result<std::string> ApiClient::GetText(std::string_view path) {
  CAISSON_ASSIGN(Answer answer, Send(http::Method::kGet, path, "", nullptr));
  if (answer.status >= 400) return StatusFromAnswer(answer.status, answer.body);
  return std::move(answer.body);
}

Status ApiClient::Follow(http::Method method, std::string_view path, const Json& body,
                         const std::function<Status(const Json&)>& on_line) {
  std::string pending;
  const auto on_piece = [&](std::string_view piece) -> Status {
    pending.append(piece);
    size_t start = 0;
    for (size_t end; (end = pending.find('\n', start)) != std::string::npos; start = end + 1) {
      if (end == start) continue;
      CAISSON_ASSIGN(const Json line,
                     ParseJson(std::string_view(pending).substr(start, end - start)));
      CAISSON_TRY(on_line(line));
    }
    pending.erase(0, start);
    return OkStatus();
  };
  CAISSON_ASSIGN(const Answer answer,
                 Send(method, path, body.is_null() ? "" : WriteJson(body), on_piece));
  if (answer.status >= 400)
    return StatusFromAnswer(answer.status, pending.empty() ? answer.body : pending);
  return OkStatus();
}

Status StatusFromAnswer(int http_status, std::string_view body) {
  const Result<Json> json = ParseJson(body);
  if (json.ok() && (*json)["error"].is_object()) {
    const std::string& code = (*json)["error"]["code"].AsString();
    for (const auto& [name, status_code] : kCodes) {
      if (name == code) return Status(status_code, (*json)["error"]["message"].AsString());
    }
    return Status(StatusCode::kInternal, (*json)["error"]["message"].AsString());
  }
  return Internal("the server answered {}: {}", http_status, std::string(body.substr(0, 300)));
}

}  // namespace caisson::app
