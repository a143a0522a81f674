#include "lifecycle/serving/endpoints.h"

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "base/files.h"
#include "base/log.h"
#include "base/strings.h"
#include "lifecycle/serving/internal/deployment_store.h"
#include "lifecycle/serving/internal/routing.h"
#include "lifecycle/serving/internal/transitions.h"
#include "lifecycle/serving/resources.h"
#include "platform/audit/audit.h"
#include "platform/lineage/lineage.h"

namespace caisson::serving {
namespace {

using internal::Arm;
using internal::LiveState;
using internal::LoadedVersion;
using internal::Route;
using internal::RoutingTable;

constexpr std::chrono::milliseconds kTick{500};

// Errors that say something about the model, not about what it was asked.
bool IsModelError(const Status& status) {
  return !status.ok() && status.code() != StatusCode::kInvalidArgument;
}

// Rows and columns of a request's first tensor when it is a table of floats; otherwise nothing is
// logged of the features.
struct FeatureTable {
  const float* values = nullptr;
  size_t rows = 0;
  size_t columns = 0;
};

FeatureTable FeaturesOf(const std::vector<onnxruntime::Tensor>& inputs) {
  if (inputs.empty()) return {};
  const onnxruntime::Tensor& tensor = inputs.front();
  const size_t rows = tensor.shape.empty() ? 1 : static_cast<size_t>(tensor.shape.front());
  if (tensor.type != onnxruntime::DataType::kFp32 || tensor.shape.size() != 2)
    return {nullptr, rows, 0};
  return {tensor.floats(), rows, static_cast<size_t>(tensor.shape[1])};
}

// The first number of each row of the first output.
std::vector<float> ScoresOf(const std::vector<onnxruntime::Tensor>& outputs, size_t rows) {
  std::vector<float> scores(rows, 0);
  if (outputs.empty() || outputs.front().type != onnxruntime::DataType::kFp32 || rows == 0)
    return scores;
  const size_t stride = static_cast<size_t>(outputs.front().element_count()) / rows;
  if (stride == 0) return scores;
  for (size_t row = 0; row < rows; ++row) scores[row] = outputs.front().floats()[row * stride];
  return scores;
}

}  // namespace

const sql::Schema& ServingSchema() {
  static const sql::Schema schema{"serving",
                                  {{1, "endpoints", resources::kMigrations0001EndpointsSql}}};
  return schema;
}

class Endpoints::Impl {
 public:
  explicit Impl(Dependencies dependencies)
      : parts_(std::move(dependencies)),
        requests_(
            parts_.metrics.GetCounter("caisson_predictions_total", "Rows that models answered")),
        errors_(parts_.metrics.GetCounter("caisson_prediction_errors_total",
                                          "Requests that a model could not answer")) {}

  ~Impl() { Stop(); }

  Status Start() {
    thread_ = std::thread([this] { Loop(); });
    return OkStatus();
  }

