#include "lifecycle/project/internal/steps.h"

namespace caisson::project::internal {

void StepLog::Write(std::string_view step, std::string_view state, std::string_view detail,
                    const Json& data) {
  Json line = Json::Of({{"step", step}, {"state", state}, {"detail", detail}});
  if (state == "done" || state == "failed") {
    const auto elapsed = std::chrono::steady_clock::now() - started_;
    line.Set("seconds", std::chrono::duration<double>(elapsed).count());
  }
  if (!data.is_null()) line.Set("data", data);
  job_.Log(WriteJson(line));
}

void StepLog::Started(std::string_view step, std::string_view detail) {
  started_ = std::chrono::steady_clock::now();
  job_.SetProgress(Json::Of({{"step", step}, {"detail", detail}}));
  Write(step, "started", detail, Json());
}

void StepLog::Output(std::string_view step, std::string_view line) {
  Write(step, "output", line, Json());
}

void StepLog::Done(std::string_view step, std::string_view detail, const Json& data) {
  Write(step, "done", detail, data);
}

void StepLog::Skipped(std::string_view step, std::string_view detail) {
  Write(step, "skipped", detail, Json());
}

void StepLog::Failed(std::string_view step, std::string_view detail) {
  Write(step, "failed", detail, Json());
}

}  // namespace caisson::project::internal
