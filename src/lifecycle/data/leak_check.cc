#include "lifecycle/data/leak_check.h"

#include <chrono>
#include <map>

#include "base/files.h"
#include "base/strings.h"
#include "lifecycle/data/checks.h"
#include "lifecycle/data/internal/script_session.h"

namespace caisson::data {
namespace {

using internal::ScriptSession;

constexpr std::string_view kQuantiles = "[0.25, 0.5, 0.75]";

// Whether a column of the type can be mirrored, and how.
Result<std::string> Mirrored(const duckdb::Column& label, const std::string& source) {
  const std::string name = duckdb::QuoteName(label.name);
  if (label.type == duckdb::ColumnType::kBoolean) return "NOT " + name;
  if (label.type != duckdb::ColumnType::kInteger && label.type != duckdb::ColumnType::kDouble) {
    return InvalidArgument("the label {} is {}; a number or a boolean can be mirrored", label.name,
                           label.type_name);
  }
  return fmt::format("CAST((SELECT min({0}) + max({0}) FROM {1}) - {0} AS {2})", name, source,
                     label.type_name);
}

// One leak check. Lives for one CheckLeakage.
class LeakChecker {
 public:
  LeakChecker(const Context& context, const LeakCheck& check, TemporaryDirectory folder)
      : context_(context),
        check_(check),
        folder_(std::move(folder)),
        target_(check.target.empty() ? check.label : check.target) {}

  Result<LeakReport> Run() {
    const auto start = std::chrono::steady_clock::now();
    CAISSON_ASSIGN(text_, ReadFile(check_.script.file));
    CAISSON_TRY(FindInput());
    CAISSON_TRY(RunBefore());
    LeakReport report;
    for (const std::string& moment : moments_) {
      Report("with other labels from " + moment + " on");
      CAISSON_TRY(RunAfter(moment, report));
    }
    CAISSON_TRY(CheckCompared(report));
    report.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return report;
  }

 private:
  void Report(const std::string& text) {
    if (check_.progress) check_.progress(text);
  }

  Status FindInput() {
    if (check_.script.inputs.empty()) return InvalidArgument("give --input name=path");
    std::vector<std::string> names;
    for (const NamedFile& input : check_.script.inputs) names.push_back(input.name);
    input_ = check_.input;
    if (input_.empty() && names.size() > 1) {
      return InvalidArgument(
          "the script has {} inputs; say with --label-input which one has the "
          "labels: {}",
          names.size(), Join(names, ", "));
    }
    if (input_.empty()) input_ = names[0];
    if (std::find(names.begin(), names.end(), input_) == names.end()) {
      return InvalidArgument("there is no input {}{}", input_, SuggestName(input_, names));
    }
    return OkStatus();
  }

  // A session that has run the script; `moment` empty: with the labels as they are.
  Result<ScriptSession> RunScript(const std::string& moment) {
    CAISSON_ASSIGN(ScriptSession session,
                   ScriptSession::Open(check_.script.threads, check_.script.memory_limit));
    for (const NamedFile& input : check_.script.inputs) {
      if (!FileExists(input.path)) {
        return NotFound("the input {} is not there: {}", input.name, input.path);
      }
      CAISSON_ASSIGN(std::string source, SourceExpression(input.path));
      if (input.name == input_) {
        if (moment.empty()) CAISSON_TRY(LearnInput(session, source));
        if (!moment.empty()) source = OtherLabels(source, moment);
      }
      CAISSON_TRY(WithContext(session.DefineInput(context_, input.name, source), input.path));
    }
    CAISSON_TRY(session.Run(context_, check_.script.file, text_, check_.script.parameters));
    return session;
  }

