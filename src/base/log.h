// The program's log.
//
// One sink for the process, set up once in main before other threads start: passing a logger
// through every constructor would cost more than it gives (docs/adr/0004). Lines go to standard
// error: text on a terminal, one JSON object a line otherwise. Never log secrets, bodies or
// personal data.
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/status.h"

namespace caisson {

enum class LogLevel { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };
enum class LogFormat { kAuto, kText, kJson };

void ConfigureLog(LogLevel level, LogFormat format);
Result<LogLevel> ParseLogLevel(std::string_view text);  // "debug", "info", "warning", "error"
bool LogEnabled(LogLevel level);
// Writes one line with one system call; any thread.
void WriteLog(LogLevel level, std::string_view component, std::string_view message);

// CAISSON_LOG(kInfo, "serving", "model {} loaded in {}", name, duration)
#define CAISSON_LOG(level, component, ...)                                                    \
  do {                                                                                        \
    if (::caisson::LogEnabled(::caisson::LogLevel::level)) {                                  \
      ::caisson::WriteLog(::caisson::LogLevel::level, component, ::fmt::format(__VA_ARGS__)); \
    }                                                                                         \
  } while (false)

}  // namespace caisson
