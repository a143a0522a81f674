#include <cmath>
#include <type_traits>

#include "base/json.h"
#include "protocols/oip/internal/infer_body.h"

namespace caisson::oip::internal {
namespace {

using onnxruntime::DataType;
using onnxruntime::Tensor;

template <typename T, typename Append>
void AppendAll(std::string& out, const Tensor& tensor, Append append) {
  const size_t count = tensor.bytes.size() / sizeof(T);
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, tensor.bytes.data() + i * sizeof(T), sizeof(T));
    if (i > 0) out.push_back(',');
    append(out, value);
  }
}

template <typename T>
void AppendIntegers(std::string& out, const Tensor& tensor) {
  AppendAll<T>(out, tensor, [](std::string& text, T value) {
    const fmt::format_int digits(
        static_cast<std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>(value));
    text.append(digits.data(), digits.size());
  });
}

// Floats with the fewest digits that read back as the same float.
void AppendFloat(std::string& out, float value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  fmt::format_to(std::back_inserter(out), "{}", value);
}

Status AppendData(std::string& out, const Tensor& tensor) {
  switch (tensor.type) {
    case DataType::kBool:
      AppendAll<uint8_t>(out, tensor, [](std::string& text, uint8_t value) {
        text += value != 0 ? "true" : "false";
      });
      return OkStatus();
    case DataType::kUint8:
      AppendIntegers<uint8_t>(out, tensor);
      return OkStatus();
    case DataType::kUint16:
      AppendIntegers<uint16_t>(out, tensor);
      return OkStatus();
    case DataType::kUint32:
      AppendIntegers<uint32_t>(out, tensor);
      return OkStatus();
    case DataType::kUint64:
      AppendIntegers<uint64_t>(out, tensor);
      return OkStatus();
    case DataType::kInt8:
      AppendIntegers<int8_t>(out, tensor);
      return OkStatus();
    case DataType::kInt16:
      AppendIntegers<int16_t>(out, tensor);
      return OkStatus();
    case DataType::kInt32:
      AppendIntegers<int32_t>(out, tensor);
      return OkStatus();
    case DataType::kInt64:
      AppendIntegers<int64_t>(out, tensor);
      return OkStatus();
    case DataType::kFp32:
      AppendAll<float>(out, tensor, AppendFloat);
      return OkStatus();
    case DataType::kFp64:
      AppendAll<double>(out, tensor, AppendJsonDouble);
      return OkStatus();
    case DataType::kString:
      for (size_t i = 0; i < tensor.strings.size(); ++i) {
        if (i > 0) out.push_back(',');
        AppendJsonString(out, tensor.strings[i]);
      }
      return OkStatus();
    case DataType::kFp16:
    case DataType::kBf16:
      return InvalidArgument(
          "output '{}' is {}, which travels only as binary data; ask for it with binary_data",
          tensor.name, DataTypeName(tensor.type));
  }
  return Internal("output '{}' has an unknown type", tensor.name);
}

std::string BinaryOf(const Tensor& tensor) {
  if (tensor.type != DataType::kString) return tensor.bytes;
  std::string bytes;
  for (const std::string& text : tensor.strings) {
    const uint32_t length = static_cast<uint32_t>(text.size());
    bytes.append(reinterpret_cast<const char*>(&length), sizeof(length));
    bytes += text;
  }
  return bytes;
}

bool WantsBinary(const InferBody& request, std::string_view output) {
  for (const RequestedOutput& requested : request.outputs) {
    if (requested.name == output) return requested.binary.value_or(request.binary_output);
  }
  return request.binary_output;
}

}  // namespace

Result<InferAnswer> WriteInferAnswer(std::string_view model_name, const InferBody& request,
                                     const serving::InferResponse& response) {
  InferAnswer answer;
  std::string& out = answer.body;
  std::string binary;
  out.reserve(256);
  out += "{\"id\":";
  AppendJsonString(out, request.id.empty() ? response.prediction_id : request.id);
  out += ",\"model_name\":";
  AppendJsonString(out, model_name);
  fmt::format_to(std::back_inserter(out),
                 ",\"model_version\":\"{}\",\"parameters\":{{\"prediction_id\":", response.version);
  AppendJsonString(out, response.prediction_id);
  out += "},\"outputs\":[";
  bool any_binary = false;
  for (size_t i = 0; i < response.outputs.size(); ++i) {
    const Tensor& tensor = response.outputs[i];
    if (i > 0) out.push_back(',');
    out += "{\"name\":";
    AppendJsonString(out, tensor.name);
    fmt::format_to(std::back_inserter(out), ",\"datatype\":\"{}\",\"shape\":[{}]",
                   DataTypeName(tensor.type), fmt::join(tensor.shape, ","));
    if (WantsBinary(request, tensor.name)) {
      any_binary = true;
      const std::string bytes = BinaryOf(tensor);
      fmt::format_to(std::back_inserter(out), ",\"parameters\":{{\"binary_data_size\":{}}}}}",
                     bytes.size());
      binary += bytes;
    } else {
      out += ",\"data\":[";
      CAISSON_TRY(AppendData(out, tensor));
      out += "]}";
    }
  }
  out += "]}";
  if (any_binary) {
    answer.json_size = out.size();
    out += binary;
  }
  return answer;
}

}  // namespace caisson::oip::internal
