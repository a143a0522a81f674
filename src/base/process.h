// Child processes and shared libraries.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/status.h"

namespace caisson {

struct ProcessOptions {
  std::vector<std::string> arguments;              // arguments[0] is the program, looked up in PATH
  std::string working_directory;                   // empty: inherited
  std::map<std::string, std::string> environment;  // added to the inherited one
  // Called on the waiting thread with pieces as they arrive; standard error is merged in. Empty:
  // the output goes where ours goes. Standard input is always empty.
  std::function<void(std::string_view)> on_output;
  std::chrono::milliseconds stop_grace{5000};  // between SIGTERM and SIGKILL
};

struct ProcessOutcome {
  int exit_code = 0;   // 128 + the signal when a signal ended it
  double seconds = 0;  // wall clock
  // The most resident memory that the program or any one of its children held; 0 when it ended too
  // soon to be measured.
  int64_t peak_memory_bytes = 0;
};

// Runs a program to its end in a process group of its own. When the context ends first, the group
// gets SIGTERM and after `stop_grace` SIGKILL, and the context's error is returned. The group dies
// with us, also by kill -9. NotFound when the program is not in PATH; an exit code other than 0 is
// an outcome, not an error. Any thread; waits on it. What the program leaves running in the
// background is let run, but its output is not waited for longer than a second.
Result<ProcessOutcome> RunProcess(const Context& context, const ProcessOptions& options);

// The path of the running program.
std::string ExecutablePath();

// Resident memory of this process in bytes.
int64_t ResidentMemoryBytes();

// A shared library, loaded until the process ends: engines keep threads and statics that do not
// survive an unload.
class DynamicLibrary {
 public:
  static Result<DynamicLibrary> Open(const std::string& path);
  // NotFound names the symbol and the library.
  Result<void*> Symbol(const char* name) const;
  template <typename Function>
  Status Bind(const char* name, Function*& function) const {
    CAISSON_ASSIGN(void* symbol, Symbol(name));
    function = reinterpret_cast<Function*>(symbol);
    return OkStatus();
  }
  const std::string& path() const { return path_; }

 private:
  void* handle_ = nullptr;
  std::string path_;
};

}  // namespace caisson