  Status LearnInput(ScriptSession& session, const std::string& source) {
    CAISSON_ASSIGN(const std::vector<duckdb::Column> columns,
                   session.database().Describe(context_, "SELECT * FROM " + source));
    std::vector<std::string> names;
    for (const duckdb::Column& column : columns) {
      names.push_back(column.name);
      if (column.name == check_.label) {
        CAISSON_ASSIGN(mirrored_, Mirrored(column, source));
      }
      if (column.name == check_.time && column.type != duckdb::ColumnType::kTimestamp &&
          column.type != duckdb::ColumnType::kDate) {
        return InvalidArgument("the time column {} is {}; TIMESTAMP or DATE is accepted",
                               column.name, column.type_name);
      }
    }
    for (const std::string& name : {check_.time, check_.label}) {
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        return InvalidArgument("the input {} has no column {}{}", input_, name,
                               SuggestName(name, names));
      }
    }
    return ChooseMoments(session, source);
  }

  Status ChooseMoments(ScriptSession& session, const std::string& source) {
    const std::string time = fmt::format("CAST({} AS TIMESTAMP)", duckdb::QuoteName(check_.time));
    std::string query =
        fmt::format("SELECT unnest(quantile_disc({}, {})) FROM {}", time, kQuantiles, source);
    if (!check_.moments.empty()) {
      std::vector<std::string> texts;
      for (const std::string& moment : check_.moments) texts.push_back(duckdb::QuoteText(moment));
      query = fmt::format("SELECT CAST(unnest([{}]) AS TIMESTAMP)", Join(texts, ", "));
    }
    CAISSON_ASSIGN(const duckdb::Table table, session.database().QueryTable(context_, query));
    for (const auto& row : table.rows) {
      if (!row[0].is_null()) moments_.push_back(row[0].AsString());
    }
    if (moments_.empty()) return InvalidArgument("the input {} has no times", input_);
    moments_.erase(std::unique(moments_.begin(), moments_.end()), moments_.end());
    const std::string label = duckdb::QuoteName(check_.label);
    CAISSON_ASSIGN(const duckdb::Table range,
                   session.database().QueryTable(
                       context_, fmt::format("SELECT min({0}) IS DISTINCT FROM max({0}) FROM {1}",
                                             label, source)));
    if (range.rows[0][0].AsBool()) return OkStatus();
    return InvalidArgument("the label {} is the same in all rows; nothing would change",
                           check_.label);
  }

  std::string OtherLabels(const std::string& source, const std::string& moment) const {
    const std::string label = duckdb::QuoteName(check_.label);
    return fmt::format(
        "(SELECT * REPLACE (CASE WHEN CAST({} AS TIMESTAMP) >= TIMESTAMP {} THEN {} ELSE {} END AS "
        "{}) "
        "FROM {})",
        duckdb::QuoteName(check_.time), duckdb::QuoteText(moment), mirrored_, label, label, source);
  }

  // The first run; what it made is kept in files, so that its memory is free for the others.
  Status RunBefore() {
    Report("as it is");
    CAISSON_ASSIGN(ScriptSession session, RunScript(""));
    CAISSON_TRY(ChooseRelations(session));
    for (const auto& [relation, columns] : relations_) {
      CAISSON_TRY(internal::CopyTo(context_, session.database(),
                                   "SELECT * FROM " + duckdb::QuoteName(relation), Kept(relation),
                                   "before.parquet")
                      .status());
    }
    return OkStatus();
  }

  std::string Kept(const std::string& relation) const {
    const auto position = std::distance(relations_.begin(), relations_.find(relation));
    return fmt::format("{}/before-{}.parquet", folder_.path(), position);
  }

