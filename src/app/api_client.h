// How commands reach the native API, with or without a server.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "app/command.h"
#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "platform/http/message.h"

namespace caisson::app {

// Calls the native API of whoever holds the data folder. Used by one thread. In this order:
// --server or CAISSON_URL; the process that the folder's lock file names; otherwise this process
// opens the folder and answers itself, through the same router and without a socket.
class ApiClient {
 public:
  static Result<std::unique_ptr<ApiClient>> Connect(const Invocation& invocation);
  virtual ~ApiClient() = default;

  // A JSON call; an error answer becomes the Status that the server meant.
  Result<Json> Call(http::Method method, std::string_view path, const Json& body = Json());
  Result<Json> Get(std::string_view path) { return Call(http::Method::kGet, path); }
  Result<Json> Post(std::string_view path, const Json& body) {
    return Call(http::Method::kPost, path, body);
  }
  // A text answer as it is (a report, a drawing).
  Result<std::string> GetText(std::string_view path);
  // Reads an answer of one JSON document a line as it arrives.
  Status Follow(http::Method method, std::string_view path, const Json& body,
                const std::function<Status(const Json&)>& on_line);
  // "http://127.0.0.1:4600", or empty when the answers come from this process.
  virtual std::string url() const = 0;

 protected:
  struct Answer {
    int status = 0;
    std::string body;
  };
  // `on_piece` may be empty; then the body is collected.
  virtual Result<Answer> Send(http::Method method, std::string_view path, const std::string& body,
                              const std::function<Status(std::string_view)>& on_piece) = 0;
};

// The Status that an error answer of the native API stands for.
Status StatusFromAnswer(int http_status, std::string_view body);

}  // namespace caisson::app
