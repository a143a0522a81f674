// YAML from anywhere: what is accepted can be written and read back unchanged, and has positions
// that lie in the text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "base/yaml.h"

namespace caisson {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void Check(std::string_view text) {
  const auto document = ParseYaml(text, "fuzz.yaml");
  if (!document.ok()) {
    Require(Message(document.status()).starts_with("fuzz.yaml:"));
    return;
  }
  const auto lines =
      1 + std::count(text.begin(), text.end(), '\n') + std::count(text.begin(), text.end(), '\r');
  for (const auto& [path, position] : document->positions) {
    Require(position.line >= 1 && position.line <= lines && position.column >= 1);
  }
  const std::string written = WriteYaml(document->value);
  Require(IsValidUtf8(written));
  const auto again = ParseYaml(written, "again.yaml");
  Require(again.ok());
  // Compared as text, since NaN equals nothing.
  const JsonWriteOptions options = {.allow_nan = true};
  Require(WriteJson(again->value, options) == WriteJson(document->value, options));
}

}  // namespace
}  // namespace caisson

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  caisson::Check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
