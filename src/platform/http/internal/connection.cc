// Reading requests.
#include "platform/http/internal/connection.h"

#include <algorithm>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/strings.h"
#include "platform/http/internal/server_core.h"

namespace caisson::http {

namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kHeadReadBytes = 2 << 10;
// How much of the following requests is taken in while one is at work; reading on shows when the
// client goes away.
constexpr size_t kReadAheadBytes = 64 << 10;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kTimeoutField = "X-Request-Timeout-Ms";

std::string DescribePeer(const Socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return "unknown";
  const std::string host = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", host, endpoint.port())
                                    : fmt::format("{}:{}", host, endpoint.port());
}

}  // namespace

Connection::Connection(IoLoop& loop, ServerCore& core, Socket socket)
    : loop_(loop), core_(core), socket_(std::move(socket)) {}

void Connection::Start() {
  core_.metrics.connections().Add(1);
  boost::system::error_code ignored;
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  socket_.native_non_blocking(true, ignored);
  remote_address_ = DescribePeer(socket_);
  now_ = std::chrono::steady_clock::now();
  SetDeadline(now_ + core_.options.idle_timeout);
  if (core_.stopping.load()) return Close();
  ReadMore();
}

void Connection::Drain() {
  const bool waits = state_ == State::kHead && input_.empty() && output_.empty();
  if (waits || state_ == State::kLingering) Close();
}

void Connection::Abort() {
  cancel_.Cancel();
  if (state_ == State::kWorking || file_busy_) {
    peer_closed_ = true;
    boost::system::error_code ignored;
    socket_.shutdown(Socket::shutdown_both, ignored);
  } else {
    Close();
  }
}

void Connection::OnDeadline(TimePoint now) {
  now_ = now;
  deadline_ = TimePoint::max();
  if (state_ == State::kWorking || file_busy_) return;
  const bool half_sent = state_ == State::kBody || (state_ == State::kHead && head_began_);
  if (writing_ || !half_sent) return Close();
  if (state_ == State::kBody) {
    input_unread_ = true;
    Refuse(408, DeadlineExceeded("the request's body did not arrive in time"));
  } else {
    RefuseHead({408, "the request's head did not arrive in time"});
  }
  Process();
}

void Connection::ReadMore() {
  if (reading_ || peer_closed_ || read_lent_ || state_ == State::kClosed) return;
  const bool ahead = state_ == State::kWorking || state_ == State::kFile;
  if (ahead && input_.size() >= kReadAheadBytes) return;

  char* room = nullptr;
  size_t size = 0;
  reading_body_ = state_ == State::kBody && !framing_.chunked && input_.empty();
  if (reading_body_) {
    // The memory grows with what arrives, not with what was announced.
    const size_t wanted = std::max(kReadBytes, 2 * body_received_);
    request_.body.resize(std::min<uint64_t>(framing_.content_length, wanted));
    room = request_.body.data() + body_received_;
    size = request_.body.size() - body_received_;
  } else {
    const bool bulk = state_ == State::kBody || state_ == State::kLingering;
    room = input_.Prepare(bulk ? kReadBytes : std::max(kHeadReadBytes, input_.size()));
    size = input_.room();
  }
  reading_ = true;
  socket_.async_read_some(
      boost::asio::buffer(room, size),
      [self = shared_from_this()](const boost::system::error_code& error, size_t bytes) {
        self->OnRead(error, bytes);
      });
}

void Connection::OnRead(const boost::system::error_code& error, size_t bytes) {
  reading_ = false;
  if (state_ == State::kClosed) return;
  now_ = std::chrono::steady_clock::now();
  if (error == boost::asio::error::operation_aborted) {
    if (state_ == State::kReady) HandOver();
    if (state_ == State::kLingering) ReadMore();
    return;
  }
  if (error) return OnPeerClosed();

  core_.metrics.received_bytes().Increment(bytes);
  if (!reading_body_) {
    input_.Commit(bytes);
  } else if (state_ == State::kBody) {
    body_received_ += bytes;
  }
  switch (state_) {
    case State::kHead:
      if (!writing_) Process();
      break;
    case State::kBody:
      ConsumeBody();
      if (!writing_) Process();
      break;
    case State::kReady:
      if (!writing_) HandOver();
      break;
    case State::kWorking:
    case State::kFile:
      ReadMore();
      break;
    case State::kLingering:
      input_.Consume(input_.size());
      ReadMore();
      break;
    case State::kClosing:
    case State::kClosed:
      break;
  }
}

