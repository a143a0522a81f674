#include "lifecycle/data/internal/dvc_format.h"

#include "base/files.h"
#include "base/strings.h"
#include "base/yaml.h"

namespace caisson::data::internal {
namespace {

constexpr std::string_view kDirSuffix = ".dir";

bool IsMd5(std::string_view text) {
  if (text.size() > kDirSuffix.size() &&
      text.substr(text.size() - kDirSuffix.size()) == kDirSuffix) {
    text.remove_suffix(kDirSuffix.size());
  }
  return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string WriteDirObject(std::vector<DirMember> members) {
  std::sort(members.begin(), members.end(), [](const DirMember& a, const DirMember& b) {
    return a.relative_path < b.relative_path;
  });
  Json list = Json::MakeArray();
  for (const DirMember& member : members) {
    list.Append(Json::Of({{"md5", member.md5}, {"relpath", member.relative_path}}));
  }
  return WriteJson(list, {.ascii_only = true, .python_spacing = true});
}

Result<std::vector<DirMember>> ParseDirObject(std::string_view bytes) {
  const Result<Json> json = ParseJson(bytes, {.surrogate_escape = true});
  if (!json.ok() || !json->is_array()) return DataLoss("not a directory object of DVC");
  std::vector<DirMember> members;
  for (const Json& entry : json->array()) {
    const std::string& path = entry["relpath"].AsString();
    const std::string& md5 = entry["md5"].AsString();
    const std::string normal = NormalizePath(path);
    const bool leaves = path.empty() || path.front() == '/' || normal == "." || normal == ".." ||
                        normal.starts_with("../");
    if (!IsMd5(md5) || leaves)
      return DataLoss("the directory object has a bad entry: {}", WriteJson(entry));
    members.push_back({path, md5});
  }
  return members;
}

Result<DvcFile> ParseDvcFile(std::string_view text, const std::string& source_name) {
  CAISSON_ASSIGN(YamlDocument document, ParseYaml(text, source_name));
  const Json& out = document.value["outs"][0];
  if (!out.is_object())
    return InvalidArgument("{} has no `outs`; it is not a .dvc file of data", source_name);
  DvcFile file;
  // Hashes of digits only are read as numbers when a hand left out the quotes.
  const Json& md5 = out["md5"];
  file.out.md5 = ToLower(md5.is_string() ? md5.AsString() : WriteJson(md5));
  if (!IsMd5(file.out.md5))
    return InvalidArgument("{}: outs[0].md5 is {}, which is not an MD5", source_name, file.out.md5);
  file.out.is_folder = file.out.md5.size() > 32;
  file.out.path = out["path"].AsString();
  file.out.size = out["size"].AsInt();
  file.out.file_count = out["nfiles"].AsInt(1);
  file.out.is_executable = out["isexec"].AsBool();
  file.document = std::move(document.value);
  return file;
}

std::string WriteDvcFile(const OutEntry& out, const Json& previous) {
  Json entry = Json::MakeObject();
  entry.Set("md5", out.md5);
  entry.Set("size", out.size);
  if (out.is_folder) entry.Set("nfiles", out.file_count);
  if (out.is_executable) entry.Set("isexec", true);
  entry.Set("hash", "md5");
  entry.Set("path", BaseName(out.path));
  for (const auto& [key, value] : previous["outs"][0].object()) {
    const bool ours = key == "md5" || key == "size" || key == "nfiles" || key == "isexec" ||
                      key == "hash" || key == "path";
    if (!ours) entry.Set(key, value);
  }
  Json document = Json::MakeObject();
  document.Set("outs", Json(Json::Array{std::move(entry)}));
  for (const auto& [key, value] : previous.object()) {
    if (key != "outs") document.Set(key, value);
  }
  return WriteYaml(document);
}

std::string ObjectPath(std::string_view cache_folder, std::string_view md5) {
  return fmt::format("{}/files/md5/{}/{}", cache_folder, md5.substr(0, 2), md5.substr(2));
}

}  // namespace caisson::data::internal
