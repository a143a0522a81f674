#include "base/ids.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <sys/random.h>

namespace caisson {
namespace {

void FillRandom(unsigned char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t got = getrandom(bytes, size, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      // Identifiers without randomness would collide and overwrite each other's rows: nothing can
      // go on.
      std::perror("caisson: getrandom");
      std::abort();
    }
    bytes += got;
    size -= static_cast<size_t>(got);
  }
}

}  // namespace

std::string RandomHex(int bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string result(static_cast<size_t>(std::max(bytes, 0)) * 2, '\0');
  auto* raw = reinterpret_cast<unsigned char*>(result.data());
  const size_t size = result.size() / 2;
  // The raw bytes stand in the second half and are spread out from the left: digits never overtake
  // a byte still to be read.
  FillRandom(raw + size, size);
  for (size_t i = 0; i < size; ++i) {
    const unsigned char byte = raw[size + i];
    result[2 * i] = kDigits[byte >> 4];
    result[2 * i + 1] = kDigits[byte & 15];
  }
  return result;
}

std::string NewId(int64_t unix_millis) {
  constexpr std::string_view kDigits = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string id(26, '0');
  uint64_t time = static_cast<uint64_t>(std::max<int64_t>(unix_millis, 0));
  for (size_t i = 10; i-- > 0; time >>= 5) id[i] = kDigits[time & 31];
  // 80 bits are two groups of five bytes, each exactly eight digits.
  std::array<unsigned char, 10> random;
  FillRandom(random.data(), random.size());
  for (size_t half = 0; half < 2; ++half) {
    uint64_t bits = 0;
    for (size_t i = 0; i < 5; ++i) bits = bits << 8 | random[half * 5 + i];
    for (size_t i = 8; i-- > 0; bits >>= 5) id[10 + half * 8 + i] = kDigits[bits & 31];
  }
  return id;
}

}  // namespace caisson
