// What commands print.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace caisson::app {

// Columns that line up; numbers to the right. An empty table prints `when_empty`.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> headers) : headers_(std::move(headers)) {}
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string ToString(std::string_view when_empty = "(none)\n") const;

 private:
  std::vector<std::string> headers_;
  std::vector<std::vector<std::string>> rows_;
};

void Print(std::string_view text);
void PrintJson(const Json& json);
void PrintError(std::string_view text);

bool OutputIsTerminal();
bool ErrorIsTerminal();

// Colours when standard output is a terminal and NO_COLOR is not set; otherwise the text alone.
enum class Colour { kGreen, kRed, kYellow, kDim, kBold };
std::string Paint(std::string_view text, Colour colour);

// One line that is rewritten in place on a terminal and left out elsewhere. Used by one thread.
class ProgressLine {
 public:
  ~ProgressLine() { Clear(); }
  void Update(std::string_view text);
  void Clear();

 private:
  bool shown_ = false;
};

}  // namespace caisson::app
