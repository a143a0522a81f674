// DVC 3's file formats: the .dvc file and the directory object. What carries identity is JSON text,
// byte for byte as Python's json.dumps writes it; YAML is read loosely and written as DVC writes
// it. Sources: DVC's dvc/schema.py, dvc/output.py and dvc-data's hashfile/tree.py; the golden
// values of the tests come from DVC's own tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "lifecycle/data/repository.h"

namespace caisson::data::internal {

// One file of a directory object.
struct DirMember {
  std::string relative_path;  // '/' between names
  std::string md5;
};

// The bytes of a directory object: members sorted by path, keys md5 and relpath, Python's default
// spacing, ASCII only.
std::string WriteDirObject(std::vector<DirMember> members);
// DataLoss when the bytes are not a directory object.
Result<std::vector<DirMember>> ParseDirObject(std::string_view bytes);

// A .dvc file as a value. Keys that this program does not know are kept as they are when it is
// written again.
struct DvcFile {
  Json document;
  OutEntry out;  // its first output; `path` as in the file, relative to the file's folder
};
Result<DvcFile> ParseDvcFile(std::string_view text, const std::string& source_name);
// The text of the file for an output; `previous` may be null.
std::string WriteDvcFile(const OutEntry& out, const Json& previous);

// Where an object lies below the cache folder: files/md5/<2>/<rest>.
std::string ObjectPath(std::string_view cache_folder, std::string_view md5);

}  // namespace caisson::data::internal
