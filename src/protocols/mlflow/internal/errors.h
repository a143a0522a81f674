// Errors as MLflow answers them.
#pragma once

#include <string_view>

#include "base/status.h"
#include "platform/http/message.h"

namespace caisson::mlflow::internal {

// {"error_code": ..., "message": ..., "sqlstate": ..., "error_class": ...} with the HTTP status
// that belongs to the code. The code is the Status's error id where one is set, otherwise it
// follows from the Status's own code.
http::Response ErrorAnswer(const Status& status);

}  // namespace caisson::mlflow::internal
