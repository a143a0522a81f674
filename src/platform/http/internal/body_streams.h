// The two ends that a handler holds while its body is streamed over a socket.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "platform/http/internal/chunk_decoder.h"
#include "platform/http/internal/request_parser.h"
#include "platform/http/internal/socket_io.h"
#include "platform/http/message.h"

namespace caisson::http {

// Reads a request body from the socket as fast as the handler asks, so that TCP itself slows the
// client down. Lives on the worker's stack. An error stays: each later Read returns it again.
class SocketBodyReader : public BodyReader {
 public:
  // `received` are bytes that arrived with the head. `on_end` runs once in Read when the body is
  // complete, with the bytes after it, which belong to the next request.
  SocketBodyReader(SocketIo& socket, const Framing& framing, uint64_t max_bytes,
                   std::string received, std::function<void(std::string)> on_end);

  Result<size_t> Read(char* buffer, size_t size) override;
  bool done() const { return done_; }
  const Status& status() const { return status_; }
  // 413, 408, 400 or 499 once Read has failed.
  int http_status() const { return http_status_; }

 private:
  Result<size_t> ReadPiece(char* buffer, size_t size);
  Result<size_t> ReadPlain(char* buffer, size_t size);
  Result<size_t> ReadChunked(char* buffer, size_t size);
  Result<size_t> Receive(char* buffer, size_t size);
  void End();

  SocketIo& socket_;
  bool send_continue_;
  const bool chunked_;
  const uint64_t max_bytes_;
  uint64_t left_;  // by Content-Length
  uint64_t total_ = 0;
  ChunkDecoder decoder_;
  std::string received_;
  size_t received_used_ = 0;
  std::function<void(std::string)> on_end_;
  bool done_ = false;
  Status status_;
  int http_status_ = 0;
};

// Writes a response body straight to the socket: what the client has not taken is in the kernel's
// buffer, whose size the connection bounds. Lives on the worker's stack.
class SocketBodyWriter : public BodyWriter {
 public:
  // Without `content_length` and not chunked, the end of the connection ends the body. `discard` is
  // for HEAD.
  SocketBodyWriter(SocketIo& socket, bool chunked, std::optional<uint64_t> content_length,
                   bool discard)
      : socket_(socket), chunked_(chunked), discard_(discard), left_(content_length) {}

  Status Write(std::string_view bytes) override;
  // The final chunk; DataLoss when fewer bytes were written than announced.
  Status Finish();

 private:
  SocketIo& socket_;
  const bool chunked_;
  const bool discard_;
  std::optional<uint64_t> left_;
};

}  // namespace caisson::http
