// Runs a model over a table.
#pragma once

#include <string>
#include <vector>

#include "base/context.h"
#include "base/status.h"
#include "engines/onnxruntime/onnxruntime.h"
#include "lifecycle/training/internal/table.h"

namespace caisson::training {

// The feature names that the model's metadata lists; empty when it lists none.
Result<std::vector<std::string>> FeatureNamesOf(const onnxruntime::Session& session);

// The probability of the positive class for each row. Takes models with one FP32 input [-1, n] and,
// as the first FP32 output,
// [-1, 1] or [-1] with that probability, or [-1, 2] with both classes' (the second counts).
// InvalidArgument for other models.
Result<std::vector<float>> Score(const Context& context, const onnxruntime::Session& session,
                                 const FeatureTable& table);

// Times of single-row runs, in milliseconds, over rows spread through the table, after a warm-up.
struct Latency {
  double p50_ms = 0;
  double p99_ms = 0;
};
Result<Latency> MeasureLatency(const Context& context, const onnxruntime::Session& session,
                               const FeatureTable& table);

}  // namespace caisson::training
