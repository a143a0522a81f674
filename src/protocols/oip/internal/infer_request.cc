#include <charconv>
#include <cmath>
#include <limits>

#include <simdjson.h>

#include "base/strings.h"
#include "protocols/oip/internal/infer_body.h"

namespace caisson::oip::internal {
namespace {

using onnxruntime::DataType;
using onnxruntime::Tensor;
using simdjson::dom::element;

constexpr int kMaxDepth = 100;
constexpr size_t kMaxInputs = 1'000;
// More elements than a body could carry; keeps products of dimensions far from overflow.
constexpr int64_t kMaxElements = int64_t{1} << 40;

Result<int64_t> CountElements(const Tensor& tensor) {
  int64_t count = 1;
  for (const int64_t dimension : tensor.shape) {
    if (dimension < 0)
      return InvalidArgument("input '{}': the shape has the dimension {}; 0 and more are accepted",
                             tensor.name, dimension);
    if (dimension != 0 && count > kMaxElements / dimension)
      return InvalidArgument("input '{}': the shape has too many elements", tensor.name);
    count *= dimension;
  }
  return count;
}

template <typename T>
void AppendNumber(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

Status NotThatType(const Tensor& tensor, const element& value) {
  return InvalidArgument("input '{}': {} is not a value of {}", tensor.name,
                         simdjson::minify(value), DataTypeName(tensor.type));
}

// An integer within T's range; 1.0 is taken as 1.
template <typename T>
Status AppendInteger(Tensor& tensor, const element& value) {
  if (int64_t number = 0; value.get(number) == simdjson::SUCCESS) {
    if constexpr (std::is_unsigned_v<T>) {
      if (number < 0 || static_cast<uint64_t>(number) > std::numeric_limits<T>::max())
        return NotThatType(tensor, value);
    } else if (number < std::numeric_limits<T>::min() || number > std::numeric_limits<T>::max()) {
      return NotThatType(tensor, value);
    }
    AppendNumber(tensor.bytes, static_cast<T>(number));
    return OkStatus();
  }
  if (uint64_t number = 0; std::is_same_v<T, uint64_t> && value.get(number) == simdjson::SUCCESS) {
    AppendNumber(tensor.bytes, static_cast<T>(number));
    return OkStatus();
  }
  double number = 0;
  const bool whole = value.get(number) == simdjson::SUCCESS && std::floor(number) == number;
  // 2^63 itself is no longer within int64; the comparison on doubles is exact below it.
  if (!whole || number < static_cast<double>(std::numeric_limits<T>::min()) ||
      number >= std::ldexp(1.0, std::numeric_limits<T>::digits)) {
    return NotThatType(tensor, value);
  }
  AppendNumber(tensor.bytes, static_cast<T>(number));
  return OkStatus();
}

template <typename T>
Status AppendFloating(Tensor& tensor, const element& value) {
  double number = 0;
  if (value.get(number) != simdjson::SUCCESS) {
    // A missing value has no number in JSON.
    if (!value.is_null()) return NotThatType(tensor, value);
    number = std::numeric_limits<double>::quiet_NaN();
  } else if (std::abs(number) > static_cast<double>(std::numeric_limits<T>::max())) {
    return NotThatType(tensor, value);
  }
  AppendNumber(tensor.bytes, static_cast<T>(number));
  return OkStatus();
}

Status AppendValue(Tensor& tensor, const element& value) {
  switch (tensor.type) {
    case DataType::kBool: {
      bool flag = false;
      int64_t number = 0;
      if (value.get(flag) == simdjson::SUCCESS) {
        number = flag;
      } else if (value.get(number) != simdjson::SUCCESS || (number != 0 && number != 1)) {
        return NotThatType(tensor, value);
      }
      tensor.bytes.push_back(static_cast<char>(number));
      return OkStatus();
    }
    case DataType::kUint8:
      return AppendInteger<uint8_t>(tensor, value);
    case DataType::kUint16:
      return AppendInteger<uint16_t>(tensor, value);
    case DataType::kUint32:
      return AppendInteger<uint32_t>(tensor, value);
    case DataType::kUint64:
      return AppendInteger<uint64_t>(tensor, value);
    case DataType::kInt8:
      return AppendInteger<int8_t>(tensor, value);
    case DataType::kInt16:
      return AppendInteger<int16_t>(tensor, value);
    case DataType::kInt32:
      return AppendInteger<int32_t>(tensor, value);
    case DataType::kInt64:
      return AppendInteger<int64_t>(tensor, value);
    case DataType::kFp32:
      return AppendFloating<float>(tensor, value);
    case DataType::kFp64:
      return AppendFloating<double>(tensor, value);
    case DataType::kString: {
      std::string_view text;
      if (value.get(text) != simdjson::SUCCESS) return NotThatType(tensor, value);
      tensor.strings.emplace_back(text);
      return OkStatus();
    }
    case DataType::kFp16:
    case DataType::kBf16:
      return InvalidArgument("input '{}': {} travels only as binary data", tensor.name,
                             DataTypeName(tensor.type));
  }
  return Internal("input '{}' has an unknown type", tensor.name);
}

// Nested or flat, row-major either way.
Status AppendValues(Tensor& tensor, const element& data) {
  simdjson::dom::array items;
  if (data.get(items) != simdjson::SUCCESS) return AppendValue(tensor, data);
  for (const element item : items) {
    CAISSON_TRY(item.is_array() ? AppendValues(tensor, item) : AppendValue(tensor, item));
  }
  return OkStatus();
}

int64_t StoredElements(const Tensor& tensor) {
  if (tensor.type == DataType::kString) return static_cast<int64_t>(tensor.strings.size());
  return static_cast<int64_t>(tensor.bytes.size() / ElementSize(tensor.type));
}

Status ReadShape(const element& input, Tensor& tensor) {
  simdjson::dom::array shape;
  if (input["shape"].get(shape) != simdjson::SUCCESS) {
    return InvalidArgument("input '{}' has no `shape`, a list of dimensions", tensor.name);
  }
  for (const element dimension : shape) {
    int64_t value = 0;
    if (dimension.get(value) != simdjson::SUCCESS) {
      return InvalidArgument("input '{}': the shape has {}, which is not a dimension", tensor.name,
                             simdjson::minify(dimension));
    }
    tensor.shape.push_back(value);
  }
  return OkStatus();
}

// The bytes of one binary tensor, cut from the front of `rest`.
Status TakeBinary(Tensor& tensor, int64_t size, int64_t elements, std::string_view& rest) {
  if (size < 0 || static_cast<uint64_t>(size) > rest.size()) {
    return InvalidArgument("input '{}': binary_data_size is {}, but {} bytes are left in the body",
                           tensor.name, size, rest.size());
  }
  std::string_view bytes = rest.substr(0, static_cast<size_t>(size));
  rest.remove_prefix(static_cast<size_t>(size));
  if (tensor.type != DataType::kString) {
    const uint64_t expected = static_cast<uint64_t>(elements) * ElementSize(tensor.type);
    if (bytes.size() != expected) {
      return InvalidArgument("input '{}': {} bytes were sent; its shape and {} need {}",
                             tensor.name, bytes.size(), DataTypeName(tensor.type), expected);
    }
    // A runtime that reads a byte of 2 as a boolean may do anything.
    const bool odd = tensor.type == DataType::kBool &&
                     bytes.find_first_not_of(std::string_view("\0\1", 2)) != std::string_view::npos;
    if (odd) {
      return InvalidArgument("input '{}': a byte of BOOL data is neither 0 nor 1", tensor.name);
    }
    tensor.bytes = std::string(bytes);
    return OkStatus();
  }
  while (!bytes.empty()) {
    uint32_t length = 0;
    if (bytes.size() < sizeof(length))
      return InvalidArgument("input '{}': its binary data ends inside a length", tensor.name);
    std::memcpy(&length, bytes.data(), sizeof(length));
    bytes.remove_prefix(sizeof(length));
    if (length > bytes.size())
      return InvalidArgument("input '{}': an element claims {} bytes, {} are left", tensor.name,
                             length, bytes.size());
    tensor.strings.emplace_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  return OkStatus();
}

Result<Tensor> ReadInput(const element& input, std::string_view& rest) {
  Tensor tensor;
  std::string_view text;
  if (input["name"].get(text) != simdjson::SUCCESS)
    return InvalidArgument("an input has no `name`");
  tensor.name = std::string(text);
  if (input["datatype"].get(text) != simdjson::SUCCESS)
    return InvalidArgument("input '{}' has no `datatype`", tensor.name);
  const Result<DataType> type = onnxruntime::ParseDataType(text);
  if (!type.ok()) return WithContext(type.status(), fmt::format("input '{}'", tensor.name));
  tensor.type = *type;
  CAISSON_TRY(ReadShape(input, tensor));
  CAISSON_ASSIGN(const int64_t elements, CountElements(tensor));
  element data;
  const bool has_data = input["data"].get(data) == simdjson::SUCCESS;
  element binary;
  if (input["parameters"]["binary_data_size"].get(binary) == simdjson::SUCCESS) {
    int64_t binary_size = 0;
    if (binary.get(binary_size) != simdjson::SUCCESS) {
      return InvalidArgument("input '{}': binary_data_size is {}; a number of bytes is accepted",
                             tensor.name, simdjson::minify(binary));
    }
    if (has_data)
      return InvalidArgument("input '{}' has both `data` and `binary_data_size`", tensor.name);
    CAISSON_TRY(TakeBinary(tensor, binary_size, elements, rest));
  } else if (has_data) {
    CAISSON_TRY(AppendValues(tensor, data));
  } else {
    return InvalidArgument("input '{}' has no `data`", tensor.name);
  }
  if (StoredElements(tensor) != elements) {
    return InvalidArgument("input '{}': {} values were sent, its shape needs {}", tensor.name,
                           StoredElements(tensor), elements);
  }
  return tensor;
}

// A boolean that may be left out.
Status ReadFlag(const simdjson::simdjson_result<element>& field, std::string_view where,
                std::optional<bool>& flag) {
  element value;
  if (field.get(value) != simdjson::SUCCESS || value.is_null()) return OkStatus();
  bool set = false;
  if (value.get(set) != simdjson::SUCCESS) {
    return InvalidArgument("{} is {}; true and false are accepted", where, simdjson::minify(value));
  }
  flag = set;
  return OkStatus();
}

Status ReadOutputs(const element& root, InferBody& body) {
  element list;
  if (root["outputs"].get(list) != simdjson::SUCCESS) return OkStatus();
  simdjson::dom::array outputs;
  if (list.get(outputs) != simdjson::SUCCESS) return InvalidArgument("`outputs` must be a list");
  for (const element entry : outputs) {
    std::string_view name;
    if (entry["name"].get(name) != simdjson::SUCCESS)
      return InvalidArgument("an output has no `name`");
    for (const RequestedOutput& earlier : body.outputs) {
      if (earlier.name == name) return InvalidArgument("output '{}' is asked for twice", name);
    }
    RequestedOutput output{std::string(name), std::nullopt};
    CAISSON_TRY(ReadFlag(entry["parameters"]["binary_data"],
                         fmt::format("output '{}': binary_data", name), output.binary));
    body.outputs.push_back(std::move(output));
  }
  return OkStatus();
}

Status ReadId(const element& root, InferBody& body) {
  element id;
  if (root["id"].get(id) != simdjson::SUCCESS || id.is_null()) return OkStatus();
  std::string_view text;
  if (id.get(text) != simdjson::SUCCESS) {
    return InvalidArgument("`id` is {}; a text is accepted", simdjson::minify(id));
  }
  body.id = std::string(text);
  return OkStatus();
}

Status ReadParameters(const element& root, InferBody& body) {
  element parameters;
  if (root["parameters"].get(parameters) != simdjson::SUCCESS || parameters.is_null()) {
    return OkStatus();
  }
  if (!parameters.is_object()) return InvalidArgument("`parameters` must be an object");
  std::optional<bool> binary;
  CAISSON_TRY(ReadFlag(parameters["binary_data_output"], "parameters.binary_data_output", binary));
  body.binary_output = binary.value_or(false);
  element event_time;
  if (parameters["event_time"].get(event_time) != simdjson::SUCCESS) return OkStatus();
  std::string_view text;
  if (event_time.get(body.event_time) == simdjson::SUCCESS) return OkStatus();
  if (event_time.get(text) != simdjson::SUCCESS) {
    return InvalidArgument(
        "parameters.event_time is {}; Unix milliseconds or a time such as 2001-05-07T13:45:00Z are "
        "accepted",
        simdjson::minify(event_time));
  }
  const Result<UnixMillis> time = ParseTime(text);
  if (!time.ok()) return WithContext(time.status(), "parameters.event_time");
  body.event_time = *time;
  return OkStatus();
}

}  // namespace

Result<InferBody> ParseInferBody(std::string_view body, std::optional<size_t> json_size) {
  const size_t size = json_size.value_or(body.size());
  if (size > body.size()) {
    return InvalidArgument("Inference-Header-Content-Length is {}, but the body has {} bytes", size,
                           body.size());
  }
  // Each I/O thread keeps one parser: its buffers grow to the largest body that came and are used
  // again.
  thread_local simdjson::dom::parser parser(size_t{1} << 32);
  element root;
  if (parser.capacity() < size || parser.max_depth() != kMaxDepth) {
    if (parser.allocate(std::max<size_t>(size, 4'096), kMaxDepth) != simdjson::SUCCESS)
      return ResourceExhausted("no memory for a body of {} bytes", size);
  }
  const simdjson::error_code error = parser.parse(body.data(), size).get(root);
  if (error != simdjson::SUCCESS)
    return InvalidArgument("the body is not JSON: {}", simdjson::error_message(error));
  if (!root.is_object()) return InvalidArgument("the body must be a JSON object");

  InferBody parsed;
  CAISSON_TRY(ReadId(root, parsed));
  CAISSON_TRY(ReadParameters(root, parsed));
  simdjson::dom::array inputs;
  if (root["inputs"].get(inputs) != simdjson::SUCCESS)
    return InvalidArgument("the body has no list `inputs`");
  if (inputs.size() > kMaxInputs)
    return InvalidArgument("the body has {} inputs; at most {} are accepted", inputs.size(),
                           kMaxInputs);
  std::string_view rest = body.substr(size);
  for (const element input : inputs) {
    CAISSON_ASSIGN(Tensor tensor, ReadInput(input, rest));
    parsed.inputs.push_back(std::move(tensor));
  }
  if (!rest.empty()) return InvalidArgument("{} bytes follow the last binary tensor", rest.size());
  CAISSON_TRY(ReadOutputs(root, parsed));
  return parsed;
}

}  // namespace caisson::oip::internal
