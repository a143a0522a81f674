// Our tensor types and the library's.
#pragma once

#include <optional>

#include "engines/onnxruntime/internal/onnxruntime_api.h"
#include "engines/onnxruntime/onnxruntime.h"

namespace caisson::onnxruntime {

ElementType ToElementType(DataType type);
// Nothing for complex numbers, 8-bit floats and 4-bit integers.
std::optional<DataType> FromElementType(ElementType type);

// "[-1, 16]".
std::string ShapeText(const std::vector<int64_t>& shape);

// The product of the dimensions; nothing when one is negative or the product does not fit.
std::optional<int64_t> ElementCount(const std::vector<int64_t>& shape);

}  // namespace caisson::onnxruntime
