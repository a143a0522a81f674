// Tables as the trainer needs them: rows of floats and their labels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/status.h"
#include "engines/duckdb/duckdb.h"

namespace caisson::training {

struct FeatureColumn {
  std::string name;
  std::string type;  // DuckDB's: "FLOAT"
};

// What of a file is to be read.
struct TableColumns {
  std::vector<FeatureColumn> features;
  FeatureColumn target;
  std::vector<std::string> left_out;  // columns of times
};

struct FeatureTable {
  std::vector<std::string> names;
  std::vector<float> values;  // row by row; NaN is missing
  std::vector<float> labels;  // 0 and 1, both present
  int64_t rows_in_file = 0;

  size_t rows() const { return labels.size(); }
  size_t columns() const { return names.size(); }
  const float* row(size_t index) const { return values.data() + index * columns(); }
};

// Chooses the numeric columns that are neither the target nor in `drop`. Times are left out; text
// and other types are InvalidArgument, which names the column.
Result<TableColumns> ChooseColumns(const Context& context, duckdb::Database& database,
                                   const std::string& path, const std::string& target,
                                   const std::vector<std::string>& drop);

// Finds given features in a file: those of a model, in the model's order.
Result<TableColumns> FindColumns(const Context& context, duckdb::Database& database,
                                 const std::string& path, const std::string& target,
                                 const std::vector<std::string>& features);

struct Sampling {
  int64_t rows = 0;  // about so many are kept, by a hash of the row's number; 0 keeps all
  int64_t seed = 0;
};

// Reads in the order of the file. InvalidArgument, with the number of rows concerned and the first
// of them, for a target that is missing or neither 0 nor 1, for an infinite feature, for a file
// without rows, and for a target with one value only.
Result<FeatureTable> ReadTable(const Context& context, duckdb::Database& database,
                               const std::string& path, const TableColumns& columns,
                               const Sampling& sampling);

}  // namespace caisson::training
