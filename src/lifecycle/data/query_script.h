// A script of SQL over files: what `caisson query` runs.
#pragma once

#include <string>
#include <vector>

#include "base/context.h"
#include "base/json.h"
#include "base/status.h"

namespace caisson::data {

struct NamedFile {
  std::string name;  // of the relation
  std::string path;
};

struct QueryScript {
  std::string file;
  // Each is a view of that name, read as its ending says.
  std::vector<NamedFile> inputs;
  // Each is a relation that the script leaves behind, written as the ending says: Parquet with
  // zstd, CSV or JSON.
  std::vector<NamedFile> outputs;
  // An object; each member is a variable of DuckDB, getvariable('name').
  Json parameters;
  int threads = 2;
  std::string memory_limit = "1GB";  // beyond it DuckDB spills to a temporary folder
};

struct QueryOutcome {
  struct Output {
    std::string name;
    std::string path;
    int64_t rows = 0;
    int64_t bytes = 0;
  };
  std::vector<Output> outputs;
  double seconds = 0;
  Json ToJson() const;
};

// Runs the script in a database of its own and writes the outputs: all of them or, after an error,
// none. Folders are made. The same script, inputs and parameters give the same bytes, if the script
// sorts what it offers. Errors are InvalidArgument or NotFound: a variable that nobody sets, an
// output that the script does not make, one without rows, an input that is not there or cannot be
// read.
Result<QueryOutcome> RunQueryScript(const Context& context, const QueryScript& script);

// "params.yaml:prepare" (a file and, behind the last colon, the dotted name of a section) as the
// object that stands there.
Result<Json> ReadParameters(const std::string& file_and_section);
// "train=features/train.parquet"
Result<NamedFile> ParseNamedFile(std::string_view text);

}  // namespace caisson::data
