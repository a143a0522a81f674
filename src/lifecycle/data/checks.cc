#include "lifecycle/data/checks.h"

#include <chrono>
#include <map>

#include "base/files.h"
#include "base/strings.h"
#include "lifecycle/data/internal/check_kind.h"
#include "lifecycle/data/internal/check_sql.h"

namespace caisson::data {
namespace {

using internal::Form;
using internal::Kind;
using internal::Plan;
using internal::Scope;
using internal::Subject;

constexpr size_t kExamples = 5;
constexpr std::string_view kView = "temp.data";

// DuckDB adds a piece of the statement, which the user has not written.
std::string WithoutStatement(const std::string& message) {
  return message.substr(0, message.find(" (line "));
}

// One run of a suite over one table.
class CheckRunner {
 public:
  CheckRunner(const Context& context, duckdb::Database& database, const CheckSuite& suite,
              const std::string& source)
      : context_(context),
        database_(database),
        suite_(suite),
        source_(source),
        plans_(suite.checks.size()) {}

  Result<CheckReport> Run() {
    const auto start = std::chrono::steady_clock::now();
    CAISSON_TRY(OpenSource());
    const Status status = RunAll();
    // With a context of its own: the caller's may be over.
    (void)database_.Execute(
        Context::Background(),
        fmt::format("DROP VIEW IF EXISTS {}; DROP TABLE IF EXISTS temp.found", kView));
    CAISSON_TRY(status);
    report_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return std::move(report_);
  }

 private:
  Status OpenSource() {
    report_.suite = suite_.name;
    report_.source = source_;
    const bool is_file = source_.find_first_of("./") != std::string::npos;
    if (is_file) {
      CAISSON_TRY(StatFile(source_).status());
      CAISSON_ASSIGN(relation_, SourceExpression(source_));
    } else {
      relation_ = duckdb::QuoteName(source_);
    }
    const Status made = database_.Execute(
        context_, fmt::format("CREATE OR REPLACE TEMP VIEW data AS SELECT * FROM {}", relation_));
    if (!made.ok()) return Unreadable(made, "");
    Result<std::vector<duckdb::Column>> columns =
        database_.Describe(context_, fmt::format("SELECT * FROM {}", kView));
    if (!columns.ok()) return Unreadable(columns.status(), "");
    columns_ = *std::move(columns);
    return OkStatus();
  }

  Status RunAll() {
    MakePlans();
    std::map<std::string, std::vector<size_t>> scans;  // by `where`
    for (size_t i = 0; i < plans_.size(); ++i) {
      if (!plans_[i].has_value() || plans_[i]->form == Form::kDecided) continue;
      if (plans_[i]->query.empty()) scans[suite_.checks[i].where].push_back(i);
    }
    scans.try_emplace("");  // counts the rows
    for (const auto& [where, checks] : scans) {
      CAISSON_TRY(Scan(where, checks));
    }
    for (size_t i = 0; i < plans_.size(); ++i) {
      if (plans_[i].has_value() && plans_[i]->form != Form::kDecided && !plans_[i]->query.empty()) {
        CAISSON_TRY(RunOwnQuery(i));
      }
    }
    report_.passed =
        std::all_of(report_.results.begin(), report_.results.end(), [](const CheckResult& result) {
          return result.passed || result.check.severity == Severity::kWarn;
        });
    return OkStatus();
  }

  // A check that cannot be made into a plan fails at once, with the reason.
  void MakePlans() {
    for (size_t i = 0; i < suite_.checks.size(); ++i) {
      const Check& check = suite_.checks[i];
      report_.results.push_back({.check = check});
      Result<Plan> plan = MakePlan(check);
      if (!plan.ok()) {
        NotComputed(i, Message(plan.status()));
        continue;
      }
      CheckResult& result = report_.results[i];
      result.expected = plan->expected;
      if (check.mostly < 1)
        result.expected +=
            fmt::format(" for at least {} %", internal::Readable(check.mostly * 100));
      if (!check.where.empty()) result.expected += " where " + check.where;
      if (plan->form == Form::kDecided) {
        result.passed = plan->passed;
        result.observed = plan->observed;
      }
      plans_[i] = *std::move(plan);
    }
  }

