#include "engines/duckdb/internal/chunk_reader.h"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>

namespace caisson::duckdb {
namespace {

constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax64 = std::numeric_limits<int64_t>::max();

int64_t Saturate(Int128 value) {
  if (value > kMax64) return kMax64;
  if (value < kMin64) return kMin64;
  return static_cast<int64_t>(value);
}

// A decimal's digits divided once, by an exact power of ten, so that 0.1 is the double nearest to
// 0.1.
double Unscale(double digits, int scale) {
  return scale == 0 ? digits : digits / std::pow(10.0, scale);
}

bool IsNumeric(TypeId type) {
  const ColumnType kind = KindOf(type);
  return kind == ColumnType::kBoolean || kind == ColumnType::kInteger ||
         kind == ColumnType::kDouble;
}

template <typename T>
void CopyPlain(const void* data, size_t count, float* out) {
  const T* values = static_cast<const T*>(data);
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(values[i]);
}

// Copies types that convert by a cast; false for the others.
bool CopyByType(TypeId type, const void* data, size_t count, float* out) {
  switch (type) {
    // A byte, since the slot of a null may hold anything.
    case TypeId::kBoolean:
      CopyPlain<uint8_t>(data, count, out);
      return true;
    case TypeId::kTinyInt:
      CopyPlain<int8_t>(data, count, out);
      return true;
    case TypeId::kSmallInt:
      CopyPlain<int16_t>(data, count, out);
      return true;
    case TypeId::kInteger:
      CopyPlain<int32_t>(data, count, out);
      return true;
    case TypeId::kBigInt:
      CopyPlain<int64_t>(data, count, out);
      return true;
    case TypeId::kUTinyInt:
      CopyPlain<uint8_t>(data, count, out);
      return true;
    case TypeId::kUSmallInt:
      CopyPlain<uint16_t>(data, count, out);
      return true;
    case TypeId::kUInteger:
      CopyPlain<uint32_t>(data, count, out);
      return true;
    case TypeId::kUBigInt:
      CopyPlain<uint64_t>(data, count, out);
      return true;
    case TypeId::kFloat:
      CopyPlain<float>(data, count, out);
      return true;
    case TypeId::kDouble:
      CopyPlain<double>(data, count, out);
      return true;
    default:
      return false;
  }
}

}  // namespace

ColumnLayout ColumnLayout::Of(const Api& api, const LogicalType& type) {
  ColumnLayout layout;
  layout.declared = type.id();
  layout.type = layout.declared;
  if (layout.declared == TypeId::kDecimal) {
    layout.type = api.decimal_internal_type(type.get());
    layout.scale = api.decimal_scale(type.get());
  }
  if (layout.declared == TypeId::kEnum) {
    layout.type = api.enum_internal_type(type.get());
    for (uint64_t i = 0; i < api.enum_dictionary_size(type.get()); ++i) {
      char* label = api.enum_dictionary_value(type.get(), i);
      layout.labels.emplace_back(label == nullptr ? "" : label);
      api.free(label);
    }
  }
  return layout;
}

void ChunkReader::Point(ChunkHandle chunk) {
  row_count_ = api_.data_chunk_get_size(chunk);
  vectors_.resize(layouts_.size());
  for (size_t column = 0; column < layouts_.size(); ++column) {
    VectorHandle vector = api_.data_chunk_get_vector(chunk, column);
    vectors_[column] = {api_.vector_get_data(vector), api_.vector_get_validity(vector)};
  }
}

bool ChunkReader::IsNull(size_t column, size_t row) const {
  const uint64_t* validity = vectors_[column].validity;
  return validity != nullptr && (validity[row / 64] >> (row % 64) & 1) == 0;
}

Int128 ChunkReader::WideInt(size_t column, size_t row) const {
  switch (layouts_[column].type) {
    case TypeId::kBoolean:
      return At<uint8_t>(column, row) != 0 ? 1 : 0;
    case TypeId::kTinyInt:
      return At<int8_t>(column, row);
    case TypeId::kSmallInt:
      return At<int16_t>(column, row);
    case TypeId::kInteger:
    case TypeId::kDate:
      return At<int32_t>(column, row);
    case TypeId::kBigInt:
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return At<int64_t>(column, row);
    case TypeId::kTimestampS:
      return static_cast<Int128>(At<int64_t>(column, row)) * 1'000'000;
    case TypeId::kTimestampMs:
      return static_cast<Int128>(At<int64_t>(column, row)) * 1'000;
    case TypeId::kTimestampNs:
      return FloorDivide(At<int64_t>(column, row), 1'000);
    case TypeId::kUTinyInt:
      return At<uint8_t>(column, row);
    case TypeId::kUSmallInt:
      return At<uint16_t>(column, row);
    case TypeId::kUInteger:
      return At<uint32_t>(column, row);
    case TypeId::kUBigInt:
      return At<uint64_t>(column, row);
    case TypeId::kHugeInt:
      return ToInt128(At<HugeInt>(column, row));
    case TypeId::kUHugeInt: {
      const HugeInt& value = At<HugeInt>(column, row);
      return value.upper < 0 ? static_cast<Int128>(kMax64) + 1 : ToInt128(value);
    }
    default:
      return 0;
  }
}

int64_t ChunkReader::Int(size_t column, size_t row) const {
  if (IsNull(column, row)) return 0;
  const ColumnLayout& layout = layouts_[column];
  if (layout.declared == TypeId::kDecimal || layout.type == TypeId::kFloat ||
      layout.type == TypeId::kDouble) {
    const double value = Double(column, row);
    if (std::isnan(value)) return 0;
    if (value >= 9.2e18) return kMax64;
    return value <= -9.2e18 ? kMin64 : static_cast<int64_t>(value);
  }
  return Saturate(WideInt(column, row));
}

double ChunkReader::Double(size_t column, size_t row) const {
  const ColumnLayout& layout = layouts_[column];
  if (IsNull(column, row) || !IsNumeric(layout.declared))
    return std::numeric_limits<double>::quiet_NaN();
  switch (layout.type) {
    case TypeId::kFloat:
      return At<float>(column, row);
    case TypeId::kDouble:
      return At<double>(column, row);
    case TypeId::kUHugeInt: {
      const HugeInt& value = At<HugeInt>(column, row);
      return std::ldexp(static_cast<double>(static_cast<uint64_t>(value.upper)), 64) +
             static_cast<double>(value.lower);
    }
    default:
      return Unscale(static_cast<double>(WideInt(column, row)), layout.scale);
  }
}

std::string_view ChunkReader::Bytes(size_t column, size_t row) const {
  const StringCell& cell = At<StringCell>(column, row);
  const char* inside = reinterpret_cast<const char*>(&cell) + offsetof(StringCell, inlined);
  return {cell.length <= StringCell::kInlinedBytes ? inside : cell.data, cell.length};
}

std::string ChunkReader::Text(size_t column, size_t row) const {
  if (IsNull(column, row)) return "";
  const ColumnLayout& layout = layouts_[column];
  switch (layout.declared) {
    case TypeId::kBoolean:
      return At<uint8_t>(column, row) != 0 ? "true" : "false";
    case TypeId::kVarchar:
      return std::string(Bytes(column, row));
    case TypeId::kBlob:
      return FormatBlob(Bytes(column, row));
    case TypeId::kFloat:
      return FormatFloat(At<float>(column, row));
    case TypeId::kDouble:
      return FormatDouble64(At<double>(column, row));
    case TypeId::kDecimal:
      return FormatDecimal(WideInt(column, row), layout.scale);
    case TypeId::kEnum: {
      const size_t label = static_cast<size_t>(WideInt(column, row));
      return label < layout.labels.size() ? layout.labels[label] : "";
    }
    case TypeId::kDate:
      return FormatDate(At<int32_t>(column, row));
    case TypeId::kTime:
      return FormatTimeOfDay(At<int64_t>(column, row), 1'000'000);
    case TypeId::kTimestamp:
      return FormatTimestamp(At<int64_t>(column, row), 1'000'000);
    case TypeId::kTimestampS:
      return FormatTimestamp(At<int64_t>(column, row), 1);
    case TypeId::kTimestampMs:
      return FormatTimestamp(At<int64_t>(column, row), 1'000);
    case TypeId::kTimestampNs:
      return FormatTimestamp(At<int64_t>(column, row), 1'000'000'000);
    // The session's time zone is UTC, see Database::Open.
    case TypeId::kTimestampTz:
      return FormatTimestamp(At<int64_t>(column, row), 1'000'000) + "+00";
    case TypeId::kUuid:
      return FormatUuid(At<HugeInt>(column, row));
    case TypeId::kUHugeInt: {
      const HugeInt& value = At<HugeInt>(column, row);
      return FormatUInt128(
          (static_cast<unsigned __int128>(static_cast<uint64_t>(value.upper)) << 64) | value.lower);
    }
    default:
      return FormatInt128(WideInt(column, row));
  }
}

void ChunkReader::CopyFloats(size_t column, float* out) const {
  const ColumnLayout& layout = layouts_[column];
  const Vector& vector = vectors_[column];
  if (layout.type != layout.declared || !CopyByType(layout.type, vector.data, row_count_, out)) {
    for (size_t row = 0; row < row_count_; ++row)
      out[row] = static_cast<float>(Double(column, row));
    return;
  }
  if (vector.validity == nullptr) return;
  for (size_t row = 0; row < row_count_; ++row) {
    if (IsNull(column, row)) out[row] = std::numeric_limits<float>::quiet_NaN();
  }
}

}  // namespace caisson::duckdb
