#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <boost/json/basic_parser_impl.hpp>

#include "base/json.h"
#include "base/strings.h"

namespace caisson {
namespace {

using ErrorCode = boost::json::error_code;

// Objects up to this size are searched for repeated keys member by member, larger ones by sorting.
constexpr size_t kSmallObject = 16;

// Text in which Python's extensions are replaced by standard JSON of the same length, so that every
// offset stays right.
struct StandardText {
  std::string copy;        // empty when nothing had to be replaced
  bool has_bytes = false;  // some strings hold bytes as pairs of noncharacters
};

// A byte that a lone surrogate stands for travels through the parser as two noncharacters: U+FDD0 +
// the high half byte, then U+FDE0 + the low one. That is six bytes of UTF-8, just as long as the
// escape.
constexpr std::string_view kNoncharacterLead = "\xEF\xB7";  // U+FDC0 to U+FDFF

bool IsNoncharacter(std::string_view text, size_t position) {
  if (text.compare(position, 2, kNoncharacterLead) != 0 || position + 2 >= text.size())
    return false;
  const auto last = static_cast<unsigned char>(text[position + 2]);
  return last >= 0x90 && last <= 0xAF;
}

std::string RestoreBytes(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (IsNoncharacter(text, i)) {
      out += static_cast<char>((text[i + 2] & 0x0F) << 4 | (text[i + 5] & 0x0F));
      i += 6;
    } else {
      out += text[i++];
    }
  }
  return out;
}

// The number in the escape \uXXXX at `position`, or -1.
int EscapedUnit(std::string_view text, size_t position) {
  if (position + 6 > text.size() || text[position] != '\\' || text[position + 1] != 'u') return -1;
  int value = 0;
  for (size_t i = position + 2; i < position + 6; ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    value = value << 4 | digit;
  }
  return value;
}

bool EndsValue(std::string_view text, size_t position) {
  return position >= text.size() ||
         std::string_view(" \t\r\n,]}").find(text[position]) != std::string_view::npos;
}

bool BeginsValue(std::string_view text, size_t position) {
  return position == 0 ||
         std::string_view(" \t\r\n,[:").find(text[position - 1]) != std::string_view::npos;
}

// Replaces what Python's json module reads beyond the standard. A number that stands for NaN or an
// infinity is found again by its offset.
class PythonExtensions {
 public:
  PythonExtensions(std::string_view text, const JsonParseOptions& options)
      : text_(text), options_(options) {}

  Result<StandardText> Replace() {
    bool in_string = false;
    for (size_t i = 0; i < text_.size();) {
      const char c = text_[i];
      if (in_string) {
        if (c == '"') in_string = false;
        if (c == '\\') {
          CAISSON_ASSIGN(const size_t length, ReplaceEscape(i));
          i += length;
          continue;
        }
        if (IsNoncharacter(text_, i)) has_noncharacters_ = true;
        ++i;
      } else {
        if (c == '"') in_string = true;
        i += options_.allow_nan ? ReplaceNumber(i) : 1;
      }
    }
    if (out_.has_bytes && has_noncharacters_) {
      return InvalidArgument(
          "invalid JSON: noncharacters (U+FDD0 to U+FDEF) beside bytes escaped as lone surrogates");
    }
    return std::move(out_);
  }

 private:
  char* Writable() {
    if (out_.copy.empty()) out_.copy = text_;
    return out_.copy.data();
  }

  // Returns how much to skip.
  size_t ReplaceEscape(size_t position, int unit) {
    if (unit >= 0xD800 && unit <= 0xDBFF)
      return 12;  // the first half of a pair; the parser checks the second
    if (unit >= 0xFDD0 && unit <= 0xFDEF) has_noncharacters_ = true;
    if (unit >= 0xDC80 && unit <= 0xDCFF) {
      std::string pair;
      AppendUtf8(pair, static_cast<char32_t>(0xFDD0 + (unit >> 4 & 15)));
      AppendUtf8(pair, static_cast<char32_t>(0xFDE0 + (unit & 15)));
      std::copy(pair.begin(), pair.end(), Writable() + position);
      out_.has_bytes = true;
    }
    return 6;
  }

  Result<size_t> ReplaceEscape(size_t position) {
    const int unit = options_.surrogate_escape ? EscapedUnit(text_, position) : -1;
    return unit < 0 ? size_t{2} : ReplaceEscape(position, unit);
  }

