// What the tests of this module share: a server on a free port, and a client that sends exactly the
// bytes it is given.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/files.h"
#include "base/strings.h"
#include "platform/http/message.h"
#include "platform/http/server.h"
#include "platform/telemetry/metrics.h"

namespace caisson::http {

// A manual gate between threads.
class Gate {
 public:
  void Open() {
    {
      std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

struct TestServer {
  explicit TestServer(std::vector<Route> routes, ServerOptions options = {}) {
    auto table = std::make_shared<Router>();
    const Status added = table->Add(std::move(routes));
    EXPECT_TRUE(added.ok()) << added;
    options.addresses = {"127.0.0.1:0"};
    auto started = Server::Start(options, table, registry);
    EXPECT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
  }
  const std::string& address() const { return server->addresses().front(); }
  std::string url(std::string_view path) const { return "http://" + address() + std::string(path); }

  telemetry::Registry registry;
  std::unique_ptr<Server> server;
};

inline Route MakeRoute(Method method, std::string pattern, Handler handler,
                       RunOn run_on = RunOn::kWorker) {
  Route route;
  route.method = method;
  route.pattern = std::move(pattern);
  route.handler = std::move(handler);
  route.run_on = run_on;
  return route;
}

inline Route EchoRoute(RunOn run_on, std::string pattern = "/echo") {
  return MakeRoute(
      Method::kPost, std::move(pattern),
      [](Request& request) { return Response::Text(200, request.body); }, run_on);
}

struct RawResponse {
  int status = 0;  // 0: the connection ended before a whole head
  Headers headers;
  std::string body;
  bool complete = false;  // the body ended as its framing says
};

class RawClient {
 public:
  explicit RawClient(const std::string& address, int receive_buffer = 0) {
    socket_ = FileDescriptor(::socket(AF_INET, SOCK_STREAM, 0));
    if (receive_buffer > 0) {
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    const timeval limit{20, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    const size_t colon = address.rfind(':');
    peer.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(colon + 1))));
    ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr);
    connected_ = ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&peer), sizeof(peer)) == 0;
  }

  bool connected() const { return connected_; }
  int descriptor() const { return socket_.get(); }
  void Close() { socket_ = FileDescriptor(); }
  void CloseSending() { ::shutdown(socket_.get(), SHUT_WR); }

  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // The next response; `head_only` for the answer to HEAD. An interim response counts as one.
  RawResponse Receive(bool head_only = false) {
    RawResponse response;
    size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!Fill()) return response;
    }
    const std::vector<std::string> lines = Split(buffer_.substr(0, end), '\n');
    buffer_.erase(0, end + 4);
    response.status = std::stoi(lines.front().substr(9, 3));
    for (size_t i = 1; i < lines.size(); ++i) {
      const size_t colon = lines[i].find(':');
      response.headers.Add(lines[i].substr(0, colon),
                           Trim(std::string_view(lines[i]).substr(colon + 1)));
    }
    if (head_only || response.status < 200 || response.status == 204) {
      response.complete = true;
    } else if (response.headers.Get("Transfer-Encoding") == "chunked") {
      ReceiveChunked(response);
    } else if (response.headers.Has("Content-Length")) {
      const size_t length = std::stoull(std::string(response.headers.Get("Content-Length")));
      while (buffer_.size() < length && Fill()) {
      }
      response.complete = buffer_.size() >= length;
      response.body = buffer_.substr(0, length);
      buffer_.erase(0, length);
    } else {
      while (Fill()) {
      }
      response.complete = true;
      response.body.swap(buffer_);
    }
    return response;
  }

  RawResponse Exchange(std::string_view request) {
    Send(request);
    return Receive();
  }

  // True when the server has ended the connection and nothing more came.
  bool AtEnd() { return buffer_.empty() && !Fill(); }

 private:
  bool Fill() {
    char bytes[16 << 10];
    const ssize_t got = ::recv(socket_.get(), bytes, sizeof(bytes), 0);
    if (got <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(got));
    return true;
  }

  void ReceiveChunked(RawResponse& response) {
    while (true) {
      size_t end;
      while ((end = buffer_.find("\r\n")) == std::string::npos) {
        if (!Fill()) return;
      }
      const size_t size = std::stoull(buffer_.substr(0, end), nullptr, 16);
      while (buffer_.size() < end + 2 + size + 2) {
        if (!Fill()) return;
      }
      response.body += buffer_.substr(end + 2, size);
      buffer_.erase(0, end + 2 + size + 2);
      if (size == 0) {
        response.complete = true;
        return;
      }
    }
  }

  FileDescriptor socket_;
  bool connected_ = false;
  std::string buffer_;
};

inline std::string Get(std::string_view path, std::string_view fields = "") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n", path, fields);
}

inline std::string Post(std::string_view path, std::string_view body,
                        std::string_view fields = "") {
  return fmt::format("POST {} HTTP/1.1\r\nHost: x\r\n{}Content-Length: {}\r\n\r\n{}", path, fields,
                     body.size(), body);
}

}  // namespace caisson::http
