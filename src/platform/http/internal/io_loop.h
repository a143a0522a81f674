// A thread that owns sockets.
#pragma once

#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

namespace caisson::http {

class Connection;
struct ServerCore;

using TimePoint = std::chrono::steady_clock::time_point;
using Executor = boost::asio::io_context::executor_type;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;
using Timer = boost::asio::basic_waitable_timer<
    std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

// One io_context, its thread, and the connections that live on it. Owned by the server, outlives
// its connections. All is for the loop's own thread unless said otherwise.
class IoLoop {
 public:
  explicit IoLoop(ServerCore& core);
  ~IoLoop();

  // From the server's thread.
  void Start();
  void StopAndJoin();

  boost::asio::io_context& io() { return io_; }
  // Any thread.
  template <typename Function>
  void Post(Function&& function) {
    boost::asio::post(io_, std::forward<Function>(function));
  }

  // Takes a fresh socket over; any thread. The connection was counted by the caller.
  void Adopt(Socket socket);
  void Remove(Connection& connection);
  // Closes connections that wait for a request, and lets the others finish; any thread.
  void DrainAll();
  // Ends all connections, whatever they do; any thread.
  void AbortAll();

  // Makes sure that the connection's deadline is looked at in time.
  void Watch(TimePoint deadline) {
    if (deadline < next_sweep_) ScheduleSweep(deadline);
  }
  // The Date field, renewed once a second.
  std::string_view Date(TimePoint now);
  std::string NewTraceId();

 private:
  using WorkGuard = boost::asio::executor_work_guard<Executor>;

  void ScheduleSweep(TimePoint when);
  void Sweep();

  ServerCore& core_;
  boost::asio::io_context io_{1};
  WorkGuard work_;
  Timer sweep_timer_;
  TimePoint next_sweep_ = TimePoint::max();
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
  std::string date_;
  TimePoint date_until_;
  uint64_t random_state_[2];
  std::thread thread_;
};

}  // namespace caisson::http