  Result<Plan> MakePlan(const Check& check) {
    const Kind* kind =
        internal::FindKind(check.column.empty() ? Scope::kTable : Scope::kColumn, check.kind);
    if (kind == nullptr) return InvalidArgument("unknown check `{}`", check.kind);
    Subject subject{context_, database_,         check,   columns_,     "",
                    "",       RelationOf(check), source_, suite_.folder};
    if (!check.column.empty()) {
      const duckdb::Column* column = FindColumn(check.column);
      if (column == nullptr) return MissingColumn(check.column);
      subject.column = duckdb::QuoteName(check.column);
      subject.type = column->type_name;
    }
    for (const internal::Parameter& parameter : kind->parameters) {
      // `columns` says itself which names are missing.
      if (parameter.type != internal::ParameterType::kNames || parameter.name == "names" ||
          parameter.name == "to")
        continue;
      for (const Json& name : check.parameters[parameter.name].array()) {
        if (FindColumn(name.AsString()) == nullptr) return MissingColumn(name.AsString());
      }
    }
    return kind->compile(subject);
  }

  static std::string RelationOf(const Check& check) {
    if (check.where.empty()) return std::string(kView);
    return fmt::format("(SELECT * FROM {} WHERE {})", kView, internal::Bracket(check.where));
  }

  const duckdb::Column* FindColumn(const std::string& name) const {
    for (const duckdb::Column& column : columns_) {
      if (column.name == name) return &column;
    }
    return nullptr;
  }

  Status MissingColumn(const std::string& name) const {
    std::vector<std::string> names;
    for (const duckdb::Column& column : columns_) names.push_back(column.name);
    const auto near = NearestName(name, names);
    return NotFound("there is no column {}{}; the columns are {}", name,
                    near.has_value() ? fmt::format(" (did you mean '{}'?)", *near) : "",
                    Join(names, ", "));
  }

  // All checks with the same condition on rows in one pass over the file.
  Status Scan(const std::string& where, const std::vector<size_t>& checks) {
    std::string items = "count(*)";
    for (const size_t i : checks)
      items += fmt::format(", {}, {}", plans_[i]->first, plans_[i]->second);
    const std::string condition = where.empty() ? "" : " WHERE " + internal::Bracket(where);
    const std::string statement = fmt::format("SELECT {} FROM {}{}", items, kView, condition);
    const Result<duckdb::Table> table = database_.QueryTable(context_, statement);
    CAISSON_TRY(context_.Check());
    if (!table.ok()) {
      CAISSON_TRY(FindDamage());
      return ScanOneByOne(where, checks, table.status());
    }
    const std::vector<Json>& cells = table->rows[0];
    if (where.empty()) report_.row_count = cells[0].AsInt();
    for (size_t k = 0; k < checks.size(); ++k) {
      Judge(checks[k], cells[1 + 2 * k], cells[2 + 2 * k]);
      CAISSON_TRY(FetchExamples(checks[k]));
    }
    return OkStatus();
  }

  // One check that does not compile, say a mean of texts, fails the statement of all; each then
  // shows for itself.
  Status ScanOneByOne(const std::string& where, const std::vector<size_t>& checks,
                      const Status& failure) {
    if (checks.empty()) return failure;
    if (checks.size() > 1 || where.empty()) {
      for (const size_t i : checks) CAISSON_TRY(Scan(where.empty() ? "true" : where, {i}));
      return where.empty() ? Scan("", {}) : OkStatus();
    }
    NotComputed(checks[0], Message(failure));
    return OkStatus();
  }

  Result<duckdb::Table> AskOwnQuery(const Plan& plan) {
    if (!plan.table.empty()) {
      CAISSON_TRY(database_.Execute(
          context_, fmt::format("CREATE OR REPLACE TEMP TABLE found AS {}", plan.table)));
    }
    return database_.QueryTable(context_, plan.query);
  }

  Status RunOwnQuery(size_t i) {
    const Result<duckdb::Table> table = AskOwnQuery(*plans_[i]);
    CAISSON_TRY(context_.Check());
    if (!table.ok()) {
      CAISSON_TRY(FindDamage());
      NotComputed(i, Message(table.status()));
    } else if (table->rows.empty()) {
      Judge(i, Json(), Json(false));
    } else {
      Judge(i, table->rows[0][0], table->rows[0][1]);
    }
    return FetchExamples(i);
  }

