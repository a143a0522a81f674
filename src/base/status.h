// The error type of the whole program.
//
// Status and Result<T> are Abseil's, so that codes map one to one onto gRPC. A Status that leaves a
// function says what went wrong, why, and where it helps, what to do next. Exceptions never cross a
// module: whoever calls a throwing library catches in the same file.
#pragma once

#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

namespace caisson {

using Status = absl::Status;
using StatusCode = absl::StatusCode;
template <typename T>
using Result = absl::StatusOr<T>;

inline Status OkStatus() { return absl::OkStatus(); }

// One maker per code that the program uses. The arguments are fmt's.
#define CAISSON_DEFINE_STATUS_MAKER(Name, Code)                                        \
  template <typename... Args>                                                          \
  Status Name(fmt::format_string<Args...> format, Args&&... args) {                    \
    return Status(StatusCode::Code, fmt::format(format, std::forward<Args>(args)...)); \
  }
CAISSON_DEFINE_STATUS_MAKER(InvalidArgument,
                            kInvalidArgument)     // the caller's input is wrong, whatever the state
CAISSON_DEFINE_STATUS_MAKER(NotFound, kNotFound)  // the named thing does not exist
CAISSON_DEFINE_STATUS_MAKER(AlreadyExists, kAlreadyExists)  // the name is taken
CAISSON_DEFINE_STATUS_MAKER(
    FailedPrecondition, kFailedPrecondition)  // right input, wrong state: do something else first
CAISSON_DEFINE_STATUS_MAKER(Aborted,
                            kAborted)  // a conflict with another writer; trying again may help
CAISSON_DEFINE_STATUS_MAKER(PermissionDenied, kPermissionDenied)
CAISSON_DEFINE_STATUS_MAKER(Unauthenticated, kUnauthenticated)
CAISSON_DEFINE_STATUS_MAKER(ResourceExhausted,
                            kResourceExhausted)         // a limit, a quota or a full disk
CAISSON_DEFINE_STATUS_MAKER(Unavailable, kUnavailable)  // not reachable now; trying again may help
CAISSON_DEFINE_STATUS_MAKER(DeadlineExceeded, kDeadlineExceeded)
CAISSON_DEFINE_STATUS_MAKER(Cancelled, kCancelled)
CAISSON_DEFINE_STATUS_MAKER(Unimplemented, kUnimplemented)
CAISSON_DEFINE_STATUS_MAKER(DataLoss, kDataLoss)  // stored bytes are damaged
CAISSON_DEFINE_STATUS_MAKER(Internal, kInternal)  // a defect of ours
#undef CAISSON_DEFINE_STATUS_MAKER

// The message without code, for people.
inline std::string Message(const Status& status) { return std::string(status.message()); }

// "context: message", with the same code and payloads. An OK status stays OK.
Status WithContext(const Status& status, std::string_view context);

// A stable identifier that a protocol adapter turns into its own error code (for example MLflow's
// RESOURCE_ALREADY_EXISTS). Empty when none was set.
Status WithErrorId(const Status& status, std::string_view error_id);
std::string ErrorId(const Status& status);

// The status that describes a failed system call: ENOENT is NotFound, ENOSPC and EDQUOT are
// ResourceExhausted, EACCES is PermissionDenied and so on. `what` names the operation and its
// object: "open caisson.yaml" gives "cannot open caisson.yaml: no such file or directory".
Status ErrnoStatus(int error_number, std::string_view what);

namespace internal {
inline const Status& AsStatus(const Status& status) { return status; }
template <typename T>
const Status& AsStatus(const Result<T>& result) {
  return result.status();
}
}  // namespace internal

#define CAISSON_CONCAT_INNER(a, b) a##b
#define CAISSON_CONCAT(a, b) CAISSON_CONCAT_INNER(a, b)

// Returns from the function when the expression, a Status or a Result, is not OK.
#define CAISSON_TRY(expression)                                                             \
  do {                                                                                      \
    auto&& caisson_try_result = (expression);                                               \
    if (!caisson_try_result.ok()) return ::caisson::internal::AsStatus(caisson_try_result); \
  } while (false)

// CAISSON_ASSIGN(auto value, Compute()): returns from the function on an error, otherwise assigns
// the value.
#define CAISSON_ASSIGN(target, expression) \
  CAISSON_ASSIGN_INNER(CAISSON_CONCAT(caisson_result_, __LINE__), target, expression)
#define CAISSON_ASSIGN_INNER(result, target, expression) \
  auto result = (expression);                            \
  if (!result.ok()) return result.status();              \
  target = *std::move(result)

}  // namespace caisson
