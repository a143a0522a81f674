#include "engines/xgboost/internal/xgboost_api.h"

#include "base/process.h"
#include "base/strings.h"
#include "engines/loader/loader.h"

namespace caisson::xgboost {

Result<Api> Api::Load() {
  CAISSON_ASSIGN(const DynamicLibrary library,
                 loader::OpenEngine({"xgboost",
                                     "XGBoost",
                                     {"libxgboost.so.0", "libxgboost.so"},
                                     "`./dev setup` installs it (Debian's package libxgboost0)"}));
  Api api;
#define CAISSON_XGBOOST_BIND(name, result, parameters) CAISSON_TRY(library.Bind(#name, api.name));
  CAISSON_XGBOOST_FUNCTIONS(CAISSON_XGBOOST_BIND)
#undef CAISSON_XGBOOST_BIND
  return api;
}

Status Api::Check(int outcome) const {
  if (outcome == 0) return OkStatus();
  return InvalidArgument("XGBoost: {}", CleanError(XGBGetLastError()));
}

std::string CleanError(std::string_view text) {
  std::string message;
  for (const std::string& line : Split(text, '\n')) {
    const std::string_view trimmed = Trim(line);
    if (trimmed.substr(0, 11) == "Stack trace") break;
    if (trimmed.empty()) continue;
    if (!message.empty()) message += ' ';
    message += trimmed;
  }
  // "[12:34:56] ./src/data/data.cc:1104: Check failed: valid: Input data contains `inf`"
  if (!message.empty() && message.front() == '[') {
    const size_t end = message.find("] ");
    if (end != std::string::npos) message.erase(0, end + 2);
  }
  const size_t source = message.find(".cc:");
  if (source != std::string::npos && message.find(' ') > source) {
    const size_t end = message.find(": ", source);
    if (end != std::string::npos) message.erase(0, end + 2);
  }
  return message.empty() ? "unknown error" : message;
}

}  // namespace caisson::xgboost
