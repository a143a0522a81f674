// Settings with origins: flag > CAISSON_* environment variable > file > default, merged key by key.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace caisson {

enum class SettingKind { kString, kInt, kBool, kDuration };

// Declares one setting. `name` is the flag's name without dashes, for example "http-threads"; the
// environment variable is CAISSON_HTTP_THREADS and the key in the file is http-threads under
// `server:`.
struct SettingSpec {
  std::string name;
  SettingKind kind = SettingKind::kString;
  std::string fallback;
  std::string help;
};

enum class SettingOrigin { kDefault, kFile, kEnvironment, kFlag };
std::string_view OriginName(SettingOrigin origin);

// The merged settings. Immutable after Load; any thread may read.
class Config {
 public:
  struct Sources {
    std::map<std::string, std::string> flags;
    // The whole environment; only CAISSON_* is looked at.
    std::map<std::string, std::string> environment;
    Json file;  // the object under `server:`, or null
    std::string file_name;
  };
  // Every value is checked against its kind. A key of the file or a CAISSON_* variable that no spec
  // declares is an error with a did-you-mean; `other_variables` names those that something else
  // reads.
  static Result<Config> Load(const std::vector<SettingSpec>& specs, const Sources& sources,
                             const std::vector<std::string>& other_variables);

  // The setting must have been declared, with this kind.
  const std::string& String(std::string_view name) const;
  int64_t Int(std::string_view name) const;
  bool Bool(std::string_view name) const;
  std::chrono::nanoseconds Duration(std::string_view name) const;
  SettingOrigin origin(std::string_view name) const;

  // [{"name", "value", "origin", "help"}] in the order of declaration.
  Json Describe() const;

 private:
  struct Setting {
    SettingSpec spec;
    std::string value;
    SettingOrigin origin = SettingOrigin::kDefault;
  };
  const Setting& Find(std::string_view name) const;
  const Setting& Get(std::string_view name, SettingKind kind) const;
  std::vector<Setting> settings_;
};

}  // namespace caisson