  size_t ReplaceNumber(size_t position) {
    for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
      if (text_.compare(position, word.size(), word) == 0 && BeginsValue(text_, position) &&
          EndsValue(text_, position + word.size())) {
        char* out = Writable() + position;
        std::fill(out, out + word.size(), '0');
        size_t first = 0;
        if (word[0] == '-') out[first++] = '-';
        out[first + 1] = '.';
        return word.size();
      }
    }
    return 1;
  }

  const std::string_view text_;
  const JsonParseOptions& options_;
  StandardText out_;
  bool has_noncharacters_ = false;
};

// Receives the parser's events. Finished values wait on a stack until the array or object around
// them ends.
class TreeBuilder {
 public:
  static constexpr size_t max_object_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_array_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_key_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_string_size = std::numeric_limits<size_t>::max();

  // `original` is the text before the replacements, `parsed` the one that the parser sees.
  TreeBuilder(std::string_view original, std::string_view parsed, bool allow_nan, bool has_bytes)
      : original_(original), parsed_(parsed), allow_nan_(allow_nan), has_bytes_(has_bytes) {}

  Json Take() { return std::move(values_.back()); }
  bool number_too_large() const { return number_too_large_; }

  bool on_document_begin(ErrorCode&) { return true; }
  bool on_document_end(ErrorCode&) { return true; }
  bool on_array_begin(ErrorCode&) { return true; }
  bool on_object_begin(ErrorCode&) { return true; }

  bool on_array_end(size_t count, ErrorCode&) {
    const auto first = values_.end() - static_cast<ptrdiff_t>(count);
    Json::Array elements(std::make_move_iterator(first), std::make_move_iterator(values_.end()));
    values_.erase(first, values_.end());
    values_.emplace_back(std::move(elements));
    return true;
  }

  bool on_object_end(size_t count, ErrorCode&) {
    const size_t first_value = values_.size() - count;
    const size_t first_key = keys_.size() - count;
    const std::vector<size_t> places =
        count > kSmallObject ? PlacesByName(first_key, count) : std::vector<size_t>();
    Json object = Json::MakeObject();
    Json::Object& members = object.mutable_object();
    members.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      std::string& key = keys_[first_key + i];
      size_t place = places.empty() ? 0 : places[i];
      if (places.empty()) {
        while (place < members.size() && members[place].first != key) ++place;
      }
      if (place < members.size()) {
        members[place].second = std::move(values_[first_value + i]);
      } else {
        members.emplace_back(std::move(key), std::move(values_[first_value + i]));
      }
    }
    values_.resize(first_value);
    keys_.resize(first_key);
    values_.push_back(std::move(object));
    return true;
  }

  bool on_string_part(boost::json::string_view part, size_t, ErrorCode&) { return AddPart(part); }
  bool on_key_part(boost::json::string_view part, size_t, ErrorCode&) { return AddPart(part); }
  bool on_string(boost::json::string_view last, size_t, ErrorCode&) {
    values_.emplace_back(FinishText(last));
    return true;
  }
  bool on_key(boost::json::string_view last, size_t, ErrorCode&) {
    keys_.push_back(FinishText(last));
    return true;
  }

  bool on_number_part(boost::json::string_view, ErrorCode&) { return true; }
  bool on_int64(int64_t value, boost::json::string_view, ErrorCode&) {
    values_.emplace_back(static_cast<long long>(value));
    return true;
  }
  bool on_uint64(uint64_t value, boost::json::string_view, ErrorCode&) {
    values_.emplace_back(static_cast<unsigned long long>(value));
    return true;
  }
  bool on_double(double approximation, boost::json::string_view text, ErrorCode& error) {
    if (allow_nan_ && original_.data() != parsed_.data()) {
      const auto position = static_cast<size_t>(text.data() - parsed_.data());
      const std::string_view before = original_.substr(position, text.size());
      if (before == "NaN") return AddDouble(std::numeric_limits<double>::quiet_NaN());
      if (before == "Infinity") return AddDouble(std::numeric_limits<double>::infinity());
      if (before == "-Infinity") return AddDouble(-std::numeric_limits<double>::infinity());
    }
    // The parser's own double can be off by a unit in the last place.
    if (const auto exact = ParseDouble({text.data(), text.size()})) return AddDouble(*exact);
    if (allow_nan_)
      return AddDouble(std::copysign(std::numeric_limits<double>::infinity(), approximation));
    number_too_large_ = true;
    error = boost::json::error::exponent_overflow;
    return false;
  }

  bool on_bool(bool value, ErrorCode&) {
    values_.emplace_back(value);
    return true;
  }
  bool on_null(ErrorCode&) {
    values_.emplace_back();
    return true;
  }
  bool on_comment_part(boost::json::string_view, ErrorCode&) { return true; }
  bool on_comment(boost::json::string_view, ErrorCode&) { return true; }

 private:
  // Where each member of a large object goes: a repeated key goes where its first one went. By
  // sorting rather than hashing, since a body can be made of keys that collide.
  std::vector<size_t> PlacesByName(size_t first_key, size_t count) const {
    std::vector<size_t> order(count);
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return keys_[first_key + a] < keys_[first_key + b];
    });
    std::vector<size_t> first_of(count);
    for (size_t i = 0; i < count; ++i) {
      const bool repeated = i > 0 && keys_[first_key + order[i]] == keys_[first_key + order[i - 1]];
      first_of[order[i]] = repeated ? first_of[order[i - 1]] : order[i];
    }
    std::vector<size_t> places(count);
    size_t next = 0;
    for (size_t i = 0; i < count; ++i) places[i] = first_of[i] == i ? next++ : places[first_of[i]];
    return places;
  }

  bool AddPart(boost::json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool AddDouble(double value) {
    values_.emplace_back(value);
    return true;
  }
  std::string FinishText(boost::json::string_view last) {
    text_.append(last.data(), last.size());
    std::string text = has_bytes_ ? RestoreBytes(text_) : std::string(text_);
    text_.clear();
    return text;
  }

  const std::string_view original_;
  const std::string_view parsed_;
  const bool allow_nan_;
  const bool has_bytes_;
  std::vector<Json> values_;
  std::vector<std::string> keys_;
  std::string text_;
  bool number_too_large_ = false;
};

