#include "platform/http/internal/listener.h"

#include <cstring>
#include <future>

#include <netdb.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/strings.h"
#include "platform/http/internal/server_core.h"

namespace caisson::http {

namespace {

constexpr int kBacklog = 4'096;
// How long to wait when the process has no file descriptor left.
constexpr std::chrono::milliseconds kPause{100};
constexpr std::string_view kTooMany =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Type: "
    "text/plain\r\n"
    "Content-Length: 43\r\n\r\nThe server has too many open connections.\r\n";

struct HostAndPort {
  std::string host;
  std::string port;
};

Result<HostAndPort> SplitAddress(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return InvalidArgument("the address '{}' is not HOST:PORT, for example 127.0.0.1:4600",
                           address);
  }
  HostAndPort parts{address.substr(0, colon), address.substr(colon + 1)};
  const std::optional<int64_t> port = ParseInt(parts.port);
  if (!port || *port < 0 || *port > 65'535) {
    return InvalidArgument("the port '{}' of '{}' is not a number from 0 to 65535", parts.port,
                           address);
  }
  if (parts.host.front() == '[' && parts.host.back() == ']') {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
  } else if (parts.host.find(':') != std::string::npos) {
    return InvalidArgument("the IPv6 address in '{}' must stand in brackets: [{}]:{}", address,
                           parts.host, parts.port);
  }
  return parts;
}

Result<boost::asio::ip::tcp::endpoint> Resolve(const HostAndPort& parts) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &found);
  if (error != 0) {
    return InvalidArgument("the host '{}' is not known: {}", parts.host, ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  const addrinfo* chosen = found;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    // Of a name with both, since most clients of "localhost" try IPv4.
    if (entry->ai_family == AF_INET) {
      chosen = entry;
      break;
    }
  }
  boost::asio::ip::tcp::endpoint endpoint;
  std::memcpy(endpoint.data(), chosen->ai_addr, chosen->ai_addrlen);
  endpoint.resize(chosen->ai_addrlen);
  return endpoint;
}

bool OutOfDescriptors(const boost::system::error_code& error) {
  return error == boost::system::errc::too_many_files_open ||
         error == boost::system::errc::too_many_files_open_in_system ||
         error == boost::system::errc::no_buffer_space ||
         error == boost::system::errc::not_enough_memory;
}

}  // namespace

Listener::Listener(ServerCore& core, std::vector<std::unique_ptr<IoLoop>>& loops)
    : core_(core),
      loops_(loops),
      acceptor_(loops.front()->io().get_executor()),
      pause_(loops.front()->io().get_executor()) {}

Result<std::unique_ptr<Listener>> Listener::Open(const std::string& address, ServerCore& core,
                                                 std::vector<std::unique_ptr<IoLoop>>& loops) {
  CAISSON_ASSIGN(const HostAndPort parts, SplitAddress(address));
  CAISSON_ASSIGN(const auto endpoint, Resolve(parts));
  std::unique_ptr<Listener> listener(new Listener(core, loops));
  Acceptor& acceptor = listener->acceptor_;
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(boost::asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (error == boost::asio::error::address_in_use) {
    return FailedPrecondition(
        "cannot listen on {}: another program holds the port; end it, or choose another port (0 "
        "picks a "
        "free one)",
        address);
  }
  if (error) return FailedPrecondition("cannot listen on {}: {}", address, error.message());
  const auto bound = acceptor.local_endpoint(error);
  if (error) return FailedPrecondition("cannot listen on {}: {}", address, error.message());
  listener->address_ = fmt::format("{}:{}", address.substr(0, address.rfind(':')), bound.port());
  return listener;
}

void Listener::Start() {
  loops_.front()->Post([this] { AcceptNext(); });
}

void Listener::Stop() {
  std::promise<void> stopped;
  loops_.front()->Post([this, &stopped] {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    stopped.set_value();
  });
  stopped.get_future().wait();
}

void Listener::AcceptNext() {
  if (!acceptor_.is_open()) return;
  IoLoop& target = *loops_[next_loop_++ % loops_.size()];
  acceptor_.async_accept(target.io(),
                         [this, &target](const boost::system::error_code& error, Socket socket) {
                           OnAccept(error, target, std::move(socket));
                         });
}

void Listener::OnAccept(const boost::system::error_code& error, IoLoop& target, Socket socket) {
  if (error == boost::asio::error::operation_aborted || !acceptor_.is_open()) return;
  if (OutOfDescriptors(error)) {
    CAISSON_LOG(kWarning, "http", "cannot accept connections on {}: {}; trying again", address_,
                error.message());
    pause_.expires_after(kPause);
    pause_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) AcceptNext();
    });
    return;
  }
  if (!error) {
    if (core_.connections.TryAdd(core_.options.max_connections)) {
      target.Adopt(std::move(socket));
    } else {
      // Best effort: a fresh socket takes this much without waiting.
      ::send(socket.native_handle(), kTooMany.data(), kTooMany.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
  }
  AcceptNext();
}

}  // namespace caisson::http
