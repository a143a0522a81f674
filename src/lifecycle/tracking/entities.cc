#include "lifecycle/tracking/entities.h"

namespace caisson::tracking {
namespace {

struct RunStatusRow {
  RunStatus status;
  std::string_view name;
};
constexpr RunStatusRow kRunStatuses[] = {
    {RunStatus::kRunning, "RUNNING"},   {RunStatus::kScheduled, "SCHEDULED"},
    {RunStatus::kFinished, "FINISHED"}, {RunStatus::kFailed, "FAILED"},
    {RunStatus::kKilled, "KILLED"},
};

struct LoggedModelStatusRow {
  LoggedModelStatus status;
  std::string_view name;
};
constexpr LoggedModelStatusRow kLoggedModelStatuses[] = {
    {LoggedModelStatus::kUnspecified, "LOGGED_MODEL_STATUS_UNSPECIFIED"},
    {LoggedModelStatus::kPending, "LOGGED_MODEL_PENDING"},
    {LoggedModelStatus::kReady, "LOGGED_MODEL_READY"},
    {LoggedModelStatus::kFailed, "LOGGED_MODEL_UPLOAD_FAILED"},
};

}  // namespace

std::string_view LifecycleName(LifecycleStage stage) {
  return stage == LifecycleStage::kActive ? "active" : "deleted";
}

std::string_view RunStatusName(RunStatus status) {
  for (const RunStatusRow& row : kRunStatuses) {
    if (row.status == status) return row.name;
  }
  return "RUNNING";
}

std::optional<RunStatus> ParseRunStatus(std::string_view name) {
  for (const RunStatusRow& row : kRunStatuses) {
    if (row.name == name) return row.status;
  }
  return std::nullopt;
}

std::string_view LoggedModelStatusName(LoggedModelStatus status) {
  for (const LoggedModelStatusRow& row : kLoggedModelStatuses) {
    if (row.status == status) return row.name;
  }
  return kLoggedModelStatuses[0].name;
}

std::optional<LoggedModelStatus> ParseLoggedModelStatus(std::string_view name) {
  for (const LoggedModelStatusRow& row : kLoggedModelStatuses) {
    if (row.name == name) return row.status;
  }
  return std::nullopt;
}

}  // namespace caisson::tracking
