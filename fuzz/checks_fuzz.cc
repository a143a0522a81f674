// Check suites from any YAML: a suite or an error that says something, never a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/yaml.h"
#include "lifecycle/data/checks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = caisson::ParseYaml(text, "suite.yaml");
  if (!document.ok()) return 0;
  const auto suite = caisson::data::ParseCheckSuite(*document, "suite.yaml");
  if (!suite.ok() && caisson::Message(suite.status()).empty()) std::abort();
  return 0;
}
