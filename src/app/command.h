// Commands as data: what the command line looks like and what each command does.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace caisson::app {

// The exit codes are part of the interface; scripts depend on them.
enum ExitCode {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitUnreachable = 3,
  kExitDenied = 4,
  kExitNotFound = 5,
  kExitConflict = 6,
};
int ExitCodeOf(const Status& status);

enum class OptionKind { kFlag, kValue, kList };

struct OptionSpec {
  std::string name;  // without dashes: "from-stage"
  std::string help;
  OptionKind kind = OptionKind::kValue;
  std::string fallback;
  std::string value_name = "VALUE";
};

struct PositionalSpec {
  std::string name;
  std::string help;
  bool required = true;
  bool repeated = false;
};

// What the user typed for one command. Lives for the length of the command; one thread.
class Invocation {
 public:
  bool Flag(std::string_view name) const;
  const std::string& Value(std::string_view name) const;  // the fallback when it was not given
  bool Given(std::string_view name) const;
  const std::vector<std::string>& List(std::string_view name) const;
  const std::string& Argument(
      std::string_view name) const;  // empty when an optional one was not given
  const std::vector<std::string>& Arguments(std::string_view name) const;

  bool json_output() const { return json_output_; }
  // The command's own path, "models list".
  const std::string& path() const { return path_; }
  // All flags that were given, for Config.
  std::map<std::string, std::string> GivenValues() const;

 private:
  friend class CommandLine;
  std::string path_;
  bool json_output_ = false;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::map<std::string, std::vector<std::string>, std::less<>> given_;
};

struct Command {
  std::string path;     // "models list"; groups arise from the first words
  std::string summary;  // one line
  std::string example;  // one or more lines that can be typed as they stand
  std::vector<OptionSpec> options;
  std::vector<PositionalSpec> positionals;
  std::function<Result<int>(const Invocation&)> run;  // an exit code, or an error that is printed
  bool needs_data_folder = false;                     // adds --data and --server
};

// The whole command line. Built once in main.
class CommandLine {
 public:
  void Add(Command command) { commands_.push_back(std::move(command)); }
  // Parses and runs; the result is the process' exit code.
  int Run(int argc, char** argv) const;

 private:
  std::vector<Command> commands_;
};

}  // namespace caisson::app
