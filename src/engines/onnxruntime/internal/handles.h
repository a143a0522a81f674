// Owners of what the library hands out.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "engines/onnxruntime/internal/onnxruntime_api.h"

namespace caisson::onnxruntime {

// A pointer that is released by one of the table's functions.
template <typename T>
using Handle = std::unique_ptr<T, void (*)(T*)>;

// Makes an owner around what `create` writes: CAISSON_ASSIGN(auto env, MakeHandle<OrtEnv>(api,
// api.ReleaseEnv, ...)).
template <typename T, typename Create>
Result<Handle<T>> MakeHandle(const Api& api, void (*release)(T*), Create&& create) {
  T* raw = nullptr;
  CAISSON_TRY(api.Check(std::forward<Create>(create)(&raw)));
  return Handle<T>(raw, release);
}

// A text that the library's allocator made, copied and freed.
inline std::string TakeText(const Api& api, OrtAllocator* allocator, char* text) {
  if (text == nullptr) return "";
  std::string copy = text;
  // Freeing cannot fail in a way that a caller could do something about.
  (void)api.Check(api.AllocatorFree(allocator, text));
  return copy;
}

// The values of one run. Null pointers are values that the library is to make.
class Values {
 public:
  Values(const Api& api, size_t count) : api_(api), values_(count, nullptr) {}
  Values(const Values&) = delete;
  Values& operator=(const Values&) = delete;
  ~Values() { Release(); }

  OrtValue*& operator[](size_t index) { return values_[index]; }
  OrtValue** data() { return values_.data(); }
  size_t size() const { return values_.size(); }
  void Release() {
    for (OrtValue*& value : values_) {
      if (value != nullptr) api_.ReleaseValue(value);
      value = nullptr;
    }
  }

 private:
  const Api& api_;
  std::vector<OrtValue*> values_;
};

}  // namespace caisson::onnxruntime
