#include "engines/duckdb/internal/format.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace caisson::duckdb {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;

template <typename Number>
std::string FormatReal(Number value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

// The proleptic Gregorian calendar, by the method of counting years from 1 March in eras of 400
// years (146,097 days).
std::string FormatCivil(int64_t days_since_epoch) {
  const int64_t days = days_since_epoch + 719'468;  // since 0000-03-01
  const int64_t era = FloorDivide(days, 146'097);
  const int64_t day_of_era = days - era * 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  if (year > 0) return fmt::format("{:04}-{:02}-{:02}", year, month, day);
  return fmt::format("{:04}-{:02}-{:02} (BC)", 1 - year, month, day);
}

}  // namespace

int64_t FloorDivide(int64_t value, int64_t divisor) {
  const int64_t quotient = value / divisor;
  return value % divisor < 0 ? quotient - 1 : quotient;
}

std::string FormatUInt128(unsigned __int128 value) {
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string FormatInt128(Int128 value) {
  if (value >= 0) return FormatUInt128(static_cast<unsigned __int128>(value));
  return "-" + FormatUInt128(-static_cast<unsigned __int128>(value));
}

std::string FormatDecimal(Int128 value, int scale) {
  std::string text = FormatInt128(value < 0 ? -value : value);
  if (scale > 0) {
    const size_t digits = static_cast<size_t>(scale);
    if (text.size() <= digits) text.insert(0, digits + 1 - text.size(), '0');
    text.insert(text.size() - digits, 1, '.');
  }
  return value < 0 ? "-" + text : text;
}

std::string FormatFloat(float value) { return FormatReal(value); }

std::string FormatDouble64(double value) { return FormatReal(value); }

std::string FormatDate(int32_t days) {
  if (days == std::numeric_limits<int32_t>::max()) return "infinity";
  if (days == -std::numeric_limits<int32_t>::max()) return "-infinity";
  return FormatCivil(days);
}

std::string FormatTimeOfDay(int64_t ticks, int64_t ticks_per_second) {
  const int64_t seconds = ticks / ticks_per_second;
  std::string text =
      fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  const int64_t fraction = ticks % ticks_per_second;
  if (fraction == 0) return text;
  const int digits = ticks_per_second == 1'000 ? 3 : ticks_per_second == 1'000'000 ? 6 : 9;
  text += fmt::format(".{:0{}}", fraction, digits);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

std::string FormatTimestamp(int64_t ticks, int64_t ticks_per_second) {
  if (ticks == std::numeric_limits<int64_t>::max()) return "infinity";
  if (ticks == -std::numeric_limits<int64_t>::max()) return "-infinity";
  const int64_t days = FloorDivide(ticks, kSecondsPerDay * ticks_per_second);
  return FormatCivil(days) + " " +
         FormatTimeOfDay(ticks - days * kSecondsPerDay * ticks_per_second, ticks_per_second);
}

std::string FormatUuid(const HugeInt& value) {
  const uint64_t upper = static_cast<uint64_t>(value.upper) ^ (uint64_t{1} << 63);
  const std::string hex = fmt::format("{:016x}{:016x}", upper, value.lower);
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

std::string FormatBlob(std::string_view bytes) {
  std::string text;
  for (const unsigned char byte : bytes) {
    const bool plain = byte >= 32 && byte <= 126 && byte != '\\' && byte != '\'' && byte != '"';
    if (plain) {
      text += static_cast<char>(byte);
    } else {
      text += fmt::format("\\x{:02X}", byte);
    }
  }
  return text;
}

}  // namespace caisson::duckdb
