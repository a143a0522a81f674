// Search statements: text and parameters that grow together, filters, and paging by the last row's
// sort values.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "lifecycle/tracking/search_filter.h"
#include "platform/sql/database.h"

namespace caisson::tracking {

// A statement under construction. Owns the text parameters, since sql::Value only borrows them.
// Used by one thread.
class SqlBuilder {
 public:
  SqlBuilder& Add(std::string_view text) {
    text_ += text;
    return *this;
  }
  // Adds the placeholder of a parameter: "$3".
  SqlBuilder& Bind(int64_t value);
  SqlBuilder& Bind(double value);
  SqlBuilder& Bind(std::string_view value);
  // ($4, $5, $6)
  SqlBuilder& BindList(const std::vector<std::string>& values);
  SqlBuilder& BindList(const std::vector<int64_t>& values);

  const std::string& text() const { return text_; }
  const sql::Parameters& parameters() const { return parameters_; }

 private:
  SqlBuilder& Placeholder();

  std::string text_;
  sql::Parameters parameters_;
  std::deque<std::string> texts_;
};

// Adds `column comparator value` for a text column. LIKE tells cases apart and ILIKE does not,
// whatever the engine thinks.
void AddTextCondition(SqlBuilder& sql, std::string_view column, const Comparison& comparison);
// The same for numbers. `integer` binds the value as a whole number.
void AddNumberCondition(SqlBuilder& sql, std::string_view column, const Comparison& comparison,
                        bool integer);

// One column of an order. Its expression is never null.
struct SortColumn {
  std::string expression;
  bool ascending = true;
  bool is_text = false;
  bool is_real = false;
};

// " ORDER BY a, b DESC"
void AddOrder(SqlBuilder& sql, const std::vector<SortColumn>& columns);
// Adds " AND (rows behind `last`)": the rows whose sort values come after those of the last row of
// the page before.
Status AddKeysetCondition(SqlBuilder& sql, const std::vector<SortColumn>& columns,
                          const Json& last);
// The sort values of a row that starts with them at `first_column`, for the token.
Json SortValues(const sql::Row& row, int first_column, const std::vector<SortColumn>& columns);

// Page tokens: base64 of a JSON object, opaque to clients. Decoding fails with MLflow's texts.
std::string EncodePageToken(const Json& token);
Result<Json> DecodePageToken(std::string_view token);

}  // namespace caisson::tracking
