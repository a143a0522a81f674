#include "lifecycle/training/internal/table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include "base/hash.h"
#include "base/strings.h"

namespace caisson::training {
namespace {

using duckdb::ColumnType;

bool IsNumeric(ColumnType type) {
  return type == ColumnType::kBoolean || type == ColumnType::kInteger ||
         type == ColumnType::kDouble;
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const duckdb::Column* Find(const std::vector<duckdb::Column>& columns, const std::string& name) {
  for (const duckdb::Column& column : columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

std::vector<std::string> NamesOf(const std::vector<duckdb::Column>& columns) {
  std::vector<std::string> names;
  for (const duckdb::Column& column : columns) names.push_back(column.name);
  return names;
}

Result<std::vector<duckdb::Column>> Describe(const Context& context, duckdb::Database& database,
                                             const std::string& path) {
  const auto columns = database.Describe(context, "FROM " + duckdb::QuoteText(path));
  if (!columns.ok()) return WithContext(columns.status(), path);
  return *columns;
}

Result<FeatureColumn> FindTarget(const std::vector<duckdb::Column>& columns,
                                 const std::string& path, const std::string& target) {
  const duckdb::Column* column = Find(columns, target);
  if (column == nullptr) {
    return InvalidArgument("{}: there is no column '{}' for the target{}", path, target,
                           SuggestName(target, NamesOf(columns)));
  }
  if (!IsNumeric(column->type)) {
    return InvalidArgument(
        "{}: the target '{}' is {}; it must be a boolean or a number that is 0 or 1", path, target,
        column->type_name);
  }
  return FeatureColumn{column->name, column->type_name};
}

// Something wrong with single rows: how many, and where it begins.
struct RowFault {
  int64_t count = 0;
  int64_t first = 0;
  double value = 0;

  void Add(int64_t row, double found) {
    if (count++ > 0) return;
    first = row;
    value = found;
  }
  std::string Where() const {
    return count == 1
               ? fmt::format("row {}", first + 1)
               : fmt::format("{} rows, the first of them row {}", HumanCount(count), first + 1);
  }
};

// Collects rows chunk by chunk.
class TableReader {
 public:
  TableReader(const std::string& path, const TableColumns& columns,
              std::optional<uint64_t> hash_limit, int64_t seed)
      : path_(path),
        columns_(columns),
        hash_limit_(hash_limit),
        seed_(static_cast<uint64_t>(seed)),
        infinite_(columns.features.size()) {
    for (const FeatureColumn& feature : columns.features) table_.names.push_back(feature.name);
  }

  void Reserve(int64_t rows) {
    table_.labels.reserve(static_cast<size_t>(rows));
    table_.values.reserve(static_cast<size_t>(rows) * columns_.features.size());
  }
  void Add(const duckdb::Chunk& chunk);
  Result<FeatureTable> Finish();

 private:
  bool IsKept(int64_t row) const {
    if (!hash_limit_.has_value()) return true;
    char bytes[sizeof(row)];
    std::copy_n(reinterpret_cast<const char*>(&row), sizeof(row), bytes);
    return Xxh3({bytes, sizeof(bytes)}, seed_) < *hash_limit_;
  }
  void CheckLabel(int64_t row, float label);

  const std::string& path_;
  const TableColumns& columns_;
  const std::optional<uint64_t> hash_limit_;
  const uint64_t seed_;
  FeatureTable table_;
  std::vector<RowFault> infinite_;
  RowFault missing_label_;
  RowFault wrong_label_;
  std::vector<size_t> kept_;   // of the chunk
  std::vector<float> column_;  // of the chunk
};

void TableReader::CheckLabel(int64_t row, float label) {
  if (std::isnan(label)) {
    missing_label_.Add(row, label);
  } else if (label != 0 && label != 1) {
    wrong_label_.Add(row, label);
  }
}

void TableReader::Add(const duckdb::Chunk& chunk) {
  const size_t rows = chunk.row_count();
  const size_t features = columns_.features.size();
  const int64_t first_row = table_.rows_in_file;
  table_.rows_in_file += static_cast<int64_t>(rows);
  column_.resize(rows);
  kept_.clear();
  chunk.CopyFloats(features, column_.data());
  for (size_t row = 0; row < rows; ++row) {
    CheckLabel(first_row + static_cast<int64_t>(row), column_[row]);
    if (!IsKept(first_row + static_cast<int64_t>(row))) continue;
    kept_.push_back(row);
    table_.labels.push_back(column_[row]);
  }
  const size_t before = table_.values.size();
  table_.values.resize(before + kept_.size() * features);
  for (size_t feature = 0; feature < features; ++feature) {
    chunk.CopyFloats(feature, column_.data());
    float* out = table_.values.data() + before + feature;
    for (const size_t row : kept_) {
      if (std::isinf(column_[row]))
        infinite_[feature].Add(first_row + static_cast<int64_t>(row), column_[row]);
      *out = column_[row];
      out += features;
    }
  }
}

Result<FeatureTable> TableReader::Finish() {
  const std::string& target = columns_.target.name;
  if (table_.rows_in_file == 0) return InvalidArgument("{}: the file has no rows", path_);
  if (missing_label_.count > 0) {
    return InvalidArgument(
        "{}: the target '{}' is missing (null or NaN) in {}; leave such rows out", path_, target,
        missing_label_.Where());
  }
  if (wrong_label_.count > 0) {
    return InvalidArgument("{}: the target '{}' is {} in {}; only 0 and 1 are accepted", path_,
                           target, wrong_label_.value, wrong_label_.Where());
  }
  for (size_t i = 0; i < infinite_.size(); ++i) {
    if (infinite_[i].count == 0) continue;
    return InvalidArgument(
        "{}: the feature '{}' is infinite, or beyond the range of a float, in {}", path_,
        table_.names[i], infinite_[i].Where());
  }
  const size_t positives =
      static_cast<size_t>(std::count(table_.labels.begin(), table_.labels.end(), 1.0f));
  if (positives == 0 || positives == table_.labels.size()) {
    return InvalidArgument("{}: the target '{}' is {} in all {} rows; both values are needed",
                           path_, target, positives == 0 ? 0 : 1,
                           HumanCount(static_cast<int64_t>(table_.labels.size())));
  }
  return std::move(table_);
}

Result<int64_t> CountRows(const Context& context, duckdb::Database& database,
                          const std::string& path) {
  CAISSON_ASSIGN(const duckdb::Table table,
                 database.QueryTable(context, "SELECT count(*) FROM " + duckdb::QuoteText(path)));
  return table.rows[0][0].AsInt();
}

}  // namespace

Result<TableColumns> ChooseColumns(const Context& context, duckdb::Database& database,
                                   const std::string& path, const std::string& target,
                                   const std::vector<std::string>& drop) {
  CAISSON_ASSIGN(const std::vector<duckdb::Column> columns, Describe(context, database, path));
  TableColumns chosen;
  CAISSON_ASSIGN(chosen.target, FindTarget(columns, path, target));
  for (const std::string& name : drop) {
    if (Find(columns, name) == nullptr) {
      return InvalidArgument("{}: there is no column '{}' to drop{}", path, name,
                             SuggestName(name, NamesOf(columns)));
    }
  }
  for (const duckdb::Column& column : columns) {
    if (column.name == target || Contains(drop, column.name)) continue;
    if (IsNumeric(column.type)) {
      chosen.features.push_back({column.name, column.type_name});
    } else if (column.type == ColumnType::kTimestamp || column.type == ColumnType::kDate) {
      chosen.left_out.push_back(column.name);
    } else {
      return InvalidArgument(
          "{}: the column '{}' is {}, and features are numbers; encode it in the stage before, or "
          "name it under drop:",
          path, column.name, column.type_name);
    }
  }
  if (chosen.features.empty()) return InvalidArgument("{}: no column is left to learn from", path);
  return chosen;
}

Result<TableColumns> FindColumns(const Context& context, duckdb::Database& database,
                                 const std::string& path, const std::string& target,
                                 const std::vector<std::string>& features) {
  CAISSON_ASSIGN(const std::vector<duckdb::Column> columns, Describe(context, database, path));
  TableColumns found;
  CAISSON_ASSIGN(found.target, FindTarget(columns, path, target));
  for (const std::string& name : features) {
    const duckdb::Column* column = Find(columns, name);
    if (column == nullptr) {
      return InvalidArgument("{}: the feature '{}' of the model is not among the columns{}", path,
                             name, SuggestName(name, NamesOf(columns)));
    }
    if (!IsNumeric(column->type)) {
      return InvalidArgument("{}: the feature '{}' is {}, and features are numbers", path, name,
                             column->type_name);
    }
    found.features.push_back({column->name, column->type_name});
  }
  return found;
}

Result<FeatureTable> ReadTable(const Context& context, duckdb::Database& database,
                               const std::string& path, const TableColumns& columns,
                               const Sampling& sampling) {
  const Result<int64_t> counted = CountRows(context, database, path);
  if (!counted.ok()) return WithContext(counted.status(), path);
  const int64_t count = *counted;
  const bool sampled = sampling.rows > 0 && sampling.rows < count;
  std::optional<uint64_t> hash_limit;
  if (sampled) {
    hash_limit = static_cast<uint64_t>(
        std::ldexp(static_cast<double>(sampling.rows) / static_cast<double>(count), 64));
  }
  TableReader reader(path, columns, hash_limit, sampling.seed);
  reader.Reserve(sampled ? sampling.rows + sampling.rows / 50 + 100 : count);

  std::string list;
  for (const FeatureColumn& feature : columns.features)
    list += duckdb::QuoteName(feature.name) + ", ";
  const Status status =
      database.Query(context,
                     "SELECT " + list + duckdb::QuoteName(columns.target.name) + " FROM " +
                         duckdb::QuoteText(path),
                     [&](const std::vector<duckdb::Column>&, const duckdb::Chunk& chunk) {
                       reader.Add(chunk);
                       return OkStatus();
                     });
  if (!status.ok()) return WithContext(status, path);
  return reader.Finish();
}

}  // namespace caisson::training
