// Endpoints: named places that answer with a model, and the versions behind them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/context.h"
#include "base/json.h"
#include "base/status.h"
#include "engines/onnxruntime/onnxruntime.h"
#include "lifecycle/registry/registry.h"
#include "lifecycle/serving/prediction_log.h"
#include "platform/events/outbox.h"
#include "platform/sql/database.h"
#include "platform/telemetry/metrics.h"

namespace caisson::serving {

struct CanarySpec {
  std::vector<int> steps = {5, 25, 50};    // percent of the traffic, growing, each 1..99
  std::chrono::milliseconds bake{30'000};  // the least time at each step
  int64_t min_requests = 20;               // the least answers of the candidate at each step
  double max_error_rate = 0.01;            // of the candidate
  double max_latency_ratio =
      3.0;  // candidate's p99 over the stable version's p99, above a floor of 1 ms
};

// Wanted state of an endpoint, from caisson.yaml or the API.
struct EndpointSpec {
  std::string name;
  std::string model;  // registered model
  std::string alias = "champion";
  CanarySpec canary;
};

// Names become folders and parts of URLs: up to 100 of A-Z, a-z, 0-9, '.', '_' and '-', the first
// one no dot. InvalidArgument says so.
Status CheckEndpointName(std::string_view name, std::string_view where);

Result<EndpointSpec> ParseEndpointSpec(std::string_view name, const Json& json,
                                       std::string_view where);
Json EndpointSpecToJson(const EndpointSpec& spec);

enum class DeploymentState { kStable, kCanary, kRetired, kRolledBack };
std::string_view StateName(DeploymentState state);

// A model version behind an endpoint. History: a version that comes back is a new deployment.
struct Deployment {
  std::string id;
  std::string endpoint;
  std::string model;
  int version = 0;
  DeploymentState state = DeploymentState::kStable;
  int traffic_percent = 0;
  int canary_step = -1;  // index into CanarySpec::steps while kCanary
  UnixMillis created_at = 0;
  UnixMillis step_started_at = 0;
  UnixMillis ended_at = 0;
  std::string reason;  // why it was promoted, rolled back or retired
  std::string gate_decision_id;
};

struct EndpointStatus {
  EndpointSpec spec;
  std::vector<Deployment> deployments;  // newest first; the live ones carry traffic
};

const sql::Schema& ServingSchema();

// A request to a model, protocol-free.
struct InferRequest {
  std::string_view endpoint;
  // Empty: by the endpoint's traffic split. Otherwise that version, which must be in service.
  std::string_view version;
  std::string_view request_id;  // the client's, may be empty; also the key of the traffic split
  UnixMillis event_time = 0;    // 0: now
  std::vector<onnxruntime::Tensor> inputs;
  std::vector<std::string> output_names;  // empty: all
};

struct InferResponse {
  std::string prediction_id;  // of the first row; see PredictionLog::RowId
  std::string model;
  int version = 0;
  size_t rows = 0;
  std::vector<onnxruntime::Tensor> outputs;
};

// What a model looks like from outside.
struct ModelMetadata {
  std::string name;
  std::vector<std::string> versions;  // that answer now
  std::string platform;               // "onnxruntime_onnx"
  std::vector<onnxruntime::TensorInfo> inputs;
  std::vector<onnxruntime::TensorInfo> outputs;
};

// All endpoints of the server. Owned by `app`. Infer is the hot path: it reads a published
// snapshot, takes no lock that another thread holds long, and never touches SQL. Wanted state and
// progress are rows of the database, so that a restart goes on where it was.
//
// The controller is level-triggered: Reconcile compares rows with time and counters and takes at
// most one step per endpoint. A canary moves on when it has baked and has answered enough; after
// the last step the alias moves to it in the same transaction as its promotion. It is rolled back
// when it answers with errors or too slowly.
class Endpoints {
 public:
  struct Dependencies {
    sql::Database& database;
    registry::Registry& registry;
    const Clock& clock;
    telemetry::Registry& metrics;
    std::string predictions_folder;
  };
  static Result<std::unique_ptr<Endpoints>> Open(const Dependencies& dependencies);
  ~Endpoints();

  // Makes or changes wanted state. A new endpoint whose alias resolves starts with that version at
  // 100 percent.
  Status Put(const Context& context, const EndpointSpec& spec);
  Status Remove(const Context& context, std::string_view name);
  Result<EndpointStatus> Get(const Context& context, std::string_view name);
  Result<std::vector<EndpointStatus>> List(const Context& context);

  // Reacts to model_version.admitted: starts a canary at every endpoint that follows the model, or
  // takes the version at once where nothing serves yet. Idempotent. Registered with the outbox by
  // `app`.
  Status OnVersionAdmitted(sql::Transaction& transaction, const events::Event& event);
  // By hand: start a canary of a version, end the present one for good or for bad.
  Status StartCanary(const Context& context, std::string_view endpoint, int version);
  Status Promote(const Context& context, std::string_view endpoint);
  Status RollBack(const Context& context, std::string_view endpoint, std::string_view reason);

  // Starts the thread that calls Reconcile twice a second and after each wake; Stop ends it.
  Status Start();
  void Stop();
  Status Reconcile(const Context& context);

  Result<InferResponse> Infer(const InferRequest& request);
  Result<ModelMetadata> Metadata(std::string_view endpoint, std::string_view version) const;
  bool Ready(std::string_view endpoint, std::string_view version) const;
  std::vector<std::string> names() const;

  // NotFound for an unknown endpoint.
  Result<PredictionLog*> Log(std::string_view endpoint) const;
  Result<Prediction> FindPrediction(std::string_view id) const;  // over all endpoints
  // The deployment that answered: the live or past one of that version at that time.
  Result<Deployment> DeploymentOf(const Context& context, const Prediction& prediction,
                                  std::string* endpoint);

 private:
  class Impl;
  explicit Endpoints(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace caisson::serving
