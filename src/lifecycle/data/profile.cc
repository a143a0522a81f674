#include "lifecycle/data/profile.h"

#include <cmath>

#include "base/strings.h"
#include "lifecycle/data/checks.h"

namespace caisson::data {
namespace {

constexpr int kBins = 20;
constexpr int kTopValues = 10;
// Values are counted one by one only where there are few enough of them to be worth listing.
constexpr int64_t kMaxListed = 10'000;
constexpr std::string_view kCharacters[] = {"[0-9]",    "[A-Z]",    "[a-z]",       "[A-Z0-9]",
                                            "[a-z0-9]", "[A-Za-z]", "[A-Za-z0-9]", "[A-Za-z0-9_-]"};
constexpr std::string_view kQuantiles[] = {"0.01", "0.25", "0.5", "0.75", "0.99"};

using duckdb::ColumnType;

bool IsNumber(ColumnType type) {
  return type == ColumnType::kInteger || type == ColumnType::kDouble;
}
bool IsTime(ColumnType type) { return type == ColumnType::kTimestamp || type == ColumnType::kDate; }

// Describes one file. Lives for one DescribeTable.
class Profiler {
 public:
  Profiler(const Context& context, duckdb::Database& database, std::string source)
      : context_(context), database_(database), source_(std::move(source)) {}

  Result<TableDescription> Run() {
    CAISSON_ASSIGN(columns_, database_.Describe(context_, "SELECT * FROM " + source_));
    TableDescription description;
    description.schema = Json::MakeArray();
    for (const duckdb::Column& column : columns_) {
      description.schema.Append(Json::Of({{"name", column.name}, {"type", column.type_name}}));
    }
    CAISSON_TRY(Summarize());
    Json list = Json::MakeArray();
    for (size_t i = 0; i < columns_.size(); ++i) {
      CAISSON_TRY(AddTopValues(columns_[i], summaries_[i]));
      CAISSON_TRY(AddCharacters(columns_[i], summaries_[i]));
      if (IsNumber(columns_[i].type) || IsTime(columns_[i].type))
        CAISSON_TRY(AddHistogram(columns_[i], summaries_[i]));
      list.Append(std::move(summaries_[i]));
    }
    description.profile = Json::Of({{"rows", rows_}, {"columns", std::move(list)}});
    return description;
  }

 private:
  // The aggregates of one column as SQL; Read takes them from the answer in the same order.
  static std::vector<std::pair<std::string, std::string>> Aggregates(const duckdb::Column& column) {
    const std::string name = duckdb::QuoteName(column.name);
    std::vector<std::pair<std::string, std::string>> items = {
        {"nulls", fmt::format("count(*) - count({})", name)},
        {"distinct", fmt::format("least(approx_count_distinct({0}), count({0}))", name)}};
    if (column.type == ColumnType::kOther) return items;
    items.emplace_back("min", fmt::format("min({})", name));
    items.emplace_back("max", fmt::format("max({})", name));
    if (IsNumber(column.type)) {
      // One NaN or infinity would leave nothing of either.
      const std::string finite =
          column.type == ColumnType::kDouble
              ? fmt::format(" FILTER (WHERE isfinite(CAST({} AS DOUBLE)))", name)
              : "";
      items.emplace_back("mean", fmt::format("avg({}){}", name, finite));
      items.emplace_back("stddev", fmt::format("stddev_samp({}){}", name, finite));
    }
    if (column.type == ColumnType::kText) {
      for (const auto& [key, aggregate] :
           {std::pair{"min_length", "min"}, std::pair{"mean_length", "avg"},
            std::pair{"max_length", "max"}}) {
        items.emplace_back(key, fmt::format("{}(length({}))", aggregate, name));
      }
    }
    return items;
  }

  // One scan for the aggregates of all columns.
  Status Summarize() {
    std::string items = "count(*)";
    for (const duckdb::Column& column : columns_) {
      for (const auto& [key, sql] : Aggregates(column)) items += ", " + sql;
    }
    CAISSON_ASSIGN(
        const duckdb::Table table,
        database_.QueryTable(context_, fmt::format("SELECT {} FROM {}", items, source_)));
    const std::vector<Json>& cells = table.rows[0];
    rows_ = cells[0].AsInt();
    size_t next = 1;
    for (const duckdb::Column& column : columns_) {
      Json summary = Json::Of({{"name", column.name}, {"type", column.type_name}});
      for (const auto& [key, sql] : Aggregates(column)) summary.Set(key, cells[next++]);
      summaries_.push_back(std::move(summary));
    }
    return OkStatus();
  }

  Status AddTopValues(const duckdb::Column& column, Json& summary) {
    const int64_t distinct = summary["distinct"].AsInt();
    if (distinct == 0 || distinct > kMaxListed || column.type == ColumnType::kOther)
      return OkStatus();
    CAISSON_ASSIGN(
        const duckdb::Table table,
        database_.QueryTable(
            context_, fmt::format("SELECT {0}, count(*) AS n FROM {1} WHERE {0} IS NOT NULL GROUP "
                                  "BY {0} ORDER BY n DESC, {0} LIMIT {2}",
                                  duckdb::QuoteName(column.name), source_, kTopValues)));
    Json top = Json::MakeArray();
    for (const auto& row : table.rows) top.Append(Json::Of({{"value", row[0]}, {"count", row[1]}}));
    summary.Set("top", std::move(top));
    return OkStatus();
  }

