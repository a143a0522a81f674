// The numbers that stand for the keys of metrics, params and tags.
#pragma once

#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/status.h"
#include "platform/sql/database.h"

namespace caisson::tracking::internal {

// Keeps what was committed in memory, up to a bound, so that a batch asks the table only about keys
// that are new. Owned by the Store; any thread. A number, once committed, never changes.
class KeyCache {
 public:
  // The number of a key, made when it is new.
  Result<int64_t> GetOrCreate(sql::Transaction& transaction, std::string_view key);
  // The number of a key, or 0 when no run ever used it.
  Result<int64_t> Find(sql::Session& session, std::string_view key);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  int64_t FindCached(std::string_view key) const;
  void Remember(std::string_view key, int64_t id);

  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, int64_t, Hash, std::equal_to<>> ids_;
};

}  // namespace caisson::tracking::internal
