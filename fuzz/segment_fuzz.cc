// Segments of the prediction log: a walk stays within the file, what it found it finds again, and
// no damage of a good file changes a record.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "lifecycle/serving/internal/segment.h"

namespace caisson::serving::internal {
namespace {

constexpr std::string_view kMagic = "CSNPRED1";

void Require(bool condition) {
  if (!condition) std::abort();
}

struct Walked {
  bool ok = false;
  uint64_t end = 0;
  std::vector<std::string> payloads;
};

Walked Walk(std::string_view bytes) {
  Walked walked;
  const Result<uint64_t> end = WalkSegment(bytes, kMagic, [&](uint64_t, std::string_view payload) {
    walked.payloads.emplace_back(payload);
    return OkStatus();
  });
  walked.ok = end.ok();
  if (end.ok()) walked.end = *end;
  return walked;
}

void CheckAnyBytes(std::string_view bytes) {
  const Walked whole = Walk(bytes);
  if (!whole.ok) return;
  Require(whole.end <= bytes.size());
  // After the torn tail was cut off there is none any more, and nothing else is missing.
  const Walked cut = Walk(bytes.substr(0, whole.end));
  Require(cut.ok && cut.end == whole.end && cut.payloads == whole.payloads);
}

bool IsPrefix(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

// Payloads of the bytes, each after its length, then one place that is damaged.
void CheckDamage(uint16_t place, uint8_t flip, std::string_view bytes) {
  std::string segment(kMagic);
  std::vector<std::string> payloads;
  while (!bytes.empty()) {
    const size_t length = std::min<size_t>(static_cast<uint8_t>(bytes[0]), bytes.size() - 1);
    payloads.emplace_back(bytes.substr(1, length));
    AppendRecord(segment, payloads.back());
    bytes.remove_prefix(1 + length);
  }
  Require(Walk(segment).payloads == payloads);
  if (payloads.empty()) return;
  const size_t position = place % segment.size();
  const Walked torn = Walk(segment.substr(0, position));
  Require(torn.ok && IsPrefix(torn.payloads, payloads));
  if (flip == 0) return;
  segment[position] = static_cast<char>(segment[position] ^ flip);
  const Walked damaged = Walk(segment);
  Require(IsPrefix(damaged.payloads, payloads) && damaged.payloads != payloads);
  // Only the last record may be given up without a word.
  Require(!damaged.ok || damaged.payloads.size() + 1 == payloads.size());
}

}  // namespace
}  // namespace caisson::serving::internal

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  caisson::serving::internal::CheckAnyBytes(bytes);
  if (size < 3) return 0;
  const auto place = static_cast<uint16_t>(data[0] | data[1] << 8);
  caisson::serving::internal::CheckDamage(place, data[2], bytes.substr(3));
  return 0;
}
