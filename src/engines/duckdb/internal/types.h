// Column types: DuckDB's, and the few kinds that the rest of the program distinguishes.
#pragma once

#include <string>

#include "engines/duckdb/duckdb.h"
#include "engines/duckdb/internal/duckdb_api.h"

namespace caisson::duckdb {

// Owns a logical type.
class LogicalType {
 public:
  LogicalType(const Api& api, TypeHandle handle) : api_(&api), handle_(handle) {}
  LogicalType(LogicalType&& other) noexcept : api_(other.api_), handle_(other.handle_) {
    other.handle_ = nullptr;
  }
  LogicalType& operator=(LogicalType&&) = delete;
  ~LogicalType() {
    if (handle_ != nullptr) api_->destroy_logical_type(&handle_);
  }

  TypeHandle get() const { return handle_; }
  TypeId id() const { return api_->get_type_id(handle_); }
  // As SQL spells it: "DECIMAL(18,3)", "INTEGER[]", "STRUCT(a INTEGER, b VARCHAR)".
  std::string Name() const;

 private:
  std::string StructName() const;

  const Api* api_;
  TypeHandle handle_;
};

ColumnType KindOf(TypeId id);

// Whether Chunk::Text can print values of the type. The others (nested types, intervals, bit
// strings) are cast to VARCHAR by DuckDB itself.
bool IsPrintable(TypeId id);

}  // namespace caisson::duckdb
