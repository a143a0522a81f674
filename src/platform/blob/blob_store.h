// Bytes by their content.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/status.h"

namespace caisson::blob {

// A blob that is being written, by one thread. Dropped before Finish, it leaves nothing. Does not
// need the store to live.
class BlobWriter {
 public:
  BlobWriter(BlobWriter&&) noexcept = default;
  Status Append(std::string_view bytes);
  // Durable and visible when it returns; the result is the digest, 64 lower-case hex digits. What
  // is there already is not written again, unless it has another length: then it was damaged, and
  // this heals it. Called once.
  Result<std::string> Finish();

 private:
  friend class BlobStore;
  BlobWriter(std::string root, PendingFile file);
  std::string root_;
  PendingFile file_;
  Hasher hasher_;
  uint64_t size_ = 0;
};

// Immutable blobs in a folder, named by their SHA-256: <root>/<2 hex>/<62 hex>, mode 0444. Any
// thread, any number of processes. A blob is written once and never changed; that one is damaged is
// found by Verify. A digest that is not 64 lower-case hex digits is InvalidArgument, one that is
// not stored NotFound.
class BlobStore {
 public:
  // Makes the folder when it is missing, and sweeps out what killed writers left in it.
  static Result<std::unique_ptr<BlobStore>> Open(const std::string& root);

  Result<BlobWriter> Create();
  Result<std::string> Put(std::string_view bytes);
  Result<std::string> PutFile(const std::string& path);

  bool Exists(std::string_view digest) const;
  Result<uint64_t> Size(std::string_view digest) const;
  Result<std::string> Read(std::string_view digest) const;
  // The file that holds the blob, for engines that map files; it must not be changed.
  Result<std::string> PathOf(std::string_view digest) const;
  // DataLoss when the bytes no longer match the name.
  Status Verify(std::string_view digest) const;
  // OK when it is not there. Whoever collects garbage makes sure that nobody is about to rely on
  // the blob.
  Status Remove(std::string_view digest);
  // Sorted.
  Result<std::vector<std::string>> List() const;

 private:
  explicit BlobStore(std::string root) : root_(std::move(root)) {}
  std::string root_;
};

}  // namespace caisson::blob
