#include "app/output.h"

#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "base/strings.h"

namespace caisson::app {
namespace {

// Code points, not bytes: names may carry any script. Wide glyphs are not told apart.
size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (unsigned char byte : text) width += (byte & 0xC0) != 0x80;
  return width;
}

bool LooksNumeric(std::string_view text) {
  if (text.empty() || text == "-") return true;
  const std::string first(Split(text, ' ').front());
  return ParseDouble(ReplaceAll(first, ",", "")).has_value();
}

}  // namespace

std::string TextTable::ToString(std::string_view when_empty) const {
  if (rows_.empty()) return std::string(when_empty);
  std::vector<size_t> widths(headers_.size(), 0);
  std::vector<bool> right(headers_.size(), true);
  for (size_t i = 0; i < headers_.size(); ++i) {
    widths[i] = DisplayWidth(headers_[i]);
    for (const auto& row : rows_) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i]));
      right[i] = right[i] && LooksNumeric(row[i]);
    }
  }
  std::string out;
  const auto add_row = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - DisplayWidth(row[i]), ' ');
      line += right[i] ? padding + row[i] : row[i] + padding;
      if (i + 1 < row.size()) line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  std::vector<std::string> headers;
  for (const std::string& header : headers_) {
    std::string upper = header;
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    headers.push_back(upper);
  }
  add_row(headers);
  for (const auto& row : rows_) add_row(row);
  return out;
}

void Print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void PrintJson(const Json& json) { Print(WriteJson(json, {.indent = 2}) + "\n"); }

void PrintError(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

bool OutputIsTerminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool ErrorIsTerminal() { return ::isatty(STDERR_FILENO) == 1; }

std::string Paint(std::string_view text, Colour colour) {
  if (!OutputIsTerminal() || std::getenv("NO_COLOR") != nullptr) return std::string(text);
  const char* code = "0";
  switch (colour) {
    case Colour::kGreen:
      code = "32";
      break;
    case Colour::kRed:
      code = "31";
      break;
    case Colour::kYellow:
      code = "33";
      break;
    case Colour::kDim:
      code = "2";
      break;
    case Colour::kBold:
      code = "1";
      break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void ProgressLine::Update(std::string_view text) {
  if (!ErrorIsTerminal()) return;
  PrintError(fmt::format("\r\x1b[2K{}", text));
  shown_ = true;
}

void ProgressLine::Clear() {
  if (shown_) PrintError("\r\x1b[2K");
  shown_ = false;
}

}  // namespace caisson::app
