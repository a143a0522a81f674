// Answers as MLflow writes them: Python's json.dumps(..., indent=2) of a protobuf message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace caisson::mlflow::internal {

// Appends to a string, two spaces a level, ASCII only; int64 as numbers, NaN and the infinities as
// strings. Begin and End must match. Used by one thread.
class JsonWriter {
 public:
  // The outermost object is open from the start and closed by Finish.
  JsonWriter() : out_("{") { out_.reserve(1024); }

  void BeginObject(std::string_view name);
  void BeginArray(std::string_view name);
  void BeginItem();  // an object in an array
  void EndObject() { End('}'); }
  void EndArray() { End(']'); }

  void Text(std::string_view name, std::string_view value);
  void TextIfAny(std::string_view name, std::string_view value) {
    if (!value.empty()) Text(name, value);
  }
  void Int(std::string_view name, int64_t value);
  void Double(std::string_view name, double value);
  void Bool(std::string_view name, bool value);
  void TextItem(std::string_view value);

  std::string Finish();

 private:
  void Next(std::string_view name);
  void NewLine();
  void End(char close);
  void Quoted(std::string_view text);

  std::string out_;
  int depth_ = 1;
  bool empty_ = true;  // whether the innermost object or array has nothing yet
};

// text as a JSON string with all that is not ASCII escaped.
void AppendAsciiJsonString(std::string& out, std::string_view text);

}  // namespace caisson::mlflow::internal
