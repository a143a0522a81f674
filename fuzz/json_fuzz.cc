// JSON from anywhere: what is accepted can be written and read back unchanged.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/strings.h"

namespace caisson {
namespace {

constexpr JsonParseOptions kPythonParse = {.allow_nan = true, .surrogate_escape = true};
constexpr JsonWriteOptions kPythonWrite = {
    .ascii_only = true, .python_spacing = true, .allow_nan = true};

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckStrict(std::string_view text) {
  const auto json = ParseJson(text);
  if (!json.ok()) {
    Require(IsValidUtf8(Message(json.status())) || !IsValidUtf8(text));
    return;
  }
  const std::string written = WriteJson(*json);
  Require(IsValidUtf8(written));
  const auto again = ParseJson(written);
  Require(again.ok() && *again == *json && WriteJson(*again) == written);
  const auto indented = ParseJson(WriteJson(*json, {.indent = 2, .sort_keys = true}));
  Require(indented.ok() && *indented == *json);
  // Python's reading is the wider one.
  const auto python = ParseJson(text, kPythonParse);
  Require(python.ok() && *python == *json);
}

void CheckPython(std::string_view text) {
  const auto json = ParseJson(text, kPythonParse);
  if (!json.ok()) return;
  // Compared as text, since NaN equals nothing.
  const std::string written = WriteJson(*json, kPythonWrite);
  const auto again = ParseJson(written, kPythonParse);
  Require(again.ok() && WriteJson(*again, kPythonWrite) == written);
}

}  // namespace
}  // namespace caisson

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  caisson::CheckStrict(text);
  caisson::CheckPython(text);
  return 0;
}
