#include "engines/duckdb/duckdb.h"

#include <cmath>
#include <utility>

#include "base/strings.h"
#include "engines/duckdb/internal/chunk_reader.h"
#include "engines/duckdb/internal/duckdb_api.h"
#include "engines/duckdb/internal/error.h"
#include "engines/duckdb/internal/handles.h"
#include "engines/duckdb/internal/interrupter.h"
#include "engines/duckdb/internal/turn.h"
#include "engines/duckdb/internal/types.h"

namespace caisson::duckdb {

class Database::Impl {
 public:
  explicit Impl(const Api& api)
      : api_(api), interrupter_([this] { api_.interrupt(connection_); }) {}
  ~Impl();

  Status Open(const Options& options);
  Status Execute(const Context& context, std::string_view statements);
  Status Query(const Context& context, std::string_view statement,
               const std::function<Status(const std::vector<Column>&, const Chunk&)>& on_chunk);
  Result<std::vector<Column>> Describe(const Context& context, std::string_view statement);

 private:
  // Holds the turn and the watch over the context while a statement runs.
  class Running;

  Status Configure(ConfigHandle config, const Options& options);
  Result<Prepared> Prepare(const Statements& statements, uint64_t index);
  Result<Prepared> PrepareOne(std::string_view text);
  Result<Prepared> PreparePrintable(std::string_view text);
  std::vector<Column> ColumnsOf(const Prepared& prepared) const;
  Status ReadChunks(
      const Context& context, QueryResult& result,
      const std::function<Status(const std::vector<Column>&, const Chunk&)>& on_chunk);
  // The end of the context explains a failure better than the interruption that it caused.
  Status Failure(const Context& context, const char* text) const;

  const Api api_;
  DatabaseHandle database_ = nullptr;
  ConnectionHandle connection_ = nullptr;
  TurnLock turn_;
  Interrupter interrupter_;
};

class Database::Impl::Running {
 public:
  Running(Impl& impl, const Context& context) : impl_(impl), status_(impl.turn_.Take(context)) {
    if (status_.ok()) watch_.emplace(impl.interrupter_, context);
  }
  ~Running() {
    watch_.reset();
    if (status_.ok()) impl_.turn_.Release();
  }
  const Status& status() const { return status_; }

