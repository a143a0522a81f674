// The files of the model folder, as docs/formats/model_folder.md describes them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "lifecycle/training/internal/table.h"
#include "lifecycle/training/results.h"

namespace caisson::training {

Json CandidatesToJson(const std::vector<Candidate>& candidates);
Json SignatureJson(const TableColumns& columns);

// Everything that a training leaves behind.
struct ModelFiles {
  std::string onnx;
  std::string xgboost_json;
  Json metrics;
  Json candidates;
  Json signature;
  Json reference;
  Json evaluation;
};

// Writes the folder file by file, each whole or not at all, metrics.json last.
Status WriteModelFiles(const std::string& folder, const ModelFiles& files);

}  // namespace caisson::training
