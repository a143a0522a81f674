#include "platform/lineage/internal/labels.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"

namespace caisson::lineage::internal {
namespace {

constexpr size_t kValueCharacters = 32;
constexpr size_t kHashCharacters = 12;

bool IsHash(std::string_view text) {
  return text.size() >= 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string ShortValue(const Json& value) {
  if (value.is_string())
    return ShortName(ReplaceAll(value.AsString(), "\n", " "), kValueCharacters);
  if (value.is_double()) return fmt::format("{:.4g}", value.AsDouble());
  if (value.is_array())
    return fmt::format("{} {}", value.size(), value.size() == 1 ? "item" : "items");
  return Shorten(WriteJson(value), kValueCharacters);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> KeyAttributes(const Json& attributes,
                                                               size_t limit) {
  std::vector<std::pair<std::string, std::string>> shown;
  for (const auto& [key, value] : attributes.object()) {
    if (value.is_object()) {
      for (const auto& [inner_key, inner_value] : value.object()) {
        if (inner_value.is_object() || inner_value.is_null()) continue;
        shown.emplace_back(fmt::format("{}.{}", key, inner_key), ShortValue(inner_value));
      }
    } else if (!value.is_null() && !(value.is_string() && value.AsString().empty())) {
      shown.emplace_back(key, ShortValue(value));
    }
    if (shown.size() >= limit) break;
  }
  if (shown.size() > limit) shown.resize(limit);
  return shown;
}

std::string ReadableWord(std::string_view word) { return ReplaceAll(word, "_", " "); }

std::string Shorten(std::string_view text, size_t characters) {
  size_t count = 0;
  size_t cut = 0;  // where the last character that may stay before an ellipsis ends
  for (size_t i = 0; i < text.size(); ++i) {
    const bool starts_character = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (!starts_character) continue;
    if (count + 1 == characters) cut = i;
    if (count == characters) return std::string(text.substr(0, cut)) + "…";
    ++count;
  }
  return std::string(text);
}

std::string ShortName(std::string_view name, size_t characters) {
  return IsHash(name) ? std::string(name.substr(0, kHashCharacters)) : Shorten(name, characters);
}

}  // namespace caisson::lineage::internal