void Connection::OnPeerClosed() {
  peer_closed_ = true;
  switch (state_) {
    case State::kHead:
      // With answers still on their way out the client may merely have finished sending.
      if (!writing_) Close();
      break;
    case State::kBody:
    case State::kLingering:
      Close();
      break;
    case State::kReady:
      if (!writing_) HandOver();
      break;
    case State::kWorking:
    case State::kFile:
      cancel_.Cancel();
      break;
    case State::kClosing:
    case State::kClosed:
      break;
  }
}

void Connection::Process() {
  bool starved = false;
  while (state_ == State::kHead && !starved) {
    starved = !ParseOne();
    if (output_.full() && !Flush()) return;
  }
  if (Flush()) Proceed();
}

// Goes on when all output is out.
void Connection::Proceed() {
  switch (state_) {
    case State::kBody:
      SetDeadline(request_deadline_);
      ReadMore();
      break;
    case State::kHead:
    case State::kLingering:
      ReadMore();
      break;
    case State::kReady:
      HandOver();
      break;
    case State::kFile:
      PumpFile();
      break;
    case State::kClosing:
      FinishClosing();
      break;
    case State::kWorking:
    case State::kClosed:
      break;
  }
}

// False when more input is needed.
bool Connection::ParseOne() {
  while (input_.view().starts_with("\r\n")) input_.Consume(2);
  const std::string_view bytes = input_.view();
  if (bytes.empty()) {
    head_began_ = false;
    SetDeadline(now_ + core_.options.idle_timeout);
    if (peer_closed_ || core_.stopping.load(std::memory_order_relaxed)) state_ = State::kClosing;
    return false;
  }
  const size_t limit = core_.options.max_header_bytes;
  HeadScanner::Found found = HeadScanner::Found::kMore;
  if (!CanBeginRequest(bytes.front()) && bytes != "\r") {
    RefuseHead({400, "the connection does not begin with an HTTP request"});
    return true;
  }
  found = scanner_.Scan(bytes);
  if (found == HeadScanner::Found::kBareLineFeed) {
    RefuseHead({400, "the lines of a request's head must end with CRLF"});
    return true;
  }
  const bool complete = found == HeadScanner::Found::kEnd;
  if ((complete ? scanner_.head_size() : bytes.size()) > limit) {
    const bool one_line = bytes.substr(0, limit).find('\n') == std::string_view::npos;
    RefuseHead(
        {one_line ? 414 : 431,
         fmt::format("the request's head is larger than the {} bytes that are accepted", limit)});
    return true;
  }
  if (!complete) {
    if (peer_closed_) {
      state_ = State::kClosing;
    } else if (!head_began_) {
      head_began_ = true;
      SetDeadline(now_ + core_.options.header_timeout);
    }
    return false;
  }

  framing_ = Framing();
  const auto failure = ParseRequestHead(bytes.substr(0, scanner_.head_size()), request_, framing_);
  if (failure) {
    RefuseHead(*failure);
    return true;
  }
  input_.Consume(scanner_.head_size());
  scanner_.Reset();
  head_began_ = false;
  BeginRequest();
  return true;
}