  // The narrowest class of characters that all values are made of, where there is one.
  Status AddCharacters(const duckdb::Column& column, Json& summary) {
    if (column.type != ColumnType::kText || summary["top"].empty()) return OkStatus();
    const std::string name = duckdb::QuoteName(column.name);
    std::string items;
    for (const std::string_view characters : kCharacters) {
      items += fmt::format("{}bool_and(regexp_full_match(value, '{}+'))", items.empty() ? "" : ", ",
                           characters);
    }
    CAISSON_ASSIGN(
        const duckdb::Table table,
        database_.QueryTable(context_, fmt::format("SELECT {0} FROM (SELECT DISTINCT {1} AS value "
                                                   "FROM {2} WHERE {1} IS NOT NULL)",
                                                   items, name, source_)));
    for (size_t i = 0; i < std::size(kCharacters); ++i) {
      if (!table.rows[0][i].AsBool()) continue;
      summary.Set("characters", kCharacters[i]);
      return OkStatus();
    }
    return OkStatus();
  }

  // Quantiles first, since they give the histogram its edges.
  Status AddHistogram(const duckdb::Column& column, Json& summary) {
    const std::string name = duckdb::QuoteName(column.name);
    const bool time = IsTime(column.type);
    const std::string number =
        fmt::format(fmt::runtime(time ? "epoch({})" : "CAST({} AS DOUBLE)"), name);
    const std::string finite =
        fmt::format("{} WHERE {} IS NOT NULL AND isfinite({})", source_, name, number);
    // One list of quantiles keeps the values once. Times have no mean of two neighbours.
    const std::string quantiles_sql =
        time ? fmt::format("quantile_disc({}, [{}])", name, fmt::join(kQuantiles, ", "))
             : fmt::format("quantile_cont({}, [{}])", number, fmt::join(kQuantiles, ", "));
    std::string items = time ? "least, epoch(q[1]), epoch(q[-1]), greatest"
                             : std::string("least, q[1], q[-1], greatest");
    for (size_t i = 1; i <= std::size(kQuantiles); ++i) items += fmt::format(", q[{}]", i);
    CAISSON_ASSIGN(
        const duckdb::Table table,
        database_.QueryTable(
            context_,
            fmt::format("SELECT {0} FROM (SELECT min({1}) AS least, max({1}) AS greatest, "
                        "{2} AS q FROM {3})",
                        items, number, quantiles_sql, finite)));
    const std::vector<Json>& cells = table.rows[0];
    if (cells[0].is_null()) return OkStatus();
    Json quantiles = Json::MakeObject();
    for (size_t i = 0; i < std::size(kQuantiles); ++i) quantiles.Set(kQuantiles[i], cells[4 + i]);
    summary.Set("quantiles", std::move(quantiles));
    return CountBins(
        number, finite,
        {cells[0].AsDouble(), cells[1].AsDouble(), cells[2].AsDouble(), cells[3].AsDouble()},
        summary);
  }

  struct Range {
    double min, low, high, max;
  };

  Status CountBins(const std::string& number, const std::string& from, const Range& range,
                   Json& summary) {
    const double width = (range.high - range.low) / kBins;
    const std::string bin =
        width > 0 ? fmt::format("least({}, greatest(0, floor(({} - {}) / {})))", kBins - 1, number,
                                FormatDouble(range.low), FormatDouble(width))
                  : std::string("0");
    CAISSON_ASSIGN(
        const duckdb::Table table,
        database_.QueryTable(
            context_,
            fmt::format("SELECT CAST({} AS INTEGER) AS bin, count(*) FROM {} GROUP BY bin "
                        "ORDER BY bin",
                        bin, from)));
    const int bins = width > 0 ? kBins : 1;
    std::vector<int64_t> counts(static_cast<size_t>(bins), 0);
    for (const auto& row : table.rows) counts[static_cast<size_t>(row[0].AsInt())] = row[1].AsInt();
    std::vector<double> edges = {range.min};
    for (int i = 1; i < bins; ++i) edges.push_back(range.low + width * i);
    edges.push_back(range.max);
    summary.Set("histogram",
                Json::Of({{"edges", Json::ArrayOf(edges)}, {"counts", Json::ArrayOf(counts)}}));
    return OkStatus();
  }

  const Context& context_;
  duckdb::Database& database_;
  const std::string source_;
  std::vector<duckdb::Column> columns_;
  std::vector<Json> summaries_;
  int64_t rows_ = 0;
};

}  // namespace

Result<TableDescription> DescribeTable(const Context& context, duckdb::Database& database,
                                       const std::string& path) {
  CAISSON_ASSIGN(std::string source, SourceExpression(path));
  Result<TableDescription> description = Profiler(context, database, std::move(source)).Run();
  if (description.ok()) return description;
  CAISSON_TRY(context.Check());
  const Status& status = description.status();
  const bool about_file =
      status.code() == StatusCode::kInvalidArgument || status.code() == StatusCode::kUnavailable;
  return Status(about_file ? StatusCode::kDataLoss : status.code(),
                fmt::format("{} cannot be read: {}", path, Message(status)));
}

}  // namespace caisson::data
