// Are these the tensors that the model takes?
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "engines/onnxruntime/onnxruntime.h"

namespace caisson::onnxruntime {

// The positions of the given tensors in the model's order. InvalidArgument for an input that is
// missing, unknown or there twice, for a wrong type or shape, and for a size that does not match
// the shape; it names the tensor, what it was and what is accepted.
Result<std::vector<size_t>> MatchInputs(const std::vector<TensorInfo>& expected,
                                        const std::vector<Tensor>& given);

// The positions of the wanted outputs in the model's order; all when `names` is empty.
Result<std::vector<size_t>> MatchOutputs(const std::vector<TensorInfo>& available,
                                         const std::vector<std::string>& names);

}  // namespace caisson::onnxruntime
