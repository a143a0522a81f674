// A listening address.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/basic_socket_acceptor.hpp>

#include "base/status.h"
#include "platform/http/internal/io_loop.h"

namespace caisson::http {

// Accepts on one loop and deals the sockets out to all of them in turn. One acceptor instead of
// SO_REUSEPORT, so that a port that another process holds is an error and not silently shared.
// Owned by the server, and outlives the loops' threads.
class Listener {
 public:
  // `address` is HOST:PORT, [IPv6]:PORT or NAME:PORT; port 0 picks a free one. InvalidArgument when
  // it is malformed, FailedPrecondition when it cannot be listened on.
  static Result<std::unique_ptr<Listener>> Open(const std::string& address, ServerCore& core,
                                                std::vector<std::unique_ptr<IoLoop>>& loops);
  // HOST:PORT with the real port.
  const std::string& address() const { return address_; }

  void Start();  // any thread
  // Any thread; returns when no further socket will be accepted.
  void Stop();

 private:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor>;

  Listener(ServerCore& core, std::vector<std::unique_ptr<IoLoop>>& loops);
  void AcceptNext();
  void OnAccept(const boost::system::error_code& error, IoLoop& target, Socket socket);

  ServerCore& core_;
  std::vector<std::unique_ptr<IoLoop>>& loops_;
  size_t next_loop_ = 0;
  Acceptor acceptor_;
  Timer pause_;
  std::string address_;
};

}  // namespace caisson::http
