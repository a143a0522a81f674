#include "lifecycle/data/table_diff.h"

#include "base/files.h"
#include "base/strings.h"
#include "lifecycle/data/checks.h"
#include "lifecycle/data/internal/check_sql.h"

namespace caisson::data {
namespace {

constexpr int kExamples = 5;

// One comparison. Lives for one CompareTables; makes the temporary views diff_before and
// diff_after.
class Comparison {
 public:
  Comparison(const Context& context, duckdb::Database& database, TableDiff& diff)
      : context_(context), database_(database), diff_(diff) {}

  Status Run() {
    CAISSON_ASSIGN(const auto before, Open("diff_before", diff_.before));
    CAISSON_ASSIGN(const auto after, Open("diff_after", diff_.after));
    MatchColumns(before, after);
    CAISSON_TRY(Summarize("diff_before", before, diff_.rows_before, &TableDiff::Column::before));
    CAISSON_TRY(Summarize("diff_after", after, diff_.rows_after, &TableDiff::Column::after));
    return diff_.keys.empty() ? CompareRows() : CompareByKey();
  }

 private:
  Result<std::vector<duckdb::Column>> Open(std::string_view view, const std::string& path) {
    if (!FileExists(path)) return NotFound("there is no file {}", path);
    CAISSON_ASSIGN(const std::string source, SourceExpression(path));
    CAISSON_TRY(WithContext(
        database_.Execute(
            context_,
            fmt::format("CREATE OR REPLACE TEMP VIEW {} AS SELECT * FROM {}", view, source)),
        path + " cannot be read"));
    return database_.Describe(context_, fmt::format("SELECT * FROM {}", view));
  }

  void MatchColumns(const std::vector<duckdb::Column>& before,
                    const std::vector<duckdb::Column>& after) {
    for (const duckdb::Column& column : before) {
      diff_.columns.push_back({.name = column.name, .type_before = column.type_name});
    }
    for (const duckdb::Column& column : after) {
      const auto present =
          std::find_if(diff_.columns.begin(), diff_.columns.end(),
                       [&](const TableDiff::Column& known) { return known.name == column.name; });
      if (present == diff_.columns.end()) {
        diff_.columns.push_back({.name = column.name, .type_after = column.type_name});
      } else {
        present->type_after = column.type_name;
        shared_.push_back(column.name);
      }
    }
  }

  Status Summarize(std::string_view view, const std::vector<duckdb::Column>& columns, int64_t& rows,
                   Json TableDiff::Column::*side) {
    std::string items = "count(*)";
    for (const duckdb::Column& column : columns) {
      const std::string name = duckdb::QuoteName(column.name);
      const bool number =
          column.type == duckdb::ColumnType::kInteger || column.type == duckdb::ColumnType::kDouble;
      const bool plain = column.type != duckdb::ColumnType::kOther;
      items += fmt::format(", count(*) - count({0}), approx_count_distinct({0})", name);
      items += plain ? fmt::format(", min({0}), max({0})", name) : ", NULL, NULL";
      items += number ? fmt::format(", avg({})", name) : ", NULL";
    }
    CAISSON_ASSIGN(const duckdb::Table table,
                   database_.QueryTable(context_, fmt::format("SELECT {} FROM {}", items, view)));
    const std::vector<Json>& cells = table.rows[0];
    rows = cells[0].AsInt();
    size_t next = 1;
    for (const duckdb::Column& column : columns) {
      Json summary = Json::MakeObject();
      for (const char* key : {"nulls", "distinct", "min", "max", "mean"})
        summary.Set(key, cells[next++]);
      for (TableDiff::Column& known : diff_.columns) {
        if (known.name == column.name) known.*side = summary;
      }
    }
    return OkStatus();
  }

  std::string Names(const std::vector<std::string>& names, std::string_view prefix = "") const {
    std::vector<std::string> quoted;
    for (const std::string& name : names)
      quoted.push_back(std::string(prefix) + duckdb::QuoteName(name));
    return Join(quoted, ", ");
  }

  Result<int64_t> Count(const std::string& rows) {
    CAISSON_ASSIGN(const duckdb::Table table,
                   database_.QueryTable(context_, fmt::format("SELECT count(*) FROM ({})", rows)));
    return table.rows[0][0].AsInt();
  }