  Status ChooseRelations(ScriptSession& session) {
    CAISSON_ASSIGN(const std::vector<std::string> names, session.Relations(context_));
    for (const std::string& wanted : check_.relations) {
      if (std::find(names.begin(), names.end(), wanted) == names.end()) {
        return InvalidArgument("{} makes no table or view {}{}", check_.script.file, wanted,
                               SuggestName(wanted, names));
      }
    }
    for (const std::string& name : check_.relations.empty() ? names : check_.relations) {
      CAISSON_ASSIGN(
          const std::vector<duckdb::Column> columns,
          session.database().Describe(context_, "SELECT * FROM " + duckdb::QuoteName(name)));
      std::vector<std::string> compared;
      bool has_time = false, has_target = false, has_label = false;
      for (const duckdb::Column& column : columns) {
        has_time = has_time || column.name == check_.time;
        has_target = has_target || column.name == target_;
        has_label = has_label || (column.name == check_.label && check_.label != target_);
        if (column.name != target_ && column.name != check_.label) compared.push_back(column.name);
      }
      if (!check_.relations.empty() && !has_time) {
        return InvalidArgument("{} has no column {}", name, check_.time);
      }
      if (!check_.relations.empty() || (has_time && has_target && !has_label))
        relations_[name] = compared;
    }
    if (!relations_.empty()) return OkStatus();
    return InvalidArgument(
        "no relation of {} has the columns {} and {} and not the label {}; name one with "
        "--relation",
        check_.script.file, check_.time, target_, check_.label);
  }

  Status RunAfter(const std::string& moment, LeakReport& report) {
    CAISSON_ASSIGN(ScriptSession session, RunScript(moment));
    for (const auto& [relation, columns] : relations_) {
      // As tables: a row's place says which row of the other it is compared with.
      const std::string before = fmt::format("read_parquet({})", duckdb::QuoteText(Kept(relation)));
      const std::string compared = ComparedRows(before, moment);
      CAISSON_TRY(session.database().Execute(
          context_,
          fmt::format("CREATE OR REPLACE TEMP TABLE caisson_before AS SELECT * FROM {0} WHERE {2};"
                      "CREATE OR REPLACE TEMP TABLE caisson_after AS SELECT * FROM {1} WHERE {2}",
                      before, duckdb::QuoteName(relation), compared)));
      CAISSON_ASSIGN(LeakFinding finding, Compare(session, columns));
      finding.relation = relation;
      finding.moment = moment;
      report.findings.push_back(std::move(finding));
    }
    return OkStatus();
  }

  // SQL that is true for the rows of a relation that must not change. The bound below is worked out
  // from the first run's rows, so that both sides leave out the same.
  std::string ComparedRows(const std::string& before, const std::string& moment) const {
    const auto micros = [](Duration duration) {
      return std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
    };
    const std::string time = fmt::format("CAST({} AS TIMESTAMP)", duckdb::QuoteName(check_.time));
    const std::string known = fmt::format("{} <= TIMESTAMP {} + to_microseconds({})", time,
                                          duckdb::QuoteText(moment), micros(check_.horizon));
    if (check_.window <= Duration::zero()) return known;
    return fmt::format("{0} AND {1} > (SELECT max({1}) FROM {2} WHERE {0}) - to_microseconds({3})",
                       known, time, before, micros(check_.window));
  }

  Result<LeakFinding> Compare(ScriptSession& session, const std::vector<std::string>& columns) {
    std::string items =
        "(SELECT count(*) FROM caisson_before), (SELECT count(*) FROM caisson_after)";
    for (const std::string& column : columns) {
      items += fmt::format(", count(*) FILTER (WHERE b.{0} IS DISTINCT FROM a.{0})",
                           duckdb::QuoteName(column));
    }
    constexpr std::string_view kPairs = "caisson_before AS b POSITIONAL JOIN caisson_after AS a";
    CAISSON_ASSIGN(
        const duckdb::Table table,
        session.database().QueryTable(context_, fmt::format("SELECT {} FROM {}", items, kPairs)));
    LeakFinding finding;
    finding.rows = table.rows[0][0].AsInt();
    finding.rows_changed_by = table.rows[0][1].AsInt() - finding.rows;
    for (size_t i = 0; i < columns.size(); ++i) {
      const int64_t changed = table.rows[0][2 + i].AsInt();
      if (changed == 0) continue;
      const std::string name = duckdb::QuoteName(columns[i]);
      CAISSON_ASSIGN(
          const duckdb::Table example,
          session.database().QueryTable(
              context_, fmt::format("SELECT CAST(coalesce(b.{0}, a.{0}) AS VARCHAR), CAST(b.{1} AS "
                                    "VARCHAR), CAST(a.{1} AS VARCHAR) FROM {2} WHERE b.{1} IS "
                                    "DISTINCT FROM a.{1} LIMIT 1",
                                    duckdb::QuoteName(check_.time), name, kPairs)));
      const auto& cells = example.rows[0];
      finding.columns.push_back({columns[i], changed, cells[0].AsString(),
                                 cells[1].AsString("null"), cells[2].AsString("null")});
    }
    return finding;
  }

