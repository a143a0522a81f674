#include <dlfcn.h>

#include "base/files.h"
#include "base/process.h"

namespace caisson {

Result<DynamicLibrary> DynamicLibrary::Open(const std::string& path) {
  DynamicLibrary library;
  library.path_ = path;
  library.handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library.handle_ != nullptr) return library;
  const char* reason = dlerror();
  if (path.find('/') != std::string::npos && !FileExists(path)) {
    return NotFound("library {} does not exist", path);
  }
  return FailedPrecondition("cannot load library {}: {}", path,
                            reason != nullptr ? reason : "unknown reason");
}

Result<void*> DynamicLibrary::Symbol(const char* name) const {
  if (handle_ == nullptr) return FailedPrecondition("no library is open");
  if (void* symbol = dlsym(handle_, name); symbol != nullptr) return symbol;
  return NotFound("library {} has no function {}; it is probably another version", path_, name);
}

}  // namespace caisson
