#include "app/application.h"

#include <mutex>

#include "app/version.h"
#include "base/log.h"
#include "lifecycle/data/datasets.h"
#include "lifecycle/monitoring/monitors.h"
#include "lifecycle/pipelines/executor.h"
#include "lifecycle/project/projects.h"
#include "lifecycle/registry/registry.h"
#include "lifecycle/serving/endpoints.h"
#include "lifecycle/tracking/store.h"
#include "platform/audit/audit.h"
#include "platform/auth/auth.h"
#include "platform/blob/blob_store.h"
#include "platform/events/outbox.h"
#include "platform/jobs/jobs.h"
#include "platform/lineage/lineage.h"
#include "platform/sql/database.h"
#include "protocols/mlflow/routes.h"
#include "protocols/native/routes.h"
#include "protocols/oip/routes.h"
#include "protocols/prometheus/routes.h"

namespace caisson::app {
namespace {

// How long the end waits for the consumers of events.
constexpr std::chrono::seconds kDrainTime{5};

}  // namespace

// In the order of construction; destruction runs the other way, so nothing outlives what it refers
// to.
class Application::Parts {
 public:
  explicit Parts(const Options& options) : options_(options) {}
  ~Parts() { Stop(); }

  Status Build() {
    CAISSON_ASSIGN(folder_, DataFolder::Hold(options_.data_folder, options_.command, clock_.now()));
    CAISSON_TRY(OpenStores());
    CAISSON_TRY(OpenDomains());
    CAISSON_TRY(BuildRouter());
    return options_.background ? StartBackground() : OkStatus();
  }

  Result<std::vector<std::string>> Listen(const std::vector<std::string>& addresses,
                                          const std::string& token_file) {
    http::ServerOptions server;
    server.addresses = addresses;
    server.workers = options_.workers;
    server.io_threads = options_.io_threads;
    CAISSON_ASSIGN(server.authenticate, LoginRule(token_file));
    for (const std::string& address : addresses) {
      const std::string host = address.substr(0, address.rfind(':'));
      CAISSON_TRY(auth::CheckListenAddress("--http " + address, host, !token_file.empty()));
    }
    CAISSON_ASSIGN(server_, http::Server::Start(server, router_, metrics_));
    {
      std::lock_guard lock(url_mutex_);
      url_ = "http://" + server_->addresses().front();
    }
    CAISSON_TRY(folder_->PublishAddress(server_->addresses().front()));
    return server_->addresses();
  }

  void Stop() {
    if (stopped_) return;
    stopped_ = true;
    if (server_ != nullptr) server_->Stop();
    if (!started_) return;
    monitors_->Stop();
    endpoints_->Stop();
    jobs_->Stop();
    // What follows from an event, as a version's alias from its gate's decision, is not left to the
    // next start.
    const Status drained = outbox_->Drain(Context::Background().WithTimeout(kDrainTime));
    if (!drained.ok()) {
      CAISSON_LOG(kWarning, "app", "left to the next start: {}", Message(drained));
    }
    outbox_->Stop();
  }

  std::shared_ptr<const http::Router> router() const { return router_; }
  const DataLayout& layout() const { return folder_->layout(); }
  std::string url() const {
    std::lock_guard lock(url_mutex_);
    return url_;
  }

 private:
  Status OpenStores() {
    const DataLayout& layout = folder_->layout();
    telemetry::AddProcessMetrics(metrics_);
    CAISSON_ASSIGN(main_, sql::Database::Open({.path = layout.main_database(),
                                               .durability = sql::Durability::kFull},
                                              clock_, metrics_));
    CAISSON_ASSIGN(metrics_database_, sql::Database::Open({.path = layout.metrics_database(),
                                                           .durability = sql::Durability::kNormal},
                                                          clock_, metrics_));
    for (const sql::Schema* schema :
         {&audit::AuditSchema(), &events::EventsSchema(), &lineage::LineageSchema(),
          &jobs::JobsSchema(), &data::DataSchema(), &pipelines::PipelinesSchema(),
          &registry::RegistrySchema(), &serving::ServingSchema(), &monitoring::MonitoringSchema(),
          &project::ProjectSchema(), &tracking::TrackingRelaySchema()}) {
      CAISSON_TRY(main_->Migrate(*schema));
    }
    CAISSON_TRY(metrics_database_->Migrate(tracking::TrackingSchema()));
    CAISSON_ASSIGN(blobs_, blob::BlobStore::Open(layout.blobs()));
    outbox_ = std::make_unique<events::Outbox>(*main_, clock_, metrics_);
    jobs_ = std::make_unique<jobs::Runner>(*main_, clock_, metrics_,
                                           jobs::Runner::Options{.threads = options_.job_threads});
    return OkStatus();
  }

  Status OpenDomains() {
    const DataLayout& layout = folder_->layout();
    datasets_ = std::make_unique<data::Datasets>(*main_);
    executor_ = std::make_unique<pipelines::Executor>(*main_);
    CAISSON_ASSIGN(tracking_, tracking::Store::Open({*metrics_database_, *main_, clock_},
                                                    {.artifacts_destination = layout.artifacts(),
                                                     .working_directory = layout.root}));
    CAISSON_ASSIGN(registry_, registry::Registry::Open({*main_, *blobs_, *tracking_, clock_}));
    CAISSON_ASSIGN(endpoints_, serving::Endpoints::Open(
                                   {*main_, *registry_, clock_, metrics_, layout.predictions()}));
    CAISSON_ASSIGN(monitors_, monitoring::Monitors::Open({*main_, *registry_, *endpoints_, clock_,
                                                          metrics_, layout.reports()}));
    projects_ = std::make_unique<project::Projects>(project::Projects::Dependencies{
        *main_, *jobs_, *datasets_, *executor_, *tracking_, *registry_, *endpoints_, *monitors_,
        clock_, layout.workspaces(), [this] { return url(); }});
    return OkStatus();
  }

