// The part of ONNX Runtime's C API that we call.
//
// The library exports one function, OrtGetApiBase, which hands out a table of function pointers.
// The order of the table is the binary interface: members are only ever appended, so that a slot
// keeps its meaning for good. We name the slots that we use, by the order of struct OrtApi in
// onnxruntime_c_api.h (https://onnxruntime.ai/docs/api/c/struct_ort_api.html), and need no header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace caisson::onnxruntime {

// Handles. Each is a pointer to something that only the library knows. OrtError is the library's
// OrtStatus; null is success.
struct OrtError;
struct OrtEnv;
struct OrtSession;
struct OrtSessionOptions;
struct OrtRunOptions;
struct OrtValue;
struct OrtAllocator;
struct OrtMemoryInfo;
struct OrtTypeInfo;
struct OrtTensorInfo;
struct OrtModelMetadata;

// OrtErrorCode; only what is told apart.
enum class OrtCode : int { kFail = 1, kInvalidArgument = 2, kNoSuchFile = 3, kNotImplemented = 9 };

// ONNXTensorElementDataType.
enum class ElementType : int {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
};

// ONNXType.
enum class ValueKind : int {
  kUnknown = 0,
  kTensor = 1,
  kSequence = 2,
  kMap = 3,
  kOpaque = 4,
  kSparse = 5,
  kOptional = 6
};

inline constexpr int kLogFatal =
    4;  // OrtLoggingLevel: failures come back as errors, nothing is printed
inline constexpr int kOptimizeAll = 99;      // GraphOptimizationLevel
inline constexpr int kSequential = 0;        // ExecutionMode
inline constexpr int kArenaAllocator = 1;    // OrtAllocatorType
inline constexpr int kDefaultMemory = 0;     // OrtMemType
inline constexpr uint32_t kApiVersion = 24;  // what we ask for; 1.24 and newer answer

