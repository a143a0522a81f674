// The Registry's searches.
#include <algorithm>

#include "base/strings.h"
#include "lifecycle/registry/internal/registry_impl.h"
#include "lifecycle/tracking/python_text.h"
#include "lifecycle/tracking/sql_builder.h"

namespace caisson::registry {
namespace {

using tracking::Comparator;
using tracking::Comparison;
using tracking::FilterDialect;
using tracking::FilterEntity;
using tracking::SortColumn;
using tracking::SqlBuilder;

constexpr int64_t kMaxModels = 1'000;
constexpr int64_t kMaxVersions = 200'000;

bool IsPromptTag(const Comparison& comparison) {
  return comparison.entity == FilterEntity::kTag && comparison.key == internal::kIsPromptTag;
}

// Whether the filter asks for prompts; everybody else gets models only.
bool WantsPrompts(const std::vector<Comparison>& filter) {
  for (const Comparison& comparison : filter) {
    if (!IsPromptTag(comparison)) continue;
    const std::string value = ToLower(comparison.text);
    return (comparison.comparator == Comparator::kEqual && value == "true") ||
           (comparison.comparator == Comparator::kNotEqual && value == "false");
  }
  return false;
}

// Conditions on one tag key go into one semi-join; `join` ties the tag table to the outer row.
void AddTagFilters(SqlBuilder& sql, const std::vector<Comparison>& filter, bool wants_prompts,
                   std::string_view table, std::string_view join) {
  for (const Comparison& comparison : filter) {
    if (comparison.entity != FilterEntity::kTag || (!wants_prompts && IsPromptTag(comparison)))
      continue;
    sql.Add(" AND EXISTS (SELECT 1 FROM ")
        .Add(table)
        .Add(" t WHERE ")
        .Add(join)
        .Add(" AND t.key = ");
    sql.Bind(std::string_view(comparison.key)).Add(" AND ");
    AddTextCondition(sql, "t.value", comparison);
    sql.Add(")");
  }
}

void ExcludePrompts(SqlBuilder& sql, std::string_view table, std::string_view join) {
  sql.Add(" AND NOT EXISTS (SELECT 1 FROM ")
      .Add(table)
      .Add(" t WHERE ")
      .Add(join)
      .Add(" AND t.key = ");
  sql.Bind(internal::kIsPromptTag).Add(" AND t.value = 'true')");
}

Status CheckDuplicates(const std::vector<SortColumn>& columns,
                       const std::vector<std::string>& order_by) {
  for (size_t i = 0; i < columns.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (columns[i].expression != columns[j].expression) continue;
      return WithErrorId(
          Internal("`order_by` contains duplicate fields: {}", tracking::PythonReprList(order_by)),
          "INTERNAL_ERROR");
    }
  }
  return OkStatus();
}

bool Has(const std::vector<SortColumn>& columns, std::string_view expression) {
  return std::any_of(columns.begin(), columns.end(),
                     [&](const SortColumn& column) { return column.expression == expression; });
}

Result<std::vector<SortColumn>> ModelOrder(const std::vector<std::string>& order_by) {
  std::vector<SortColumn> columns;
  for (const std::string& text : order_by) {
    CAISSON_ASSIGN(const tracking::OrderKey key,
                   ParseOrderBy(FilterDialect::kRegisteredModels, text));
    const bool name = key.key == "name";
    if (!name && key.key != "timestamp" && key.key != "last_updated_timestamp") {
      return InvalidArgument(
          "Invalid order by key '{}' specified. Valid keys are '{{'name', 'timestamp'}}'", key.key);
    }
    columns.push_back({name ? "m.name" : "m.last_update_time", key.ascending, name});
  }
  CAISSON_TRY(CheckDuplicates(columns, order_by));
  if (!Has(columns, "m.name")) columns.push_back({"m.name", true, true});
  return columns;
}

Result<std::vector<SortColumn>> VersionOrder(const std::vector<std::string>& order_by) {
  const std::vector<std::string> standard = {"last_updated_timestamp DESC", "name ASC",
                                             "version_number DESC"};
  std::vector<SortColumn> columns;
  for (const std::string& text : order_by.empty() ? standard : order_by) {
    CAISSON_ASSIGN(const tracking::OrderKey key, ParseOrderBy(FilterDialect::kModelVersions, text));
    const std::string column = key.key == "name"                 ? "m.name"
                               : key.key == "version_number"     ? "v.version"
                               : key.key == "creation_timestamp" ? "v.creation_time"
                                                                 : "v.last_update_time";
    columns.push_back({column, key.ascending, key.key == "name"});
  }
  CAISSON_TRY(CheckDuplicates(columns, order_by));
  if (!Has(columns, "m.name")) columns.push_back({"m.name", true, true});
  if (!Has(columns, "v.version")) columns.push_back({"v.version", false});
  return columns;
}

Status CheckMaxResults(int64_t max_results, int64_t limit) {
  if (max_results < 1)
    return InvalidArgument(
        "Invalid value for max_results. It must be a positive integer, but got {}", max_results);
  if (max_results <= limit) return OkStatus();
  return InvalidArgument(
      "Invalid value for request parameter max_results. It must be at most {}, but got value {}",
      limit, max_results);
}

Status AddPaging(SqlBuilder& sql, const std::vector<SortColumn>& order,
                 const SearchRequest& request) {
  if (!request.page_token.empty()) {
    CAISSON_ASSIGN(const Json token, tracking::DecodePageToken(request.page_token));
    CAISSON_TRY(AddKeysetCondition(sql, order, token["after"]));
  }
  AddOrder(sql, order);
  sql.Add(" LIMIT ").Bind(request.max_results + 1);
  return OkStatus();
}

std::string NextToken(const Json& last) {
  return tracking::EncodePageToken(Json::Of({{"after", last}}));
}

}  // namespace

