#include "engines/loader/loader.h"

#include <cctype>
#include <cstdlib>

#include "base/files.h"
#include "base/strings.h"

namespace caisson::loader {
namespace {

std::string VariableOf(const EngineLibrary& library) {
  std::string variable = "CAISSON_" + library.name + "_LIBRARY";
  for (char& c : variable) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return variable;
}

std::string Variable(const Surroundings& surroundings, const std::string& name) {
  const char* value = surroundings.environment(name.c_str());
  return value == nullptr ? std::string() : std::string(value);
}

bool IsBareName(const std::string& path) { return path.find('/') == std::string::npos; }

}  // namespace

Surroundings Surroundings::OfThisProcess() {
  return {ParentPath(ExecutablePath()),
          [](const char* name) -> const char* { return std::getenv(name); }};
}

std::vector<std::string> CandidatePaths(const EngineLibrary& library,
                                        const Surroundings& surroundings) {
  const std::string named = Variable(surroundings, VariableOf(library));
  if (!named.empty()) return {named};

  std::vector<std::string> folders;
  const std::string chosen = Variable(surroundings, "CAISSON_ENGINES_DIR");
  if (!chosen.empty()) folders.push_back(chosen);
  for (const char* beside : {"engines", "../engines", "../lib/caisson"}) {
    folders.push_back(NormalizePath(JoinPath(surroundings.executable_folder, beside)));
  }

  std::vector<std::string> paths;
  for (const std::string& folder : folders) {
    for (const std::string& file : library.files) {
      paths.push_back(JoinPath(JoinPath(folder, library.name), file));
    }
    for (const std::string& file : library.files) paths.push_back(JoinPath(folder, file));
  }
  for (const std::string& file : library.files) paths.push_back(file);
  return paths;
}

Result<DynamicLibrary> OpenEngine(const EngineLibrary& library, const Surroundings& surroundings) {
  const std::string variable = VariableOf(library);
  const bool named = !Variable(surroundings, variable).empty();
  std::vector<std::string> looked;
  for (const std::string& path : CandidatePaths(library, surroundings)) {
    const bool bare = IsBareName(path) && !named;
    if (!bare) {
      if (!FileExists(path)) {
        if (named) {
          return NotFound("{}={}: there is no such file; name {}'s library or unset the variable",
                          variable, path, library.title);
        }
        const std::string folder = ParentPath(path);
        if (looked.empty() || looked.back() != folder) looked.push_back(folder);
        continue;
      }
    }
    Result<DynamicLibrary> opened = DynamicLibrary::Open(path);
    if (opened.ok()) return opened;
    if (!bare) {
      return FailedPrecondition("{}'s library {} cannot be loaded: {}", library.title, path,
                                Message(opened.status()));
    }
  }
  return NotFound(
      "{}'s library {} was not found in {}, nor by the system's loader; {}, or let {} name the "
      "file",
      library.title, library.files.front(), Join(looked, ", "), library.remedy, variable);
}

}  // namespace caisson::loader
