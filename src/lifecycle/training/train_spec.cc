#include <algorithm>
#include <limits>
#include <optional>

#include "base/strings.h"
#include "lifecycle/training/internal/grid.h"
#include "lifecycle/training/internal/judge.h"
#include "lifecycle/training/trainer.h"

namespace caisson::training {
namespace {

constexpr size_t kMaxCandidates = 1000;
constexpr const char* kRounds = "num_boost_round";

// A parameter as XGBoost reads it; nothing for objects, arrays and null.
std::optional<std::string> ParameterText(const Json& value) {
  if (value.is_string()) return value.AsString();
  if (value.is_bool()) return std::string(value.AsBool() ? "1" : "0");
  if (value.is_double()) return FormatDouble(value.AsDouble());
  if (value.is_number()) return std::to_string(value.AsInt());
  return std::nullopt;
}

Status ReadParameters(const Json& json, const std::string& where, TrainSpec& spec) {
  if (!json.is_null() && !json.is_object()) {
    return InvalidArgument("{}.xgboost is {}; it holds XGBoost's parameters by name", where,
                           json.type_name());
  }
  for (const auto& [name, value] : json.object()) {
    const std::optional<std::string> text = ParameterText(value);
    if (!text.has_value()) {
      return InvalidArgument(
          "{}.xgboost.{} is {}; a number, a text or a boolean is accepted, and several values "
          "under grid:",
          where, name, value.type_name());
    }
    if (name == kRounds) {
      const std::optional<int64_t> rounds = ParseInt(*text);
      if (!rounds.has_value() || *rounds < 1 || *rounds > 100'000) {
        return InvalidArgument("{}.xgboost.{} is {}; 1 to 100000 is accepted", where, name, *text);
      }
      spec.rounds = static_cast<int>(*rounds);
      continue;
    }
    spec.xgboost[name] = *text;
  }
  return OkStatus();
}

Status ReadGrid(const Json& json, const std::string& where, TrainSpec& spec) {
  if (!json.is_null() && !json.is_object()) {
    return InvalidArgument("{}.grid is {}; it holds lists of values by XGBoost's parameter names",
                           where, json.type_name());
  }
  size_t candidates = 1;
  for (const auto& [name, value] : json.object()) {
    if (spec.xgboost.count(name) > 0) {
      return InvalidArgument("{}: {} is both under xgboost: and under grid:; keep one of them",
                             where, name);
    }
    if (name == kRounds || name == "objective" || name == "booster" || name == "seed") {
      return InvalidArgument("{}.grid.{} cannot vary between candidates; set it for all of them",
                             where, name);
    }
    std::vector<std::string> values;
    for (const Json& element : value.is_array() ? value.array() : Json::Array{value}) {
      const std::optional<std::string> text = ParameterText(element);
      if (!text.has_value()) {
        return InvalidArgument("{}.grid.{} holds {}; numbers, texts and booleans are accepted",
                               where, name, element.type_name());
      }
      values.push_back(*text);
    }
    if (values.empty())
      return InvalidArgument("{}.grid.{} is an empty list; give at least one value", where, name);
    candidates *= values.size();
    if (candidates > kMaxCandidates) {
      return InvalidArgument("{}.grid has more than {} combinations", where, kMaxCandidates);
    }
    spec.grid.emplace_back(name, std::move(values));
  }
  return OkStatus();
}

Status CheckFixedParameters(TrainSpec& spec, const std::string& where) {
  const auto accept = [&](const char* name, const char* only) {
    const auto found = spec.xgboost.emplace(name, only).first;
    if (found->second == only) return OkStatus();
    return InvalidArgument("{}.xgboost.{} is '{}'; the built-in trainer accepts '{}' only", where,
                           name, found->second, only);
  };
  CAISSON_TRY(accept("objective", "binary:logistic"));
  CAISSON_TRY(accept("booster", "gbtree"));
  if (spec.xgboost.count("seed") > 0) {
    return InvalidArgument("{}.xgboost.seed: name it as {}.seed, which the sampling uses too",
                           where, where);
  }
  // XGBoost's own default depends on the number of rows, and its exact method is many times slower.
  spec.xgboost.emplace("tree_method", "hist");
  return OkStatus();
}

Status CheckRanges(const TrainSpec& spec, const std::string& where) {
  if (spec.rows < 0)
    return InvalidArgument("{}.rows is {}; 0 (all rows) or more is accepted", where, spec.rows);
  if (spec.seed < 0 || spec.seed > std::numeric_limits<int32_t>::max()) {
    return InvalidArgument("{}.seed is {}; 0 to 2147483647 is accepted", where, spec.seed);
  }
  if (spec.evaluate_every < 1)
    return InvalidArgument("{}.evaluate_every is {}; 1 or more is accepted", where,
                           spec.evaluate_every);
  if (spec.early_stopping_rounds < 0) {
    return InvalidArgument("{}.early_stopping_rounds is {}; 0 (never) or more is accepted", where,
                           spec.early_stopping_rounds);
  }
  for (const std::string& name : FigureNames()) {
    if (name == spec.metric) return OkStatus();
  }
  return InvalidArgument("{}.metric is '{}'{}", where, spec.metric,
                         SuggestName(spec.metric, FigureNames()));
}

}  // namespace

Result<TrainSpec> ParseTrainSpec(const Json& json, const std::string& where) {
  if (!json.is_null() && !json.is_object()) {
    return InvalidArgument("{} is {}; it holds the settings of the training", where,
                           json.type_name());
  }
  const Json empty = Json::MakeObject();
  FieldReader fields(json.is_null() ? empty : json, where);
  TrainSpec spec;
  spec.seed = fields.Int("seed", spec.seed);
  spec.rows = fields.Int("rows", spec.rows);
  spec.metric = fields.String("metric", spec.metric);
  const int64_t evaluate_every = fields.Int("evaluate_every", spec.evaluate_every);
  const int64_t early_stopping = fields.Int("early_stopping_rounds", spec.early_stopping_rounds);
  spec.drop = fields.Strings("drop");
  const Json& xgboost = fields.Raw("xgboost");
  const Json& grid = fields.Raw("grid");
  CAISSON_TRY(fields.Finish());
  constexpr int64_t kMost = 1'000'000;
  spec.evaluate_every = static_cast<int>(std::min(std::max(evaluate_every, int64_t{0}), kMost));
  spec.early_stopping_rounds =
      static_cast<int>(std::min(std::max(early_stopping, int64_t{-1}), kMost));
  CAISSON_TRY(ReadParameters(xgboost, where, spec));
  CAISSON_TRY(ReadGrid(grid, where, spec));
  CAISSON_TRY(CheckFixedParameters(spec, where));
  CAISSON_TRY(CheckRanges(spec, where));
  return spec;
}

std::vector<Combination> Combinations(const TrainSpec& spec) {
  std::vector<Combination> combinations = {{"", spec.xgboost}};
  for (const auto& [name, values] : spec.grid) {
    std::vector<Combination> longer;
    for (const Combination& combination : combinations) {
      for (const std::string& value : values) {
        Combination next = combination;
        next.parameters[name] = value;
        next.name += (next.name.empty() ? "" : " ") + name + "=" + value;
        longer.push_back(std::move(next));
      }
    }
    combinations = std::move(longer);
  }
  if (spec.grid.empty()) combinations[0].name = "default";
  for (Combination& combination : combinations)
    combination.parameters["seed"] = std::to_string(spec.seed);
  return combinations;
}

}  // namespace caisson::training
