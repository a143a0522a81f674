#include "lifecycle/serving/endpoints.h"

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "base/files.h"
#include "base/log.h"
#include "base/strings.h"
#include "lifecycle/serving/internal/answerer.h"
#include "lifecycle/serving/internal/deployment_store.h"
#include "lifecycle/serving/internal/routing.h"
#include "lifecycle/serving/internal/transitions.h"
#include "lifecycle/serving/internal/version_cache.h"
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
constexpr std::chrono::seconds kLogRetry{30};

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
        answerer_(parts_.clock, parts_.metrics),
        versions_(parts_.registry) {}

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
      const auto old = previous->find(row.spec.name);
      Result<Route> route = ReconcileOne(scoped, row, *previous);
      if (!route.ok()) route = Stumbled(row, old, *previous, Message(route.status()));
      // Said when it begins, not twice a second for as long as it lasts.
      const bool known = old != previous->end() && old->second.problem == route->problem;
      if (!route->problem.empty() && !known) {
        CAISSON_LOG(kWarning, "serving", "endpoint {}: {}", row.spec.name, route->problem);
      }
      table->emplace(row.spec.name, *std::move(route));
    }
    published_.Set(std::move(table));
    versions_.DropUnused();
    return OkStatus();
  }

  Result<InferResponse> Infer(const InferRequest& request) {
    const std::shared_ptr<const RoutingTable> table = published_.Get();
    const auto found = table->find(request.endpoint);
    if (found == table->end()) return UnknownEndpoint(*table, request.endpoint);
    return answerer_.Answer(found->second, request);
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
    LogSlot& slot = logs_[endpoint];
    if (slot.log != nullptr) return slot.log;
    // Opening reads all segments, so a damaged log is not tried at every look.
    if (!slot.problem.ok() && parts_.clock.monotonic() < slot.retry_at) return slot.problem;
    Result<std::unique_ptr<PredictionLog>> log =
        PredictionLog::Open({.folder = JoinPath(parts_.predictions_folder, endpoint)});
    slot.problem = log.status();
    slot.retry_at = parts_.clock.monotonic() + kLogRetry;
    if (!log.ok()) return slot.problem;
    slot.log = *std::move(log);
    return slot.log;
  }

 private:
  struct LogSlot {
    std::shared_ptr<PredictionLog> log;
    Status problem;
    std::chrono::steady_clock::time_point retry_at;
  };

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

  // The route of an endpoint that cannot be brought up to date: what answered goes on, and a new
  // one says why it does not answer.
  static Route Stumbled(const internal::EndpointRow& row, RoutingTable::const_iterator old,
                        const RoutingTable& previous, std::string problem) {
    Route route;
    if (old != previous.end()) route = old->second;
    route.project = row.project;
    route.spec = row.spec;
    route.problem = std::move(problem);
    return route;
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
    const std::string reference = state.spec.model + "@" + state.spec.alias;
    const Result<registry::ModelVersion> named = parts_.registry.Resolve(context, reference);
    // Nothing to follow yet, or the alias was removed: what serves goes on.
    if (!named.ok() || Serves(state, *named)) return OkStatus();
    return parts_.database.Write(context, [&](sql::Transaction& transaction) -> Status {
      // Both again, since somebody may have promoted or switched meanwhile.
      CAISSON_ASSIGN(state, ReadLive(transaction, context.project(), state.spec.name));
      const Result<registry::ModelVersion> now =
          parts_.registry.Resolve(transaction, context.project(), reference);
      if (!now.ok() || Serves(state, *now)) return OkStatus();
      const int wanted = static_cast<int>(now->version);
      if (state.canary.has_value() && state.canary->version == wanted &&
          state.canary->model == now->model) {
        return internal::PromoteCanary(transaction, parts_.registry, state,
                                       "the alias moved to it");
      }
      return internal::SwitchTo(transaction, state, wanted, reference + " names it");
    });
  }

  static bool Serves(const LiveState& state, const registry::ModelVersion& version) {
    return state.stable.has_value() && state.stable->version == version.version &&
           state.stable->model == version.model;
  }

  Status LoadArms(const Context& context, LiveState& state, const RoutingTable& previous,
                  Route& route) {
    if (state.canary.has_value()) {
      Result<Arm> arm = LoadArm(context, *state.canary, previous);
      if (arm.ok()) {
        route.arms.push_back(*std::move(arm));
      } else {
        CAISSON_TRY(RollBackBroken(context, state, Message(arm.status())));
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
    route.problem =
        fmt::format("version {} does not load: {}", state.stable->version, Message(arm.status()));
    const auto old = previous.find(state.spec.name);
    if (old != previous.end() && route.arms.empty()) route.arms = old->second.arms;
    return OkStatus();
  }

  Status RollBackBroken(const Context& context, LiveState& state, std::string_view why) {
    const std::string reason = fmt::format("the model does not load: {}", why);
    const std::string trial = state.canary->id;
    CAISSON_LOG(kError, "serving", "endpoint {}: version {} is rolled back: {}", state.spec.name,
                state.canary->version, reason);
    return parts_.database.Write(context, [&](sql::Transaction& transaction) -> Status {
      CAISSON_ASSIGN(state, ReadLive(transaction, context.project(), state.spec.name));
      if (!state.canary.has_value() || state.canary->id != trial) return OkStatus();
      return internal::RollBackCanary(transaction, state, reason);
    });
  }

  Result<Arm> LoadArm(const Context& context, const Deployment& deployment,
                      const RoutingTable& previous) {
    Arm arm;
    arm.deployment_id = deployment.id;
    arm.step_started_at = deployment.step_started_at;
    arm.percent = deployment.traffic_percent;
    CAISSON_ASSIGN(arm.version, versions_.Get(context, deployment.model, deployment.version));
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

  Dependencies parts_;
  internal::Answerer answerer_;
  internal::VersionCache versions_;
  internal::PublishedTable published_;
  std::mutex reconcile_mutex_;  // one pass at a time
  std::mutex logs_mutex_;
  std::map<std::string, LogSlot> logs_;
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

// Names are the server's, since they stand in URLs that know no project.
static Status CheckOwner(sql::Transaction& transaction, const std::string& name) {
  CAISSON_ASSIGN(const auto rows, internal::ListEndpoints(transaction, ""));
  for (const internal::EndpointRow& row : rows) {
    if (row.spec.name != name || row.project == transaction.context().project()) continue;
    return AlreadyExists("project {} has an endpoint '{}' already; choose another name",
                         row.project, name);
  }
  return OkStatus();
}

Status Endpoints::Put(const Context& context, const EndpointSpec& spec) {
  CAISSON_TRY(impl_->parts().database.Write(context, [&](sql::Transaction& transaction) -> Status {
    CAISSON_ASSIGN(const auto present,
                   internal::FindEndpoint(transaction, context.project(), spec.name));
    if (present.has_value() && EndpointSpecToJson(*present) == EndpointSpecToJson(spec))
      return OkStatus();
    CAISSON_TRY(CheckOwner(transaction, spec.name));
    CAISSON_TRY(internal::PutEndpoint(transaction, spec));
    CAISSON_TRY(audit::Append(transaction, "endpoint.put", "endpoint/" + spec.name,
                              EndpointSpecToJson(spec)));
    return lineage::PutNode(transaction, {"endpoint", spec.name}, EndpointSpecToJson(spec));
  }));
  return Reconcile(context);
}

Status Endpoints::Remove(const Context& context, std::string_view name) {
  CAISSON_TRY(impl_->ChangeLive(
      context, name, [&](sql::Transaction& transaction, LiveState& state) -> Status {
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
  if (found->second.log == nullptr) {
    return Unavailable("the prediction log of endpoint {} is not open: {}", endpoint,
                       found->second.problem);
  }
  return found->second.log.get();
}

Result<Prediction> Endpoints::FindPrediction(std::string_view id) const {
  const auto table = impl_->table();
  for (const auto& [name, route] : *table) {
    if (route.log == nullptr) continue;
    Result<Prediction> prediction = route.log->Find(id);
    if (prediction.ok()) return prediction;
  }
  return NotFound("there is no prediction '{}' at any endpoint", id);
}

Result<Deployment> Endpoints::DeploymentOf(const Context& context, const Prediction& prediction,
                                           std::string* endpoint) {
  const auto table = impl_->table();
  for (const auto& [name, route] : *table) {
    if (route.log == nullptr || !route.log->Find(prediction.id).ok()) continue;
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
