#include "platform/http/internal/body_streams.h"

#include <algorithm>
#include <charconv>

namespace caisson::http {

namespace {

constexpr size_t kReceiveBytes = 64 << 10;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

int HttpStatusOfReadError(const Status& status) {
  switch (status.code()) {
    case StatusCode::kResourceExhausted:
      return 413;
    case StatusCode::kDeadlineExceeded:
      return 408;
    case StatusCode::kInvalidArgument:
      return 400;
    default:
      return 499;
  }
}

}  // namespace

SocketBodyReader::SocketBodyReader(SocketIo& socket, const Framing& framing, uint64_t max_bytes,
                                   std::string received, std::function<void(std::string)> on_end)
    : socket_(socket),
      send_continue_(framing.expect_continue && received.empty()),
      chunked_(framing.chunked),
      max_bytes_(max_bytes),
      left_(framing.content_length),
      received_(std::move(received)),
      on_end_(std::move(on_end)) {
  if (!framing.has_body()) End();
}

Result<size_t> SocketBodyReader::Read(char* buffer, size_t size) {
  CAISSON_TRY(status_);
  if (done_ || size == 0) return size_t{0};
  Result<size_t> got = ReadPiece(buffer, size);
  if (!got.ok()) {
    status_ = got.status();
    http_status_ = HttpStatusOfReadError(status_);
  }
  return got;
}

Result<size_t> SocketBodyReader::ReadPiece(char* buffer, size_t size) {
  CAISSON_TRY(socket_.context().Check());
  CAISSON_ASSIGN(const size_t got, chunked_ ? ReadChunked(buffer, size) : ReadPlain(buffer, size));
  total_ += got;
  if (total_ > max_bytes_) {
    return ResourceExhausted("the body is larger than the {} bytes that are accepted here",
                             max_bytes_);
  }
  return got;
}

Result<size_t> SocketBodyReader::ReadPlain(char* buffer, size_t size) {
  size_t got = std::min<uint64_t>(size, left_);
  if (received_used_ < received_.size()) {
    got = received_.copy(buffer, got, received_used_);
    received_used_ += got;
  } else {
    CAISSON_ASSIGN(got, Receive(buffer, got));
  }
  left_ -= got;
  if (left_ == 0) End();
  return got;
}

Result<size_t> SocketBodyReader::ReadChunked(char* buffer, size_t size) {
  while (true) {
    std::string_view input = std::string_view(received_).substr(received_used_);
    CAISSON_ASSIGN(const std::string_view piece, decoder_.Next(input, size));
    received_used_ = received_.size() - input.size();
    if (!piece.empty()) return piece.copy(buffer, piece.size());
    if (decoder_.done()) {
      End();
      return size_t{0};
    }
    received_.resize(kReceiveBytes);
    received_used_ = 0;
    Result<size_t> got = Receive(received_.data(), received_.size());
    received_.resize(got.ok() ? *got : 0);
    CAISSON_TRY(got);
  }
}

Result<size_t> SocketBodyReader::Receive(char* buffer, size_t size) {
  if (send_continue_) {
    send_continue_ = false;
    CAISSON_TRY(socket_.Send(kContinue));
  }
  CAISSON_ASSIGN(const size_t got, socket_.Receive(buffer, size));
  if (got == 0) return Cancelled("the client closed the connection in the middle of the body");
  return got;
}

void SocketBodyReader::End() {
  done_ = true;
  if (on_end_) on_end_(received_.substr(received_used_));
  on_end_ = nullptr;
}

Status SocketBodyWriter::Write(std::string_view bytes) {
  if (bytes.empty()) return OkStatus();
  if (socket_.context().Check().code() == StatusCode::kCancelled) {
    return Cancelled("the client closed the connection");
  }
  if (left_) {
    if (bytes.size() > *left_) {
      return Internal("the body is longer than the announced length, by {} bytes",
                      bytes.size() - *left_);
    }
    *left_ -= bytes.size();
  }
  if (discard_) return OkStatus();
  if (!chunked_) return socket_.Send(bytes);
  char size_line[20];
  char* end = std::to_chars(size_line, size_line + 16, bytes.size(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return socket_.Send({size_line, static_cast<size_t>(end - size_line)}, bytes, "\r\n");
}

Status SocketBodyWriter::Finish() {
  if (discard_) return OkStatus();
  if (left_ && *left_ > 0) return DataLoss("the body ended {} bytes early", *left_);
  return chunked_ ? socket_.Send("0\r\n\r\n") : OkStatus();
}

}  // namespace caisson::http
