#include "base/hash.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/files.h"

namespace caisson {
namespace {

constexpr size_t kReadBufferBytes = 1 << 20;

const EVP_MD* Fetch(OSSL_LIB_CTX* library, const char* name) {
  const EVP_MD* digest = EVP_MD_fetch(library, name, nullptr);
  if (digest == nullptr) {
    std::fprintf(stderr, "caisson: the OpenSSL library has no %s\n", name);
    std::abort();
  }
  return digest;
}

// Fetched once, since OpenSSL's own look-up costs more than hashing a short text.
const EVP_MD* DigestOf(HashKind kind) {
  if (kind == HashKind::kSha256) {
    static const EVP_MD* const sha256 = Fetch(nullptr, "SHA256");
    return sha256;
  }
  // MD5 comes from a library context of its own: where the host allows FIPS algorithms only, the
  // default one refuses it, and names of DVC's cache files would be out of reach.
  static const EVP_MD* const md5 = Fetch(OSSL_LIB_CTX_new(), "MD5");
  return md5;
}

// The calls on a digest fail only when memory runs out or when the arguments are wrong.
void Require(int ok) {
  if (ok == 1) return;
  std::fputs("caisson: OpenSSL could not compute a digest\n", stderr);
  std::abort();
}

std::string ToHex(const unsigned char* bytes, size_t size) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(size * 2, '\0');
  for (size_t i = 0; i < size; ++i) {
    text[2 * i] = kDigits[bytes[i] >> 4];
    text[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return text;
}

}  // namespace

struct Hasher::State {
  explicit State(HashKind kind) : digest(DigestOf(kind)), context(EVP_MD_CTX_new()) {
    Require(context != nullptr ? EVP_DigestInit_ex2(context, digest, nullptr) : 0);
  }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const EVP_MD* digest;
  EVP_MD_CTX* context;
};

Hasher::Hasher(HashKind kind) : state_(std::make_unique<State>(kind)) {}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::Update(std::string_view bytes) {
  Require(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()));
}

std::string Hasher::Finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
  unsigned int size = 0;
  Require(EVP_DigestFinal_ex(state_->context, bytes.data(), &size));
  Require(EVP_DigestInit_ex2(state_->context, state_->digest, nullptr));
  return ToHex(bytes.data(), size);
}

std::string HashBytes(HashKind kind, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  Require(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, DigestOf(kind), nullptr));
  return ToHex(digest.data(), size);
}

Result<std::string> HashFile(HashKind kind, const std::string& path) {
  CAISSON_ASSIGN(const FileDescriptor file, OpenForReading(path));
  struct stat info;
  if (fstat(file.get(), &info) != 0) return ErrnoStatus(errno, fmt::format("read {}", path));
  // Advice only: a file system that cannot follow it reads as ever.
  posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  // One byte more than the file holds, so that a small one is read to its end without growing the
  // buffer.
  const size_t size =
      std::clamp<size_t>(static_cast<size_t>(info.st_size) + 1, 4096, kReadBufferBytes);
  const auto buffer = std::make_unique_for_overwrite<char[]>(size);
  Hasher hasher(kind);
  while (true) {
    const Result<size_t> got = ReadSome(file.get(), buffer.get(), size);
    if (!got.ok()) return WithContext(got.status(), path);
    if (*got == 0) return hasher.Finish();
    hasher.Update(std::string_view(buffer.get(), *got));
  }
}

uint64_t Xxh3(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace caisson