void Connection::BeginRequest() {
  started_at_ = now_;
  client_closes_ = !framing_.keep_alive;
  close_after_ = client_closes_;
  input_unread_ = framing_.has_body();

  Match match = core_.router->Find(request_.method, request_.raw_path);
  if (match.route == nullptr) {
    RefuseWith(UnmatchedResponse(match, request_.method, request_.path));
    return;
  }
  route_ = match.route;
  route_index_ = match.index;
  request_.path_parameters = std::move(match.path_parameters);
  request_.remote_address = remote_address_;
  if (!PrepareContext() || !Authenticate()) return;
  if (framing_.content_length > route_->max_body_bytes) {
    Refuse(413,
           ResourceExhausted("the body has {} bytes; {} {} accepts {}", framing_.content_length,
                             MethodName(route_->method), route_->pattern, route_->max_body_bytes));
    return;
  }
  if (route_->body_mode == BodyMode::kStreamed) {
    job_ = Job::kHandleStreamed;
    state_ = State::kReady;
    return;
  }
  if (!framing_.has_body()) return CompleteBody();
  state_ = State::kBody;
  body_received_ = 0;
  if (framing_.chunked) decoder_ = ChunkDecoder();
  const bool nothing_yet = input_.empty();
  ConsumeBody();
  if (framing_.expect_continue && nothing_yet && state_ == State::kBody) {
    output_.small().append(kContinue);
  }
}

bool Connection::PrepareContext() {
  std::chrono::milliseconds timeout = route_->timeout;
  const std::string_view wanted = request_.headers.Get(kTimeoutField);
  if (!wanted.empty()) {
    const std::optional<int64_t> number = ParseInt(wanted);
    if (!number || *number <= 0) {
      Refuse(400, InvalidArgument("{} is '{}'; a positive number of milliseconds is accepted",
                                  kTimeoutField, wanted));
      return false;
    }
    if (*number < timeout.count()) timeout = std::chrono::milliseconds(*number);
  }
  request_deadline_ = now_ + timeout;
  const std::optional<std::string_view> trace = TraceIdOf(request_.headers.Get("traceparent"));
  request_.context = Context::Background()
                         .WithDeadline(request_deadline_)
                         .WithTraceId(trace ? std::string(*trace) : loop_.NewTraceId());
  return true;
}

bool Connection::Authenticate() {
  if (!core_.options.authenticate || !route_->needs_login) return true;
  Result<std::string> principal = Unauthenticated("the login check failed");
  try {
    principal = core_.options.authenticate(request_);
  } catch (const std::exception& error) {
    principal = Internal("the login check failed: {}", error.what());
  }
  if (principal.ok()) {
    request_.context = request_.context.WithPrincipal(*std::move(principal));
    return true;
  }
  const int http_status = HttpStatusOf(principal.status().code());
  Response response = RefusalOf(route_, http_status, principal.status());
  if (http_status == 401 && !response.headers.Has("WWW-Authenticate")) {
    response.headers.Add("WWW-Authenticate", "Bearer realm=\"caisson\"");
  }
  RefuseWith(std::move(response));
  return false;
}

void Connection::ConsumeBody() {
  if (framing_.chunked) {
    ConsumeChunkedBody();
  } else {
    ConsumePlainBody();
  }
}

void Connection::ConsumePlainBody() {
  if (!input_.empty()) {
    const uint64_t left = framing_.content_length - body_received_;
    const std::string_view piece = input_.view().substr(0, left);
    request_.body.append(piece);
    body_received_ += piece.size();
    input_.Consume(piece.size());
  }
  if (body_received_ == framing_.content_length) CompleteBody();
}

void Connection::ConsumeChunkedBody() {
  std::string_view rest = input_.view();
  while (true) {
    const Result<std::string_view> piece = decoder_.Next(rest);
    if (!piece.ok()) return Refuse(400, piece.status());
    if (piece->empty()) break;
    request_.body.append(*piece);
    if (request_.body.size() > route_->max_body_bytes) {
      return Refuse(413, ResourceExhausted(
                             "the body is larger than the {} bytes that {} {} accepts",
                             route_->max_body_bytes, MethodName(route_->method), route_->pattern));
    }
  }
  input_.Consume(input_.size() - rest.size());
  if (decoder_.done()) CompleteBody();
}

void Connection::CompleteBody() {
  input_unread_ = false;
  if (route_->run_on == RunOn::kIoThread) {
    Respond(RunHandler(*route_, request_));
  } else {
    job_ = Job::kHandle;
    state_ = State::kReady;
  }
}

}  // namespace caisson::http
