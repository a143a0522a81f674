#include "engines/onnxruntime/internal/onnxruntime_api.h"

#include "base/process.h"
#include "engines/loader/loader.h"

namespace caisson::onnxruntime {
namespace {

// OrtApiBase.
struct ApiBase {
  void* const* (*get_api)(uint32_t version);
  const char* (*get_version)();
};

}  // namespace

Result<Api> Api::Load() {
  CAISSON_ASSIGN(
      const DynamicLibrary library,
      loader::OpenEngine({"onnxruntime",
                          "ONNX Runtime",
                          {"libonnxruntime.so.1.32.0", "libonnxruntime.so.1", "libonnxruntime.so"},
                          "`./dev setup` fetches it"}));
  const ApiBase* (*get_base)() = nullptr;
  CAISSON_TRY(library.Bind("OrtGetApiBase", get_base));
  const ApiBase* base = get_base();
  void* const* table = base->get_api(kApiVersion);
  if (table == nullptr) {
    return FailedPrecondition(
        "ONNX Runtime {} ({}) is too old: 1.{} or newer is needed; `./dev setup` fetches one",
        base->get_version(), library.path(), kApiVersion);
  }
  Api api;
#define CAISSON_ONNXRUNTIME_BIND(slot, name, result, parameters) \
  api.name = reinterpret_cast<result(*) parameters>(table[slot]);
  CAISSON_ONNXRUNTIME_FUNCTIONS(CAISSON_ONNXRUNTIME_BIND)
#undef CAISSON_ONNXRUNTIME_BIND
  api.version = base->get_version();
  return api;
}

Status Api::Check(OrtError* error) const {
  if (error == nullptr) return OkStatus();
  const OrtCode code = GetErrorCode(error);
  const std::string message = GetErrorMessage(error);
  ReleaseStatus(error);
  switch (code) {
    case OrtCode::kNoSuchFile:
      return NotFound("{}", message);
    case OrtCode::kInvalidArgument:
      return InvalidArgument("{}", message);
    case OrtCode::kNotImplemented:
      return Unimplemented("{}", message);
    default:
      return Internal("{}", message);
  }
}

}  // namespace caisson::onnxruntime
