#include "protocols/mlflow/internal/json_writer.h"

#include <cmath>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"

namespace caisson::mlflow::internal {
namespace {

void AppendEscape(std::string& out, unsigned code_unit) {
  fmt::format_to(std::back_inserter(out), "\\u{:04x}", code_unit);
}

void AppendCodePoint(std::string& out, uint32_t code_point) {
  if (code_point < 0x10000) return AppendEscape(out, code_point);
  code_point -= 0x10000;
  AppendEscape(out, 0xD800 + (code_point >> 10));
  AppendEscape(out, 0xDC00 + (code_point & 0x3FF));
}

// Reads a code point of several bytes; what is not UTF-8 is the replacement character.
uint32_t ReadCodePoint(std::string_view text, size_t& i) {
  const auto lead = static_cast<unsigned char>(text[i]);
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : -1;
  if (more < 0 || i + static_cast<size_t>(more) >= text.size()) {
    ++i;
    return 0xFFFD;
  }
  uint32_t code_point = lead & (0x3Fu >> more);
  for (int k = 1; k <= more; ++k) {
    code_point =
        (code_point << 6) | (static_cast<unsigned char>(text[i + static_cast<size_t>(k)]) & 0x3Fu);
  }
  i += static_cast<size_t>(more) + 1;
  return code_point;
}

}  // namespace

void AppendAsciiJsonString(std::string& out, std::string_view text) {
  out += '"';
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x80) {
      AppendCodePoint(out, ReadCodePoint(text, i));
      continue;
    }
    ++i;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
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
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (c < 0x20) {
          AppendEscape(out, c);
        } else {
          out += static_cast<char>(c);
        }
    }
  }
  out += '"';
}

void JsonWriter::NewLine() {
  out_ += '\n';
  out_.append(static_cast<size_t>(depth_) * 2, ' ');
}

void JsonWriter::Quoted(std::string_view text) { AppendAsciiJsonString(out_, text); }

void JsonWriter::Next(std::string_view name) {
  if (!empty_) out_ += ',';
  empty_ = false;
  NewLine();
  if (name.empty()) return;
  Quoted(name);
  out_ += ": ";
}

void JsonWriter::BeginObject(std::string_view name) {
  Next(name);
  out_ += '{';
  ++depth_;
  empty_ = true;
}

void JsonWriter::BeginArray(std::string_view name) {
  Next(name);
  out_ += '[';
  ++depth_;
  empty_ = true;
}

void JsonWriter::BeginItem() { BeginObject(""); }

void JsonWriter::End(char close) {
  --depth_;
  if (!empty_) NewLine();
  out_ += close;
  empty_ = false;
}

void JsonWriter::Text(std::string_view name, std::string_view value) {
  Next(name);
  Quoted(value);
}

void JsonWriter::Int(std::string_view name, int64_t value) {
  Next(name);
  fmt::format_to(std::back_inserter(out_), "{}", value);
}

void JsonWriter::Double(std::string_view name, double value) {
  Next(name);
  if (std::isnan(value)) {
    out_ += "\"NaN\"";
  } else if (std::isinf(value)) {
    out_ += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    out_ += FormatDouble(value);
  }
}

void JsonWriter::Bool(std::string_view name, bool value) {
  Next(name);
  out_ += value ? "true" : "false";
}

void JsonWriter::TextItem(std::string_view value) { Text("", value); }

std::string JsonWriter::Finish() {
  End('}');
  return std::move(out_);
}

}  // namespace caisson::mlflow::internal
