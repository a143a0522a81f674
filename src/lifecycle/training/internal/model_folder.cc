#include "lifecycle/training/internal/model_folder.h"

#include <utility>

#include "base/files.h"
#include "lifecycle/training/internal/onnx_export.h"

namespace caisson::training {
namespace {

Json NumbersJson(const std::map<std::string, double>& numbers) {
  Json json = Json::MakeObject();
  for (const auto& [name, value] : numbers) json.Set(name, value);
  return json;
}

Json TensorJson(const char* name, size_t columns) {
  return Json::Of({{"name", name}, {"type", "FP32"}, {"shape", Json(Json::Array{-1, columns})}});
}

}  // namespace

Json CandidatesToJson(const std::vector<Candidate>& candidates) {
  Json list = Json::MakeArray();
  for (const Candidate& candidate : candidates) {
    Json params = Json::MakeObject();
    for (const auto& [name, value] : candidate.params) params.Set(name, value);
    Json curves = Json::MakeArray();
    for (const Curve& curve : candidate.curves) {
      curves.Append(Json::Of({{"key", curve.key},
                              {"steps", Json::ArrayOf(curve.steps)},
                              {"values", Json::ArrayOf(curve.values)}}));
    }
    list.Append(Json::Of({{"name", candidate.name},
                          {"best", candidate.best},
                          {"params", std::move(params)},
                          {"metrics", NumbersJson(candidate.metrics)},
                          {"curves", std::move(curves)}}));
  }
  return Json::Of({{"candidates", std::move(list)}});
}

Json SignatureJson(const TableColumns& columns) {
  Json names = Json::MakeArray();
  Json types = Json::MakeArray();
  for (const FeatureColumn& feature : columns.features) {
    names.Append(feature.name);
    types.Append(feature.type);
  }
  Json input = TensorJson(kFeaturesInput, columns.features.size());
  input.Set("columns", std::move(names));
  input.Set("column_types", std::move(types));
  return Json::Of({{"inputs", Json(Json::Array{std::move(input)})},
                   {"outputs", Json(Json::Array{TensorJson(kProbabilityOutput, 1)})},
                   {"target", columns.target.name},
                   {"left_out", Json::ArrayOf(columns.left_out)}});
}

Status WriteModelFiles(const std::string& folder, const ModelFiles& files) {
  CAISSON_TRY(MakeDirectories(folder));
  CAISSON_TRY(WriteFileAtomic(JoinPath(folder, "model.onnx"), files.onnx));
  CAISSON_TRY(WriteFileAtomic(JoinPath(folder, "model.json"), files.xgboost_json));
  const std::pair<const char*, const Json*> documents[] = {
      {"signature.json", &files.signature},   {"reference.json", &files.reference},
      {"evaluation.json", &files.evaluation}, {"candidates.json", &files.candidates},
      {"metrics.json", &files.metrics},
  };
  for (const auto& [name, json] : documents) {
    CAISSON_TRY(WriteFileAtomic(JoinPath(folder, name), WriteJson(*json, {.indent = 2}) + "\n"));
  }
  return OkStatus();
}

}  // namespace caisson::training