  Status BuildRouter() {
    auto router = std::make_shared<http::Router>();
    const native::Dependencies parts{*main_,     *jobs_,      *outbox_,   *datasets_, *tracking_,
                                     *registry_, *endpoints_, *monitors_, *projects_};
    CAISSON_TRY(router->Add(native::HealthRoutes(
        Version(), {{"database", [this](const Context& context) { return main_->Ping(context); }},
                    {"metrics_database", [this](const Context& context) {
                       return metrics_database_->Ping(context);
                     }}})));
    CAISSON_TRY(router->Add(native::ProjectRoutes(parts)));
    CAISSON_TRY(router->Add(native::JobRoutes(parts)));
    CAISSON_TRY(router->Add(native::DataRoutes(parts)));
    CAISSON_TRY(router->Add(native::RunRoutes(parts)));
    CAISSON_TRY(router->Add(native::ModelRoutes(parts)));
    CAISSON_TRY(router->Add(native::EndpointRoutes(parts)));
    CAISSON_TRY(router->Add(native::MonitorRoutes(parts)));
    CAISSON_TRY(router->Add(native::LineageRoutes(parts)));
    CAISSON_TRY(router->Add(native::StartPageRoutes(parts)));
    CAISSON_TRY(router->Add(prometheus::PrometheusRoutes(metrics_)));
    CAISSON_TRY(
        router->Add(mlflow::MlflowRoutes({*tracking_, *registry_}, {}, /*include_health=*/false)));
    CAISSON_TRY(router->Add(oip::OipRoutes(*endpoints_, Version())));
    CAISSON_TRY(AddOpenApi(*router));
    router_ = std::move(router);
    return OkStatus();
  }

  // Without tokens everyone on this machine is "local"; pages that a browser shows are not.
  static Result<std::function<Result<std::string>(const http::Request&)>> LoginRule(
      const std::string& token_file) {
    std::optional<auth::TokenFile> tokens;
    if (!token_file.empty()) {
      CAISSON_ASSIGN(tokens, auth::TokenFile::Load(token_file));
    }
    return [tokens = std::move(tokens)](const http::Request& request) -> Result<std::string> {
      CAISSON_TRY(auth::CheckBrowserRequest(request.headers.Get("Host"),
                                            request.headers.Get("Origin"), !tokens.has_value()));
      return tokens.has_value() ? tokens->Authenticate(request.headers.Get("Authorization"))
                                : Result<std::string>("local");
    };
  }

  // The document describes the table that it is part of, so it is drawn up on the first request.
  static Status AddOpenApi(http::Router& router) {
    http::Route route;
    route.method = http::Method::kGet;
    route.pattern = "/openapi.json";
    route.summary = "This API as an OpenAPI document";
    route.tag = "native";
    route.needs_login = false;
    route.handler = [&router](http::Request&) {
      return http::Response::OfJson(200, router.OpenApi("Caisson", Version()));
    };
    return router.Add({std::move(route)});
  }

  Status StartBackground() {
    outbox_->Subscribe("serving", {"model_version.admitted"}, events::Outbox::StartAt::kFirst,
                       [this](sql::Transaction& transaction, const events::Event& event) {
                         return endpoints_->OnVersionAdmitted(transaction, event);
                       });
    outbox_->Subscribe("projects", {"monitor.drift_found"}, events::Outbox::StartAt::kFirst,
                       [this](sql::Transaction& transaction, const events::Event& event) {
                         return projects_->OnDriftFound(transaction, event);
                       });
    projects_->RegisterJobs();
    started_ = true;
    CAISSON_TRY(outbox_->Start());
    CAISSON_TRY(jobs_->Start());
    CAISSON_TRY(endpoints_->Start());
    return monitors_->Start();
  }

  const Options options_;
  SystemClock clock_;
  telemetry::Registry metrics_;
  std::unique_ptr<DataFolder> folder_;
  std::unique_ptr<sql::Database> main_;
  std::unique_ptr<sql::Database> metrics_database_;
  std::unique_ptr<blob::BlobStore> blobs_;
  std::unique_ptr<events::Outbox> outbox_;
  std::unique_ptr<jobs::Runner> jobs_;
  std::unique_ptr<data::Datasets> datasets_;
  std::unique_ptr<pipelines::Executor> executor_;
  std::unique_ptr<tracking::Store> tracking_;
  std::unique_ptr<registry::Registry> registry_;
  std::unique_ptr<serving::Endpoints> endpoints_;
  std::unique_ptr<monitoring::Monitors> monitors_;
  std::unique_ptr<project::Projects> projects_;
  std::shared_ptr<const http::Router> router_;
  std::unique_ptr<http::Server> server_;
  mutable std::mutex url_mutex_;
  std::string url_;  // empty until it listens; jobs ask from their threads
  bool started_ = false;
  bool stopped_ = false;
};

Application::Application(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Application::~Application() = default;

Result<std::unique_ptr<Application>> Application::Open(const Options& options) {
  auto parts = std::make_unique<Parts>(options);
  CAISSON_TRY(parts->Build());
  return std::unique_ptr<Application>(new Application(std::move(parts)));
}

std::shared_ptr<const http::Router> Application::router() const { return parts_->router(); }
const DataLayout& Application::layout() const { return parts_->layout(); }

Result<std::vector<std::string>> Application::Listen(const std::vector<std::string>& addresses,
                                                     const std::string& token_file) {
  return parts_->Listen(addresses, token_file);
}

void Application::Stop() { parts_->Stop(); }

}  // namespace caisson::app