  void Stop() {
    {
      std::lock_guard lock(wake_mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  void Wake() {
    {
      std::lock_guard lock(wake_mutex_);
      woken_ = true;
    }
    wake_.notify_all();
  }

  // One pass over all endpoints: follow aliases, load what is live, publish, and take at most one
  // step a canary.
  Status Reconcile(const Context& context) {
    std::lock_guard lock(reconcile_mutex_);
    CAISSON_ASSIGN(const auto rows, parts_.database.ReadFor<std::vector<internal::EndpointRow>>(
                                        context, [](sql::Session& session) {
                                          return internal::ListEndpoints(session, "");
                                        }));
    auto table = std::make_shared<RoutingTable>();
    const std::shared_ptr<const RoutingTable> previous = published_.Get();
    for (const internal::EndpointRow& row : rows) {
      const Context scoped = context.WithProject(row.project).WithPrincipal("system");
      Result<Route> route = ReconcileOne(scoped, row, *previous);
      if (!route.ok()) {
        CAISSON_LOG(kError, "serving", "endpoint {}: {}", row.spec.name, Message(route.status()));
        const auto old = previous->find(row.spec.name);
        if (old != previous->end()) table->emplace(row.spec.name, old->second);
        continue;
      }
      table->emplace(row.spec.name, *std::move(route));
    }
    published_.Set(std::move(table));
    DropUnused();
    return OkStatus();
  }

  Result<InferResponse> Infer(const InferRequest& request) {
    const std::shared_ptr<const RoutingTable> table = published_.Get();
    const auto found = table->find(request.endpoint);
    if (found == table->end()) return UnknownEndpoint(*table, request.endpoint);
    const Route& route = found->second;
    if (route.arms.empty()) {
      return Unavailable("endpoint {} has no version that answers: {}", request.endpoint,
                         route.problem);
    }
    CAISSON_ASSIGN(const Arm* arm, PickArm(route, request));
    const auto start = parts_.clock.monotonic();
    Result<std::vector<onnxruntime::Tensor>> outputs =
        arm->version->session->Run(request.inputs, request.output_names);
    const double seconds = std::chrono::duration<double>(parts_.clock.monotonic() - start).count();
    if (outputs.ok() || IsModelError(outputs.status()))
      arm->counters->Count(!outputs.ok(), seconds);
    if (!outputs.ok()) {
      if (IsModelError(outputs.status())) errors_.Increment();
      return outputs.status();
    }
    InferResponse response;
    response.model = arm->version->model;
    response.version = arm->version->version;
    response.outputs = *std::move(outputs);
    const FeatureTable features = FeaturesOf(request.inputs);
    response.rows = features.rows;
    CAISSON_TRY(LogAnswer(route, request, features, response));
    requests_.Increment(features.rows);
    return response;
  }

  std::shared_ptr<const RoutingTable> table() const { return published_.Get(); }
  const Dependencies& parts() const { return parts_; }

  Status ChangeLive(const Context& context, std::string_view endpoint,
                    const std::function<Status(sql::Transaction&, LiveState&)>& change) {
    CAISSON_TRY(parts_.database.Write(context, [&](sql::Transaction& transaction) -> Status {
      CAISSON_ASSIGN(LiveState state, ReadLive(transaction, context.project(), endpoint));
      return change(transaction, state);
    }));
    return Reconcile(context);
  }

  static Status UnknownEndpoint(const RoutingTable& table, std::string_view name) {
    std::vector<std::string> names;
    for (const auto& [known, route] : table) names.push_back(known);
    return NotFound("there is no endpoint '{}'{}", name,
                    names.empty() ? "; none is defined yet" : SuggestName(name, names));
  }

  Result<LiveState> ReadLive(sql::Session& session, std::string_view project,
                             std::string_view endpoint) {
    CAISSON_ASSIGN(const auto spec, internal::FindEndpoint(session, project, endpoint));
    if (!spec.has_value()) return UnknownEndpoint(*published_.Get(), endpoint);
    CAISSON_ASSIGN(const auto deployments, internal::ListDeployments(session, project, endpoint));
    return internal::LiveStateOf(*spec, deployments);
  }

  Result<std::shared_ptr<PredictionLog>> OpenLog(const std::string& endpoint) {
    std::lock_guard lock(logs_mutex_);
    std::shared_ptr<PredictionLog>& log = logs_[endpoint];
    if (log == nullptr) {
      CAISSON_ASSIGN(
          log, PredictionLog::Open({.folder = JoinPath(parts_.predictions_folder, endpoint)}));
    }
    return log;
  }

 private:
  void Loop() {
    while (true) {
      const Status status = Reconcile(Context::Background().WithPrincipal("system"));
      if (!status.ok()) CAISSON_LOG(kWarning, "serving", "reconcile: {}", Message(status));
      std::unique_lock lock(wake_mutex_);
      wake_.wait_for(lock, kTick, [this] { return stopping_ || woken_; });
      woken_ = false;
      if (stopping_) return;
    }
  }

  Result<Route> ReconcileOne(const Context& context, const internal::EndpointRow& row,
                             const RoutingTable& previous) {
    CAISSON_ASSIGN(LiveState state,
                   parts_.database.ReadFor<LiveState>(context, [&](sql::Session& session) {
                     return ReadLive(session, row.project, row.spec.name);
                   }));
    CAISSON_TRY(FollowAlias(context, state));
    Route route;
    route.project = row.project;
    route.spec = row.spec;
    CAISSON_ASSIGN(route.log, OpenLog(row.spec.name));
    CAISSON_TRY(LoadArms(context, state, previous, route));
    CAISSON_ASSIGN(const bool moved, JudgeCanary(context, state, route));
    // A step changes shares and counters; the table must show them at once.
    if (moved) {
      route.arms.clear();
      CAISSON_TRY(LoadArms(context, state, previous, route));
    }
    return route;
  }

  // An alias that moved by hand is obeyed at once; a canary that the alias now names has thereby
  // won.
  Status FollowAlias(const Context& context, LiveState& state) {
    const Result<registry::ModelVersion> named =
        parts_.registry.Resolve(context, state.spec.model + "@" + state.spec.alias);
    if (!named.ok())
      return OkStatus();  // nothing to follow yet, or the alias was removed: what serves goes on
    const int wanted = static_cast<int>(named->version);
    const bool same = state.stable.has_value() && state.stable->version == wanted &&
                      state.stable->model == named->model;
    if (same) return OkStatus();
    return parts_.database.Write(context, [&](sql::Transaction& transaction) -> Status {
      CAISSON_ASSIGN(state, ReadLive(transaction, context.project(), state.spec.name));
      if (state.canary.has_value() && state.canary->version == wanted) {
        return internal::PromoteCanary(transaction, parts_.registry, state,
                                       "the alias moved to it");
      }
      return internal::SwitchTo(transaction, state, wanted,
                                fmt::format("{}@{} names it", state.spec.model, state.spec.alias));
    });
  }

  Status LoadArms(const Context& context, LiveState& state, const RoutingTable& previous,
                  Route& route) {
    if (state.canary.has_value()) {
      Result<Arm> arm = LoadArm(context, *state.canary, previous);
      if (arm.ok()) {
        route.arms.push_back(*std::move(arm));
      } else {
        const std::string reason = "the model does not load: " + Message(arm.status());
        CAISSON_TRY(parts_.database.Write(context, [&](sql::Transaction& transaction) {
          return internal::RollBackCanary(transaction, state, reason);
        }));
      }
    }
    if (!state.stable.has_value()) {
      route.problem =
          fmt::format("no version of {} has the alias {} yet", state.spec.model, state.spec.alias);
      return OkStatus();
    }
    Result<Arm> arm = LoadArm(context, *state.stable, previous);
    if (arm.ok()) {
      route.arms.push_back(*std::move(arm));
      return OkStatus();
    }
    // What answered until now is better than nothing.
    route.problem = Message(arm.status());
    const auto old = previous.find(state.spec.name);
    if (old != previous.end() && route.arms.empty()) route.arms = old->second.arms;
    CAISSON_LOG(kError, "serving", "endpoint {}: version {} does not load: {}", state.spec.name,
                state.stable->version, route.problem);
    return OkStatus();
  }

  Result<Arm> LoadArm(const Context& context, const Deployment& deployment,
                      const RoutingTable& previous) {
    Arm arm;
    arm.deployment_id = deployment.id;
    arm.step_started_at = deployment.step_started_at;
    arm.percent = deployment.traffic_percent;
    CAISSON_ASSIGN(arm.version, Load(context, deployment.model, deployment.version));
    const auto old = previous.find(deployment.endpoint);
    if (old != previous.end()) {
      for (const Arm& earlier : old->second.arms) {
        const bool same_step =
            earlier.deployment_id == deployment.id && earlier.percent == deployment.traffic_percent;
        if (same_step) arm.counters = earlier.counters;
      }
    }
    if (arm.counters == nullptr) arm.counters = std::make_shared<internal::ArmCounters>();
    return arm;
  }

  Result<std::shared_ptr<const LoadedVersion>> Load(const Context& context,
                                                    const std::string& model, int version) {
    const std::pair<std::string, int> key{model, version};
    std::lock_guard lock(loaded_mutex_);
    const auto known = loaded_.find(key);
    if (known != loaded_.end()) return known->second;
    CAISSON_ASSIGN(const registry::ModelVersion entry,
                   parts_.registry.GetVersion(context, model, version));
    CAISSON_ASSIGN(const std::string path, parts_.registry.ModelFile(context, entry));
    auto loaded = std::make_shared<LoadedVersion>();
    loaded->model = model;
    loaded->version = version;
    CAISSON_ASSIGN(loaded->session, onnxruntime::Session::Load(path));
    CAISSON_LOG(kInfo, "serving", "loaded {} version {}", model, version);
    loaded_[key] = loaded;
    return std::shared_ptr<const LoadedVersion>(std::move(loaded));
  }

  // Forgets versions that no arm and no running request holds.
  void DropUnused() {
    std::lock_guard lock(loaded_mutex_);
    std::erase_if(loaded_, [](const auto& entry) { return entry.second.use_count() == 1; });
  }

  // True when the canary took a step.
  Result<bool> JudgeCanary(const Context& context, LiveState& state, const Route& route) {
    if (!state.canary.has_value() || route.arms.empty() ||
        route.arms.front().deployment_id != state.canary->id)
      return false;
    const internal::Observation candidate = route.arms.front().counters->observation();
    const internal::Observation stable =
        route.arms.size() > 1 ? route.arms.back().counters->observation() : internal::Observation{};
    const internal::CanaryVerdict verdict =
        internal::Judge(state.spec.canary, *state.canary, candidate, stable, parts_.clock.now());
    if (verdict.step == internal::CanaryStep::kWait) return false;
    const std::string trial = state.canary->id;
    CAISSON_TRY(parts_.database.Write(context, [&](sql::Transaction& transaction) -> Status {
      CAISSON_ASSIGN(state, ReadLive(transaction, context.project(), state.spec.name));
      // Somebody may have ended the trial by hand meanwhile.
      if (!state.canary.has_value() || state.canary->id != trial) return OkStatus();
      switch (verdict.step) {
        case internal::CanaryStep::kAdvance:
          return internal::AdvanceCanary(transaction, state, verdict.reason);
        case internal::CanaryStep::kPromote:
          return internal::PromoteCanary(transaction, parts_.registry, state, verdict.reason);
        case internal::CanaryStep::kRollBack:
          return internal::RollBackCanary(transaction, state, verdict.reason);
        case internal::CanaryStep::kWait:
          break;
      }
      return OkStatus();
    }));
    CAISSON_LOG(kInfo, "serving", "endpoint {}: {}", state.spec.name, verdict.reason);
    return true;
  }

  Result<const Arm*> PickArm(const Route& route, const InferRequest& request) {
    if (request.version.empty()) {
      return &internal::ChooseArm(route, request.request_id,
                                  sequence_.fetch_add(1, std::memory_order_relaxed));
    }
    std::vector<std::string> versions;
    for (const Arm& arm : route.arms) {
      const std::string version = std::to_string(arm.version->version);
      if (version == request.version) return &arm;
      versions.push_back(version);
    }
    return NotFound("endpoint {} has no version '{}' in service; {} answer(s)", request.endpoint,
                    request.version, Join(versions, ", "));
  }

  Status LogAnswer(const Route& route, const InferRequest& request, const FeatureTable& features,
                   InferResponse& response) {
    if (features.rows == 0) return OkStatus();
    const std::vector<float> scores = ScoresOf(response.outputs, features.rows);
    PredictionBatch batch;
    batch.time = parts_.clock.now();
    batch.event_time = request.event_time == 0 ? batch.time : request.event_time;
    batch.model = response.model;
    batch.version = response.version;
    batch.features = features.values;
    batch.scores = scores.data();
    batch.rows = features.rows;
    batch.columns = features.columns;
    Result<std::string> id = route.log->Append(batch, request.request_id);
    // An answer that cannot be kept is not given: it could never be explained. Clients may try again when there is room.
    if (id.status().code() == StatusCode::kResourceExhausted) return Unavailable("{}", Message(id.status()));
    CAISSON_ASSIGN(response.prediction_id, std::move(id));
    return OkStatus();
  }

  Dependencies parts_;
  telemetry::Counter& requests_;
  telemetry::Counter& errors_;
  internal::PublishedTable published_;
  std::atomic<uint64_t> sequence_{0};
  std::mutex reconcile_mutex_;  // one pass at a time
  std::mutex loaded_mutex_;
  std::map<std::pair<std::string, int>, std::shared_ptr<const LoadedVersion>> loaded_;
  std::mutex logs_mutex_;
  std::map<std::string, std::shared_ptr<PredictionLog>> logs_;
  std::mutex wake_mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool woken_ = false;
  std::thread thread_;
};

Endpoints::Endpoints(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Endpoints::~Endpoints() = default;

Result<std::unique_ptr<Endpoints>> Endpoints::Open(const Dependencies& dependencies) {
  std::unique_ptr<Endpoints> endpoints(new Endpoints(std::make_unique<Impl>(dependencies)));
  CAISSON_TRY(endpoints->Reconcile(Context::Background().WithPrincipal("system")));
  return endpoints;
}

Status Endpoints::Start() { return impl_->Start(); }
void Endpoints::Stop() { impl_->Stop(); }
Status Endpoints::Reconcile(const Context& context) { return impl_->Reconcile(context); }
Result<InferResponse> Endpoints::Infer(const InferRequest& request) {
  return impl_->Infer(request);
}

Status Endpoints::Put(const Context& context, const EndpointSpec& spec) {
  CAISSON_TRY(impl_->parts().database.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const auto present,
                   internal::FindEndpoint(transaction, context.project(), spec.name));
    if (present.has_value() && EndpointSpecToJson(*present) == EndpointSpecToJson(spec))
      return OkStatus();
    CAISSON_TRY(internal::PutEndpoint(transaction, spec));
    CAISSON_TRY(audit::Append(transaction, "endpoint.put", "endpoint/" + spec.name,
                              EndpointSpecToJson(spec)));
    return lineage::PutNode(transaction, {"endpoint", spec.name}, EndpointSpecToJson(spec));
  }));
  return Reconcile(context);
}

Status Endpoints::Remove(const Context& context, std::string_view name) {
  CAISSON_TRY(
      impl_->ChangeLive(context, name, [&](sql::Transaction& transaction, LiveState& state) -> Status {
        CAISSON_TRY(internal::RetireAll(transaction, state, "the endpoint was removed"));
        CAISSON_TRY(internal::DeleteEndpoint(transaction, context.project(), name));
        return audit::Append(transaction, "endpoint.removed", fmt::format("endpoint/{}", name),
                             Json::MakeObject());
      }));
  return OkStatus();
}

Result<EndpointStatus> Endpoints::Get(const Context& context, std::string_view name) {
  return impl_->parts().database.ReadFor<EndpointStatus>(
      context, [&](sql::Session& session) -> Result<EndpointStatus> {
        CAISSON_ASSIGN(const auto spec, internal::FindEndpoint(session, context.project(), name));
        if (!spec.has_value()) return Impl::UnknownEndpoint(*impl_->table(), name);
        CAISSON_ASSIGN(auto deployments,
                       internal::ListDeployments(session, context.project(), name));
        return EndpointStatus{*spec, std::move(deployments)};
      });
}

Result<std::vector<EndpointStatus>> Endpoints::List(const Context& context) {
  return impl_->parts().database.ReadFor<std::vector<EndpointStatus>>(
      context, [&](sql::Session& session) -> Result<std::vector<EndpointStatus>> {
        CAISSON_ASSIGN(const auto rows, internal::ListEndpoints(session, context.project()));
        std::vector<EndpointStatus> found;
        for (const internal::EndpointRow& row : rows) {
          CAISSON_ASSIGN(auto deployments,
                         internal::ListDeployments(session, context.project(), row.spec.name));
          found.push_back({row.spec, std::move(deployments)});
        }
        return found;
      });
}

Status Endpoints::OnVersionAdmitted(sql::Transaction& transaction, const events::Event& event) {
  const std::string model = event.payload["model"].AsString();
  const int version = static_cast<int>(event.payload["version"].AsInt());
  const std::string decision = event.payload["decision_id"].AsString();
  const std::string& project = transaction.context().project();
  registry::Registry& registry = impl_->parts().registry;
  CAISSON_ASSIGN(const auto rows, internal::ListEndpoints(transaction, project));
  std::set<std::string> aliases = {"champion"};
  for (const internal::EndpointRow& row : rows) {
    if (row.spec.model == model) aliases.insert(row.spec.alias);
  }
  // Where nothing was admitted before there is nothing to compare with: the first one is the
  // champion.
  for (const std::string& alias : aliases) {
    const auto named = registry.Resolve(transaction, project, model + "@" + alias);
    if (named.ok()) continue;
    if (named.status().code() != StatusCode::kNotFound &&
        named.status().code() != StatusCode::kInvalidArgument) {
      return named.status();
    }
    CAISSON_TRY(registry.SetAlias(transaction, model, alias, version));
  }
  for (const internal::EndpointRow& row : rows) {
    if (row.spec.model != model) continue;
    CAISSON_ASSIGN(const auto deployments,
                   internal::ListDeployments(transaction, project, row.spec.name));
    LiveState state = internal::LiveStateOf(row.spec, deployments);
    const bool seen =
        std::any_of(deployments.begin(), deployments.end(), [&](const Deployment& deployment) {
          return deployment.version == version && deployment.model == model;
        });
    if (seen || !state.stable.has_value()) continue;
    CAISSON_TRY(
        internal::BeginCanary(transaction, state, version, "admitted by its gate", decision));
  }
  transaction.OnCommit([impl = impl_.get()] { impl->Wake(); });
  return OkStatus();
}

Status Endpoints::StartCanary(const Context& context, std::string_view endpoint, int version) {
  return impl_->ChangeLive(
      context, endpoint, [&](sql::Transaction& transaction, LiveState& state) -> Status {
        CAISSON_TRY(impl_->parts().registry.Resolve(
            transaction, context.project(), fmt::format("{}/{}", state.spec.model, version)));
        if (!state.stable.has_value()) {
          return FailedPrecondition(
              "endpoint {} serves nothing yet; set the alias {} of {} instead", endpoint,
              state.spec.alias, state.spec.model);
        }
        if (state.stable->version == version)
          return FailedPrecondition("version {} already serves endpoint {}", version, endpoint);
        return internal::BeginCanary(transaction, state, version,
                                     "started by " + context.principal(), "");
      });
}

Status Endpoints::Promote(const Context& context, std::string_view endpoint) {
  return impl_->ChangeLive(
      context, endpoint, [&](sql::Transaction& transaction, LiveState& state) -> Status {
        if (!state.canary.has_value())
          return FailedPrecondition("endpoint {} has no canary to promote", endpoint);
        return internal::PromoteCanary(transaction, impl_->parts().registry, state,
                                       "promoted by " + context.principal());
      });
}

Status Endpoints::RollBack(const Context& context, std::string_view endpoint,
                           std::string_view reason) {
  return impl_->ChangeLive(
      context, endpoint, [&](sql::Transaction& transaction, LiveState& state) -> Status {
        if (!state.canary.has_value())
          return FailedPrecondition("endpoint {} has no canary to roll back", endpoint);
        return internal::RollBackCanary(transaction, state, reason);
      });
}

Result<ModelMetadata> Endpoints::Metadata(std::string_view endpoint,
                                          std::string_view version) const {
  const auto table = impl_->table();
  const auto found = table->find(endpoint);
  if (found == table->end()) return Impl::UnknownEndpoint(*table, endpoint);
  ModelMetadata metadata;
  metadata.name = std::string(endpoint);
  metadata.platform = "onnxruntime_onnx";
  const Arm* chosen = nullptr;
  for (const Arm& arm : found->second.arms) {
    const std::string name = std::to_string(arm.version->version);
    metadata.versions.push_back(name);
    if (version.empty() || name == version)
      chosen = &arm;  // without a version: the stable one, which comes last
  }
  if (chosen == nullptr) {
    if (found->second.arms.empty())
      return Unavailable("endpoint {} has no version that answers: {}", endpoint,
                         found->second.problem);
    return NotFound("endpoint {} has no version '{}' in service; {} answer(s)", endpoint, version,
                    Join(metadata.versions, ", "));
  }
  metadata.inputs = chosen->version->session->inputs();
  metadata.outputs = chosen->version->session->outputs();
  return metadata;
}

bool Endpoints::Ready(std::string_view endpoint, std::string_view version) const {
  return Metadata(endpoint, version).ok();
}

std::vector<std::string> Endpoints::names() const {
  std::vector<std::string> names;
  const auto table = impl_->table();
  for (const auto& [name, route] : *table) names.push_back(name);
  return names;
}

Result<PredictionLog*> Endpoints::Log(std::string_view endpoint) const {
  const auto table = impl_->table();
  const auto found = table->find(endpoint);
  if (found == table->end()) return Impl::UnknownEndpoint(*table, endpoint);
  // The log outlives the table: Impl keeps every log that it ever opened.
  return found->second.log.get();
}

Result<Prediction> Endpoints::FindPrediction(std::string_view id) const {
  const auto table = impl_->table();
  for (const auto& [name, route] : *table) {
    Result<Prediction> prediction = route.log->Find(id);
    if (prediction.ok()) return prediction;
  }
  return NotFound("there is no prediction '{}' at any endpoint", id);
}

Result<Deployment> Endpoints::DeploymentOf(const Context& context, const Prediction& prediction,
                                           std::string* endpoint) {
  const auto table = impl_->table();
  for (const auto& [name, route] : *table) {
    if (!route.log->Find(prediction.id).ok()) continue;
    *endpoint = name;
    CAISSON_ASSIGN(const EndpointStatus status, Get(context.WithProject(route.project), name));
    const Deployment* best = nullptr;
    for (const Deployment& deployment : status.deployments) {
      if (deployment.version != prediction.version || deployment.model != prediction.model)
        continue;
      // Newest first: the first that had begun by then; the oldest when clocks disagree.
      best = &deployment;
      if (deployment.created_at <= prediction.time) break;
    }
    if (best == nullptr)
      return NotFound("no deployment of version {} at endpoint {} is on record", prediction.version,
                      name);
    return *best;
  }
  return NotFound("there is no prediction '{}' at any endpoint", prediction.id);
}

}  // namespace caisson::serving
