#include "platform/http/server.h"

#include <algorithm>
#include <mutex>
#include <thread>

#include "platform/http/internal/connection.h"
#include "platform/http/internal/listener.h"
#include "platform/http/internal/server_core.h"

namespace caisson::http {

namespace {

ServerOptions Completed(ServerOptions options) {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  if (options.io_threads <= 0) options.io_threads = std::max(1, cores / 2);
  if (options.workers <= 0) options.workers = std::max(8, 4 * cores);
  options.max_streams = std::max(1, options.max_streams);
  options.worker_queue_capacity = std::max(0, options.worker_queue_capacity);
  return options;
}

}  // namespace

class Server::Impl {
 public:
  Impl(const ServerOptions& options, std::shared_ptr<const Router> router,
       telemetry::Registry& registry)
      : core_(Completed(options), std::move(router), registry) {
    for (int i = 0; i < core_.options.io_threads; ++i) {
      loops_.push_back(std::make_unique<IoLoop>(core_));
    }
  }

  ~Impl() { Stop(); }

  Status Listen() {
    for (const std::string& address : core_.options.addresses) {
      CAISSON_ASSIGN(std::unique_ptr<Listener> listener, Listener::Open(address, core_, loops_));
      addresses_.push_back(listener->address());
      listeners_.push_back(std::move(listener));
    }
    for (const auto& loop : loops_) loop->Start();
    started_ = true;
    for (const auto& listener : listeners_) listener->Start();
    return OkStatus();
  }

  void Stop() {
    std::lock_guard lock(stop_mutex_);
    if (!started_) return;
    started_ = false;
    for (const auto& listener : listeners_) listener->Stop();
    core_.stopping.store(true);
    for (const auto& loop : loops_) loop->DrainAll();
    if (!core_.connections.WaitForNone(core_.options.drain_timeout)) {
      for (const auto& loop : loops_) loop->AbortAll();
      core_.connections.WaitForNone();
    }
    core_.handlers.Stop();
    core_.streams.Stop();
    for (const auto& loop : loops_) loop->StopAndJoin();
  }

  const std::vector<std::string>& addresses() const { return addresses_; }

 private:
  ServerCore core_;
  std::vector<std::unique_ptr<IoLoop>> loops_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::string> addresses_;
  std::mutex stop_mutex_;
  bool started_ = false;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                              std::shared_ptr<const Router> router,
                                              telemetry::Registry& metrics) {
  auto impl = std::make_unique<Impl>(options, std::move(router), metrics);
  CAISSON_TRY(impl->Listen());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

const std::vector<std::string>& Server::addresses() const { return impl_->addresses(); }

void Server::Stop() { impl_->Stop(); }

}  // namespace caisson::http
