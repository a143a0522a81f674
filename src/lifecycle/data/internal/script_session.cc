#include "lifecycle/data/internal/script_session.h"

#include <cctype>

#include "base/strings.h"
#include "lifecycle/data/internal/check_sql.h"

namespace caisson::data::internal {
namespace {

bool StartsWithWord(std::string_view text, std::string_view word) {
  return text.size() >= word.size() && ToLower(text.substr(0, word.size())) == word;
}

std::string_view SkipSpaces(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  return text;
}

size_t Past(std::string_view text, std::string_view end, size_t from) {
  const size_t at = text.find(end, from);
  return at == std::string_view::npos ? text.size() : at + end.size();
}

// The name in ('name'), or nothing.
std::string QuotedArgument(std::string_view text) {
  text = SkipSpaces(text);
  if (text.empty() || text.front() != '(') return "";
  text = SkipSpaces(text.substr(1));
  if (text.empty() || text.front() != '\'') return "";
  text.remove_prefix(1);
  return std::string(text.substr(0, std::min(text.find('\''), text.size())));
}

std::string Identifier(std::string_view text) {
  text = SkipSpaces(text);
  size_t length = 0;
  while (length < text.size() &&
         (std::isalnum(static_cast<unsigned char>(text[length])) || text[length] == '_'))
    ++length;
  return std::string(text.substr(0, length));
}

Result<std::string> CopyOptions(std::string_view name) {
  const std::string lower = ToLower(name);
  const auto ends = [&](std::string_view ending) {
    return lower.size() > ending.size() && lower.substr(lower.size() - ending.size()) == ending;
  };
  if (ends(".parquet")) return "FORMAT parquet, COMPRESSION zstd";
  if (ends(".csv")) return "FORMAT csv, HEADER true";
  if (ends(".tsv")) return "FORMAT csv, HEADER true, DELIMITER '\t'";
  if (ends(".json")) return "FORMAT json, ARRAY true";
  if (ends(".jsonl") || ends(".ndjson")) return "FORMAT json";
  return InvalidArgument(
      "{} cannot be written: its name must end in .parquet, .csv, .tsv, .json, .jsonl or .ndjson",
      name);
}

}  // namespace

Result<ScriptSession> ScriptSession::Open(int threads, const std::string& memory_limit) {
  CAISSON_ASSIGN(TemporaryDirectory folder, TemporaryDirectory::Create("caisson-query"));
  duckdb::Options options;
  options.threads = threads;
  options.memory_limit = memory_limit;
  options.temporary_directory = folder.path();
  CAISSON_ASSIGN(std::unique_ptr<duckdb::Database> database, duckdb::Database::Open(options));
  return ScriptSession(std::move(folder), std::move(database));
}

Status ScriptSession::DefineInput(const Context& context, const std::string& name,
                                  std::string_view source) {
  inputs_.push_back(name);
  return database_->Execute(
      context, fmt::format("CREATE VIEW {} AS SELECT * FROM {}", duckdb::QuoteName(name), source));
}

Status ScriptSession::Run(const Context& context, const std::string& file, std::string_view text,
                          const Json& parameters) {
  std::vector<std::string> names;
  std::string settings;
  for (const auto& [name, value] : parameters.object()) {
    names.push_back(name);
    settings += fmt::format("SET VARIABLE {} = {};\n", duckdb::QuoteName(name), Literal(value));
  }
  // A variable that nobody sets reads as null, and its rows would vanish without a word.
  for (const std::string& variable : VariablesOf(text)) {
    if (std::find(names.begin(), names.end(), variable) != names.end()) continue;
    return InvalidArgument("{} reads the variable {}, and no parameter has that name{}", file,
                           variable, names.empty() ? "" : SuggestName(variable, names));
  }
  if (!settings.empty()) CAISSON_TRY(database_->Execute(context, settings));
  return WithContext(database_->Execute(context, text), file);
}

Result<std::vector<std::string>> ScriptSession::Relations(const Context& context) {
  CAISSON_ASSIGN(const duckdb::Table table,
                 database_->QueryTable(context,
                                       "SELECT DISTINCT table_name FROM information_schema.tables "
                                       "WHERE table_schema NOT IN ('information_schema', "
                                       "'pg_catalog') ORDER BY table_name"));
  std::vector<std::string> names;
  for (const auto& row : table.rows) {
    const std::string& name = row[0].AsString();
    if (std::find(inputs_.begin(), inputs_.end(), name) == inputs_.end()) names.push_back(name);
  }
  return names;
}

std::vector<std::string> VariablesOf(std::string_view text) {
  std::vector<std::string> read;
  std::vector<std::string> set;
  for (size_t i = 0; i < text.size();) {
    const std::string_view rest = text.substr(i);
    if (rest.substr(0, 2) == "--") {
      i = Past(text, "\n", i);
    } else if (rest.substr(0, 2) == "/*") {
      i = Past(text, "*/", i + 2);
    } else if (rest.front() == '\'') {
      i = Past(text, "'", i + 1);
    } else if (StartsWithWord(rest, "getvariable")) {
      const std::string name = QuotedArgument(rest.substr(11));
      if (!name.empty()) read.push_back(name);
      i += 11;
    } else if (StartsWithWord(rest, "variable ")) {
      set.push_back(Identifier(rest.substr(9)));
      i += 9;
    } else {
      ++i;
    }
  }
  std::vector<std::string> missing;
  for (const std::string& name : read) {
    const bool known = std::find(set.begin(), set.end(), name) != set.end() ||
                       std::find(missing.begin(), missing.end(), name) != missing.end();
    if (!known) missing.push_back(name);
  }
  return missing;
}

Result<int64_t> CopyTo(const Context& context, duckdb::Database& database, std::string_view query,
                       const std::string& path, std::string_view name) {
  CAISSON_ASSIGN(const std::string options, CopyOptions(name));
  // The caller's file is temporary already, and DuckDB's own temporary file would take its place.
  CAISSON_ASSIGN(
      const duckdb::Table table,
      database.QueryTable(context, fmt::format("COPY ({}) TO {} ({}, USE_TMP_FILE false)", query,
                                               duckdb::QuoteText(path), options)));
  return table.rows.empty() ? 0 : table.rows[0][0].AsInt();
}

}  // namespace caisson::data::internal
