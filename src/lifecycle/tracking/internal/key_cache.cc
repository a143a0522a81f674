#include "lifecycle/tracking/internal/key_cache.h"

#include <mutex>

namespace caisson::tracking::internal {
namespace {

constexpr size_t kMaxCachedKeys = 100'000;
constexpr std::string_view kSelectKey = "SELECT key_id FROM tracking_keys WHERE key = $1";

}  // namespace

int64_t KeyCache::FindCached(std::string_view key) const {
  std::shared_lock lock(mutex_);
  const auto found = ids_.find(key);
  return found == ids_.end() ? 0 : found->second;
}

void KeyCache::Remember(std::string_view key, int64_t id) {
  std::unique_lock lock(mutex_);
  if (ids_.size() < kMaxCachedKeys) ids_.emplace(key, id);
}

Result<int64_t> KeyCache::GetOrCreate(sql::Transaction& transaction, std::string_view key) {
  if (const int64_t id = FindCached(key)) return id;
  CAISSON_ASSIGN(std::optional<int64_t> id,
                 transaction.QueryOne<int64_t>(kSelectKey, {key},
                                               [](const sql::Row& row) { return row.Int(0); }));
  if (!id.has_value()) {
    CAISSON_TRY(
        transaction.Execute("INSERT INTO tracking_keys (key_id, key) SELECT COALESCE(MAX(key_id), "
                            "0) + 1, $1 FROM tracking_keys",
                            {key}));
    CAISSON_ASSIGN(id, transaction.QueryOne<int64_t>(
                           kSelectKey, {key}, [](const sql::Row& row) { return row.Int(0); }));
    if (!id.has_value()) return Internal("the key '{}' is not there after its insertion", key);
  }
  // Only what is committed may be remembered: the transaction may still be undone.
  transaction.OnCommit([this, copy = std::string(key), number = *id] { Remember(copy, number); });
  return *id;
}

Result<int64_t> KeyCache::Find(sql::Session& session, std::string_view key) {
  if (const int64_t id = FindCached(key)) return id;
  CAISSON_ASSIGN(
      const std::optional<int64_t> id,
      session.QueryOne<int64_t>(kSelectKey, {key}, [](const sql::Row& row) { return row.Int(0); }));
  return id.value_or(0);
}

}  // namespace caisson::tracking::internal