  Result<std::vector<Json>> Some(const std::string& rows) {
    CAISSON_ASSIGN(const duckdb::Table table,
                   database_.QueryTable(
                       context_, fmt::format("SELECT * FROM ({}) LIMIT {}", rows, kExamples)));
    std::vector<Json> objects;
    for (const auto& row : table.rows) {
      Json object = Json::MakeObject();
      for (size_t i = 0; i < row.size(); ++i) object.Set(table.columns[i].name, row[i]);
      objects.push_back(std::move(object));
    }
    return objects;
  }

  Status CompareRows() {
    if (shared_.empty()) return OkStatus();
    const std::string names = Names(shared_);
    const std::string removed =
        fmt::format("SELECT {0} FROM diff_before EXCEPT ALL SELECT {0} FROM diff_after", names);
    const std::string added =
        fmt::format("SELECT {0} FROM diff_after EXCEPT ALL SELECT {0} FROM diff_before", names);
    return KeepRows(added, removed);
  }

  Status KeepRows(const std::string& added, const std::string& removed) {
    CAISSON_ASSIGN(diff_.rows_added, Count(added));
    CAISSON_ASSIGN(diff_.rows_removed, Count(removed));
    CAISSON_ASSIGN(diff_.added, Some(added));
    CAISSON_ASSIGN(diff_.removed, Some(removed));
    return OkStatus();
  }

  Status CheckKeys() {
    for (const std::string& key : diff_.keys) {
      if (std::find(shared_.begin(), shared_.end(), key) == shared_.end()) {
        return InvalidArgument("the key {} is not a column of both tables{}", key,
                               SuggestName(key, shared_));
      }
    }
    for (const auto& [view, path] :
         {std::pair{"diff_before", &diff_.before}, std::pair{"diff_after", &diff_.after}}) {
      CAISSON_ASSIGN(const int64_t repeated,
                     Count(fmt::format("SELECT {0} FROM {1} GROUP BY {0} HAVING count(*) > 1",
                                       Names(diff_.keys), view)));
      if (repeated == 0) continue;
      return InvalidArgument("{} is no key of {}: {} of its values occur more than once",
                             Join(diff_.keys, ", "), *path, HumanCount(repeated));
    }
    return OkStatus();
  }

  Status CompareByKey() {
    CAISSON_TRY(CheckKeys());
    std::vector<std::string> same_key;
    for (const std::string& key : diff_.keys) {
      same_key.push_back(fmt::format("b.{0} IS NOT DISTINCT FROM a.{0}", duckdb::QuoteName(key)));
    }
    const std::string on = Join(same_key, " AND ");
    CAISSON_TRY(KeepRows(
        fmt::format("SELECT a.* FROM diff_after a ANTI JOIN diff_before b ON {} ORDER BY {}", on,
                    Names(diff_.keys, "a.")),
        fmt::format("SELECT b.* FROM diff_before b ANTI JOIN diff_after a ON {} ORDER BY {}", on,
                    Names(diff_.keys, "b."))));
    return CompareValues(on);
  }

  Status CompareValues(const std::string& on) {
    std::vector<std::string> values;
    for (const std::string& name : shared_) {
      if (std::find(diff_.keys.begin(), diff_.keys.end(), name) == diff_.keys.end())
        values.push_back(name);
    }
    if (values.empty()) return OkStatus();
    std::vector<std::string> differs;
    std::string counts;
    std::string sides;
    for (const std::string& name : values) {
      const std::string quoted = duckdb::QuoteName(name);
      // As text, since a column may have changed its type.
      differs.push_back(
          fmt::format("CAST(b.{0} AS VARCHAR) IS DISTINCT FROM CAST(a.{0} AS VARCHAR)", quoted));
      counts += fmt::format(", count(*) FILTER (WHERE {})", differs.back());
      sides += fmt::format(", b.{} AS {}, a.{} AS {}", quoted, duckdb::QuoteName(name + " before"),
                           quoted, duckdb::QuoteName(name + " after"));
    }
    const std::string pairs = fmt::format("FROM diff_before b JOIN diff_after a ON {}", on);
    const std::string any = Join(differs, " OR ");
    CAISSON_ASSIGN(
        const duckdb::Table table,
        database_.QueryTable(
            context_, fmt::format("SELECT count(*) FILTER (WHERE {}){} {}", any, counts, pairs)));
    diff_.rows_changed = table.rows[0][0].AsInt();
    for (size_t i = 0; i < values.size(); ++i) {
      for (TableDiff::Column& column : diff_.columns) {
        if (column.name == values[i]) column.changed = table.rows[0][1 + i].AsInt();
      }
    }
    CAISSON_ASSIGN(diff_.changed,
                   Some(fmt::format("SELECT {}{} {} WHERE {} ORDER BY {}", Names(diff_.keys, "a."),
                                    sides, pairs, any, Names(diff_.keys, "a."))));
    return OkStatus();
  }

