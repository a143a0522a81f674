#include "lifecycle/tracking/sql_builder.h"

#include "base/strings.h"
#include "lifecycle/tracking/python_text.h"

namespace caisson::tracking {
namespace {

// SQLite's LIKE ignores case and its GLOB does not, so that a LIKE of MLflow becomes a GLOB.
std::string GlobPattern(std::string_view like) {
  std::string glob;
  for (char c : like) {
    switch (c) {
      case '%':
        glob += '*';
        break;
      case '_':
        glob += '?';
        break;
      case '*':
      case '?':
      case '[':
        glob += '[';
        glob += c;
        glob += ']';
        break;
      default:
        glob += c;
    }
  }
  return glob;
}

}  // namespace

SqlBuilder& SqlBuilder::Placeholder() {
  text_ += fmt::format("${}", parameters_.size());
  return *this;
}

SqlBuilder& SqlBuilder::Bind(int64_t value) {
  parameters_.emplace_back(value);
  return Placeholder();
}

SqlBuilder& SqlBuilder::Bind(double value) {
  parameters_.emplace_back(value);
  return Placeholder();
}

SqlBuilder& SqlBuilder::Bind(std::string_view value) {
  parameters_.emplace_back(std::string_view(texts_.emplace_back(value)));
  return Placeholder();
}

SqlBuilder& SqlBuilder::BindList(const std::vector<std::string>& values) {
  Add("(");
  for (size_t i = 0; i < values.size(); ++i)
    Add(i == 0 ? "" : ", ").Bind(std::string_view(values[i]));
  return Add(")");
}

SqlBuilder& SqlBuilder::BindList(const std::vector<int64_t>& values) {
  Add("(");
  for (size_t i = 0; i < values.size(); ++i) Add(i == 0 ? "" : ", ").Bind(values[i]);
  return Add(")");
}

void AddTextCondition(SqlBuilder& sql, std::string_view column, const Comparison& comparison) {
  sql.Add(column);
  switch (comparison.comparator) {
    case Comparator::kLike:
      sql.Add(" GLOB ").Bind(std::string_view(GlobPattern(comparison.text)));
      return;
    case Comparator::kIlike:
      sql.Add(" LIKE ").Bind(std::string_view(comparison.text));
      return;
    case Comparator::kIn:
      sql.Add(" IN ").BindList(comparison.list);
      return;
    case Comparator::kNotIn:
      sql.Add(" NOT IN ").BindList(comparison.list);
      return;
    default:
      sql.Add(" ")
          .Add(ComparatorText(comparison.comparator))
          .Add(" ")
          .Bind(std::string_view(comparison.text));
  }
}

void AddNumberCondition(SqlBuilder& sql, std::string_view column, const Comparison& comparison,
                        bool integer) {
  const double number = comparison.number.value_or(0);
  sql.Add(column).Add(" ").Add(ComparatorText(comparison.comparator)).Add(" ");
  const bool exact = integer && number >= -9.2e18 && number <= 9.2e18 &&
                     number == static_cast<double>(static_cast<int64_t>(number));
  if (exact) {
    sql.Bind(static_cast<int64_t>(number));
  } else {
    sql.Bind(number);
  }
}

void AddOrder(SqlBuilder& sql, const std::vector<SortColumn>& columns) {
  for (size_t i = 0; i < columns.size(); ++i) {
    sql.Add(i == 0 ? " ORDER BY " : ", ")
        .Add(columns[i].expression)
        .Add(columns[i].ascending ? "" : " DESC");
  }
}

namespace {

void BindSortValue(SqlBuilder& sql, const SortColumn& column, const Json& value) {
  if (column.is_text) {
    sql.Bind(std::string_view(value.AsString()));
  } else if (column.is_real) {
    sql.Bind(value.AsDouble());
  } else {
    sql.Bind(value.AsInt());
  }
}

}  // namespace

Status AddKeysetCondition(SqlBuilder& sql, const std::vector<SortColumn>& columns,
                          const Json& last) {
  if (last.size() != columns.size()) {
    return InvalidArgument("Invalid page token: it belongs to a search with another order_by");
  }
  // a > x OR (a = x AND (b > y OR (b = y AND ...))), with a bound on the first column for the
  // index.
  sql.Add(" AND ").Add(columns[0].expression).Add(columns[0].ascending ? " >= " : " <= ");
  BindSortValue(sql, columns[0], last[size_t{0}]);
  sql.Add(" AND (");
  for (size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) {
      sql.Add(" OR (").Add(columns[i - 1].expression).Add(" = ");
      BindSortValue(sql, columns[i - 1], last[i - 1]);
      sql.Add(" AND (");
    }
    sql.Add(columns[i].expression).Add(columns[i].ascending ? " > " : " < ");
    BindSortValue(sql, columns[i], last[i]);
  }
  for (size_t i = 1; i < columns.size(); ++i) sql.Add("))");
  sql.Add(")");
  return OkStatus();
}

Json SortValues(const sql::Row& row, int first_column, const std::vector<SortColumn>& columns) {
  Json values = Json::MakeArray();
  for (size_t i = 0; i < columns.size(); ++i) {
    const int column = first_column + static_cast<int>(i);
    if (columns[i].is_text) {
      values.Append(row.String(column));
    } else if (columns[i].is_real) {
      values.Append(row.Double(column));
    } else {
      values.Append(row.Int(column));
    }
  }
  return values;
}

std::string EncodePageToken(const Json& token) { return Base64Encode(WriteJson(token)); }

Result<Json> DecodePageToken(std::string_view token) {
  const Result<std::string> decoded = Base64Decode(token);
  if (!decoded.ok() || token.size() % 4 != 0)
    return InvalidArgument("Invalid page token, could not base64-decode");
  const Result<Json> json = ParseJson(*decoded);
  if (!json.ok())
    return InvalidArgument("Invalid page token, decoded value=b{}", PythonRepr(*decoded));
  if (!json->is_object() || json->Find("after") == nullptr) {
    return InvalidArgument("Invalid page token, parsed value={}", WriteJson(*json));
  }
  return *json;
}

}  // namespace caisson::tracking