  // A check that looked at nothing has shown nothing.
  Status CheckCompared(const LeakReport& report) const {
    int64_t rows = 0;
    for (const LeakFinding& finding : report.findings) rows += finding.rows;
    if (rows > 0) return OkStatus();
    return InvalidArgument("no row of what {} makes lies up to {}; choose a later moment",
                           check_.script.file, moments_.back());
  }

  const Context& context_;
  const LeakCheck& check_;
  const TemporaryDirectory folder_;
  const std::string target_;
  std::string text_;
  std::string input_;
  std::string mirrored_;  // SQL
  std::vector<std::string> moments_;
  std::map<std::string, std::vector<std::string>> relations_;  // and the columns to compare
};

}  // namespace

Result<LeakReport> CheckLeakage(const Context& context, const LeakCheck& check) {
  CAISSON_ASSIGN(TemporaryDirectory folder, TemporaryDirectory::Create("caisson-leak"));
  return LeakChecker(context, check, std::move(folder)).Run();
}

bool LeakReport::passed() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](const LeakFinding& finding) { return finding.leaks(); });
}

int64_t LeakReport::changed_values() const {
  int64_t changed = 0;
  for (const LeakFinding& finding : findings) {
    for (const LeakFinding::Column& column : finding.columns) changed += column.changed;
  }
  return changed;
}

Json LeakReport::ToJson() const {
  Json list = Json::MakeArray();
  for (const LeakFinding& finding : findings) {
    Json columns = Json::MakeArray();
    for (const LeakFinding::Column& column : finding.columns) {
      columns.Append(Json::Of({{"name", column.name},
                               {"changed", column.changed},
                               {"time", column.time},
                               {"before", column.before},
                               {"after", column.after}}));
    }
    list.Append(Json::Of({{"relation", finding.relation},
                          {"moment", finding.moment},
                          {"rows", finding.rows},
                          {"rows_changed_by", finding.rows_changed_by},
                          {"columns", std::move(columns)}}));
  }
  return Json::Of({{"passed", passed()},
                   {"changed_values", changed_values()},
                   {"seconds", seconds},
                   {"findings", std::move(list)}});
}

std::string LeakReport::ToText() const {
  std::string out;
  for (const LeakFinding& finding : findings) {
    // Without rows up to the moment nothing was compared.
    const std::string_view verdict = finding.leaks() ? "LEAK" : (finding.rows == 0 ? "--" : "ok");
    out += fmt::format("{:<4}  {} at {}: {} rows", verdict, finding.relation, finding.moment,
                       HumanCount(finding.rows));
    if (finding.rows_changed_by != 0) out += fmt::format(", {:+} rows", finding.rows_changed_by);
    out += '\n';
    for (const LeakFinding::Column& column : finding.columns) {
      out += fmt::format(
          "        {}: {} values depend on labels that were not known, for example at {}: "
          "{} became {}\n",
          column.name, HumanCount(column.changed), column.time, column.before, column.after);
    }
  }
  out += passed() ? fmt::format("\nNo leak found, in {:.1f} s.\n", seconds)
                  : fmt::format("\n{} values know the future, in {:.1f} s.\n",
                                HumanCount(changed_values()), seconds);
  return out;
}

}  // namespace caisson::data
