// Finds the shared libraries of the engines and opens them.
//
// An engine is used when it is asked for, never before: a program that only moves files starts
// without DuckDB, and a machine that lacks a library learns it from the call that needs it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/process.h"
#include "base/status.h"

namespace caisson::loader {

// What is looked for.
struct EngineLibrary {
  std::string
      name;  // the folder under engines/: "duckdb"; CAISSON_DUCKDB_LIBRARY names a file outright
  std::string title;               // for people: "DuckDB"
  std::vector<std::string> files;  // file names, the preferred one first
  std::string remedy;              // what makes the library appear: "`./dev setup` fetches it"
};

// Where is looked. A value, so that a test can make up its own.
struct Surroundings {
  std::string executable_folder;
  std::function<const char*(const char*)> environment;  // like getenv

  static Surroundings OfThisProcess();
};

// The paths that are tried, in this order:
//   1. the file that CAISSON_<NAME>_LIBRARY names, and then nothing else;
//   2. the folder CAISSON_ENGINES_DIR;
//   3. beside the executable: engines/, ../engines/ (a build folder), ../lib/caisson/ (an
//   installation);
//   4. the system's loader, by bare file name.
// In each folder <name>/<file> is tried before <file>.
std::vector<std::string> CandidatePaths(const EngineLibrary& library,
                                        const Surroundings& surroundings);

// Opens the first candidate that exists. NotFound says where was looked and what to do; a file that
// exists and cannot be loaded is FailedPrecondition with the system's reason, rather than a silent
// step to the next candidate. Opening a library a second time costs microseconds, so that callers
// keep no global state. Any thread.
Result<DynamicLibrary> OpenEngine(const EngineLibrary& library,
                                  const Surroundings& surroundings = Surroundings::OfThisProcess());

}  // namespace caisson::loader
