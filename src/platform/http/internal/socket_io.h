// Blocking reads and writes on a connection's descriptor, for the worker that has it on loan.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/context.h"
#include "base/status.h"

namespace caisson::http {

// Does not own the descriptor, which is in non-blocking mode; the connection keeps it open as long
// as the loan lasts and may shut it down to wake the worker. One thread. Waits end with the
// context, or after `patience` without progress. Cancelled means that the client went away,
// DeadlineExceeded that it was too slow.
class SocketIo {
 public:
  SocketIo(int descriptor, Context context, std::chrono::milliseconds patience)
      : descriptor_(descriptor), context_(std::move(context)), patience_(patience) {}

  // At least one byte, or 0 at the end of the stream.
  Result<size_t> Receive(char* buffer, size_t size);
  // All of the three pieces, one after the other.
  Status Send(std::string_view first, std::string_view second = {}, std::string_view third = {});

  const Context& context() const { return context_; }
  uint64_t bytes_received() const { return bytes_received_; }
  uint64_t bytes_sent() const { return bytes_sent_; }

 private:
  Status WaitFor(short events);

  const int descriptor_;
  const Context context_;
  const std::chrono::milliseconds patience_;
  uint64_t bytes_received_ = 0;
  uint64_t bytes_sent_ = 0;
};

// Sends bytes of an open file without waiting, at most `limit` of them; advances `offset`. Zero
// means that the socket takes no more now. DataLoss when the file ends before.
Result<uint64_t> SendFilePiece(int socket, int file, uint64_t& offset, uint64_t limit);

}  // namespace caisson::http
