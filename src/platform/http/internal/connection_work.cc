// Requests on worker threads.
#include <algorithm>
#include <cerrno>
#include <ctime>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "platform/http/internal/body_streams.h"
#include "platform/http/internal/connection.h"
#include "platform/http/internal/response_head.h"
#include "platform/http/internal/server_core.h"

namespace caisson::http {

namespace {

// What a streamed answer may have waiting in the kernel.
constexpr int kUnsentBytes = 1 << 20;
// A file of at most this size is read into memory and sent with its head.
constexpr uint64_t kSmallFileBytes = 64 << 10;
// How much of a file goes out before the worker turns to other requests.
constexpr uint64_t kFilePieceBytes = 1 << 20;

Response BusyResponse(const Route* route) {
  Response response = RefusalOf(
      route, 503,
      Unavailable("the server has more requests than it can queue; try again in a second"));
  response.headers.Set("Retry-After", "1");
  return response;
}

Status ReadExactly(int file, const Response::FileRange& range, std::string& bytes) {
  bytes.resize(range.length);
  uint64_t done = 0;
  while (done < range.length) {
    const ssize_t got = ::pread(file, bytes.data() + done, range.length - done,
                                static_cast<off_t>(range.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, "read " + range.path);
    if (got == 0) return DataLoss("{} became shorter while it was read", range.path);
    done += static_cast<uint64_t>(got);
  }
  return OkStatus();
}

}  // namespace

void Connection::HandOver() {
  if (job_ == Job::kHandleStreamed && reading_) {
    // The worker will read; OnRead comes back here once the read in progress has ended.
    boost::system::error_code ignored;
    socket_.cancel(ignored);
    return;
  }
  state_ = State::kWorking;
  deadline_ = TimePoint::max();
  read_lent_ = job_ == Job::kHandleStreamed;
  if (!in_flight_) {
    cancel_ = CancelSource();  // work that an earlier request left behind must not be cancelled
                               // with this one
    if (peer_closed_) cancel_.Cancel();
    request_.context = request_.context.WithCancel(cancel_);
    core_.metrics.in_flight().Add(1);
    in_flight_ = true;
  }
  if (Submit()) {
    ReadMore();
    return;
  }
  read_lent_ = false;
  state_ = State::kHead;
  response_ = Response();
  RefuseWith(BusyResponse(route_));
  // Posted, since this may have been called by Process.
  loop_.Post([self = shared_from_this()] { self->Process(); });
}

bool Connection::Submit() {
  const auto self = shared_from_this();
  switch (job_) {
    case Job::kHandle:
      return core_.handlers.TrySubmit([self] { self->RunHandle(); });
    case Job::kHandleStreamed:
      return core_.streams.TrySubmit([self] { self->RunHandleStreamed(); });
    case Job::kStreamResponse:
      return core_.streams.TrySubmit([self] { self->RunStreamResponse(); });
    case Job::kOpenFile:
      return core_.handlers.TrySubmit([self] { self->ReturnResponse(); });
  }
  return false;
}

void Connection::RunHandle() {
  const Status status = request_.context.Check();
  if (status.ok()) {
    response_ = RunHandler(*route_, request_);
  } else if (status.code() == StatusCode::kCancelled) {
    abandoned_ = true;
  } else {
    response_ = RefusalOf(route_, 504, DeadlineExceeded("the request's time ran out in the queue"));
  }
  if (!abandoned_ && response_.stream && request_.method != Method::kHead) {
    const auto self = shared_from_this();
    if (core_.streams.TrySubmit([self] { self->RunStreamResponse(); })) return;
    response_ = BusyResponse(route_);
  }
  ReturnResponse();
}

void Connection::RunHandleStreamed() {
  SocketIo socket(socket_.native_handle(), request_.context, core_.options.idle_timeout);
  std::string received(input_.view());
  input_.Consume(input_.size());
  const auto self = shared_from_this();
  SocketBodyReader reader(socket, framing_, route_->max_body_bytes, std::move(received),
                          [&](std::string following) {
                            input_unread_ = false;
                            loop_.Post([self, following = std::move(following)]() mutable {
                              self->OnBodyRead(std::move(following));
                            });
                          });
  request_.body_reader = &reader;
  response_ = RunHandler(*route_, request_);
  core_.metrics.received_bytes().Increment(socket.bytes_received());
  if (!reader.done()) {
    input_unread_ = true;
    close_after_ = true;
    const bool failed = !reader.status().ok() && response_.status >= 400;
    if (failed) response_ = RefusalOf(route_, reader.http_status(), reader.status());
  }
  if (response_.stream && request_.method != Method::kHead) {
    StreamResponse(socket);
  } else {
    ReturnResponse();
  }
}

void Connection::RunStreamResponse() {
  SocketIo socket(socket_.native_handle(), request_.context, core_.options.idle_timeout);
  StreamResponse(socket);
}

void Connection::StreamResponse(SocketIo& socket) {
  const auto self = shared_from_this();
  const bool chunked = !response_.content_length && !framing_.http_1_0;
  const bool until_close = !response_.content_length && !chunked;
  if (until_close || core_.stopping.load()) close_after_ = true;
  if (EqualsIgnoringCase(response_.headers.Get("Connection"), "close")) close_after_ = true;
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentBytes,
               sizeof(kUnsentBytes));
  std::string head;
  AppendHead(head, response_, HttpDate(std::time(nullptr)), chunked);
  SocketBodyWriter writer(socket, chunked, response_.content_length, IsBodyless(response_.status));
  Status status = socket.Send(head);
  if (status.ok()) {
    try {
      status = response_.stream(writer);
    } catch (const std::exception& error) {
      status = Internal("the stream failed inside the program: {}", error.what());
    }
  }
  if (status.ok()) status = writer.Finish();
  if (!status.ok() && status.code() != StatusCode::kCancelled) {
    CAISSON_LOG(kWarning, "http", "the answer of {} {} was cut short: {}",
                MethodName(route_->method), route_->pattern, Message(status));
  }
  core_.metrics.sent_bytes().Increment(socket.bytes_sent());
  // Nothing of the request may be touched after the post.
  response_.stream = nullptr;
  request_.body_reader = nullptr;
  loop_.Post([self, code = status.code()] { self->OnStreamed(code); });
}

// Hands the response back to the loop, with its file open.
void Connection::ReturnResponse() {
  const auto self = shared_from_this();
  request_.body_reader = nullptr;
  if (response_.file && request_.method != Method::kHead && !IsBodyless(response_.status))
    OpenFile();
  loop_.Post([self] { self->OnHandled(); });
}

void Connection::OpenFile() {
  const Response::FileRange range = *response_.file;
  Result<FileDescriptor> file = OpenForReading(range.path);
  Status status = file.ok() ? OkStatus() : file.status();
  if (status.ok()) {
    struct stat info {};
    if (::fstat(file->get(), &info) != 0) {
      status = ErrnoStatus(errno, "look at " + range.path);
    } else if (!S_ISREG(info.st_mode)) {
      status = FailedPrecondition("{} is not a regular file", range.path);
    } else if (const auto size = static_cast<uint64_t>(info.st_size);
               range.offset > size || range.length > size - range.offset) {
      status = DataLoss("{} has {} bytes; {} from {} were to be sent", range.path, size,
                        range.length, range.offset);
    }
  }
  if (status.ok() && range.length <= kSmallFileBytes) {
    status = ReadExactly(file->get(), range, response_.body);
    response_.file.reset();
  } else if (status.ok()) {
    file_ = *std::move(file);
    file_offset_ = range.offset;
    file_left_ = range.length;
  }
  if (!status.ok()) response_ = RefusalOf(route_, HttpStatusOf(status.code()), status);
}

void Connection::OnBodyRead(std::string following) {
  if (state_ == State::kClosed) return;
  read_lent_ = false;
  input_.Append(following);
  ReadMore();
}

void Connection::OnHandled() {
  now_ = std::chrono::steady_clock::now();
  read_lent_ = false;
  if (abandoned_) {
    FinishRequest(HttpStatusOf(StatusCode::kCancelled));
    return Close();
  }
  Response response = std::move(response_);
  response_ = Response();
  Respond(std::move(response));
  Process();
}

void Connection::OnStreamed(StatusCode outcome) {
  now_ = std::chrono::steady_clock::now();
  read_lent_ = false;
  const int http_status = outcome == StatusCode::kOk ? response_.status : HttpStatusOf(outcome);
  response_ = Response();
  FinishRequest(http_status);
  // The missing final chunk tells the client that the body is not whole.
  if (outcome != StatusCode::kOk) return Close();
  Process();
}

// One piece on a worker, since a read from disk may wait; then wait for the socket here, so that no
// worker waits for it.
void Connection::PumpFile() {
  if (file_busy_) return;
  file_busy_ = true;
  deadline_ = TimePoint::max();
  core_.handlers.SubmitNext([self = shared_from_this()] {
    const uint64_t limit = std::min(self->file_left_, kFilePieceBytes);
    const Result<uint64_t> sent =
        SendFilePiece(self->socket_.native_handle(), self->file_.get(), self->file_offset_, limit);
    self->loop_.Post([self, sent] { self->OnFilePiece(sent); });
  });
  ReadMore();
}

void Connection::OnFilePiece(const Result<uint64_t>& sent) {
  file_busy_ = false;
  now_ = std::chrono::steady_clock::now();
  if (!sent.ok()) {
    if (sent.status().code() != StatusCode::kCancelled) {
      CAISSON_LOG(kWarning, "http", "the file of {} was cut short: {}", route_->pattern,
                  Message(sent.status()));
    }
    FinishRequest(HttpStatusOf(sent.status().code()));
    return Close();
  }
  core_.metrics.sent_bytes().Increment(*sent);
  file_left_ -= *sent;
  if (file_left_ == 0) {
    file_ = FileDescriptor();
    FinishRequest(response_.status);
    return Process();
  }
  if (*sent > 0) return PumpFile();
  writing_ = true;
  SetDeadline(now_ + core_.options.idle_timeout);
  socket_.async_wait(Socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->OnWritable(error);
                     });
}

}  // namespace caisson::http
