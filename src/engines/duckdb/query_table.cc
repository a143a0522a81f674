#include <limits>

#include "engines/duckdb/duckdb.h"

namespace caisson::duckdb {
namespace {

Json CellOf(const Column& column, const Chunk& chunk, size_t index, size_t row) {
  if (chunk.IsNull(index, row)) return nullptr;
  switch (column.type) {
    case ColumnType::kBoolean:
      return chunk.Int(index, row) != 0;
    case ColumnType::kInteger: {
      // HUGEINT, which sum() yields, may not fit; a rounded number is better than a wrong one.
      const int64_t value = chunk.Int(index, row);
      const bool saturated = value == std::numeric_limits<int64_t>::max() ||
                             value == std::numeric_limits<int64_t>::min();
      return saturated ? Json(chunk.Double(index, row)) : Json(value);
    }
    case ColumnType::kDouble:
      return chunk.Double(index, row);
    default:
      return chunk.Text(index, row);
  }
}

}  // namespace

Result<Table> Database::QueryTable(const Context& context, std::string_view statement,
                                   size_t max_rows) {
  Table table;
  const auto collect = [&](const std::vector<Column>& columns, const Chunk& chunk) {
    table.columns = columns;
    for (size_t row = 0; row < chunk.row_count(); ++row) {
      if (table.rows.size() == max_rows) {
        table.truncated = true;
        return Aborted("more than {} rows", max_rows);
      }
      std::vector<Json> cells;
      cells.reserve(columns.size());
      for (size_t i = 0; i < columns.size(); ++i)
        cells.push_back(CellOf(columns[i], chunk, i, row));
      table.rows.push_back(std::move(cells));
    }
    return OkStatus();
  };
  const Status status = Query(context, statement, collect);
  if (!status.ok() && !table.truncated) return status;
  // A result without rows has columns all the same.
  if (table.columns.empty()) {
    CAISSON_ASSIGN(table.columns, Describe(context, statement));
  }
  return table;
}

}  // namespace caisson::duckdb
