#include <cmath>

#include "base/internal/yaml_scalar.h"
#include "base/strings.h"
#include "base/yaml.h"

namespace caisson {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Printable and no line break: may stand in a scalar as it is.
bool IsPrintable(char32_t c) {
  if (c == 0x2028 || c == 0x2029 || c == 0xFEFF) return false;
  return (c >= 0x20 && c <= 0x7E) || (c >= 0xA0 && c <= 0xD7FF) || (c >= 0xE000 && c <= 0xFFFD) ||
         c >= 0x10000;
}

bool AllPrintable(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8SequenceLength(text, i);
    if (length == 0 || !IsPrintable(DecodeUtf8(text.substr(i, length)))) return false;
    i += length;
  }
  return true;
}

// Whether a reader finds the same text when it stands without quotes in block style. `text` is
// printable.
bool CanBePlain(std::string_view text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.back() == ':') return false;
  if (text.starts_with("---") || text.starts_with("...")) return false;
  if (std::string_view("#,[]{}&*!|>'\"%@`").find(text.front()) != std::string_view::npos)
    return false;
  const bool alone = text.size() == 1 || text[1] == ' ';
  if (alone && std::string_view("-?:").find(text.front()) != std::string_view::npos) return false;
  if (text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos)
    return false;
  return !internal::LooksLikeNoString(text);
}

void AppendEscape(std::string& out, char32_t c) {
  switch (c) {
    case '\0':
      out += "\\0";
      break;
    case '\a':
      out += "\\a";
      break;
    case '\b':
      out += "\\b";
      break;
    case '\t':
      out += "\\t";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\v':
      out += "\\v";
      break;
    case '\f':
      out += "\\f";
      break;
    case '\r':
      out += "\\r";
      break;
    case 0x1B:
      out += "\\e";
      break;
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case 0x2028:
      out += "\\L";
      break;
    case 0x2029:
      out += "\\P";
      break;
    default:
      out += c <= 0xFF ? fmt::format("\\x{:02X}", static_cast<uint32_t>(c))
                       : fmt::format("\\u{:04X}", static_cast<uint32_t>(c));
  }
}

std::string DoubleQuoted(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8SequenceLength(text, i);
    if (length == 0) {
      out += kReplacement;
      ++i;
      continue;
    }
    const std::string_view sequence = text.substr(i, length);
    const char32_t c = DecodeUtf8(sequence);
    if (IsPrintable(c) && c != '"' && c != '\\') {
      out += sequence;
    } else {
      AppendEscape(out, c);
    }
    i += length;
  }
  return out + "\"";
}

std::string FormatString(std::string_view text) {
  if (!AllPrintable(text)) return DoubleQuoted(text);
  if (CanBePlain(text)) return std::string(text);
  if (text.find('\'') != std::string_view::npos) return DoubleQuoted(text);
  return "'" + std::string(text) + "'";
}

std::string FormatNumber(const Json& value) {
  if (!value.is_double()) return WriteJson(value);
  if (std::isnan(value.AsDouble())) return ".nan";
  if (std::isinf(value.AsDouble())) return value.AsDouble() < 0 ? "-.inf" : ".inf";
  return FormatDouble(value.AsDouble());
}

// Whether the value is written on lines of its own under its key.
bool IsBlock(const Json& value) {
  return (value.is_array() || value.is_object()) && !value.empty();
}

class YamlWriter {
 public:
  // Writes a value that is no block, without a line's end.
  void WriteScalar(const Json& value) {
    if (value.is_string()) {
      out_ += FormatString(value.AsString());
    } else if (value.is_number()) {
      out_ += FormatNumber(value);
    } else if (value.is_bool()) {
      out_ += value.AsBool() ? "true" : "false";
    } else if (value.is_array()) {
      out_ += "[]";
    } else if (value.is_object()) {
      out_ += "{}";
    }
  }

  // Writes a block whose lines are indented by `indent`. The first line has its indentation
  // already.
  void WriteBlock(const Json& value, size_t indent) {
    bool first = true;
    if (value.is_array()) {
      for (const Json& element : value.array()) {
        StartLine(indent, first);
        out_ += '-';
        WriteAfterMark(element, indent);
        first = false;
      }
    } else {
      for (const auto& [key, member] : value.object()) {
        StartLine(indent, first);
        WriteMember(key, member, indent);
        first = false;
      }
    }
  }

  std::string Take() { return std::move(out_); }

 private:
  void StartLine(size_t indent, bool first) {
    if (!first) out_.append(indent, ' ');
  }

  // Behind a "-", "?" or ":" that stands alone in front: a block begins on the same line.
  void WriteAfterMark(const Json& value, size_t indent) {
    if (value.is_null()) {
      out_ += '\n';
    } else if (IsBlock(value)) {
      out_ += ' ';
      WriteBlock(value, indent + 2);
    } else {
      out_ += ' ';
      WriteScalar(value);
      out_ += '\n';
    }
  }

  void WriteMember(const std::string& key, const Json& value, size_t indent) {
    // A key in front of its ":" may be at most 1024 characters long (YAML 1.2, section 7.4.3).
    constexpr size_t kLongestKey = 1000;
    const std::string name = FormatString(key);
    if (name.size() > kLongestKey) {
      out_ += "? " + name + "\n";
      out_.append(indent, ' ');
      out_ += ':';
      WriteAfterMark(value, indent);
    } else if (IsBlock(value)) {
      const size_t inner = value.is_array() ? indent : indent + 2;
      out_ += name + ":\n";
      out_.append(inner, ' ');
      WriteBlock(value, inner);
    } else {
      out_ += name + ":";
      WriteAfterMark(value, indent);
    }
  }

  std::string out_;
};

}  // namespace

std::string WriteYaml(const Json& value) {
  if (value.is_null()) return "null\n";
  YamlWriter writer;
  if (IsBlock(value)) {
    writer.WriteBlock(value, 0);
    return writer.Take();
  }
  writer.WriteScalar(value);
  return writer.Take() + "\n";
}

}  // namespace caisson
