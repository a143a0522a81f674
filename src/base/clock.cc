#include "base/clock.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

namespace caisson {
namespace {

constexpr int64_t kMillisPerDay = 86'400'000;

struct Date {
  int64_t year = 0;
  int month = 0;
  int day = 0;
};

// The proleptic Gregorian calendar counted in eras of 400 years (146,097 days) that begin on the
// first of March, so that the leap day comes last. std::chrono's calendar stops at the year 32767,
// which damaged data can exceed.
int64_t DaysFromDate(const Date& date) {
  const int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year =
      (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

Date DateFromDays(int64_t days) {
  days += 719'468;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const int64_t day_of_era = days - era * 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  Date date;
  date.day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  date.month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
  return date;
}

int DaysInMonth(int64_t year, int month) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[static_cast<size_t>(month - 1)];
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Reads a time from the left; every function answers whether the text went on as expected.
class TimeScanner {
 public:
  explicit TimeScanner(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }

  bool Number(size_t digits, int lowest, int highest, int& out) {
    if (text_.size() < digits) return false;
    out = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (!IsDigit(text_[i])) return false;
      out = out * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return out >= lowest && out <= highest;
  }

  bool Skip(std::string_view accepted) {
    if (text_.empty() || accepted.find(text_.front()) == std::string_view::npos) return false;
    text_.remove_prefix(1);
    return true;
  }

  // ".250" as milliseconds; more digits are cut off.
  bool Fraction(int64_t& millis) {
    millis = 0;
    if (!Skip(".,")) return true;
    size_t digits = 0;
    for (int64_t unit = 100; digits < text_.size() && IsDigit(text_[digits]);
         ++digits, unit /= 10) {
      millis += (text_[digits] - '0') * unit;
    }
    text_.remove_prefix(digits);
    return digits > 0;
  }

  // "Z", "+02:00", "+0200", "+02" or nothing, as minutes east of Greenwich.
  bool Offset(int64_t& minutes) {
    minutes = 0;
    if (at_end() || Skip("Zz")) return true;
    const bool west = text_.front() == '-';
    int hour = 0;
    int minute = 0;
    if (!Skip("+-") || !Number(2, 0, 23, hour)) return false;
    if (!at_end()) {
      Skip(":");
      if (!Number(2, 0, 59, minute)) return false;
    }
    minutes = (west ? -1 : 1) * (hour * 60 + minute);
    return true;
  }

 private:
  std::string_view text_;
};

bool ScanTime(std::string_view text, UnixMillis& out) {
  TimeScanner scanner(text);
  int year = 0;
  Date date;
  if (!scanner.Number(4, 0, 9999, year) || !scanner.Skip("-") ||
      !scanner.Number(2, 1, 12, date.month) || !scanner.Skip("-") ||
      !scanner.Number(2, 1, 31, date.day) || date.day > DaysInMonth(year, date.month)) {
    return false;
  }
  date.year = year;
  out = DaysFromDate(date) * kMillisPerDay;
  if (scanner.at_end()) return true;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int64_t millis = 0;
  int64_t offset_minutes = 0;
  if (!scanner.Skip("Tt ") || !scanner.Number(2, 0, 23, hour) || !scanner.Skip(":") ||
      !scanner.Number(2, 0, 59, minute)) {
    return false;
  }
  // 60 is a leap second, which Unix time counts into the next minute.
  if (!scanner.Skip(":") || !scanner.Number(2, 0, 60, second)) return false;
  if (!scanner.Fraction(millis) || !scanner.Offset(offset_minutes) || !scanner.at_end())
    return false;
  out += ((hour * 60 + minute - offset_minutes) * 60 + second) * 1000 + millis;
  return true;
}

struct DurationUnit {
  std::string_view name;
  int64_t nanos;
};
// From the longest to the shortest: the order in which they may follow each other.
constexpr DurationUnit kUnits[] = {
    {"d", 86'400'000'000'000},
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
    {"us", 1'000},
    {"ns", 1},
};

// "90s" and so on, without sign.
std::optional<int64_t> ScanDuration(std::string_view text) {
  // Beyond this a sum would no longer fit 64 bits.
  constexpr double kLongest = 9.2e18;
  double total = 0;
  size_t next_unit = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    size_t length = 0;
    while (length < text.size() && (IsDigit(text[length]) || text[length] == '.')) ++length;
    const std::string number(text.substr(0, length));
    text.remove_prefix(length);
    length = 0;
    while (length < text.size() && text[length] >= 'a' && text[length] <= 'z') ++length;
    const std::string_view unit = text.substr(0, length);
    text.remove_prefix(length);
    const auto dots = std::count(number.begin(), number.end(), '.');
    if (number.empty() || !IsDigit(number.front()) || !IsDigit(number.back()) || dots > 1)
      return std::nullopt;
    while (next_unit < std::size(kUnits) && kUnits[next_unit].name != unit) ++next_unit;
    if (next_unit == std::size(kUnits)) return std::nullopt;
    total += std::strtod(number.c_str(), nullptr) * static_cast<double>(kUnits[next_unit].nanos);
    if (total > kLongest) return std::nullopt;
    ++next_unit;
  }
  return std::llround(total);
}

// Three significant digits without trailing zeros: "3.42", "12.5", "820".
std::string ThreeDigits(double value) {
  const int decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (decimals > 0) {
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
  }
  return text;
}

std::string TwoUnits(int64_t total, int64_t in_large, std::string_view large,
                     std::string_view small) {
  if (total % in_large == 0) return fmt::format("{} {}", total / in_large, large);
  return fmt::format("{} {} {} {}", total / in_large, large, total % in_large, small);
}

}  // namespace

UnixMillis SystemClock::now() const {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
}

std::chrono::steady_clock::time_point SystemClock::monotonic() const {
  return std::chrono::steady_clock::now();
}

std::string FormatTime(UnixMillis time) {
  int64_t days = time / kMillisPerDay;
  int64_t millis = time % kMillisPerDay;
  if (millis < 0) {
    millis += kMillisPerDay;
    --days;
  }
  const Date date = DateFromDays(days);
  std::string out =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.year, date.month, date.day,
                  millis / 3'600'000, millis / 60'000 % 60, millis / 1000 % 60);
  if (millis % 1000 != 0) out += fmt::format(".{:03}", millis % 1000);
  return out + "Z";
}

Result<UnixMillis> ParseTime(std::string_view text) {
  UnixMillis time = 0;
  if (!ScanTime(text, time)) {
    return InvalidArgument(
        "'{}' is not a time; accepted are a date like 2001-05-07 and a time like "
        "2001-05-07T13:45:00Z",
        text);
  }
  return time;
}

Result<Duration> ParseDuration(std::string_view text) {
  const auto nanos = ScanDuration(text);
  if (!nanos) {
    return InvalidArgument(
        "'{}' is not a duration; accepted are numbers with the units d, h, m, s, ms, us and ns, "
        "the longest first, like 90s, "
        "1h30m or 250ms",
        text);
  }
  return Duration(*nanos);
}

std::string HumanDuration(Duration duration) {
  if (duration == Duration::min()) return HumanDuration(duration + Duration(1));
  if (duration < Duration::zero()) return "-" + HumanDuration(-duration);
  const double nanos = static_cast<double>(duration.count());
  if (nanos < 999.5) return fmt::format("{} ns", duration.count());
  if (nanos < 999.5e3) return ThreeDigits(nanos / 1e3) + " us";
  if (nanos < 999.5e6) return ThreeDigits(nanos / 1e6) + " ms";
  if (nanos < 59.95e9) return ThreeDigits(nanos / 1e9) + " s";
  const int64_t seconds = std::llround(nanos / 1e9);
  if (seconds < 3600) return TwoUnits(seconds, 60, "min", "s");
  const int64_t minutes = std::llround(nanos / 60e9);
  if (minutes < 24 * 60) return TwoUnits(minutes, 60, "h", "min");
  return TwoUnits(std::llround(nanos / 3600e9), 24, "d", "h");
}

}  // namespace caisson
