// Reads the vectors of a data chunk by the types that they really have.
#pragma once

#include <string>
#include <vector>

#include "engines/duckdb/duckdb.h"
#include "engines/duckdb/internal/duckdb_api.h"
#include "engines/duckdb/internal/format.h"
#include "engines/duckdb/internal/types.h"

namespace caisson::duckdb {

// What is known of a column before its first value arrives.
struct ColumnLayout {
  TypeId type = TypeId::kInvalid;  // how the values are stored: for decimals and enums the integer
                                   // type behind them
  TypeId declared = TypeId::kInvalid;  // the type itself
  int scale = 0;                       // of a decimal
  std::vector<std::string> labels;     // of an enum

  static ColumnLayout Of(const Api& api, const LogicalType& type);
};

// The Chunk that callers see. Made once for a statement and pointed at one data chunk after the
// other. One thread.
class ChunkReader final : public Chunk {
 public:
  ChunkReader(const Api& api, std::vector<ColumnLayout> layouts)
      : api_(api), layouts_(std::move(layouts)) {}

  // The chunk must live until the next call.
  void Point(ChunkHandle chunk);

  size_t row_count() const override { return row_count_; }
  bool IsNull(size_t column, size_t row) const override;
  int64_t Int(size_t column, size_t row) const override;
  double Double(size_t column, size_t row) const override;
  std::string Text(size_t column, size_t row) const override;
  void CopyFloats(size_t column, float* out) const override;

 private:
  struct Vector {
    const void* data = nullptr;
    const uint64_t* validity = nullptr;  // null: every value is there
  };
  template <typename T>
  const T& At(size_t column, size_t row) const {
    return static_cast<const T*>(vectors_[column].data)[row];
  }
  std::string_view Bytes(size_t column, size_t row) const;
  Int128 WideInt(size_t column, size_t row) const;

  const Api& api_;
  const std::vector<ColumnLayout> layouts_;
  std::vector<Vector> vectors_;
  size_t row_count_ = 0;
};

}  // namespace caisson::duckdb