  const Context& context_;
  duckdb::Database& database_;
  TableDiff& diff_;
  std::vector<std::string> shared_;  // columns of both
};

std::string Shown(const Json& value) { return value.is_null() ? "-" : internal::Readable(value); }

std::string ExampleLine(std::string_view sign, const Json& row) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : row.object())
    parts.push_back(fmt::format("{}: {}", name, Shown(value)));
  return fmt::format("  {} {}\n", sign, Join(parts, ", "));
}

}  // namespace

Result<TableDiff> CompareTables(const Context& context, duckdb::Database& database,
                                const std::string& before, const std::string& after,
                                const std::vector<std::string>& keys) {
  TableDiff diff;
  diff.before = before;
  diff.after = after;
  diff.keys = keys;
  const Status status = Comparison(context, database, diff).Run();
  (void)database.Execute(Context::Background(),
                         "DROP VIEW IF EXISTS diff_before; DROP VIEW IF EXISTS diff_after");
  CAISSON_TRY(status);
  return diff;
}

bool TableDiff::same() const {
  if (rows_added != 0 || rows_removed != 0 || rows_changed != 0) return false;
  return std::all_of(columns.begin(), columns.end(),
                     [](const Column& column) { return column.type_before == column.type_after; });
}

Json TableDiff::ToJson() const {
  Json list = Json::MakeArray();
  for (const Column& column : columns) {
    list.Append(
        Json::Of({{"name", column.name},
                  {"type_before", column.type_before.empty() ? Json() : Json(column.type_before)},
                  {"type_after", column.type_after.empty() ? Json() : Json(column.type_after)},
                  {"changed", column.changed},
                  {"before", column.before},
                  {"after", column.after}}));
  }
  return Json::Of({{"before", before},
                   {"after", after},
                   {"keys", Json::ArrayOf(keys)},
                   {"same", same()},
                   {"rows_before", rows_before},
                   {"rows_after", rows_after},
                   {"rows_added", rows_added},
                   {"rows_removed", rows_removed},
                   {"rows_changed", rows_changed},
                   {"columns", std::move(list)},
                   {"added", Json::ArrayOf(added)},
                   {"removed", Json::ArrayOf(removed)},
                   {"changed", Json::ArrayOf(changed)}});
}

std::string TableDiff::ToText() const {
  std::string out = fmt::format("{} -> {}\nrows: {} -> {}", before, after, HumanCount(rows_before),
                                HumanCount(rows_after));
  out += fmt::format(", {} added, {} removed", HumanCount(rows_added), HumanCount(rows_removed));
  if (!keys.empty()) out += fmt::format(", {} changed", HumanCount(rows_changed));
  out += "\n\n";
  for (const Column& column : columns) {
    if (column.type_before.empty()) {
      out += fmt::format("  + {}: new, {}\n", column.name, column.type_after);
    } else if (column.type_after.empty()) {
      out += fmt::format("  - {}: gone, was {}\n", column.name, column.type_before);
    } else if (column.type_before != column.type_after) {
      out += fmt::format("  ~ {}: {} -> {}\n", column.name, column.type_before, column.type_after);
    }
    if (column.changed > 0)
      out += fmt::format("  ~ {}: {} values changed\n", column.name, HumanCount(column.changed));
    if (!column.before.is_object() || !column.after.is_object()) continue;
    for (const char* key : {"nulls", "min", "max", "mean"}) {
      if (column.before[key] == column.after[key]) continue;
      out += fmt::format("    {} {}: {} -> {}\n", column.name, key, Shown(column.before[key]),
                         Shown(column.after[key]));
    }
  }
  for (const Json& row : added) out += ExampleLine("+", row);
  for (const Json& row : removed) out += ExampleLine("-", row);
  for (const Json& row : changed) out += ExampleLine("~", row);
  return out + (same() ? "\nThe same rows and columns.\n" : "");
}

}  // namespace caisson::data
