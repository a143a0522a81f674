// The part of XGBoost's C API that we call: names and types of its C interface, as documented at
// https://xgboost.readthedocs.io/en/release_1.7.0/dev/c__api_8h.html. 1.7 and newer have it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace caisson::xgboost {

// Handles: plain pointers in XGBoost's own header too.
using DatasetHandle = void*;
using BoosterHandle = void*;

// Name, result type, parameters. Functions that return an int fail with -1; LastError has the
// reason, for the calling thread.
#define CAISSON_XGBOOST_FUNCTIONS(X)                                                         \
  X(XGBoostVersion, void, (int*, int*, int*))                                                \
  X(XGBGetLastError, const char*, ())                                                        \
  X(XGDMatrixCreateFromMat, int, (const float*, uint64_t, uint64_t, float, DatasetHandle*))  \
  X(XGDMatrixFree, int, (DatasetHandle))                                                     \
  X(XGDMatrixSetFloatInfo, int, (DatasetHandle, const char*, const float*, uint64_t))        \
  X(XGDMatrixSetStrFeatureInfo, int, (DatasetHandle, const char*, const char**, uint64_t))   \
  X(XGBoosterCreate, int, (const DatasetHandle*, uint64_t, BoosterHandle*))                  \
  X(XGBoosterFree, int, (BoosterHandle))                                                     \
  X(XGBoosterSlice, int, (BoosterHandle, int, int, int, BoosterHandle*))                     \
  X(XGBoosterBoostedRounds, int, (BoosterHandle, int*))                                      \
  X(XGBoosterSetParam, int, (BoosterHandle, const char*, const char*))                       \
  X(XGBoosterSetStrFeatureInfo, int, (BoosterHandle, const char*, const char**, uint64_t))   \
  X(XGBoosterUpdateOneIter, int, (BoosterHandle, int, DatasetHandle))                        \
  X(XGBoosterEvalOneIter, int,                                                               \
    (BoosterHandle, int, DatasetHandle*, const char**, uint64_t, const char**))              \
  X(XGBoosterPredictFromDMatrix, int,                                                        \
    (BoosterHandle, DatasetHandle, const char*, const uint64_t**, uint64_t*, const float**)) \
  X(XGBoosterLoadModelFromBuffer, int, (BoosterHandle, const void*, uint64_t))               \
  X(XGBoosterSaveModelToBuffer, int, (BoosterHandle, const char*, uint64_t*, const char**))  \
  X(XGBoosterSaveJsonConfig, int, (BoosterHandle, uint64_t*, const char**))                  \
  X(XGBoosterFeatureScore, int,                                                              \
    (BoosterHandle, const char*, uint64_t*, const char***, uint64_t*, const uint64_t**,      \
     const float**))

// The loaded functions. A plain table of pointers: cheap to copy, valid until the process ends,
// usable from any thread.
struct Api {
#define CAISSON_XGBOOST_MEMBER(name, result, parameters) result(*name) parameters = nullptr;
  CAISSON_XGBOOST_FUNCTIONS(CAISSON_XGBOOST_MEMBER)
#undef CAISSON_XGBOOST_MEMBER

  // NotFound when the library, or a function in it, is missing.
  static Result<Api> Load();

  // OK for 0; otherwise the library's words, as InvalidArgument: what it refuses is data,
  // parameters or a model.
  Status Check(int outcome) const;
};

// XGBoost's error text without its time, source file and stack trace, on one line.
std::string CleanError(std::string_view text);

}  // namespace caisson::xgboost
