// A server that speaks MLflow's interface and nothing else, for trying real clients against it.
//
//   mlflow_test_server --data DIR [--port N] [--ready-file F]
#include <csignal>
#include <cstdio>

#include "base/files.h"
#include "base/strings.h"
#include "platform/http/server.h"
#include "protocols/mlflow/routes.h"

namespace caisson {
namespace {

Status Run(const std::string& data, const std::string& port, const std::string& ready_file) {
  SystemClock clock;
  telemetry::Registry metrics;
  CAISSON_TRY(MakeDirectories(data));
  CAISSON_ASSIGN(auto main, sql::Database::Open({.path = data + "/caisson.db"}, clock, metrics));
  CAISSON_ASSIGN(
      auto tracking_database,
      sql::Database::Open({.path = data + "/metrics.db", .durability = sql::Durability::kNormal},
                          clock, metrics));
  CAISSON_ASSIGN(auto blobs, blob::BlobStore::Open(data + "/blobs"));
  CAISSON_ASSIGN(auto tracking,
                 tracking::Store::Open({*tracking_database, *main, clock},
                                       {.artifacts_destination = data + "/artifacts"}));
  CAISSON_ASSIGN(auto registry, registry::Registry::Open({*main, *blobs, *tracking, clock}));
  auto router = std::make_shared<http::Router>();
  CAISSON_TRY(router->Add(mlflow::MlflowRoutes({*tracking, *registry}, {})));
  CAISSON_ASSIGN(auto server,
                 http::Server::Start({.addresses = {"127.0.0.1:" + port}}, router, metrics));
  if (!ready_file.empty()) {
    CAISSON_TRY(
        WriteFileAtomic(ready_file, WriteJson(Json::Of({{"http", server->addresses()[0]}}))));
  }
  std::printf("%s\n", server->addresses()[0].c_str());
  std::fflush(stdout);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int signal = 0;
  sigwait(&signals, &signal);
  server->Stop();
  return OkStatus();
}

}  // namespace
}  // namespace caisson

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::string data;
  std::string port = "0";
  std::string ready_file;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    (flag == "--data" ? data : flag == "--port" ? port : ready_file) = argv[i + 1];
  }
  const caisson::Status status = caisson::Run(data, port, ready_file);
  if (!status.ok()) std::fprintf(stderr, "%s\n", caisson::Message(status).c_str());
  return status.ok() ? 0 : 1;
}
