// Reading and writing the wanted state of an endpoint.
#include "base/json.h"
#include "lifecycle/serving/endpoints.h"

namespace caisson::serving {
namespace {

Result<CanarySpec> ParseCanary(const Json& json, const std::string& where) {
  CanarySpec canary;
  if (json.is_null()) return canary;
  FieldReader fields(json, where);
  const Json& steps = fields.Raw("steps");
  const std::string bake = fields.String("bake", "30s");
  canary.min_requests = fields.Int("min_requests", canary.min_requests);
  canary.max_error_rate = fields.Double("max_error_rate", canary.max_error_rate);
  canary.max_latency_ratio = fields.Double("max_latency_ratio", canary.max_latency_ratio);
  CAISSON_TRY(fields.Finish());
  if (canary.min_requests < 0) {
    return InvalidArgument("{}.min_requests is {}; 0 and more are accepted", where,
                           canary.min_requests);
  }
  if (!(canary.max_error_rate >= 0 && canary.max_error_rate <= 1)) {
    return InvalidArgument("{}.max_error_rate is {}; 0 to 1 are accepted", where,
                           canary.max_error_rate);
  }
  if (!(canary.max_latency_ratio > 0)) {
    return InvalidArgument("{}.max_latency_ratio is {}; a number above 0 is accepted", where,
                           canary.max_latency_ratio);
  }
  const Result<Duration> duration = ParseDuration(bake);
  if (!duration.ok()) return WithContext(duration.status(), where + ".bake");
  canary.bake = std::chrono::duration_cast<std::chrono::milliseconds>(*duration);
  if (!steps.is_null()) {
    if (!steps.is_array() || steps.empty())
      return InvalidArgument("{}.steps: expected a list of percents, for example [5, 25, 50]",
                             where);
    canary.steps.clear();
    int64_t previous = 0;
    for (const Json& step : steps.array()) {
      if (!step.is_int() || step.AsInt() <= previous || step.AsInt() > 99) {
        return InvalidArgument("{}.steps: {} is not accepted; percents from 1 to 99 that grow are",
                               where, WriteJson(step));
      }
      previous = step.AsInt();
      canary.steps.push_back(static_cast<int>(previous));
    }
  }
  return canary;
}

}  // namespace

Status CheckEndpointName(std::string_view name, std::string_view where) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  });
  if (plain && !name.empty() && name.size() <= 100 && name.front() != '.') return OkStatus();
  return InvalidArgument(
      "{}: '{}' is no name for an endpoint; up to 100 letters, digits, '.', '_' and '-' are "
      "accepted, without a dot at the start",
      where, name);
}

Result<EndpointSpec> ParseEndpointSpec(std::string_view name, const Json& json,
                                       std::string_view where) {
  FieldReader fields(json, std::string(where));
  EndpointSpec spec;
  spec.name = std::string(name);
  CAISSON_TRY(CheckEndpointName(name, where));
  const std::string model = fields.String("model");
  const Json& canary = fields.Raw("canary");
  CAISSON_TRY(fields.Finish());
  const size_t at = model.find('@');
  spec.model = model.substr(0, at);
  if (at != std::string::npos) spec.alias = model.substr(at + 1);
  if (spec.model.empty() || spec.alias.empty()) {
    return InvalidArgument("{}.model is '{}'; MODEL@ALIAS is accepted, for example delay@champion",
                           where, model);
  }
  CAISSON_ASSIGN(spec.canary, ParseCanary(canary, std::string(where) + ".canary"));
  return spec;
}

Json EndpointSpecToJson(const EndpointSpec& spec) {
  Json steps = Json::MakeArray();
  for (const int step : spec.canary.steps) steps.Append(step);
  return Json::Of({{"model", spec.model + "@" + spec.alias},
                   {"canary", Json::Of({{"steps", std::move(steps)},
                                        {"bake", fmt::format("{}ms", spec.canary.bake.count())},
                                        {"min_requests", spec.canary.min_requests},
                                        {"max_error_rate", spec.canary.max_error_rate},
                                        {"max_latency_ratio", spec.canary.max_latency_ratio}})}});
}

std::string_view StateName(DeploymentState state) {
  switch (state) {
    case DeploymentState::kStable:
      return "stable";
    case DeploymentState::kCanary:
      return "canary";
    case DeploymentState::kRetired:
      return "retired";
    case DeploymentState::kRolledBack:
      return "rolled_back";
  }
  return "retired";
}

}  // namespace caisson::serving
