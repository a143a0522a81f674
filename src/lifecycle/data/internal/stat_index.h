// Remembers the hash of every file by its identity, so that what did not change is not read again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/files.h"
#include "base/status.h"

namespace caisson::data::internal {

// A file in the repository's .dvc/tmp/, read whole and written whole. Losing it costs time only, so
// a damaged one is taken as empty. One thread at a time. A file that changed within two seconds of
// being hashed is not remembered: its time stamp could not tell a second change from the first.
class StatIndex {
 public:
  explicit StatIndex(std::string path) : path_(std::move(path)) {}
  void Load();
  // Writes what is new.
  Status Save();

  std::optional<std::string> Find(std::string_view path, const FileIdentity& identity) const;
  void Put(std::string_view path, const FileIdentity& identity, std::string_view md5,
           int64_t now_nanos);

 private:
  struct Entry {
    FileIdentity identity;
    std::string md5;
  };
  std::string path_;
  std::unordered_map<std::string, Entry> entries_;
  bool changed_ = false;
};

}  // namespace caisson::data::internal
