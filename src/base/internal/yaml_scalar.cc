#include "base/internal/yaml_scalar.h"

#include <charconv>
#include <limits>

#include "base/strings.h"

namespace caisson::internal {
namespace {

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Consumes characters of a set and says how many.
size_t TakeWhile(std::string_view& text, std::string_view accepted) {
  const size_t count = std::min(text.find_first_not_of(accepted), text.size());
  text.remove_prefix(count);
  return count;
}

std::string_view WithoutSign(std::string_view text) {
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
  return text;
}

constexpr std::string_view kDigits = "0123456789_";

// The base of a text in the form of an integer, 0 for other texts. Underscores may stand anywhere
// behind the first digit.
int IntegerBase(std::string_view text) {
  const std::string_view digits = WithoutSign(text);
  const auto all = [](std::string_view rest, std::string_view accepted) {
    return !rest.empty() && rest.find_first_not_of(accepted) == std::string_view::npos;
  };
  if (digits.empty() || (digits.size() == text.size() && !IsDigit(text.front()))) return 0;
  if (digits.starts_with("0b") && all(digits.substr(2), "01_")) return 2;
  if (digits.starts_with("0o") && all(digits.substr(2), "01234567_")) return 8;
  if (digits.starts_with("0x") && all(digits.substr(2), "0123456789abcdefABCDEF_")) return 16;
  return all(digits, kDigits) ? 10 : 0;
}

bool TakeExponent(std::string_view& text, bool sign_required) {
  if (text.empty()) return true;
  if (text.front() != 'e' && text.front() != 'E') return false;
  text.remove_prefix(1);
  const size_t signs = !text.empty() && (text.front() == '+' || text.front() == '-') ? 1 : 0;
  text.remove_prefix(signs);
  if (sign_required && signs == 0) return false;
  return TakeWhile(text, "0123456789") > 0 && text.empty();
}

// "1.5", "1.", "1e5", ".5", ".5e+3" with underscores among the digits. Behind a leading point the
// exponent needs a sign: that is ruamel.yaml's pattern.
bool IsFloatForm(std::string_view text) {
  text = WithoutSign(text);
  if (text.empty()) return false;
  if (text.front() == '.') {
    text.remove_prefix(1);
    return TakeWhile(text, kDigits) > 0 && TakeExponent(text, true);
  }
  if (!IsDigit(text.front())) return false;
  TakeWhile(text, kDigits);
  if (text.empty()) return false;
  if (text.front() == '.') {
    text.remove_prefix(1);
    TakeWhile(text, kDigits);
  }
  return TakeExponent(text, false);
}

bool IsSpecialFloat(std::string_view text) {
  return IsOneOf(text, {".nan", ".NaN", ".NAN"}) ||
         IsOneOf(WithoutSign(text), {".inf", ".Inf", ".INF"});
}

// A date, alone or with a time behind it, in a generous form.
bool IsDateForm(std::string_view text) {
  if (TakeWhile(text, "0123456789") != 4) return false;
  for (int i = 0; i < 2; ++i) {
    if (text.empty() || text.front() != '-') return false;
    text.remove_prefix(1);
    const size_t digits = TakeWhile(text, "0123456789");
    if (digits < 1 || digits > 2) return false;
  }
  return text.empty() || IsOneOf(text.substr(0, 1), {"T", "t", " ", "\t"});
}

Json ResolveInteger(std::string_view text, int base) {
  std::string digits;
  for (const char c : WithoutSign(text)) {
    if (c != '_') digits += c;
  }
  const bool negative = text.front() == '-';
  const std::string_view rest = std::string_view(digits).substr(base == 10 ? 0 : 2);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
  if (error != std::errc() || end != rest.data() + rest.size()) return Json(text);
  if (!negative) return Json(value);
  constexpr uint64_t kLimit = uint64_t{1} << 63;
  if (value > kLimit) return Json(text);
  return Json(value == kLimit ? std::numeric_limits<int64_t>::min() : -static_cast<int64_t>(value));
}

Json ResolveFloat(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != '_') digits += c;
  }
  if (digits.front() == '+') digits.erase(0, 1);
  const auto value = ParseDouble(digits);
  return value ? Json(*value) : Json(text);
}

}  // namespace

Json ResolvePlainScalar(std::string_view text) {
  if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) return Json();
  if (IsOneOf(text, {"true", "True", "TRUE"})) return Json(true);
  if (IsOneOf(text, {"false", "False", "FALSE"})) return Json(false);
  if (const int base = IntegerBase(text)) return ResolveInteger(text, base);
  if (IsFloatForm(text)) return ResolveFloat(text);
  if (IsSpecialFloat(text)) {
    if (text.size() == 4 && ToLower(text) == ".nan")
      return Json(std::numeric_limits<double>::quiet_NaN());
    const double infinity = std::numeric_limits<double>::infinity();
    return Json(text.front() == '-' ? -infinity : infinity);
  }
  return Json(text);
}

bool LooksLikeNoString(std::string_view text) {
  return IntegerBase(text) != 0 || IsFloatForm(text) || IsDateForm(text) ||
         IsOneOf(text, {"<<", "="}) || !ResolvePlainScalar(text).is_string();
}

}  // namespace caisson::internal
