#include "lifecycle/training/results.h"

#include <utility>

#include "base/files.h"

namespace caisson::training {
namespace {

using Numbers = std::map<std::string, double>;

constexpr const char* kCandidatesFile = "candidates.json";
constexpr const char* kMetricsFile = "metrics.json";

Result<Json> ReadJsonFile(const std::string& path) {
  CAISSON_ASSIGN(const std::string text, ReadFile(path));
  const Result<Json> json = ParseJson(text, {.allow_nan = true});
  if (!json.ok()) return InvalidArgument("{}: {}", path, Message(json.status()));
  return *json;
}

// Numbers by their dotted names; lists and texts are passed over, booleans count as 0 and 1.
void Flatten(const Json& json, const std::string& prefix, Numbers& numbers) {
  for (const auto& [name, value] : json.object()) {
    const std::string key = prefix.empty() ? name : prefix + "." + name;
    if (value.is_object()) Flatten(value, key, numbers);
    if (value.is_number()) numbers[key] = value.AsDouble();
    if (value.is_bool()) numbers[key] = value.AsBool() ? 1 : 0;
  }
}

Result<Numbers> ReadMetrics(const std::string& path) {
  CAISSON_ASSIGN(const Json json, ReadJsonFile(path));
  if (!json.is_object())
    return InvalidArgument("{} is {}; an object of numbers is expected", path, json.type_name());
  Numbers numbers;
  Flatten(json, "", numbers);
  return numbers;
}

Result<Curve> ReadCurve(const Json& json, const std::string& where) {
  FieldReader fields(json, where);
  Curve curve;
  curve.key = fields.String("key");
  for (const Json& value : fields.Raw("values").array()) {
    if (!value.is_number()) fields.Fail("values", "holds something that is no number");
    curve.values.push_back(value.AsDouble());
  }
  for (const Json& step : fields.Raw("steps").array()) curve.steps.push_back(step.AsInt());
  CAISSON_TRY(fields.Finish());
  if (curve.steps.empty()) {
    for (size_t i = 0; i < curve.values.size(); ++i) curve.steps.push_back(static_cast<int64_t>(i));
  }
  if (curve.steps.size() != curve.values.size()) {
    return InvalidArgument("{} has {} steps for {} values", where, curve.steps.size(),
                           curve.values.size());
  }
  return curve;
}

Result<Candidate> ReadCandidate(const Json& json, const std::string& where) {
  FieldReader fields(json, where);
  Candidate candidate;
  candidate.name = fields.String("name");
  candidate.best = fields.Bool("best", false);
  for (const auto& [name, value] : fields.Raw("params").object()) {
    candidate.params[name] = value.is_string() ? value.AsString() : WriteJson(value);
  }
  Flatten(fields.Raw("metrics"), "", candidate.metrics);
  const Json& curves = fields.Raw("curves");
  CAISSON_TRY(fields.Finish());
  for (size_t i = 0; i < curves.size(); ++i) {
    CAISSON_ASSIGN(Curve curve, ReadCurve(curves[i], fmt::format("{}.curves[{}]", where, i)));
    candidate.curves.push_back(std::move(curve));
  }
  return candidate;
}

}  // namespace

Result<std::vector<Candidate>> ReadCandidates(const std::string& model_folder) {
  const std::string candidates_path = JoinPath(model_folder, kCandidatesFile);
  const std::string metrics_path = JoinPath(model_folder, kMetricsFile);
  if (!FileExists(candidates_path)) {
    if (!FileExists(metrics_path)) {
      return NotFound("{} holds neither {} nor {}; a trainer leaves at least {} there",
                      model_folder, kCandidatesFile, kMetricsFile, kMetricsFile);
    }
    Candidate only;
    only.name = "default";
    only.best = true;
    CAISSON_ASSIGN(only.metrics, ReadMetrics(metrics_path));
    return std::vector<Candidate>{std::move(only)};
  }

  CAISSON_ASSIGN(const Json json, ReadJsonFile(candidates_path));
  const Json& list = json["candidates"];
  std::vector<Candidate> candidates;
  Candidate* best = nullptr;
  size_t best_count = 0;
  for (size_t i = 0; i < list.size(); ++i) {
    CAISSON_ASSIGN(Candidate candidate,
                   ReadCandidate(list[i], fmt::format("{}: candidates[{}]", candidates_path, i)));
    candidates.push_back(std::move(candidate));
  }
  for (Candidate& candidate : candidates) {
    if (!candidate.best) continue;
    best = &candidate;
    ++best_count;
  }
  if (best_count != 1) {
    return InvalidArgument("{}: {} of {} candidates are marked best; exactly one is expected",
                           candidates_path, best_count, candidates.size());
  }
  if (FileExists(metrics_path)) {
    CAISSON_ASSIGN(const auto metrics, ReadMetrics(metrics_path));
    for (const auto& [name, value] : metrics) best->metrics[name] = value;
  }
  return candidates;
}

}  // namespace caisson::training
