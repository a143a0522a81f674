// Writing answers and closing.
#include <algorithm>
#include <cerrno>

#include "platform/http/internal/connection.h"
#include "platform/http/internal/response_head.h"
#include "platform/http/internal/server_core.h"

namespace caisson::http {

namespace {

// Long enough for a client to finish sending a body that was refused and to read why.
constexpr std::chrono::seconds kLingerTime{10};
constexpr size_t kKeptBodyCapacity = 64 << 10;

}  // namespace

// The route is only known when the request line can be read; it decides the form of the answer.
void Connection::RefuseHead(const ParseFailure& failure) {
  started_at_ = now_;
  input_unread_ = true;
  close_after_ = true;
  const std::string_view bytes = input_.view();
  Request line;
  Framing ignored;
  Match match;
  const size_t end = bytes.find("\r\n");
  if (end != std::string_view::npos && !ParseRequestLine(bytes.substr(0, end), line, ignored)) {
    match = core_.router->Find(line.method, line.raw_path);
    request_.method = line.method;
  }
  route_ = match.route;
  route_index_ = match.index;
  const Route* const form = match.route != nullptr ? match.route : match.nearest;
  const Status status = failure.http_status == 408 ? DeadlineExceeded("{}", failure.message)
                                                   : InvalidArgument("{}", failure.message);
  Respond(RefusalOf(form, failure.http_status, status));
}

void Connection::Refuse(int http_status, const Status& status) {
  RefuseWith(RefusalOf(route_, http_status, status));
}

void Connection::RefuseWith(Response response) {
  // A body that is here already is dropped, so that the connection can be kept.
  if (input_unread_ && state_ == State::kHead && !framing_.chunked &&
      framing_.content_length <= input_.size()) {
    input_.Consume(framing_.content_length);
    input_unread_ = false;
  }
  if (state_ == State::kBody) input_unread_ = true;
  if (input_unread_) close_after_ = true;
  Respond(std::move(response));
}

void Connection::Respond(Response response) {
  const bool head_only = request_.method == Method::kHead;
  if (response.stream && !head_only) {
    response_ = std::move(response);
    job_ = Job::kStreamResponse;
    state_ = State::kReady;
    return;
  }
  if (response.file && !file_.valid() && !head_only && !IsBodyless(response.status)) {
    response_ = std::move(response);
    job_ = Job::kOpenFile;
    state_ = State::kReady;
    return;
  }
  if (EqualsIgnoringCase(response.headers.Get("Connection"), "close")) close_after_ = true;
  if (core_.stopping.load(std::memory_order_relaxed)) close_after_ = true;
  if (!response.content_length) {
    if (response.file) {
      response.content_length = response.file->length;
    } else if (!response.stream) {
      response.content_length = response.body.size();
    }
  }
  const int http_status = response.status;
  AppendHead(output_.small(), response, loop_.Date(now_), false);
  if (head_only || IsBodyless(http_status)) {
    file_ = FileDescriptor();
  } else if (response.file) {
    response_.status = http_status;
    state_ = State::kFile;
    return;
  } else {
    output_.AddBody(std::move(response.body));
  }
  FinishRequest(http_status);
}

void Connection::AppendHead(std::string& out, const Response& response, std::string_view date,
                            bool chunked) {
  ResponseFraming framing;
  framing.date = date;
  framing.http_1_0 = framing_.http_1_0;
  framing.keep_alive = !close_after_;
  framing.chunked = chunked;
  if (!IsBodyless(response.status)) framing.content_length = response.content_length;
  AppendResponseHead(out, response, framing);
}

// The answer is on its way; the connection turns to the next request.
void Connection::FinishRequest(int http_status) {
  now_ = std::chrono::steady_clock::now();
  RouteMetrics& metrics =
      route_ != nullptr ? core_.metrics.route(route_index_) : core_.metrics.unmatched();
  metrics.Record(http_status, now_ - started_at_);
  if (in_flight_) core_.metrics.in_flight().Add(-1);
  in_flight_ = false;
  route_ = nullptr;
  if (reading_ && reading_body_) {
    // After cancel returns, the kernel's bytes no longer go into the body, whose memory is given up
    // below.
    boost::system::error_code ignored;
    socket_.cancel(ignored);
  }
  request_.method = Method::kGet;
  request_.query.clear();
  request_.path_parameters.clear();
  request_.headers.Clear();
  request_.body.clear();
  if (request_.body.capacity() > kKeptBodyCapacity) request_.body = std::string();
  state_ = close_after_ ? State::kClosing : State::kHead;
}

// True when nothing is left to send. Otherwise OnWritable goes on, or the connection is closed.
bool Connection::Flush() {
  if (writing_ || state_ == State::kClosed) return false;
  while (!output_.empty()) {
    const ssize_t sent = output_.SendTo(socket_.native_handle());
    if (sent >= 0) {
      core_.metrics.sent_bytes().Increment(static_cast<uint64_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
      Close();
      return false;
    }
    writing_ = true;
    SetDeadline(now_ + core_.options.idle_timeout);
    socket_.async_wait(Socket::wait_write,
                       [self = shared_from_this()](const boost::system::error_code& error) {
                         self->OnWritable(error);
                       });
    return false;
  }
  return true;
}

void Connection::OnWritable(const boost::system::error_code& error) {
  writing_ = false;
  if (state_ == State::kClosed) return;
  now_ = std::chrono::steady_clock::now();
  if (error && error != boost::asio::error::operation_aborted) return Close();
  if (Flush()) Process();
}

void Connection::FinishClosing() {
  const bool clean = !input_unread_ && input_.empty();
  const bool expected = client_closes_ || core_.stopping.load();
  if (peer_closed_ || (clean && expected)) return Close();
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  state_ = State::kLingering;
  SetDeadline(now_ + kLingerTime);
  input_.Consume(input_.size());
  ReadMore();
}

void Connection::Close() {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();
  state_ = State::kClosed;
  deadline_ = TimePoint::max();
  if (in_flight_) core_.metrics.in_flight().Add(-1);
  in_flight_ = false;
  file_ = FileDescriptor();
  boost::system::error_code ignored;
  socket_.close(ignored);
  core_.metrics.connections().Add(-1);
  loop_.Remove(*this);
}

void Connection::SetDeadline(TimePoint deadline) {
  deadline_ = deadline;
  loop_.Watch(deadline);
}

}  // namespace caisson::http