 private:
  Impl& impl_;
  const Status status_;
  std::optional<Interrupter::Watch> watch_;
};

Database::Impl::~Impl() {
  if (connection_ != nullptr) api_.disconnect(&connection_);
  if (database_ != nullptr) api_.close(&database_);
}

Status Database::Impl::Configure(ConfigHandle config, const Options& options) {
  const std::pair<const char*, std::string> settings[] = {
      {"threads", std::to_string(options.threads)},
      {"memory_limit", options.memory_limit},
      {"temp_directory", options.temporary_directory},
      {"preserve_insertion_order", "true"},
      // A missing extension is an error, never a download.
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
  };
  for (const auto& [name, value] : settings) {
    if (api_.set_config(config, name, value.c_str()) != kSuccess) {
      return InvalidArgument("DuckDB does not take the setting {} = '{}'", name, value);
    }
  }
  return OkStatus();
}

Status Database::Impl::Open(const Options& options) {
  if (options.threads < 1)
    return InvalidArgument("threads = {}: DuckDB needs at least one thread", options.threads);
  ConfigHandle config = nullptr;
  if (api_.create_config(&config) != kSuccess) return Internal("DuckDB gave no configuration");
  Status status = Configure(config, options);
  if (status.ok()) {
    char* error = nullptr;
    if (api_.open_ext(nullptr, &database_, config, &error) != kSuccess) {
      status = ErrorStatus(error == nullptr ? "" : error);
    }
    if (error != nullptr) api_.free(error);
  }
  api_.destroy_config(&config);
  CAISSON_TRY(status);
  if (api_.connect(database_, &connection_) != kSuccess)
    return Internal("DuckDB gave no connection");
  // The same text of a time on every machine.
  return Execute(Context::Background(), "SET TimeZone = 'UTC'");
}

Status Database::Impl::Failure(const Context& context, const char* text) const {
  CAISSON_TRY(context.Check());
  return ErrorStatus(text == nullptr ? "" : text);
}

Result<Prepared> Database::Impl::Prepare(const Statements& statements, uint64_t index) {
  Prepared prepared(api_);
  if (api_.prepare_extracted_statement(connection_, statements.handle, index, &prepared.handle) !=
      kSuccess) {
    const char* error = api_.prepare_error(prepared.handle);
    return ErrorStatus(error == nullptr ? "" : error);
  }
  return prepared;
}

Result<Prepared> Database::Impl::PrepareOne(std::string_view text) {
  Statements statements(api_);
  const uint64_t count =
      api_.extract_statements(connection_, std::string(text).c_str(), &statements.handle);
  if (count == 0) {
    const char* error = api_.extract_statements_error(statements.handle);
    if (error != nullptr) return ErrorStatus(error);
    return InvalidArgument("DuckDB: the statement is empty");
  }
  if (count > 1)
    return InvalidArgument("DuckDB: one statement is expected here, the text has {}", count);
  return Prepare(statements, 0);
}

std::vector<Column> Database::Impl::ColumnsOf(const Prepared& prepared) const {
  std::vector<Column> columns;
  for (uint64_t i = 0; i < api_.prepared_statement_column_count(prepared.handle); ++i) {
    const char* name = api_.prepared_statement_column_name(prepared.handle, i);
    const LogicalType type(api_, api_.prepared_statement_column_logical_type(prepared.handle, i));
    columns.push_back({name == nullptr ? "" : name, KindOf(type.id()), type.Name()});
    api_.free(const_cast<char*>(name));
  }
  return columns;
}

// A statement whose rows we can print: columns of nested and rare types are cast to VARCHAR by a
// statement around it.
Result<Prepared> Database::Impl::PreparePrintable(std::string_view text) {
  CAISSON_ASSIGN(Prepared prepared, PrepareOne(text));
  const std::vector<Column> columns = ColumnsOf(prepared);
  std::string list;
  std::string unprintable;
  for (size_t i = 0; i < columns.size(); ++i) {
    const LogicalType type(api_, api_.prepared_statement_column_logical_type(prepared.handle, i));
    const bool printable = IsPrintable(type.id());
    if (!printable && unprintable.empty())
      unprintable = columns[i].name + " " + columns[i].type_name;
    const std::string value =
        fmt::format(fmt::runtime(printable ? "#{}" : "CAST(#{} AS VARCHAR)"), i + 1);
    list += fmt::format("{}{} AS {}", i == 0 ? "" : ", ", value, QuoteName(columns[i].name));
  }
  if (unprintable.empty()) return prepared;
  if (api_.prepared_statement_type(prepared.handle) == kSelectStatement) {
    std::string_view inner = Trim(text);
    while (!inner.empty() && inner.back() == ';') inner = Trim(inner.substr(0, inner.size() - 1));
    Result<Prepared> wrapped = PrepareOne(fmt::format("SELECT {} FROM (\n{}\n)", list, inner));
    if (wrapped.ok()) return wrapped;
  }
  return Unimplemented(
      "DuckDB: values of the column {} cannot be read; cast it to VARCHAR in the statement",
      unprintable);
}

Status Database::Impl::Execute(const Context& context, std::string_view text) {
  const Running running(*this, context);
  CAISSON_TRY(running.status());
  Statements statements(api_);
  const uint64_t count =
      api_.extract_statements(connection_, std::string(text).c_str(), &statements.handle);
  if (count == 0) {
    const char* error = api_.extract_statements_error(statements.handle);
    return error == nullptr ? OkStatus() : Failure(context, error);
  }
  for (uint64_t i = 0; i < count; ++i) {
    Result<Prepared> prepared = Prepare(statements, i);
    if (!prepared.ok()) {
      CAISSON_TRY(context.Check());
      return prepared.status();
    }
    QueryResult result(api_);
    if (api_.execute_prepared(prepared->handle, &result.raw) != kSuccess) {
      return Failure(context, api_.result_error(&result.raw));
    }
  }
  return OkStatus();
}

Status Database::Impl::Query(
    const Context& context, std::string_view statement,
    const std::function<Status(const std::vector<Column>&, const Chunk&)>& on_chunk) {
  const Running running(*this, context);
  CAISSON_TRY(running.status());
  Result<Prepared> prepared = PreparePrintable(statement);
  if (!prepared.ok()) {
    CAISSON_TRY(context.Check());
    return prepared.status();
  }
  QueryResult result(api_);
  if (api_.execute_prepared_streaming(prepared->handle, &result.raw) != kSuccess) {
    return Failure(context, api_.result_error(&result.raw));
  }
  return ReadChunks(context, result, on_chunk);
}

Status Database::Impl::ReadChunks(
    const Context& context, QueryResult& result,
    const std::function<Status(const std::vector<Column>&, const Chunk&)>& on_chunk) {
  std::vector<Column> columns;
  std::vector<ColumnLayout> layouts;
  for (uint64_t i = 0; i < api_.column_count(&result.raw); ++i) {
    const LogicalType type(api_, api_.column_logical_type(&result.raw, i));
    columns.push_back({api_.column_name(&result.raw, i), KindOf(type.id()), type.Name()});
    layouts.push_back(ColumnLayout::Of(api_, type));
  }
  ChunkReader reader(api_, std::move(layouts));
  while (true) {
    const DataChunk chunk(api_, api_.fetch_chunk(result.raw));
    if (chunk.handle == nullptr) {
      const char* error = api_.result_error(&result.raw);
      if (error != nullptr && *error != '\0') return Failure(context, error);
      return OkStatus();
    }
    CAISSON_TRY(context.Check());
    reader.Point(chunk.handle);
    if (reader.row_count() == 0) continue;
    CAISSON_TRY(on_chunk(columns, reader));
  }
}

Result<std::vector<Column>> Database::Impl::Describe(const Context& context,
                                                     std::string_view statement) {
  const Running running(*this, context);
  CAISSON_TRY(running.status());
  Result<Prepared> prepared = PrepareOne(statement);
  if (!prepared.ok()) {
    CAISSON_TRY(context.Check());
    return prepared.status();
  }
  return ColumnsOf(*prepared);
}

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::Open(const Options& options) {
  CAISSON_ASSIGN(const Api api, Api::Load());
  auto impl = std::make_unique<Impl>(api);
  CAISSON_TRY(impl->Open(options));
  return std::unique_ptr<Database>(new Database(std::move(impl)));
}

Status Database::Execute(const Context& context, std::string_view statements) {
  return impl_->Execute(context, statements);
}

Status Database::Query(
    const Context& context, std::string_view statement,
    const std::function<Status(const std::vector<Column>&, const Chunk&)>& on_chunk) {
  return impl_->Query(context, statement, on_chunk);
}

Result<std::vector<Column>> Database::Describe(const Context& context, std::string_view statement) {
  return impl_->Describe(context, statement);
}

Result<std::string> Version() {
  CAISSON_ASSIGN(const Api api, Api::Load());
  return std::string(api.library_version());
}

std::string QuoteText(std::string_view text) { return "'" + ReplaceAll(text, "'", "''") + "'"; }

std::string QuoteName(std::string_view name) {
  return "\"" + ReplaceAll(name, "\"", "\"\"") + "\"";
}

}  // namespace caisson::duckdb
