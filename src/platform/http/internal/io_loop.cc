#include "platform/http/internal/io_loop.h"

#include <algorithm>
#include <exception>
#include <random>
#include <vector>

#include <pthread.h>

#include "base/log.h"
#include "platform/http/internal/connection.h"
#include "platform/http/internal/response_head.h"
#include "platform/http/internal/server_core.h"

namespace caisson::http {

namespace {

// Deadlines are kept to this precision, so that a thousand of them do not mean a thousand wake-ups.
constexpr std::chrono::milliseconds kSweepPause{20};

}  // namespace

IoLoop::IoLoop(ServerCore& core)
    : core_(core), work_(io_.get_executor()), sweep_timer_(io_.get_executor()) {
  std::random_device entropy;
  for (uint64_t& word : random_state_) word = (uint64_t{entropy()} << 32) | entropy() | 1;
}

IoLoop::~IoLoop() { StopAndJoin(); }

void IoLoop::Start() {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "http-io");
    while (true) {
      try {
        io_.run();
        return;
      } catch (const std::exception& error) {
        CAISSON_LOG(kError, "http", "an I/O thread goes on after: {}", error.what());
      }
    }
  });
}

void IoLoop::StopAndJoin() {
  work_.reset();
  Post([this] { sweep_timer_.cancel(); });
  if (thread_.joinable()) thread_.join();
}

void IoLoop::Adopt(Socket socket) {
  // The socket was accepted onto this loop's io_context, so the move changes no registration.
  auto shared = std::make_shared<Socket>(std::move(socket));
  Post([this, shared] {
    auto connection = std::make_shared<Connection>(*this, core_, std::move(*shared));
    connections_.emplace(connection.get(), connection);
    connection->Start();
  });
}

void IoLoop::Remove(Connection& connection) {
  if (connections_.erase(&connection) > 0) core_.connections.Remove();
}

void IoLoop::DrainAll() {
  Post([this] {
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [key, connection] : connections_) all.push_back(connection);
    for (const auto& connection : all) connection->Drain();
  });
}

void IoLoop::AbortAll() {
  Post([this] {
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [key, connection] : connections_) all.push_back(connection);
    for (const auto& connection : all) connection->Abort();
  });
}

void IoLoop::ScheduleSweep(TimePoint when) {
  next_sweep_ = when;
  sweep_timer_.expires_at(when);
  sweep_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) Sweep();
  });
}

void IoLoop::Sweep() {
  const TimePoint now = std::chrono::steady_clock::now();
  TimePoint next = TimePoint::max();
  std::vector<std::shared_ptr<Connection>> late;
  for (const auto& [key, connection] : connections_) {
    if (connection->deadline() <= now) {
      late.push_back(connection);
    } else {
      next = std::min(next, connection->deadline());
    }
  }
  next_sweep_ = TimePoint::max();
  if (next != TimePoint::max()) ScheduleSweep(std::max(next, now + kSweepPause));
  for (const auto& connection : late) connection->OnDeadline(now);
}

std::string_view IoLoop::Date(TimePoint now) {
  if (now >= date_until_) {
    date_ = HttpDate(std::time(nullptr));
    date_until_ = now + std::chrono::milliseconds(500);
  }
  return date_;
}

std::string IoLoop::NewTraceId() {
  // xoroshiro128+ (Blackman and Vigna), seeded by the operating system: a trace id must be unlikely
  // to repeat, not secret.
  constexpr char kHex[] = "0123456789abcdef";
  std::string id(32, '0');
  for (int half = 0; half < 2; ++half) {
    const uint64_t s0 = random_state_[0];
    uint64_t s1 = random_state_[1];
    uint64_t word = s0 + s1;
    s1 ^= s0;
    random_state_[0] = ((s0 << 24) | (s0 >> 40)) ^ s1 ^ (s1 << 16);
    random_state_[1] = (s1 << 37) | (s1 >> 27);
    for (int i = 0; i < 16; ++i, word >>= 4) id[half * 16 + i] = kHex[word & 15];
  }
  return id;
}

}  // namespace caisson::http
