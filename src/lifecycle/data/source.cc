// Which of DuckDB's readers a file's name asks for.
#include "base/strings.h"
#include "lifecycle/data/checks.h"

namespace caisson::data {
namespace {

bool EndsWith(std::string_view text, std::string_view ending) {
  return text.size() > ending.size() && text.substr(text.size() - ending.size()) == ending;
}

}  // namespace

Result<std::string> SourceExpression(const std::string& path) {
  std::string name = ToLower(path);
  if (EndsWith(name, ".gz")) name.resize(name.size() - 3);
  const std::string quoted = duckdb::QuoteText(path);
  if (EndsWith(name, ".parquet")) return "read_parquet(" + quoted + ")";
  if (EndsWith(name, ".csv") || EndsWith(name, ".tsv")) return "read_csv(" + quoted + ")";
  if (EndsWith(name, ".json")) return "read_json(" + quoted + ")";
  if (EndsWith(name, ".jsonl") || EndsWith(name, ".ndjson")) {
    return "read_json(" + quoted + ", format = 'newline_delimited')";
  }
  return InvalidArgument(
      "{} cannot be read as a table: its name must end in .parquet, .csv, .tsv, .json, .jsonl or "
      ".ndjson "
      "(also .gz after .csv, .tsv and .json)",
      path);
}

}  // namespace caisson::data
