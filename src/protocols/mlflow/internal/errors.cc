#include "protocols/mlflow/internal/errors.h"

#include "protocols/mlflow/internal/json_writer.h"

namespace caisson::mlflow::internal {
namespace {

struct ErrorRow {
  StatusCode status;  // what it stands for; several rows may share one, the first is taken
  std::string_view error_code;
  int http_status;
  std::string_view error_class;
  std::string_view sqlstate;
};

// The one table of this protocol's errors.
constexpr ErrorRow kErrors[] = {
    {StatusCode::kInvalidArgument, "INVALID_PARAMETER_VALUE", 400, "INVALID_PARAMETER_VALUE",
     "KAM00"},
    {StatusCode::kNotFound, "RESOURCE_DOES_NOT_EXIST", 404, "RESOURCE_NOT_FOUND", "KAM00"},
    {StatusCode::kAlreadyExists, "RESOURCE_ALREADY_EXISTS", 400, "RESOURCE_ALREADY_EXISTS",
     "KAM00"},
    {StatusCode::kFailedPrecondition, "INVALID_STATE", 500, "CLIENT_INTERNAL_ERROR", "XXM00"},
    {StatusCode::kPermissionDenied, "PERMISSION_DENIED", 403, "PERMISSION_DENIED", "KAM00"},
    {StatusCode::kUnauthenticated, "UNAUTHENTICATED", 401, "UNAUTHENTICATED", "KAM00"},
    {StatusCode::kAborted, "ABORTED", 409, "ABORTED", "KAM00"},
    {StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED", 429, "RESOURCE_EXHAUSTED", "KAM00"},
    {StatusCode::kUnavailable, "TEMPORARILY_UNAVAILABLE", 503, "CLIENT_INTERNAL_ERROR", "XXM00"},
    {StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED", 504, "CLIENT_INTERNAL_ERROR", "XXM00"},
    {StatusCode::kCancelled, "CANCELLED", 499, "CLIENT_INTERNAL_ERROR", "XXM00"},
    {StatusCode::kUnimplemented, "NOT_IMPLEMENTED", 501, "", ""},
    {StatusCode::kDataLoss, "DATA_LOSS", 500, "CLIENT_INTERNAL_ERROR", "XXM00"},
    {StatusCode::kInternal, "INTERNAL_ERROR", 500, "CLIENT_INTERNAL_ERROR", "XXM00"},
    {StatusCode::kInvalidArgument, "BAD_REQUEST", 400, "BAD_REQUEST", "KAM00"},
};

const ErrorRow& RowOf(const Status& status) {
  const std::string id = ErrorId(status);
  for (const ErrorRow& row : kErrors) {
    if (row.error_code == id) return row;
  }
  for (const ErrorRow& row : kErrors) {
    if (row.status == status.code()) return row;
  }
  return kErrors[13];
}

void AppendMember(std::string& out, std::string_view name, std::string_view value) {
  out += out.empty() ? "{" : ", ";
  AppendAsciiJsonString(out, name);
  out += ": ";
  AppendAsciiJsonString(out, value);
}

}  // namespace

http::Response ErrorAnswer(const Status& status) {
  const ErrorRow& row = RowOf(status);
  http::Response response;
  response.status = row.http_status;
  response.headers.Set("Content-Type", "application/json");
  AppendMember(response.body, "error_code", row.error_code);
  AppendMember(response.body, "message", Message(status));
  if (!row.sqlstate.empty()) AppendMember(response.body, "sqlstate", row.sqlstate);
  if (!row.error_class.empty()) AppendMember(response.body, "error_class", row.error_class);
  response.body += "}";
  return response;
}

}  // namespace caisson::mlflow::internal
