// Bodies of infer requests and answers: JSON, Triton's binary tensors, and both mixed.
//
// Sources: the Open Inference Protocol's inference_rest specification; Triton's "Binary Tensor Data
// Extension". A binary body starts with JSON, whose length is in the header
// Inference-Header-Content-Length; the tensors' bytes follow in order, little-endian, BYTES
// elements as a 32-bit length and the bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "engines/onnxruntime/onnxruntime.h"
#include "lifecycle/serving/endpoints.h"

namespace caisson::oip::internal {

struct RequestedOutput {
  std::string name;
  std::optional<bool> binary;  // the request's default when it does not say
};

// A request as it came. The views of `serving::InferRequest` point into it.
struct InferBody {
  std::string id;
  UnixMillis event_time = 0;
  bool binary_output = false;
  std::vector<onnxruntime::Tensor> inputs;
  std::vector<RequestedOutput> outputs;
};

// `json_size` is the value of Inference-Header-Content-Length, or nothing for a body that is JSON
// alone. InvalidArgument names the tensor, what was sent and what is accepted.
Result<InferBody> ParseInferBody(std::string_view body, std::optional<size_t> json_size);

// An answer's body, and the length of its JSON part when binary tensors follow.
struct InferAnswer {
  std::string body;
  std::optional<size_t> json_size;
};
Result<InferAnswer> WriteInferAnswer(std::string_view model_name, const InferBody& request,
                                     const serving::InferResponse& response);

}  // namespace caisson::oip::internal
