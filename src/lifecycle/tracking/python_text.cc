#include "lifecycle/tracking/python_text.h"

#include <cmath>

#include "base/strings.h"

namespace caisson::tracking {
namespace {

// The number of bytes of the UTF-8 sequence that starts with `lead`.
size_t SequenceLength(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xF0) return 4;
  if (lead >= 0xE0) return 3;
  return 2;
}

}  // namespace

std::string PythonRepr(std::string_view text) {
  const bool double_quotes =
      text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = double_quotes ? '"' : '\'';
  std::string out(1, quote);
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  out += quote;
  return out;
}

std::string PythonReprList(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += ", ";
    out += PythonRepr(texts[i]);
  }
  return out + "]";
}

std::string PythonFloat(double value) { return FormatDouble(value); }

std::string PythonCompactJson(const Json& value) {
  return WriteJson(value, {.sort_keys = true, .ascii_only = true, .allow_nan = true});
}

std::string_view PythonTypeName(const Json& value) {
  if (value.is_null()) return "NoneType";
  if (value.is_bool()) return "bool";
  if (value.is_int() || value.is_uint()) return "int";
  if (value.is_double()) return "float";
  if (value.is_string()) return "str";
  if (value.is_array()) return "list";
  return "dict";
}

size_t PythonLength(std::string_view text) {
  size_t count = 0;
  for (char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++count;
  }
  return count;
}

std::string_view PythonPrefix(std::string_view text, size_t count) {
  size_t offset = 0;
  for (size_t i = 0; i < count && offset < text.size(); ++i) {
    offset += SequenceLength(static_cast<unsigned char>(text[offset]));
  }
  return text.substr(0, std::min(offset, text.size()));
}

}  // namespace caisson::tracking