Result<Page<RegisteredModel>> Registry::SearchModels(const Context& context,
                                                     const SearchRequest& request) {
  CAISSON_TRY(CheckMaxResults(request.max_results, kMaxModels));
  CAISSON_ASSIGN(const std::vector<Comparison> filter,
                 ParseFilterSyntax(FilterDialect::kRegisteredModels, request.filter));
  CAISSON_ASSIGN(const std::vector<SortColumn> order, ModelOrder(request.order_by));
  CAISSON_TRY(CheckComparators(FilterDialect::kRegisteredModels, filter));
  constexpr std::string_view kJoin = "t.model_key = m.model_key";
  SqlBuilder sql;
  sql.Add("SELECT m.name");
  for (const SortColumn& column : order) sql.Add(", ").Add(column.expression);
  sql.Add(" FROM registry_models m WHERE m.project = ").Bind(std::string_view(context.project()));
  for (const Comparison& comparison : filter) {
    if (comparison.entity != FilterEntity::kAttribute) continue;
    sql.Add(" AND ");
    AddTextCondition(sql, "m.name", comparison);
  }
  const bool prompts = WantsPrompts(filter);
  AddTagFilters(sql, filter, prompts, "registry_model_tags", kJoin);
  if (!prompts) ExcludePrompts(sql, "registry_model_tags", kJoin);
  CAISSON_TRY(AddPaging(sql, order, request));
  return impl_->main.ReadFor<Page<RegisteredModel>>(
      context, [&](sql::Session& session) -> Result<Page<RegisteredModel>> {
        std::vector<std::string> names;
        Page<RegisteredModel> page;
        Json last;
        CAISSON_TRY(session.Query(sql.text(), sql.parameters(), [&](const sql::Row& row) {
          if (static_cast<int64_t>(names.size()) == request.max_results) {
            page.next_page_token = NextToken(last);
            return OkStatus();
          }
          names.push_back(row.String(0));
          last = SortValues(row, 1, order);
          return OkStatus();
        }));
        for (const std::string& name : names) {
          CAISSON_ASSIGN(internal::ModelRow row,
                         internal::FindModel(session, context.project(), name));
          CAISSON_TRY(internal::LoadModelParts(session, row));
          page.items.push_back(std::move(row.model));
        }
        return page;
      });
}

Result<Page<ModelVersion>> Registry::SearchVersions(const Context& context,
                                                    const SearchRequest& request) {
  CAISSON_TRY(CheckMaxResults(request.max_results, kMaxVersions));
  CAISSON_ASSIGN(const std::vector<Comparison> filter,
                 ParseFilter(FilterDialect::kModelVersions, request.filter));
  CAISSON_ASSIGN(const std::vector<SortColumn> order, VersionOrder(request.order_by));
  constexpr std::string_view kJoin = "t.model_key = v.model_key AND t.version = v.version";
  SqlBuilder sql;
  sql.Add("SELECT m.model_key, m.name, ").Add(internal::kVersionColumns);
  for (const SortColumn& column : order) sql.Add(", ").Add(column.expression);
  sql.Add(
         " FROM registry_versions v JOIN registry_models m ON m.model_key = v.model_key WHERE "
         "m.project = ")
      .Bind(std::string_view(context.project()))
      .Add(" AND v.stage <> ")
      .Bind(internal::kDeletedStage);
  for (const Comparison& comparison : filter) {
    if (comparison.entity != FilterEntity::kAttribute) continue;
    sql.Add(" AND ");
    if (comparison.key == "version_number") {
      AddNumberCondition(sql, "v.version", comparison, true);
    } else {
      AddTextCondition(sql,
                       comparison.key == "name"     ? "m.name"
                       : comparison.key == "run_id" ? "v.run_id"
                                                    : "v.source",
                       comparison);
    }
  }
  const bool prompts = WantsPrompts(filter);
  AddTagFilters(sql, filter, prompts, "registry_version_tags", kJoin);
  if (!prompts) ExcludePrompts(sql, "registry_version_tags", kJoin);
  CAISSON_TRY(AddPaging(sql, order, request));
  return impl_->main.ReadFor<Page<ModelVersion>>(
      context, [&](sql::Session& session) -> Result<Page<ModelVersion>> {
        std::vector<int64_t> keys;
        Page<ModelVersion> page;
        Json last;
        CAISSON_TRY(session.Query(sql.text(), sql.parameters(), [&](const sql::Row& row) {
          if (static_cast<int64_t>(keys.size()) == request.max_results) {
            page.next_page_token = NextToken(last);
            return OkStatus();
          }
          keys.push_back(row.Int(0));
          page.items.push_back(internal::ReadVersion(row, 2, row.String(1)));
          last = SortValues(row, 2 + internal::kVersionColumnCount, order);
          return OkStatus();
        }));
        for (size_t i = 0; i < keys.size(); ++i)
          CAISSON_TRY(internal::LoadVersionParts(session, keys[i], page.items[i]));
        return page;
      });
}

}  // namespace caisson::registry