// Slot, name, result type, parameters.
#define CAISSON_ONNXRUNTIME_FUNCTIONS(X)                                                      \
  X(1, GetErrorCode, OrtCode, (const OrtError*))                                              \
  X(2, GetErrorMessage, const char*, (const OrtError*))                                       \
  X(3, CreateEnv, OrtError*, (int, const char*, OrtEnv**))                                    \
  X(7, CreateSession, OrtError*,                                                              \
    (const OrtEnv*, const char*, const OrtSessionOptions*, OrtSession**))                     \
  X(8, CreateSessionFromArray, OrtError*,                                                     \
    (const OrtEnv*, const void*, size_t, const OrtSessionOptions*, OrtSession**))             \
  X(9, Run, OrtError*,                                                                        \
    (OrtSession*, const OrtRunOptions*, const char* const*, const OrtValue* const*, size_t,   \
     const char* const*, size_t, OrtValue**))                                                 \
  X(10, CreateSessionOptions, OrtError*, (OrtSessionOptions**))                               \
  X(13, SetSessionExecutionMode, OrtError*, (OrtSessionOptions*, int))                        \
  X(22, SetSessionLogSeverityLevel, OrtError*, (OrtSessionOptions*, int))                     \
  X(23, SetSessionGraphOptimizationLevel, OrtError*, (OrtSessionOptions*, int))               \
  X(24, SetIntraOpNumThreads, OrtError*, (OrtSessionOptions*, int))                           \
  X(25, SetInterOpNumThreads, OrtError*, (OrtSessionOptions*, int))                           \
  X(30, SessionGetInputCount, OrtError*, (const OrtSession*, size_t*))                        \
  X(31, SessionGetOutputCount, OrtError*, (const OrtSession*, size_t*))                       \
  X(33, SessionGetInputTypeInfo, OrtError*, (const OrtSession*, size_t, OrtTypeInfo**))       \
  X(34, SessionGetOutputTypeInfo, OrtError*, (const OrtSession*, size_t, OrtTypeInfo**))      \
  X(36, SessionGetInputName, OrtError*, (const OrtSession*, size_t, OrtAllocator*, char**))   \
  X(37, SessionGetOutputName, OrtError*, (const OrtSession*, size_t, OrtAllocator*, char**))  \
  X(48, CreateTensorAsOrtValue, OrtError*,                                                    \
    (OrtAllocator*, const int64_t*, size_t, ElementType, OrtValue**))                         \
  X(49, CreateTensorWithDataAsOrtValue, OrtError*,                                            \
    (const OrtMemoryInfo*, void*, size_t, const int64_t*, size_t, ElementType, OrtValue**))   \
  X(51, GetTensorMutableData, OrtError*, (OrtValue*, void**))                                 \
  X(53, GetStringTensorDataLength, OrtError*, (const OrtValue*, size_t*))                     \
  X(54, GetStringTensorContent, OrtError*, (const OrtValue*, void*, size_t, size_t*, size_t)) \
  X(55, CastTypeInfoToTensorInfo, OrtError*, (const OrtTypeInfo*, const OrtTensorInfo**))     \
  X(56, GetOnnxTypeFromTypeInfo, OrtError*, (const OrtTypeInfo*, ValueKind*))                 \
  X(60, GetTensorElementType, OrtError*, (const OrtTensorInfo*, ElementType*))                \
  X(61, GetDimensionsCount, OrtError*, (const OrtTensorInfo*, size_t*))                       \
  X(62, GetDimensions, OrtError*, (const OrtTensorInfo*, int64_t*, size_t))                   \
  X(63, GetSymbolicDimensions, OrtError*, (const OrtTensorInfo*, const char**, size_t))       \
  X(65, GetTensorTypeAndShape, OrtError*, (const OrtValue*, OrtTensorInfo**))                 \
  X(67, GetValueType, OrtError*, (const OrtValue*, ValueKind*))                               \
  X(69, CreateCpuMemoryInfo, OrtError*, (int, int, OrtMemoryInfo**))                          \
  X(76, AllocatorFree, OrtError*, (OrtAllocator*, void*))                                     \
  X(78, GetAllocatorWithDefaultOptions, OrtError*, (OrtAllocator**))                          \
  X(92, ReleaseEnv, void, (OrtEnv*))                                                          \
  X(93, ReleaseStatus, void, (OrtError*))                                                     \
  X(94, ReleaseMemoryInfo, void, (OrtMemoryInfo*))                                            \
  X(95, ReleaseSession, void, (OrtSession*))                                                  \
  X(96, ReleaseValue, void, (OrtValue*))                                                      \
  X(98, ReleaseTypeInfo, void, (OrtTypeInfo*))                                                \
  X(99, ReleaseTensorTypeAndShapeInfo, void, (OrtTensorInfo*))                                \
  X(100, ReleaseSessionOptions, void, (OrtSessionOptions*))                                   \
  X(111, SessionGetModelMetadata, OrtError*, (const OrtSession*, OrtModelMetadata**))         \
  X(116, ModelMetadataLookupCustomMetadataMap, OrtError*,                                     \
    (const OrtModelMetadata*, OrtAllocator*, const char*, char**))                            \
  X(118, ReleaseModelMetadata, void, (OrtModelMetadata*))                                     \
  X(123, ModelMetadataGetCustomMetadataMapKeys, OrtError*,                                    \
    (const OrtModelMetadata*, OrtAllocator*, char***, int64_t*))                              \
  X(125, GetAvailableProviders, OrtError*, (char***, int*))                                   \
  X(126, ReleaseAvailableProviders, OrtError*, (char**, int))                                 \
  X(130, AddSessionConfigEntry, OrtError*, (OrtSessionOptions*, const char*, const char*))    \
  X(252, GetResizedStringTensorElementBuffer, OrtError*, (OrtValue*, size_t, size_t, char**))

// The loaded functions. A plain table of pointers: cheap to copy, valid until the process ends,
// usable from any thread.
struct Api {
#define CAISSON_ONNXRUNTIME_MEMBER(slot, name, result, parameters) \
  result(*name) parameters = nullptr;
  CAISSON_ONNXRUNTIME_FUNCTIONS(CAISSON_ONNXRUNTIME_MEMBER)
#undef CAISSON_ONNXRUNTIME_MEMBER
  std::string version;  // "1.32.0"

  // NotFound when the library is missing, FailedPrecondition when it is too old.
  static Result<Api> Load();

  // OK for null; otherwise the library's words, and the error is released.
  Status Check(OrtError* error) const;
};

}  // namespace caisson::onnxruntime