std::string DescribeByte(std::string_view text, size_t position) {
  if (position >= text.size()) return "unexpected end";
  const size_t length = Utf8SequenceLength(text, position);
  if (length == 0)
    return fmt::format("byte 0x{:02x} that is not UTF-8",
                       static_cast<unsigned char>(text[position]));
  if (static_cast<unsigned char>(text[position]) < 0x20) {
    return fmt::format("unexpected control character 0x{:02x}",
                       static_cast<unsigned char>(text[position]));
  }
  return fmt::format("unexpected '{}'", text.substr(position, length));
}

std::string DescribeError(std::string_view text, size_t position, const ErrorCode& error,
                          int max_depth) {
  using Code = boost::json::error;
  if (error == Code::too_deep) return fmt::format("nested deeper than {} levels", max_depth);
  if (error == Code::exponent_overflow) return "a number too large for a double";
  // A first half without a second one is noticed at what follows it.
  const int unit_before = position >= 6 ? EscapedUnit(text, position - 6) : -1;
  if (error == Code::illegal_leading_surrogate || error == Code::illegal_trailing_surrogate ||
      (unit_before >= 0xD800 && unit_before <= 0xDBFF)) {
    return "half of a surrogate pair in a \\u escape";
  }
  if (error == Code::expected_hex_digit) return "\\u must be followed by four hexadecimal digits";
  if (error == Code::extra_data)
    return DescribeByte(text, position) + " after the end of the value";
  return DescribeByte(text, position);
}

Status ErrorAt(std::string_view text, size_t position, std::string_view problem) {
  position = std::min(position, text.size());
  const std::string_view before = text.substr(0, position);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const std::string_view in_line =
      newline == std::string_view::npos ? before : before.substr(newline + 1);
  const auto column =
      1 + std::count_if(in_line.begin(), in_line.end(), [](char c) { return (c & 0xC0) != 0x80; });
  return InvalidArgument("invalid JSON at line {}, column {}: {}", line, column, problem);
}

}  // namespace

Result<Json> ParseJson(std::string_view text, const JsonParseOptions& options) {
  StandardText standard;
  if (options.allow_nan || options.surrogate_escape) {
    CAISSON_ASSIGN(standard, PythonExtensions(text, options).Replace());
  }
  const std::string_view parsed = standard.copy.empty() ? text : std::string_view(standard.copy);
  boost::json::parse_options limits;
  limits.max_depth = static_cast<size_t>(std::max(options.max_depth, 0));
  boost::json::basic_parser<TreeBuilder> parser(limits, text, parsed, options.allow_nan,
                                                standard.has_bytes);
  ErrorCode error;
  const size_t used = parser.write_some(false, parsed.data(), parsed.size(), error);
  if (!error && used < parsed.size()) error = boost::json::error::extra_data;
  if (error) return ErrorAt(text, used, DescribeError(text, used, error, options.max_depth));
  return parser.handler().Take();
}

}  // namespace caisson
