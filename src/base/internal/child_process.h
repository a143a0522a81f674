// A child process from its start to its end, without the policy of RunProcess. For base's own use.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/files.h"
#include "base/status.h"

namespace caisson::internal {

struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;
};

// Both ends are closed on exec and lie above the standard descriptors, which a child overwrites.
Result<Pipe> MakePipe();
// The same for any descriptor; takes it over.
FileDescriptor AboveStandardDescriptors(int descriptor);

struct ChildOptions {
  std::string program;                   // a path
  std::vector<std::string> arguments;    // with arguments[0]
  std::vector<std::string> environment;  // all of it, NAME=value
  std::string working_directory;         // empty: inherited
  int input = -1;                        // becomes standard input
  int output = -1;                       // becomes standard output and error; -1: inherited
  bool dies_with_parent =
      true;  // PR_SET_PDEATHSIG: when the thread that started it ends, so does the child
};

// A started process, the leader of a process group of its own; killed and reaped when the object
// goes. Used by the thread that started it.
class Child {
 public:
  // Returns when the program runs; an error of chdir or exec is an error here.
  static Result<Child> Start(const ChildOptions& options);

  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ~Child();

  pid_t pid() const { return pid_; }

  // Whether it has ended. It stays a zombie then, so that its number is not given to another
  // process.
  bool Ended() const;

  struct End {
    int exit_code = 0;  // 128 + the signal when a signal ended it
    // Of the program or one of its children, whichever held most; counts what the parent held at
    // the start, since the child shares that until exec.
    int64_t peak_memory_bytes = 0;
  };
  // Waits for the end and forgets the process. Internal when someone else took its exit status.
  Result<End> Reap();

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_;
};

}  // namespace caisson::internal
