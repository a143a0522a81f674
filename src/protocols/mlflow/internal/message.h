// Requests of MLflow's interface: the shapes of its messages, and its two stages of checking.
//
// MLflow first lets protobuf read the JSON. When that works, only presence and bounds are checked;
// when it fails, each field's own validators run and their texts say what is wrong. Clients' tests
// compare those texts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "platform/http/message.h"

namespace caisson::mlflow::internal {

enum class FieldKind { kString, kInt, kDouble, kBool, kEnum, kMessage };

struct Message;

struct Field {
  std::string_view name;
  FieldKind kind = FieldKind::kString;
  bool repeated = false;
  const Message* message = nullptr;                      // of kMessage
  const std::vector<std::string_view>* names = nullptr;  // of kEnum, by number
};

// A protobuf message as far as reading it goes.
struct Message {
  std::vector<Field> fields;
};

// One validator of a field.
enum class Check {
  kRequired,
  kString,
  kInt,
  kDouble,
  kBool,
  kArray,
  kStringItems,
  kAtMost1000,
  kAtMost50000,
  kAtMost200000,
  kRunIds,          // at most 100 of them
  kIntervalPoints,  // 1 to 2,500
  kMetricFields,    // key, value and timestamp in each item
  kKeyFields,       // key in each item
};

struct FieldChecks {
  std::string_view field;
  std::vector<Check> checks;
};

struct RequestShape {
  Message message;
  std::vector<FieldChecks> checks;
};

// The request's fields under their own names, with their own types; what the client did not send is
// not there. GET requests give their query, others their body, which may be JSON inside a JSON
// string (old clients do that) or empty.
Result<Json> ReadRequest(const http::Request& request, const RequestShape& shape);

// The body alone as JSON, by the same rules. Null when it is not JSON.
Result<Json> ReadBody(const http::Request& request);

// run_id, or its older name.
std::string RunId(const Json& message);
std::vector<std::string> Strings(const Json& array);
// InvalidArgument with MLflow's text unless the path stays inside.
Result<std::string> SafePath(std::string_view path);

}  // namespace caisson::mlflow::internal
