#include "engines/onnxruntime/internal/tensor_checks.h"

#include <limits>

#include "base/strings.h"
#include "engines/onnxruntime/internal/element_types.h"

namespace caisson::onnxruntime {
namespace {

constexpr size_t kMissing = std::numeric_limits<size_t>::max();

std::vector<std::string> NamesOf(const std::vector<TensorInfo>& infos) {
  std::vector<std::string> names;
  for (const TensorInfo& info : infos) names.push_back(info.name);
  return names;
}

size_t Find(const std::vector<TensorInfo>& infos, std::string_view name) {
  for (size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].name == name) return i;
  }
  return kMissing;
}

bool Fits(const std::vector<int64_t>& shape, const std::vector<int64_t>& accepted) {
  if (shape.size() != accepted.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < 0 || (accepted[i] >= 0 && shape[i] != accepted[i])) return false;
  }
  return true;
}

Status CheckTensor(const TensorInfo& accepted, const Tensor& given) {
  if (given.type != accepted.type) {
    return InvalidArgument("input '{}': the type is {}, the model takes {}", given.name,
                           DataTypeName(given.type), DataTypeName(accepted.type));
  }
  if (!Fits(given.shape, accepted.shape)) {
    return InvalidArgument("input '{}': the shape is {}, the model takes {} (-1 is any size)",
                           given.name, ShapeText(given.shape), ShapeText(accepted.shape));
  }
  const std::optional<int64_t> count = ElementCount(given.shape);
  if (!count.has_value() || *count > std::numeric_limits<int64_t>::max() / 8) {
    return InvalidArgument("input '{}': the shape {} is too large", given.name,
                           ShapeText(given.shape));
  }
  const size_t elements = static_cast<size_t>(*count);
  if (given.type == DataType::kString) {
    if (given.strings.size() == elements) return OkStatus();
    return InvalidArgument("input '{}': {} strings were given, the shape {} needs {}", given.name,
                           given.strings.size(), ShapeText(given.shape), elements);
  }
  const size_t bytes = elements * ElementSize(given.type);
  if (given.bytes.size() == bytes) return OkStatus();
  return InvalidArgument("input '{}': {} bytes of data were given, {} of shape {} needs {}",
                         given.name, given.bytes.size(), DataTypeName(given.type),
                         ShapeText(given.shape), bytes);
}

}  // namespace

Result<std::vector<size_t>> MatchInputs(const std::vector<TensorInfo>& expected,
                                        const std::vector<Tensor>& given) {
  std::vector<size_t> tensor_of(expected.size(), kMissing);
  for (size_t i = 0; i < given.size(); ++i) {
    const size_t position = Find(expected, given[i].name);
    if (position == kMissing) {
      return InvalidArgument("the model has no input '{}'{}", given[i].name,
                             SuggestName(given[i].name, NamesOf(expected)));
    }
    if (tensor_of[position] != kMissing)
      return InvalidArgument("input '{}' was given twice", given[i].name);
    CAISSON_TRY(CheckTensor(expected[position], given[i]));
    tensor_of[position] = i;
  }
  for (size_t position = 0; position < expected.size(); ++position) {
    if (tensor_of[position] == kMissing) {
      return InvalidArgument("input '{}' is missing; the model takes {} of shape {}",
                             expected[position].name, DataTypeName(expected[position].type),
                             ShapeText(expected[position].shape));
    }
  }
  return tensor_of;
}

Result<std::vector<size_t>> MatchOutputs(const std::vector<TensorInfo>& available,
                                         const std::vector<std::string>& names) {
  std::vector<size_t> positions;
  for (const std::string& name : names) {
    const size_t position = Find(available, name);
    if (position == kMissing) {
      return InvalidArgument("the model has no output '{}'{}", name,
                             SuggestName(name, NamesOf(available)));
    }
    positions.push_back(position);
  }
  if (names.empty()) {
    for (size_t i = 0; i < available.size(); ++i) positions.push_back(i);
  }
  return positions;
}

}  // namespace caisson::onnxruntime
