#include "engines/onnxruntime/internal/model_info.h"

#include <algorithm>

#include "engines/onnxruntime/internal/element_types.h"
#include "engines/onnxruntime/internal/handles.h"

namespace caisson::onnxruntime {
namespace {

struct Port {
  TensorInfo info;
  std::vector<std::string> symbols;  // the names of free dimensions, empty for the others
};

// "input" or "output", for the table's functions and for messages.
struct Side {
  const char* word;
  OrtError* (*count)(const OrtSession*, size_t*);
  OrtError* (*name)(const OrtSession*, size_t, OrtAllocator*, char**);
  OrtError* (*type)(const OrtSession*, size_t, OrtTypeInfo**);
};

const char* KindText(ValueKind kind) {
  switch (kind) {
    case ValueKind::kSequence:
      return "a sequence";
    case ValueKind::kMap:
      return "a map";
    case ValueKind::kSparse:
      return "a sparse tensor";
    case ValueKind::kOptional:
      return "an optional value";
    default:
      return "no tensor";
  }
}

Status ReadTensorType(const Api& api, const OrtTypeInfo* type, const char* word, Port& port) {
  ValueKind kind = ValueKind::kUnknown;
  CAISSON_TRY(api.Check(api.GetOnnxTypeFromTypeInfo(type, &kind)));
  if (kind != ValueKind::kTensor) {
    return InvalidArgument(
        "{} '{}' is {}, and only tensors can be served; export the model without it (skl2onnx: "
        "options={{'zipmap': False}})",
        word, port.info.name, KindText(kind));
  }
  const OrtTensorInfo* tensor = nullptr;
  CAISSON_TRY(api.Check(api.CastTypeInfoToTensorInfo(type, &tensor)));
  ElementType element = ElementType::kUndefined;
  CAISSON_TRY(api.Check(api.GetTensorElementType(tensor, &element)));
  const std::optional<DataType> data_type = FromElementType(element);
  if (!data_type.has_value()) {
    return InvalidArgument(
        "{} '{}' has the ONNX element type {}, which no inference protocol can carry", word,
        port.info.name, static_cast<int>(element));
  }
  port.info.type = *data_type;

  size_t rank = 0;
  CAISSON_TRY(api.Check(api.GetDimensionsCount(tensor, &rank)));
  port.info.shape.resize(rank);
  CAISSON_TRY(api.Check(api.GetDimensions(tensor, port.info.shape.data(), rank)));
  std::vector<const char*> symbols(rank, nullptr);
  CAISSON_TRY(api.Check(api.GetSymbolicDimensions(tensor, symbols.data(), rank)));
  for (const char* symbol : symbols) port.symbols.emplace_back(symbol == nullptr ? "" : symbol);
  return OkStatus();
}

Result<std::vector<Port>> ReadPorts(const Api& api, const OrtSession* session,
                                    OrtAllocator* allocator, const Side& side) {
  size_t count = 0;
  CAISSON_TRY(api.Check(side.count(session, &count)));
  std::vector<Port> ports(count);
  for (size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    CAISSON_TRY(api.Check(side.name(session, i, allocator, &name)));
    ports[i].info.name = TakeText(api, allocator, name);
    CAISSON_ASSIGN(const auto type,
                   MakeHandle<OrtTypeInfo>(api, api.ReleaseTypeInfo, [&](OrtTypeInfo** out) {
                     return side.type(session, i, out);
                   }));
    CAISSON_TRY(ReadTensorType(api, type.get(), side.word, ports[i]));
  }
  return ports;
}

DimensionSource SourceOf(const std::vector<Port>& inputs, int64_t size, const std::string& symbol) {
  DimensionSource source;
  if (size >= 0) {
    source.fixed = size;
    return source;
  }
  if (symbol.empty()) return source;
  for (size_t input = 0; input < inputs.size(); ++input) {
    for (size_t dimension = 0; dimension < inputs[input].symbols.size(); ++dimension) {
      if (inputs[input].symbols[dimension] != symbol) continue;
      source.input = static_cast<int>(input);
      source.dimension = static_cast<int>(dimension);
      return source;
    }
  }
  return source;
}

Status ReadMetadata(const Api& api, const OrtSession* session, OrtAllocator* allocator,
                    ModelInfo& info) {
  CAISSON_ASSIGN(
      const auto metadata,
      MakeHandle<OrtModelMetadata>(api, api.ReleaseModelMetadata, [&](OrtModelMetadata** out) {
        return api.SessionGetModelMetadata(session, out);
      }));
  char** keys = nullptr;
  int64_t count = 0;
  CAISSON_TRY(api.Check(
      api.ModelMetadataGetCustomMetadataMapKeys(metadata.get(), allocator, &keys, &count)));
  for (int64_t i = 0; i < count; ++i) {
    const std::string key = TakeText(api, allocator, keys[i]);
    char* value = nullptr;
    CAISSON_TRY(api.Check(
        api.ModelMetadataLookupCustomMetadataMap(metadata.get(), allocator, key.c_str(), &value)));
    info.metadata.emplace_back(key, TakeText(api, allocator, value));
  }
  if (keys != nullptr) CAISSON_TRY(api.Check(api.AllocatorFree(allocator, keys)));
  std::sort(info.metadata.begin(), info.metadata.end());
  return OkStatus();
}

}  // namespace

Result<ModelInfo> ReadModelInfo(const Api& api, const OrtSession* session) {
  OrtAllocator* allocator = nullptr;
  CAISSON_TRY(api.Check(api.GetAllocatorWithDefaultOptions(&allocator)));
  CAISSON_ASSIGN(const std::vector<Port> inputs,
                 ReadPorts(api, session, allocator,
                           {"input", api.SessionGetInputCount, api.SessionGetInputName,
                            api.SessionGetInputTypeInfo}));
  CAISSON_ASSIGN(const std::vector<Port> outputs,
                 ReadPorts(api, session, allocator,
                           {"output", api.SessionGetOutputCount, api.SessionGetOutputName,
                            api.SessionGetOutputTypeInfo}));
  ModelInfo info;
  for (const Port& input : inputs) info.inputs.push_back(input.info);
  for (const Port& output : outputs) {
    info.outputs.push_back(output.info);
    std::vector<DimensionSource>& shape = info.output_shapes.emplace_back();
    for (size_t i = 0; i < output.info.shape.size(); ++i) {
      shape.push_back(SourceOf(inputs, output.info.shape[i], output.symbols[i]));
    }
  }
  CAISSON_TRY(ReadMetadata(api, session, allocator, info));
  return info;
}

}  // namespace caisson::onnxruntime
