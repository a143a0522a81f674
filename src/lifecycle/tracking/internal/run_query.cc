#include "lifecycle/tracking/internal/run_query.h"

#include "base/hash.h"
#include "lifecycle/tracking/internal/store_impl.h"

namespace caisson::tracking::internal {
namespace {

// A condition that at most this many rows meet is worth starting from.
constexpr int64_t kFewRows = 2'000;

constexpr std::string_view kStatusText =
    "CASE r.status WHEN 1 THEN 'RUNNING' WHEN 2 THEN 'SCHEDULED' WHEN 3 THEN 'FINISHED' WHEN 4 "
    "THEN 'FAILED' ELSE 'KILLED' END";

std::string_view AttributeColumn(std::string_view key) {
  if (key == "start_time" || key == "created" || key == "Created") return "r.start_time";
  if (key == "end_time") return "r.end_time";
  if (key == "status") return kStatusText;
  if (key == "user_id") return "r.user_id";
  if (key == "artifact_uri") return "r.artifact_uri";
  if (key == "run_id") return "r.run_id";
  return "r.name";
}

bool IsNumberAttribute(std::string_view key) {
  return key == "start_time" || key == "end_time" || key == "created" || key == "Created";
}

bool IsNullTest(Comparator comparator) {
  return comparator == Comparator::kIsNull || comparator == Comparator::kIsNotNull;
}

// A metric's value against a number. NaN is stored as 0 with a flag: it meets "!=" and nothing
// else.
void AddMetricCondition(SqlBuilder& sql, const std::string& alias, const Comparison& comparison) {
  const bool unequal = comparison.comparator == Comparator::kNotEqual;
  sql.Add("(");
  AddNumberCondition(sql, alias + ".value", comparison, false);
  sql.Add(unequal ? " OR " : " AND ").Add(alias).Add(unequal ? ".is_nan = 1)" : ".is_nan = 0)");
}

void AddDatasetCondition(SqlBuilder& sql, const Comparison& comparison) {
  sql.Add(
      "EXISTS (SELECT 1 FROM tracking_inputs i JOIN tracking_datasets d ON d.dataset_key = "
      "i.dataset_key ");
  if (comparison.key == "context") {
    sql.Add("JOIN tracking_input_tags t ON t.input_key = i.input_key AND t.key = ")
        .Bind(kDatasetContextTag)
        .Add(" AND ");
    AddTextCondition(sql, "t.value", comparison);
    sql.Add(" WHERE i.run_key = r.run_key)");
    return;
  }
  sql.Add("WHERE i.run_key = r.run_key AND ");
  AddTextCondition(sql, "d." + comparison.key, comparison);
  sql.Add(")");
}

void AddCondition(SqlBuilder& sql, const RunCondition& condition) {
  const Comparison& comparison = condition.comparison;
  sql.Add(" AND ");
  if (comparison.entity == FilterEntity::kAttribute) {
    if (IsNumberAttribute(comparison.key)) {
      AddNumberCondition(sql, AttributeColumn(comparison.key), comparison, true);
    } else {
      AddTextCondition(sql, AttributeColumn(comparison.key), comparison);
    }
    return;
  }
  if (comparison.entity == FilterEntity::kDataset) return AddDatasetCondition(sql, comparison);
  const std::string_view table = comparison.entity == FilterEntity::kMetric
                                     ? "tracking_latest_metrics"
                                 : comparison.entity == FilterEntity::kParameter ? "tracking_params"
                                                                                 : "tracking_tags";
  if (comparison.comparator == Comparator::kIsNull) sql.Add("NOT ");
  sql.Add("EXISTS (SELECT 1 FROM ")
      .Add(table)
      .Add(" f WHERE f.run_key = r.run_key AND f.key_id = ")
      .Bind(condition.key_id);
  if (!IsNullTest(comparison.comparator)) {
    sql.Add(" AND ");
    if (comparison.entity == FilterEntity::kMetric) {
      AddMetricCondition(sql, "f", comparison);
    } else {
      AddTextCondition(sql, "f.value", comparison);
    }
  }
  sql.Add(")");
}

void AddConditions(SqlBuilder& sql, const RunQuery& query, const RunCondition* except) {
  for (const RunCondition& condition : query.conditions) {
    if (&condition != except) AddCondition(sql, condition);
  }
}

void AddScope(SqlBuilder& sql, const RunQuery& query, const std::string& experiment_column) {
  if (query.experiment_ids.size() == 1) {
    sql.Add(experiment_column).Add(" = ").Bind(query.experiment_ids[0]);
  } else {
    sql.Add(experiment_column).Add(" IN ").BindList(query.experiment_ids);
  }
  if (query.view != ViewType::kAll)
    sql.Add(query.view == ViewType::kActiveOnly ? " AND r.lifecycle = 0" : " AND r.lifecycle = 1");
}

// Adds the sort columns of the order from `first` on, and the joins that they need.
void AddOrderColumns(const RunQuery& query, size_t first, SqlBuilder& joins,
                     std::vector<SortColumn>& columns) {
  bool by_start_time = false;
  for (size_t i = 0; i < query.order.size(); ++i) {
    const OrderKey& key = query.order[i].key;
    if (key.entity == FilterEntity::kAttribute && AttributeColumn(key.key) == "r.start_time")
      by_start_time = true;
    if (i < first) continue;
    if (key.entity == FilterEntity::kAttribute) {
      const std::string column(AttributeColumn(key.key));
      if (column == "r.end_time") {
        columns.push_back({"CASE WHEN r.end_time IS NULL THEN 1 ELSE 0 END", true});
        columns.push_back({"COALESCE(r.end_time, 0)", key.ascending});
      } else {
        columns.push_back({column, key.ascending, !IsNumberAttribute(key.key)});
      }
      continue;
    }
    const std::string alias = fmt::format("o{}", i);
    const bool metric = key.entity == FilterEntity::kMetric;
    joins.Add(" LEFT JOIN ")
        .Add(metric                                   ? "tracking_latest_metrics "
             : key.entity == FilterEntity::kParameter ? "tracking_params "
                                                      : "tracking_tags ")
        .Add(alias)
        .Add(fmt::format(" ON {0}.run_key = r.run_key AND {0}.key_id = {1}", alias,
                         query.order[i].key_id));
    if (metric) {
      columns.push_back(
          {fmt::format("CASE WHEN {0}.is_nan = 1 THEN 1 WHEN {0}.value IS NULL THEN 2 ELSE 0 END",
                       alias),
           true});
      columns.push_back({fmt::format("COALESCE({}.value, 0)", alias), key.ascending, false, true});
    } else {
      columns.push_back({fmt::format("CASE WHEN {}.value IS NULL THEN 1 ELSE 0 END", alias), true});
      columns.push_back({fmt::format("COALESCE({}.value, '')", alias), key.ascending, true});
    }
  }
  if (!by_start_time) columns.push_back({"r.start_time", false});
  columns.push_back({"r.run_id", true, true});
}

// Runs a statement whose columns are the run's key and the sort values, and appends to the page.
Status ReadKeys(sql::Session& session, const SqlBuilder& sql,
                const std::vector<SortColumn>& columns, int phase, size_t limit, RunKeyPage& page) {
  Json last;
  bool more = false;
  CAISSON_TRY(session.Query(sql.text(), sql.parameters(), [&](const sql::Row& row) {
    if (page.run_keys.size() == limit) {
      more = true;
      return OkStatus();
    }
    page.run_keys.push_back(row.Int(0));
    if (page.run_keys.size() == limit) last = SortValues(row, 1, columns);
    return OkStatus();
  }));
  if (more) page.next = Json::Of({{"phase", phase}, {"after", last}});
  return OkStatus();
}

void AddSelect(SqlBuilder& sql, const std::vector<SortColumn>& columns) {
  sql.Add("SELECT r.run_key");
  for (const SortColumn& column : columns) sql.Add(", ").Add(column.expression);
}

Status FinishStatement(SqlBuilder& sql, const std::vector<SortColumn>& columns, const Json& token,
                       size_t wanted) {
  if (!token.is_null()) CAISSON_TRY(AddKeysetCondition(sql, columns, token["after"]));
  AddOrder(sql, columns);
  sql.Add(" LIMIT ").Bind(static_cast<int64_t>(wanted) + 1);
  return OkStatus();
}

// --- Ordered by a metric: three phases. ---

enum Phase : int { kNumbers = 0, kNotANumber = 1, kMissing = 2, kOnePass = 3 };

// A condition on the metric that the order is by, which the walk along its index can check itself.
const RunCondition* SameMetricCondition(const RunQuery& query) {
  for (const RunCondition& condition : query.conditions) {
    if (condition.comparison.entity == FilterEntity::kMetric &&
        condition.key_id == query.order[0].key_id)
      return &condition;
  }
  return nullptr;
}

Status ReadMetricPhase(sql::Session& session, const RunQuery& query, Phase phase, const Json& token,
                       size_t limit, RunKeyPage& page) {
  const RunOrder& order = query.order[0];
  const RunCondition* same = SameMetricCondition(query);
  std::vector<SortColumn> columns;
  if (phase == kNumbers) columns.push_back({"m.value", order.key.ascending, false, true});
  SqlBuilder joins;
  AddOrderColumns(query, 1, joins, columns);
  SqlBuilder sql;
  AddSelect(sql, columns);
  if (phase == kMissing) {
    sql.Add(" FROM tracking_runs r").Add(joins.text()).Add(" WHERE ");
    AddScope(sql, query, "r.experiment_id");
    sql.Add(
           " AND NOT EXISTS (SELECT 1 FROM tracking_latest_metrics m WHERE m.run_key = r.run_key "
           "AND m.key_id = ")
        .Bind(order.key_id)
        .Add(")");
    AddConditions(sql, query, nullptr);
  } else {
    sql.Add(" FROM tracking_latest_metrics m CROSS JOIN tracking_runs r")
        .Add(joins.text())
        .Add(" WHERE ");
    AddScope(sql, query, "m.experiment_id");
    sql.Add(" AND m.key_id = ")
        .Bind(order.key_id)
        .Add(phase == kNumbers ? " AND m.is_nan = 0" : " AND m.is_nan = 1");
    sql.Add(" AND r.run_key = m.run_key");
    if (same != nullptr && phase == kNumbers) {
      sql.Add(" AND ");
      AddNumberCondition(sql, "m.value", same->comparison, false);
    }
    AddConditions(sql, query, same);
  }
  CAISSON_TRY(FinishStatement(sql, columns, token, limit - page.run_keys.size()));
  return ReadKeys(session, sql, columns, phase, limit, page);
}

// The condition on the ordering metric says which phases can have rows.
bool PhaseHasRows(const RunQuery& query, Phase phase) {
  const RunCondition* same = SameMetricCondition(query);
  if (same == nullptr || phase == kNumbers) return true;
  return phase == kNotANumber && same->comparison.comparator == Comparator::kNotEqual;
}

Result<RunKeyPage> FindByMetric(sql::Session& session, const RunQuery& query, const Json& token,
                                size_t limit) {
  RunKeyPage page;
  Json resume = token;
  for (int phase = token.is_null() ? kNumbers : static_cast<int>(token["phase"].AsInt());
       phase <= kMissing; ++phase) {
    if (page.run_keys.size() == limit) {
      // Full at the end of a phase: the next one starts from its beginning, if anything is there.
      RunKeyPage probe;
      if (PhaseHasRows(query, static_cast<Phase>(phase))) {
        CAISSON_TRY(ReadMetricPhase(session, query, static_cast<Phase>(phase), Json(), 1, probe));
      }
      if (probe.run_keys.empty()) continue;
      page.next = Json::Of({{"phase", phase}, {"after", Json()}});
      return page;
    }
    if (PhaseHasRows(query, static_cast<Phase>(phase))) {
      const bool from_start = resume.is_null() || resume["after"].is_null();
      CAISSON_TRY(ReadMetricPhase(session, query, static_cast<Phase>(phase),
                                  from_start ? Json() : resume, limit, page));
      if (!page.next.is_null()) return page;
    }
    resume = Json();
  }
  return page;
}

// --- Any other order: one statement. ---

// Whether few rows meet a condition, counted along its index and given up early.
Result<bool> MeetsFew(sql::Session& session, const RunQuery& query, const RunCondition& condition) {
  const Comparison& comparison = condition.comparison;
  SqlBuilder sql;
  sql.Add("SELECT COUNT(*) FROM (SELECT 1 FROM ");
  if (comparison.entity == FilterEntity::kMetric &&
      comparison.comparator != Comparator::kNotEqual) {
    sql.Add("tracking_latest_metrics m WHERE m.experiment_id = ").Bind(query.experiment_ids[0]);
    sql.Add(" AND m.key_id = ").Bind(condition.key_id).Add(" AND m.is_nan = 0 AND ");
    AddNumberCondition(sql, "m.value", comparison, false);
  } else if ((comparison.entity == FilterEntity::kParameter ||
              comparison.entity == FilterEntity::kTag) &&
             comparison.comparator == Comparator::kEqual) {
    sql.Add(comparison.entity == FilterEntity::kParameter ? "tracking_params" : "tracking_tags")
        .Add(" m WHERE m.key_id = ");
    sql.Bind(condition.key_id).Add(" AND m.value_hash = ").Bind(ValueHash(comparison.text));
  } else {
    return false;
  }
  sql.Add(" LIMIT ").Bind(kFewRows + 1).Add(") few");
  CAISSON_ASSIGN(const std::optional<int64_t> count,
                 session.QueryOne<int64_t>(sql.text(), sql.parameters(),
                                           [](const sql::Row& row) { return row.Int(0); }));
  return count.value_or(0) <= kFewRows;
}

// FROM and the condition that the walk starts from.
void AddStart(SqlBuilder& sql, const RunQuery& query, const RunCondition* start,
              const SqlBuilder& joins) {
  if (start == nullptr) {
    sql.Add(" FROM tracking_runs r").Add(joins.text()).Add(" WHERE ");
    AddScope(sql, query, "r.experiment_id");
    return;
  }
  const Comparison& comparison = start->comparison;
  const bool metric = comparison.entity == FilterEntity::kMetric;
  const std::string_view table = metric ? "tracking_latest_metrics"
                                 : comparison.entity == FilterEntity::kParameter ? "tracking_params"
                                                                                 : "tracking_tags";
  sql.Add(" FROM ")
      .Add(table)
      .Add(" m CROSS JOIN tracking_runs r")
      .Add(joins.text())
      .Add(" WHERE ");
  if (metric) sql.Add("m.experiment_id = ").Bind(query.experiment_ids[0]).Add(" AND ");
  sql.Add("m.key_id = ").Bind(start->key_id).Add(" AND ");
  if (metric) {
    sql.Add("m.is_nan = 0 AND ");
    AddNumberCondition(sql, "m.value", comparison, false);
  } else {
    sql.Add("m.value_hash = ").Bind(ValueHash(comparison.text)).Add(" AND ");
    AddTextCondition(sql, "m.value", comparison);
  }
  // The plus keeps the planner from walking the runs' own index instead.
  sql.Add(" AND r.run_key = m.run_key AND ");
  AddScope(sql, query, "+r.experiment_id");
}

Result<RunKeyPage> FindInOnePass(sql::Session& session, const RunQuery& query, const Json& token,
                                 size_t limit) {
  const RunCondition* start = nullptr;
  if (query.experiment_ids.size() == 1) {
    for (const RunCondition& condition : query.conditions) {
      CAISSON_ASSIGN(const bool few, MeetsFew(session, query, condition));
      if (few) {
        start = &condition;
        break;
      }
    }
  }
  std::vector<SortColumn> columns;
  SqlBuilder joins;
  AddOrderColumns(query, 0, joins, columns);
  SqlBuilder sql;
  AddSelect(sql, columns);
  AddStart(sql, query, start, joins);
  AddConditions(sql, query, start);
  CAISSON_TRY(FinishStatement(sql, columns, token, limit));
  RunKeyPage page;
  CAISSON_TRY(ReadKeys(session, sql, columns, kOnePass, limit, page));
  return page;
}

}  // namespace

Result<RunCondition> MakeRunCondition(sql::Session& session, KeyCache& keys,
                                      const Comparison& comparison) {
  RunCondition condition;
  condition.comparison = comparison;
  Comparison& own = condition.comparison;
  const bool attribute = own.entity == FilterEntity::kAttribute;
  if (attribute && (own.key == "run_name" || own.key == "run name" || own.key == "Run name" ||
                    own.key == "Run Name")) {
    own.entity = FilterEntity::kTag;
    own.key = kRunNameTag;
  }
  if (own.entity == FilterEntity::kMetric || own.entity == FilterEntity::kParameter ||
      own.entity == FilterEntity::kTag) {
    CAISSON_ASSIGN(condition.key_id, keys.Find(session, own.key));
  }
  return condition;
}

Result<RunOrder> MakeRunOrder(sql::Session& session, KeyCache& keys, std::string_view text) {
  RunOrder order;
  CAISSON_ASSIGN(order.key, ParseOrderBy(FilterDialect::kRuns, text));
  if (order.key.entity == FilterEntity::kAttribute &&
      (order.key.key == "created" || order.key.key == "Created")) {
    order.key.key = "start_time";
  }
  if (order.key.entity == FilterEntity::kDataset)
    return InvalidArgument("Invalid identifier type 'dataset'");
  if (order.key.entity != FilterEntity::kAttribute) {
    CAISSON_ASSIGN(order.key_id, keys.Find(session, order.key.key));
  }
  return order;
}

Result<RunKeyPage> FindRunKeys(sql::Session& session, const RunQuery& query, const Json& token,
                               size_t limit) {
  const bool by_metric = !query.order.empty() &&
                         query.order[0].key.entity == FilterEntity::kMetric &&
                         query.experiment_ids.size() == 1;
  if (by_metric) return FindByMetric(session, query, token, limit);
  return FindInOnePass(session, query, token, limit);
}

}  // namespace caisson::tracking::internal
