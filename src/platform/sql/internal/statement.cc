#include "platform/sql/internal/statement.h"

#include <charconv>
#include <utility>

#include <sqlite3.h>

#include "platform/sql/internal/errors.h"

namespace caisson::sql::internal {
namespace {

// SQLite binds NULL for a null pointer, whatever the length; an empty text must stay a text.
const char* Pointer(std::string_view text) { return text.data() == nullptr ? "" : text.data(); }

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n;") == std::string_view::npos;
}

}  // namespace

Result<Statement> Statement::Prepare(sqlite3* connection, std::string_view text, bool keep) {
  sqlite3_stmt* handle = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v3(connection, text.data(), static_cast<int>(text.size()),
                                      keep ? SQLITE_PREPARE_PERSISTENT : 0, &handle, &tail);
  if (code != SQLITE_OK) return ErrorStatus(connection, code, text);
  if (handle == nullptr) return Internal("an empty SQL statement");
  Statement statement(connection, handle);
  if (!IsBlank(text.substr(static_cast<size_t>(tail - text.data())))) {
    return Internal("{}: more than one SQL statement in one call", text.substr(0, 200));
  }
  CAISSON_TRY(statement.ReadParameterNumbers(text));
  return statement;
}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      handle_(std::exchange(other.handle_, nullptr)),
      indexes_(std::move(other.indexes_)),
      in_use_(other.in_use_) {}

Statement::~Statement() { sqlite3_finalize(handle_); }

Status Statement::ReadParameterNumbers(std::string_view text) {
  const int count = sqlite3_bind_parameter_count(handle_);
  for (int index = 1; index <= count; ++index) {
    const char* raw_name = sqlite3_bind_parameter_name(handle_, index);
    const std::string_view name = raw_name == nullptr ? "?" : raw_name;
    size_t number = 0;
    const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
    if (name[0] != '$' || error != std::errc() || end != name.data() + name.size() || number < 1 ||
        number > 32766) {
      return Internal("{}: the parameter {} is not of the form $1, $2, ...", text.substr(0, 200),
                      name);
    }
    if (indexes_.size() < number) indexes_.resize(number, 0);
    indexes_[number - 1] = index;
  }
  return OkStatus();
}

int Statement::BindOne(int index, const Value& value) {
  const auto& variant = value.get();
  switch (variant.index()) {
    case 0:
      return sqlite3_bind_null(handle_, index);
    case 1:
      return sqlite3_bind_int64(handle_, index, *std::get_if<int64_t>(&variant));
    case 2:
      return sqlite3_bind_double(handle_, index, *std::get_if<double>(&variant));
    case 3: {
      const std::string_view text = *std::get_if<std::string_view>(&variant);
      return sqlite3_bind_text64(handle_, index, Pointer(text), text.size(), SQLITE_STATIC,
                                 SQLITE_UTF8);
    }
    default: {
      const std::string_view bytes = std::get_if<Bytes>(&variant)->bytes;
      return sqlite3_bind_blob64(handle_, index, Pointer(bytes), bytes.size(), SQLITE_STATIC);
    }
  }
}

Status Statement::Bind(const Parameters& parameters) {
  if (parameters.size() != indexes_.size()) {
    return Internal("{}: {} parameters were passed, the statement has {}",
                    std::string_view(sqlite3_sql(handle_)).substr(0, 200), parameters.size(),
                    indexes_.size());
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (indexes_[i] == 0) continue;
    const int code = BindOne(indexes_[i], parameters[i]);
    if (code != SQLITE_OK) return ErrorStatus(connection_, code, sqlite3_sql(handle_));
  }
  return OkStatus();
}

int Statement::Step() {
  in_use_ = true;
  return sqlite3_step(handle_);
}

// The bindings stay: they are not read before the next Bind replaces all of them.
void Statement::Reset() {
  sqlite3_reset(handle_);
  in_use_ = false;
}

bool StatementRow::IsNull(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

int64_t StatementRow::Int(int column) const { return sqlite3_column_int64(handle_, column); }

double StatementRow::Double(int column) const { return sqlite3_column_double(handle_, column); }

std::string_view StatementRow::Text(int column) const {
  // A blob is read as it is: as text it would first be copied to get its final zero byte.
  const void* bytes = sqlite3_column_type(handle_, column) == SQLITE_BLOB
                          ? sqlite3_column_blob(handle_, column)
                          : static_cast<const void*>(sqlite3_column_text(handle_, column));
  const int size = sqlite3_column_bytes(handle_, column);
  return bytes == nullptr ? std::string_view()
                          : std::string_view(static_cast<const char*>(bytes), size);
}

}  // namespace caisson::sql::internal
