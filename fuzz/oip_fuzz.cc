// Bodies of infer requests: what is accepted is whole, and can be written as an answer.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/strings.h"
#include "protocols/oip/internal/compression.h"
#include "protocols/oip/internal/infer_body.h"

namespace caisson::oip::internal {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckTensor(const onnxruntime::Tensor& tensor) {
  const int64_t elements = tensor.element_count();
  Require(elements >= 0);
  if (tensor.type == onnxruntime::DataType::kString) {
    Require(tensor.strings.size() == static_cast<size_t>(elements));
  } else {
    Require(tensor.bytes.size() ==
            static_cast<size_t>(elements) * onnxruntime::ElementSize(tensor.type));
  }
}

// The inputs sent back as outputs.
void CheckAnswer(const InferBody& body) {
  serving::InferResponse response;
  response.prediction_id = "00000000-1-8-0";
  response.outputs = body.inputs;
  const Result<InferAnswer> answer = WriteInferAnswer("model", body, response);
  if (!answer.ok()) return;  // half floats as JSON
  const size_t json_size = answer->json_size.value_or(answer->body.size());
  Require(json_size <= answer->body.size());
  const auto json = ParseJson(std::string_view(answer->body).substr(0, json_size));
  Require(json.ok() && (*json)["outputs"].size() == body.inputs.size());
}

void CheckBody(std::string_view body, std::optional<size_t> json_size) {
  const Result<InferBody> parsed = ParseInferBody(body, json_size);
  if (!parsed.ok()) {
    Require(!Message(parsed.status()).empty());
    return;
  }
  for (const onnxruntime::Tensor& tensor : parsed->inputs) CheckTensor(tensor);
  CheckAnswer(*parsed);
}

}  // namespace
}  // namespace caisson::oip::internal

// The first two bytes say how much of the rest is JSON; 0xffff: all of it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using caisson::oip::internal::CheckBody;
  using caisson::oip::internal::Decompress;
  using caisson::oip::internal::Encoding;
  if (size < 2) return 0;
  uint16_t json_size = 0;
  std::memcpy(&json_size, data, sizeof(json_size));
  const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
  CheckBody(body, json_size == 0xffff ? std::nullopt : std::optional<size_t>(json_size));
  Decompress(Encoding::kGzip, body, 1 << 16).IgnoreError();
  Decompress(Encoding::kDeflate, body, 1 << 16).IgnoreError();
  return 0;
}
