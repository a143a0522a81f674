#include "base/files.h"
#include "engines/duckdb/duckdb.h"
#include "engines/onnxruntime/onnxruntime.h"
#include "lifecycle/training/internal/judge.h"
#include "lifecycle/training/internal/scorer.h"
#include "lifecycle/training/internal/table.h"
#include "lifecycle/training/results.h"

namespace caisson::training {

Result<std::map<std::string, double>> Evaluate(const Context& context,
                                               const std::string& model_path,
                                               const std::string& data_path,
                                               std::string_view target) {
  CAISSON_ASSIGN(const auto session, onnxruntime::Session::Load(model_path));
  CAISSON_ASSIGN(const std::vector<std::string> features, FeatureNamesOf(*session));
  CAISSON_ASSIGN(const auto database, duckdb::Database::Open({.threads = 1}));
  const std::string target_name(target);
  const Result<TableColumns> columns =
      features.empty() ? ChooseColumns(context, *database, data_path, target_name, {})
                       : FindColumns(context, *database, data_path, target_name, features);
  CAISSON_TRY(columns);
  CAISSON_ASSIGN(const FeatureTable table, ReadTable(context, *database, data_path, *columns, {}));
  const Result<std::vector<float>> scores = Score(context, *session, table);
  if (!scores.ok()) return WithContext(scores.status(), model_path);
  std::map<std::string, double> metrics = FinalMetrics(*scores, table.labels);
  CAISSON_ASSIGN(const Latency latency, MeasureLatency(context, *session, table));
  metrics["p50_ms"] = latency.p50_ms;
  metrics["p99_ms"] = latency.p99_ms;
  return metrics;
}

}  // namespace caisson::training
