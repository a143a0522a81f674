// Which files .dvcignore leaves out. The syntax is that of .gitignore (gitignore(5)).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace caisson::data::internal {

// The rules of a repository as far as they were read. A value; one thread at a time.
class IgnoreRules {
 public:
  // The rules of a file's text. They apply below `folder` ("" is the root, otherwise "data/raw");
  // later ones win over earlier ones.
  void Add(std::string_view folder, std::string_view text);
  // Reads `root`/folder/.dvcignore, if there is one.
  Status AddFile(const std::string& root, const std::string& folder);

  // Whether the file or folder itself is left out; whoever walks a tree does not enter such a
  // folder. `path` is relative to the root. DVC's and git's own folders always are.
  bool Ignores(std::string_view path, bool is_folder) const;

 private:
  struct Rule {
    std::string folder;
    std::vector<std::string> segments;  // of the pattern, between slashes
    bool anchored = false;              // seen from `folder`; otherwise the last name counts
    bool folders_only = false;
    bool keeps = false;  // "!pattern"
  };
  std::vector<Rule> rules_;
};

// Whether a name matches a pattern with *, ?, [a-z] and backslashes.
bool MatchName(std::string_view pattern, std::string_view name);

}  // namespace caisson::data::internal
