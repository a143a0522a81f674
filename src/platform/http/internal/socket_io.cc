#include "platform/http/internal/socket_io.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace caisson::http {

namespace {

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

Status Gone() { return Cancelled("the client closed the connection"); }

// sendfile has no MSG_NOSIGNAL, so SIGPIPE is held back in this thread while it runs, and taken
// away if it came.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigpipeGuard() {
    if (raised_ && sigismember(&before_, SIGPIPE) == 0) {
      const timespec at_once{};
      while (::sigtimedwait(&pipe_, nullptr, &at_once) == -1 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  void Raised() { raised_ = true; }

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool raised_ = false;
};

}  // namespace

Status SocketIo::WaitFor(short events) {
  CAISSON_TRY(context_.Check());
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(context_.TimeLeft(patience_));
  pollfd entry{descriptor_, events, 0};
  const int ready = ::poll(&entry, 1, static_cast<int>(wait.count()));
  if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "wait for the client");
  if (ready == 0) {
    CAISSON_TRY(context_.Check());
    return DeadlineExceeded("the client was idle for {} ms in the middle of a body", wait.count());
  }
  return OkStatus();
}

Result<size_t> SocketIo::Receive(char* buffer, size_t size) {
  while (true) {
    const ssize_t got = ::recv(descriptor_, buffer, size, MSG_DONTWAIT);
    if (got >= 0) {
      bytes_received_ += static_cast<uint64_t>(got);
      return static_cast<size_t>(got);
    }
    if (errno == EINTR) continue;
    if (!WouldBlock(errno)) return Gone();
    CAISSON_TRY(WaitFor(POLLIN));
  }
}

Status SocketIo::Send(std::string_view first, std::string_view second, std::string_view third) {
  std::string_view pieces[] = {first, second, third};
  size_t next = 0;
  while (true) {
    while (next < 3 && pieces[next].empty()) ++next;
    if (next == 3) return OkStatus();
    iovec vectors[3];
    msghdr message{};
    message.msg_iov = vectors;
    for (size_t i = next; i < 3; ++i) {
      vectors[message.msg_iovlen++] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
    }
    const ssize_t sent = ::sendmsg(descriptor_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (!WouldBlock(errno)) return Gone();
      CAISSON_TRY(WaitFor(POLLOUT));
      continue;
    }
    bytes_sent_ += static_cast<uint64_t>(sent);
    size_t left = static_cast<size_t>(sent);
    for (size_t i = next; i < 3 && left > 0; ++i) {
      const size_t part = std::min(left, pieces[i].size());
      pieces[i].remove_prefix(part);
      left -= part;
    }
  }
}

Result<uint64_t> SendFilePiece(int socket, int file, uint64_t& offset, uint64_t limit) {
  SigpipeGuard guard;
  uint64_t total = 0;
  while (total < limit) {
    off_t position = static_cast<off_t>(offset);
    const ssize_t sent = ::sendfile(socket, file, &position, limit - total);
    if (sent > 0) {
      offset += static_cast<uint64_t>(sent);
      total += static_cast<uint64_t>(sent);
      continue;
    }
    if (sent == 0) return DataLoss("the file became shorter while it was sent");
    if (errno == EINTR) continue;
    if (WouldBlock(errno)) return total;
    if (errno == EPIPE) guard.Raised();
    return errno == EPIPE || errno == ECONNRESET ? Gone() : ErrnoStatus(errno, "send a file");
  }
  return total;
}

}  // namespace caisson::http
