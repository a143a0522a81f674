// Does a feature know the future? A script is run again with other labels, and must not notice.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "lifecycle/data/query_script.h"

namespace caisson::data {

// What to look at. For a moment T, the labels of all rows at or after T are mirrored (the least
// plus the greatest value, less the row's own), the script runs again, and every column but the
// target of every row up to T plus the horizon must be as before: nothing that these rows are
// described by may depend on a label that was not yet known.
struct LeakCheck {
  QueryScript script;  // `outputs` is not used
  std::string input;   // the input with the labels; empty: the only one
  std::string time;    // the column with a row's time, in the input and in what is compared
  std::string label;   // the column that is mirrored: a number or a boolean
  std::string target;  // the column that may change; empty: the label's name
  Duration horizon{0};
  // How far back from the last such row of a relation rows are compared; zero: all. A script treats
  // its rows alike, so that the last ones tell, at a fraction of the cost.
  Duration window = std::chrono::days(7);
  // Which of the script's relations to compare; empty: all that have the time and the target and,
  // unless it is the target, not the label.
  std::vector<std::string> relations;
  // The moments, as DuckDB reads times; empty: three quantiles of the input's times.
  std::vector<std::string> moments;
  // Told what is being done, on the caller's thread.
  std::function<void(std::string_view)> progress;
};

struct LeakFinding {
  std::string relation;
  std::string moment;
  int64_t rows = 0;             // compared
  int64_t rows_changed_by = 0;  // rows more or fewer than before
  struct Column {
    std::string name;
    int64_t changed = 0;
    std::string time, before, after;  // of one changed row
  };
  std::vector<Column> columns;  // those that changed
  bool leaks() const { return rows_changed_by != 0 || !columns.empty(); }
};

struct LeakReport {
  std::vector<LeakFinding> findings;  // one a moment and relation
  double seconds = 0;
  bool passed() const;
  int64_t changed_values() const;
  Json ToJson() const;
  std::string ToText() const;
};

// InvalidArgument when there is nothing to compare, no label to mirror or a column is missing.
Result<LeakReport> CheckLeakage(const Context& context, const LeakCheck& check);

}  // namespace caisson::data
