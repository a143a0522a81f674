#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/json.h"
#include "base/strings.h"

namespace caisson {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// Marks the ASCII characters that a JSON string cannot hold as they are; 0x7F is one only where
// Python escapes it.
constexpr std::array<bool, 128> MakeEscapeTable(bool ascii_only) {
  std::array<bool, 128> table{};
  for (size_t i = 0; i < 0x20; ++i) table[i] = true;
  table['"'] = true;
  table['\\'] = true;
  table[0x7F] = ascii_only;
  return table;
}
constexpr std::array<bool, 128> kEscapes = MakeEscapeTable(false);
constexpr std::array<bool, 128> kAsciiEscapes = MakeEscapeTable(true);

void AppendUnit(std::string& out, unsigned unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHexDigits[unit >> shift & 15];
}

void AppendEscaped(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\b':
      out += "\\b";
      break;
    case '\f':
      out += "\\f";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      AppendUnit(out, c);
  }
}

void AppendBeyondAscii(std::string& out, std::string_view sequence, unsigned char first,
                       bool ascii_only) {
  if (!ascii_only) {
    out += sequence.empty() ? std::string_view("\xEF\xBF\xBD") : sequence;
  } else if (sequence.empty()) {
    AppendUnit(out, 0xDC00u + first);
  } else {
    const char32_t code_point = DecodeUtf8(sequence);
    if (code_point < 0x10000) {
      AppendUnit(out, code_point);
    } else {
      AppendUnit(out, 0xD800 + ((code_point - 0x10000) >> 10));
      AppendUnit(out, 0xDC00 + (code_point & 0x3FF));
    }
  }
}

void AppendString(std::string& out, std::string_view text, bool ascii_only) {
  const std::array<bool, 128>& escapes = ascii_only ? kAsciiEscapes : kEscapes;
  out += '"';
  size_t copied = 0;
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80 && !escapes[c]) {
      ++i;
      continue;
    }
    size_t length = 1;
    std::string_view sequence;
    if (c >= 0x80) {
      length = Utf8SequenceLength(text, i);
      sequence = text.substr(i, length);
      if (length > 0 && !ascii_only) {
        i += length;
        continue;
      }
      length = std::max<size_t>(length, 1);
    }
    out.append(text, copied, i - copied);
    if (c < 0x80) {
      AppendEscaped(out, c);
    } else {
      AppendBeyondAscii(out, sequence, c, ascii_only);
    }
    i += length;
    copied = i;
  }
  out.append(text, copied);
  out += '"';
}

class JsonWriter {
 public:
  JsonWriter(const JsonWriteOptions& options, std::string& out)
      : options_(options),
        out_(out),
        key_separator_(options.indent > 0 || options.python_spacing ? ": " : ":"),
        item_separator_(options.indent == 0 && options.python_spacing ? ", " : ",") {}

  void Write(const Json& json, int level) {
    if (json.is_object()) {
      WriteObject(json.object(), level);
    } else if (json.is_array()) {
      WriteArray(json.array(), level);
    } else if (json.is_string()) {
      AppendString(out_, json.AsString(), options_.ascii_only);
    } else if (json.is_number()) {
      WriteNumber(json);
    } else if (json.is_bool()) {
      out_ += json.AsBool() ? "true" : "false";
    } else {
      out_ += "null";
    }
  }

 private:
  void WriteNumber(const Json& json) {
    if (json.is_int()) {
      fmt::format_to(std::back_inserter(out_), "{}", json.AsInt());
    } else if (json.is_uint()) {
      fmt::format_to(std::back_inserter(out_), "{}", json.AsUint());
    } else if (!options_.allow_nan || std::isfinite(json.AsDouble())) {
      AppendJsonDouble(out_, json.AsDouble());
    } else if (std::isnan(json.AsDouble())) {
      out_ += "NaN";
    } else {
      out_ += json.AsDouble() < 0 ? "-Infinity" : "Infinity";
    }
  }

  void NewLine(int level) {
    if (options_.indent <= 0) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(level) * static_cast<size_t>(options_.indent), ' ');
  }

  void WriteArray(const Json::Array& elements, int level) {
    out_ += '[';
    for (size_t i = 0; i < elements.size(); ++i) {
      if (i > 0) out_ += item_separator_;
      NewLine(level + 1);
      Write(elements[i], level + 1);
    }
    if (!elements.empty()) NewLine(level);
    out_ += ']';
  }

  void WriteMember(const Json::Member& member, bool first, int level) {
    if (!first) out_ += item_separator_;
    NewLine(level);
    AppendString(out_, member.first, options_.ascii_only);
    out_ += key_separator_;
    Write(member.second, level);
  }

  void WriteObject(const Json::Object& members, int level) {
    out_ += '{';
    bool first = true;
    if (options_.sort_keys) {
      std::vector<const Json::Member*> sorted;
      sorted.reserve(members.size());
      for (const Json::Member& member : members) sorted.push_back(&member);
      std::stable_sort(sorted.begin(), sorted.end(),
                       [](const Json::Member* a, const Json::Member* b) {
                         return CodePointLess(a->first, b->first);
                       });
      for (const Json::Member* member : sorted) {
        WriteMember(*member, first, level + 1);
        first = false;
      }
    } else {
      for (const Json::Member& member : members) {
        WriteMember(member, first, level + 1);
        first = false;
      }
    }
    if (!members.empty()) NewLine(level);
    out_ += '}';
  }

  const JsonWriteOptions& options_;
  std::string& out_;
  const std::string_view key_separator_;
  const std::string_view item_separator_;
};

}  // namespace

std::string WriteJson(const Json& json, const JsonWriteOptions& options) {
  std::string out;
  JsonWriter(options, out).Write(json, 0);
  return out;
}

void AppendJsonString(std::string& out, std::string_view text) { AppendString(out, text, false); }

void AppendJsonDouble(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  // Small whole numbers are most of what is written; they need no search for the shortest digits.
  if (value == std::trunc(value) && std::abs(value) < 1e15) {
    if (value == 0 && std::signbit(value)) out += '-';
    fmt::format_to(std::back_inserter(out), "{}.0", static_cast<int64_t>(value));
    return;
  }
  out += FormatDouble(value);
}

}  // namespace caisson