  void NotComputed(size_t i, const std::string& reason) {
    CheckResult& result = report_.results[i];
    result.passed = false;
    result.computed = false;
    result.observed = WithoutStatement(reason);
  }

  void Judge(size_t i, const Json& first, const Json& second) {
    CheckResult& result = report_.results[i];
    const Plan& plan = *plans_[i];
    if (plan.form == Form::kValue) {
      result.passed = second.AsBool();
      result.observed = first.is_null() ? plan.label + " of no values"
                                        : plan.label + " " + internal::Readable(first);
      return;
    }
    result.failed_rows = first.AsInt();
    result.checked_rows = second.AsInt();
    // The share of good rows, in whole rows: 0.9999 of 10,000 allows exactly one.
    const double allowed = (1 - result.check.mostly) * static_cast<double>(result.checked_rows);
    result.passed = static_cast<double>(result.failed_rows) <= allowed + 1e-6;
    result.observed = result.failed_rows == 0
                          ? fmt::format("all {} rows", HumanCount(result.checked_rows))
                          : fmt::format("{} of {} rows fail", HumanCount(result.failed_rows),
                                        HumanCount(result.checked_rows));
  }

  // Up to five failing rows, the check's own column first.
  Status FetchExamples(size_t i) {
    CheckResult& result = report_.results[i];
    if (plans_[i]->examples.empty() || result.failed_rows == 0) return OkStatus();
    const Result<duckdb::Table> table = database_.QueryTable(
        context_, fmt::format("SELECT * FROM ({}\n) LIMIT {}", plans_[i]->examples, kExamples));
    CAISSON_TRY(context_.Check());
    if (!table.ok()) return OkStatus();  // the count stands without them
    for (const auto& row : table->rows) {
      result.examples.push_back(ExampleOf(table->columns, row, result.check.column));
    }
    if (result.check.column.empty() || result.examples.empty()) return OkStatus();
    result.observed += fmt::format(", for example {}",
                                   internal::Readable(result.examples[0][result.check.column]));
    return OkStatus();
  }

  static Json ExampleOf(const std::vector<duckdb::Column>& columns, const std::vector<Json>& row,
                        const std::string& first) {
    Json example = Json::MakeObject();
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].name == first) example.Set(first, row[i]);
    }
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i].name != first) example.Set(columns[i].name, row[i]);
    }
    return example;
  }

  // Whether a query failed because the file itself cannot be read, and in which column. Reads
  // everything once.
  Status FindDamage() {
    if (damage_sought_) return OkStatus();
    damage_sought_ = true;
    for (const duckdb::Column& column : columns_) {
      const Result<duckdb::Table> table = database_.QueryTable(
          context_,
          fmt::format("SELECT bit_xor(hash({})) FROM {}", duckdb::QuoteName(column.name), kView));
      CAISSON_TRY(context_.Check());
      if (!table.ok()) return Unreadable(table.status(), column.name);
    }
    return OkStatus();
  }

  Status Unreadable(const Status& status, const std::string& column) const {
    CAISSON_TRY(context_.Check());
    const StatusCode code = status.code();
    const std::string what =
        column.empty() ? source_ : fmt::format("{}, column {},", source_, column);
    const std::string text =
        fmt::format("{} cannot be read: {}", what, WithoutStatement(Message(status)));
    // What says nothing about the file keeps its own code.
    const bool about_file = code == StatusCode::kInvalidArgument ||
                            code == StatusCode::kUnavailable || code == StatusCode::kInternal;
    return Status(about_file ? StatusCode::kDataLoss : code, text);
  }

  const Context& context_;
  duckdb::Database& database_;
  const CheckSuite& suite_;
  const std::string& source_;
  std::string relation_;
  std::vector<duckdb::Column> columns_;
  std::vector<std::optional<Plan>> plans_;  // nothing for a check that failed before
  CheckReport report_;
  bool damage_sought_ = false;
};

}  // namespace

Result<CheckReport> RunChecks(const Context& context, duckdb::Database& database,
                              const CheckSuite& suite, const std::string& source) {
  return CheckRunner(context, database, suite, source).Run();
}

}  // namespace caisson::data
