// Digests. MD5 is here only because DVC's formats are built on it; it protects nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace caisson {

enum class HashKind { kMd5, kSha256 };

// A running digest, used by one thread.
class Hasher {
 public:
  explicit Hasher(HashKind kind);
  Hasher(Hasher&&) noexcept;
  ~Hasher();
  void Update(std::string_view bytes);
  // Lower-case hex. The hasher starts anew.
  std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string HashBytes(HashKind kind, std::string_view bytes);
Result<std::string> HashFile(HashKind kind, const std::string& path);
inline std::string Sha256(std::string_view bytes) { return HashBytes(HashKind::kSha256, bytes); }
inline std::string Md5(std::string_view bytes) { return HashBytes(HashKind::kMd5, bytes); }

// XXH3, 64 bits: quick and well spread, for checksums and hash tables; not for anything that an
// adversary chooses.
uint64_t Xxh3(std::string_view bytes, uint64_t seed = 0);

}  // namespace caisson
