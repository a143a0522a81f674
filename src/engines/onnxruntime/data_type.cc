
#include "base/strings.h"
#include "engines/onnxruntime/internal/element_types.h"

namespace caisson::onnxruntime {
namespace {

struct TypeRow {
  DataType type;
  ElementType element;
  std::string_view name;
  size_t size;
};

constexpr TypeRow kTypes[] = {
    {DataType::kBool, ElementType::kBool, "BOOL", 1},
    {DataType::kUint8, ElementType::kUint8, "UINT8", 1},
    {DataType::kUint16, ElementType::kUint16, "UINT16", 2},
    {DataType::kUint32, ElementType::kUint32, "UINT32", 4},
    {DataType::kUint64, ElementType::kUint64, "UINT64", 8},
    {DataType::kInt8, ElementType::kInt8, "INT8", 1},
    {DataType::kInt16, ElementType::kInt16, "INT16", 2},
    {DataType::kInt32, ElementType::kInt32, "INT32", 4},
    {DataType::kInt64, ElementType::kInt64, "INT64", 8},
    {DataType::kFp16, ElementType::kFloat16, "FP16", 2},
    {DataType::kBf16, ElementType::kBfloat16, "BF16", 2},
    {DataType::kFp32, ElementType::kFloat, "FP32", 4},
    {DataType::kFp64, ElementType::kDouble, "FP64", 8},
    {DataType::kString, ElementType::kString, "BYTES", 0},
};

const TypeRow& RowOf(DataType type) {
  for (const TypeRow& row : kTypes) {
    if (row.type == type) return row;
  }
  return kTypes[0];
}

}  // namespace

std::string_view DataTypeName(DataType type) { return RowOf(type).name; }

size_t ElementSize(DataType type) { return RowOf(type).size; }

Result<DataType> ParseDataType(std::string_view name) {
  std::vector<std::string> accepted;
  for (const TypeRow& row : kTypes) {
    if (row.name == name) return row.type;
    accepted.emplace_back(row.name);
  }
  return InvalidArgument("'{}' is no data type; accepted: {}", name, Join(accepted, ", "));
}

ElementType ToElementType(DataType type) { return RowOf(type).element; }

std::optional<DataType> FromElementType(ElementType type) {
  for (const TypeRow& row : kTypes) {
    if (row.element == type) return row.type;
  }
  return std::nullopt;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::vector<std::string> dimensions;
  for (const int64_t size : shape) dimensions.push_back(std::to_string(size));
  return "[" + Join(dimensions, ", ") + "]";
}

std::optional<int64_t> ElementCount(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(count, size, &count)) return std::nullopt;
  }
  return count;
}

int64_t Tensor::element_count() const { return ElementCount(shape).value_or(0); }

}  // namespace caisson::onnxruntime
