#include "base/log.h"

#include <cstdlib>
#include <regex>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/json.h"

namespace caisson {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

// Leaves the log as main finds it.
class LogTest : public testing::Test {
 protected:
  void TearDown() override { ConfigureLog(LogLevel::kInfo, LogFormat::kText); }
};

std::string Capture(const std::function<void()>& write) {
  testing::internal::CaptureStderr();
  write();
  return testing::internal::GetCapturedStderr();
}

TEST_F(LogTest, TextHasTimeLevelComponentAndMessage) {
  ConfigureLog(LogLevel::kInfo, LogFormat::kText);
  const std::string line =
      Capture([] { CAISSON_LOG(kWarning, "serving", "model {} took {} ms", "delay", 7); });
  EXPECT_TRUE(std::regex_match(
      line, std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z warning serving: "
                       "model delay took 7 ms\n")))
      << line;
}

TEST_F(LogTest, JsonIsOneObjectALine) {
  ConfigureLog(LogLevel::kInfo, LogFormat::kJson);
  const std::string line =
      Capture([] { WriteLog(LogLevel::kError, "http", "bad \"header\"\nin request"); });
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  const auto json = ParseJson(line);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ((*json)["level"].AsString(), "error");
  EXPECT_EQ((*json)["component"].AsString(), "http");
  EXPECT_EQ((*json)["message"].AsString(), "bad \"header\"\nin request");
  EXPECT_EQ((*json)["time"].AsString().size(), 24u);
}

TEST_F(LogTest, LinesBelowTheLevelAreNotEvenFormatted) {
  ConfigureLog(LogLevel::kWarning, LogFormat::kText);
  int formatted = 0;
  const std::string text = Capture([&] {
    CAISSON_LOG(kInfo, "x", "{}", ++formatted);
    CAISSON_LOG(kError, "x", "{}", ++formatted);
  });
  EXPECT_EQ(formatted, 1);
  EXPECT_THAT(text, HasSubstr("error   x: 1\n"));
  EXPECT_FALSE(LogEnabled(LogLevel::kInfo));
  EXPECT_TRUE(LogEnabled(LogLevel::kWarning));
}

TEST_F(LogTest, AutoIsJsonWhenStandardErrorIsNoTerminal) {
  const std::string line = Capture([] {
    ConfigureLog(LogLevel::kInfo, LogFormat::kAuto);
    WriteLog(LogLevel::kInfo, "x", "y");
  });
  EXPECT_EQ(line.front(), '{');
}

// Runs `write` with a new terminal as standard error and returns what arrived there.
std::string OnTerminal(const std::function<void()>& write) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  EXPECT_EQ(grantpt(master), 0);
  EXPECT_EQ(unlockpt(master), 0);
  const int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
  EXPECT_GE(terminal, 0);
  const int saved = dup(STDERR_FILENO);
  dup2(terminal, STDERR_FILENO);
  write();
  dup2(saved, STDERR_FILENO);
  char buffer[1024];
  const ssize_t got = read(master, buffer, sizeof buffer);
  for (const int descriptor : {master, terminal, saved}) close(descriptor);
  return std::string(buffer, static_cast<size_t>(std::max<ssize_t>(got, 0)));
}

TEST_F(LogTest, ATerminalGetsTextWithColourUnlessNoColor) {
  const auto write = [] {
    ConfigureLog(LogLevel::kInfo, LogFormat::kAuto);
    WriteLog(LogLevel::kError, "x", "y");
  };
  unsetenv("NO_COLOR");
  EXPECT_THAT(OnTerminal(write), HasSubstr("\x1b[31merror  \x1b[0m x: y"));
  setenv("NO_COLOR", "1", 1);
  EXPECT_THAT(OnTerminal(write), HasSubstr(" error   x: y"));
  unsetenv("NO_COLOR");
}

TEST_F(LogTest, TextKeepsToOneLineAndCannotSteerTheTerminal) {
  ConfigureLog(LogLevel::kInfo, LogFormat::kText);
  const std::string line =
      Capture([] { WriteLog(LogLevel::kInfo, "x", "one\r\ntwo\x1b[2J\tthree é"); });
  EXPECT_THAT(line, HasSubstr("x: one\\ntwo\\x1b[2J\tthree é\n"));
}

TEST_F(LogTest, LinesOfManyThreadsDoNotMix) {
  ConfigureLog(LogLevel::kInfo, LogFormat::kText);
  const std::string text = Capture([] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([i] {
        for (int n = 0; n < 200; ++n)
          WriteLog(LogLevel::kInfo, "t", std::string(50, char('a' + i)));
      });
    }
    for (auto& thread : threads) thread.join();
  });
  const std::regex line("[^ ]+ info    t: (a{50}|b{50}|c{50}|d{50})");
  size_t lines = 0;
  for (size_t start = 0; start < text.size(); ++lines) {
    const size_t end = text.find('\n', start);
    ASSERT_NE(end, std::string::npos);
    ASSERT_TRUE(std::regex_match(text.substr(start, end - start), line));
    start = end + 1;
  }
  EXPECT_EQ(lines, 800u);
}

TEST_F(LogTest, ParseLevel) {
  EXPECT_EQ(*ParseLogLevel("debug"), LogLevel::kDebug);
  EXPECT_EQ(*ParseLogLevel("error"), LogLevel::kError);
  EXPECT_EQ(Message(ParseLogLevel("loud").status()),
            "log level 'loud' is not known (accepted: debug, info, warning, error)");
}

}  // namespace
}  // namespace caisson
