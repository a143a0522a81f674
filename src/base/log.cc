#include "base/log.h"

#include <atomic>
#include <chrono>
#include <cstdlib>

#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"

namespace caisson {
namespace {

// The sink of the process. Text without colour is what a line that is written before the set-up
// gets.
std::atomic<LogLevel> log_level{LogLevel::kInfo};
std::atomic<bool> log_json{false};
std::atomic<bool> log_colour{false};

constexpr std::string_view kLevelNames[] = {"debug", "info", "warning", "error"};
constexpr std::string_view kLevelColours[] = {"\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};
constexpr std::string_view kNoColour = "\x1b[0m";

// RFC 3339 in UTC, always with milliseconds, so that lines sort and columns stay aligned.
void AppendNow(std::string& out) {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const int64_t millis = std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
  const time_t seconds = millis / 1000;
  tm utc;
  gmtime_r(&seconds, &utc);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                 utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                 utc.tm_sec, millis % 1000);
}

// One message is one line, and nothing in it may steer the terminal.
void AppendPrintable(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t' || static_cast<unsigned char>(c) >= 0x20) {
      if (c != '\x7f') out += c;
    } else if (c != '\r') {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
}

void AppendText(std::string& line, size_t level, std::string_view component,
                std::string_view message) {
  const bool colour = log_colour.load(std::memory_order_relaxed);
  AppendNow(line);
  line += ' ';
  if (colour) line += kLevelColours[level];
  line += fmt::format("{:<7}", kLevelNames[level]);
  if (colour) line += kNoColour;
  line += ' ';
  AppendPrintable(line, component);
  line += ": ";
  AppendPrintable(line, message);
}

void AppendJson(std::string& line, size_t level, std::string_view component,
                std::string_view message) {
  line += "{\"time\":\"";
  AppendNow(line);
  line += "\",\"level\":\"";
  line += kLevelNames[level];
  line += "\",\"component\":";
  AppendJsonString(line, component);
  line += ",\"message\":";
  AppendJsonString(line, message);
  line += '}';
}

}  // namespace

void ConfigureLog(LogLevel level, LogFormat format) {
  const bool terminal = isatty(STDERR_FILENO) == 1;
  const bool json = format == LogFormat::kJson || (format == LogFormat::kAuto && !terminal);
  // https://no-color.org: present and not empty, whatever its value.
  const char* no_colour = std::getenv("NO_COLOR");
  log_level.store(level);
  log_json.store(json);
  log_colour.store(!json && terminal && (no_colour == nullptr || *no_colour == '\0'));
}

Result<LogLevel> ParseLogLevel(std::string_view text) {
  for (size_t i = 0; i < std::size(kLevelNames); ++i) {
    if (text == kLevelNames[i]) return static_cast<LogLevel>(i);
  }
  return InvalidArgument("log level '{}' is not known (accepted: debug, info, warning, error)",
                         text);
}

bool LogEnabled(LogLevel level) { return level >= log_level.load(std::memory_order_relaxed); }

void WriteLog(LogLevel level, std::string_view component, std::string_view message) {
  std::string line;
  line.reserve(message.size() + component.size() + 96);
  const auto index = static_cast<size_t>(level);
  if (log_json.load(std::memory_order_relaxed)) {
    AppendJson(line, index, component, message);
  } else {
    AppendText(line, index, component, message);
  }
  line += '\n';
  // Nobody is left to be told that standard error is gone.
  WriteAll(STDERR_FILENO, line).IgnoreError();
}

}  // namespace caisson
