#include "base/status.h"

#include <cerrno>
#include <system_error>

#include <absl/strings/cord.h>

namespace caisson {
namespace {

constexpr absl::string_view kErrorIdPayload = "caisson/error_id";

StatusCode CodeOfErrno(int error_number) {
  switch (error_number) {
    case EFBIG:
      return StatusCode::kResourceExhausted;
    case EXDEV:
      return StatusCode::kFailedPrecondition;
    case EIO:
      return StatusCode::kDataLoss;
    case EPIPE:
      return StatusCode::kUnavailable;
    default:
      break;
  }
  const StatusCode code = absl::ErrnoToStatusCode(error_number);
  switch (code) {
    case StatusCode::kOk:  // a failed call that left no reason
    case StatusCode::kUnknown:
      return StatusCode::kInternal;
    case StatusCode::kOutOfRange:
      return StatusCode::kInvalidArgument;
    default:
      return code;
  }
}

// What the reader can do about it, where that is known whatever the call was.
std::string_view Advice(int error_number) {
  switch (error_number) {
    case ENOSPC:
      return "; free some space and try again";
    case EDQUOT:
      return "; free some space or have the quota raised";
    case EMFILE:
      return "; raise the limit with ulimit -n";
    case EROFS:
      return "; choose a folder that can be written";
    default:
      return "";
  }
}

}  // namespace

Status WithContext(const Status& status, std::string_view context) {
  if (status.ok()) return status;
  Status result(status.code(), fmt::format("{}: {}", context, Message(status)));
  status.ForEachPayload(
      [&](absl::string_view type, const absl::Cord& payload) { result.SetPayload(type, payload); });
  return result;
}

Status WithErrorId(const Status& status, std::string_view error_id) {
  Status result = status;
  result.SetPayload(kErrorIdPayload, absl::Cord(std::string(error_id)));
  return result;
}

std::string ErrorId(const Status& status) {
  const auto payload = status.GetPayload(kErrorIdPayload);
  return payload ? std::string(*payload) : std::string();
}

Status ErrnoStatus(int error_number, std::string_view what) {
  std::string reason = std::generic_category().message(error_number);
  // "No such file" reads on after a colon in lower case; "RPC failed" must not.
  if (reason.size() > 1 && reason[0] >= 'A' && reason[0] <= 'Z' && reason[1] >= 'a' &&
      reason[1] <= 'z') {
    reason[0] = static_cast<char>(reason[0] - 'A' + 'a');
  }
  return Status(CodeOfErrno(error_number),
                fmt::format("cannot {}: {}{}", what, reason, Advice(error_number)));
}

}  // namespace caisson
