#include "lifecycle/data/internal/stat_index.h"

#include <cstring>

#include "base/hash.h"

namespace caisson::data::internal {
namespace {

constexpr std::string_view kMagic = "CSNSTAT1";
constexpr int64_t kSettledNanos = 2'000'000'000;
constexpr size_t kMd5Bytes = 32;

template <typename T>
void AppendNumber(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
bool Take(std::string_view& in, T& value) {
  if (in.size() < sizeof(value)) return false;
  std::memcpy(&value, in.data(), sizeof(value));
  in.remove_prefix(sizeof(value));
  return true;
}

}  // namespace

// Layout: magic, XXH3 of what follows, then per entry: path length and path, device, inode, size,
// mtime, 32 hex digits.
void StatIndex::Load() {
  const Result<std::string> bytes = ReadFile(path_);
  if (!bytes.ok() || bytes->size() < kMagic.size() + 8 ||
      std::string_view(*bytes).substr(0, kMagic.size()) != kMagic)
    return;
  std::string_view rest = std::string_view(*bytes).substr(kMagic.size());
  uint64_t checksum = 0;
  Take(rest, checksum);
  if (Xxh3(rest) != checksum) return;
  uint32_t length = 0;
  while (Take(rest, length) && length <= rest.size()) {
    std::string path(rest.substr(0, length));
    rest.remove_prefix(length);
    Entry entry;
    if (!Take(rest, entry.identity.device) || !Take(rest, entry.identity.inode) ||
        !Take(rest, entry.identity.size) || !Take(rest, entry.identity.mtime_nanos) ||
        rest.size() < kMd5Bytes) {
      return;
    }
    entry.md5 = std::string(rest.substr(0, kMd5Bytes));
    rest.remove_prefix(kMd5Bytes);
    entries_[std::move(path)] = std::move(entry);
  }
}

Status StatIndex::Save() {
  if (!changed_) return OkStatus();
  std::string body;
  for (const auto& [path, entry] : entries_) {
    AppendNumber(body, static_cast<uint32_t>(path.size()));
    body += path;
    AppendNumber(body, entry.identity.device);
    AppendNumber(body, entry.identity.inode);
    AppendNumber(body, entry.identity.size);
    AppendNumber(body, entry.identity.mtime_nanos);
    body += entry.md5;
  }
  std::string bytes(kMagic);
  AppendNumber(bytes, Xxh3(body));
  bytes += body;
  CAISSON_TRY(WriteFileAtomic(path_, bytes));
  changed_ = false;
  return OkStatus();
}

std::optional<std::string> StatIndex::Find(std::string_view path,
                                           const FileIdentity& identity) const {
  const auto entry = entries_.find(std::string(path));
  if (entry == entries_.end() || !(entry->second.identity == identity)) return std::nullopt;
  return entry->second.md5;
}

void StatIndex::Put(std::string_view path, const FileIdentity& identity, std::string_view md5,
                    int64_t now_nanos) {
  if (now_nanos - identity.mtime_nanos < kSettledNanos) return;
  entries_[std::string(path)] = {identity, std::string(md5)};
  changed_ = true;
}

}  // namespace caisson::data::internal
