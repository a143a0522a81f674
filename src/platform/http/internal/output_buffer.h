// Bytes that are ready to be sent.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <sys/socket.h>
#include <sys/uio.h>

namespace caisson::http {

// Small answers gathered into one piece, and after them at most one large body that is not copied.
// One thread.
class OutputBuffer {
 public:
  // When full, it must be sent before more is added.
  bool full() const { return !large_.empty() || small_.size() > kGatherBytes; }
  bool empty() const { return small_.empty() && large_.empty(); }

  std::string& small() { return small_; }
  void AddBody(std::string&& body) {
    if (body.size() <= kCopyBytes) {
      small_.append(body);
    } else {
      large_ = std::move(body);
    }
  }

  // One system call that does not wait; what sendmsg returned. Check empty() afterwards.
  ssize_t SendTo(int socket) {
    const size_t from_small = std::min(sent_, small_.size());
    const size_t from_large = sent_ - from_small;
    iovec vectors[2] = {{small_.data() + from_small, small_.size() - from_small},
                        {large_.data() + from_large, large_.size() - from_large}};
    msghdr message{};
    message.msg_iov = vectors;
    message.msg_iovlen = large_.empty() ? 1 : 2;
    const ssize_t sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) sent_ += static_cast<size_t>(sent);
    if (sent_ == small_.size() + large_.size()) Clear();
    return sent;
  }

 private:
  static constexpr size_t kGatherBytes = 64 << 10;
  static constexpr size_t kCopyBytes = 16 << 10;

  void Clear() {
    sent_ = 0;
    large_ = std::string();
    if (small_.capacity() > 2 * kGatherBytes) {
      small_ = std::string();
    } else {
      small_.clear();
    }
  }

  std::string small_;
  std::string large_;
  size_t sent_ = 0;  // over both
};

}  // namespace caisson::http
