// A file as a download.
#pragma once

#include <string>
#include <string_view>

#include "platform/http/message.h"

namespace caisson::mlflow::internal {

// Sends a file as MLflow does: type guessed by name, attachment, nosniff, with ETag, ranges and
// 304. `name` is what the client asked for.
http::Response FileAnswer(const http::Request& request, const std::string& path,
                          std::string_view name);

// "text/plain" for log.txt and everything else that reads as text, "application/octet-stream" when
// nothing is known.
std::string_view GuessMimeType(std::string_view name);

}  // namespace caisson::mlflow::internal
