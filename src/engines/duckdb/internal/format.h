// Values as DuckDB prints them. Only what a chunk holds in binary form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engines/duckdb/internal/duckdb_api.h"

namespace caisson::duckdb {

using Int128 = __int128;

inline Int128 ToInt128(const HugeInt& value) {
  return (static_cast<Int128>(value.upper) << 64) | static_cast<Int128>(value.lower);
}

// Quotient towards minus infinity, so that times before 1970 fall on the right day. `divisor` is
// positive.
int64_t FloorDivide(int64_t value, int64_t divisor);

std::string FormatInt128(Int128 value);
std::string FormatUInt128(unsigned __int128 value);
// `scale` digits after the point: (12345, 2) is "123.45".
std::string FormatDecimal(Int128 value, int scale);
// The shortest decimal that reads back as the same number, with ".0" where it would look like an
// integer.
std::string FormatFloat(float value);
std::string FormatDouble64(double value);
std::string FormatDate(int32_t days);
// Ticks since 1970-01-01 (timestamps) or midnight (times); `ticks_per_second` is 1, 1'000,
// 1'000'000 or 1'000'000'000.
std::string FormatTimestamp(int64_t ticks, int64_t ticks_per_second);
std::string FormatTimeOfDay(int64_t ticks, int64_t ticks_per_second);
// A UUID is stored as a HUGEINT with the highest bit flipped, so that it sorts.
std::string FormatUuid(const HugeInt& value);
// Printable ASCII as it is, everything else as \xHH.
std::string FormatBlob(std::string_view bytes);

}  // namespace caisson::duckdb
