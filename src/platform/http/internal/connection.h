// One client's connection.
#pragma once

#include <memory>
#include <string>

#include "base/context.h"
#include "base/files.h"
#include "platform/http/internal/chunk_decoder.h"
#include "platform/http/internal/input_buffer.h"
#include "platform/http/internal/io_loop.h"
#include "platform/http/internal/output_buffer.h"
#include "platform/http/internal/request_parser.h"
#include "platform/http/internal/socket_io.h"
#include "platform/http/router.h"

namespace caisson::http {

struct ServerCore;

// Reads requests, has them answered one after the other, and writes the answers in their order.
//
// Belongs to its loop, and to the worker that has its request. All members are the loop's thread's
// alone, except while the state is kWorking (or file_busy_ is set): then the request, the response,
// the framing, close_after_ and the file are the worker's, for a streamed request also the input
// buffer and the reading side of the socket (read_lent_), for a streamed response also the writing
// side. Posting to the loop hands them back. As long as a worker may use the descriptor, the loop
// shuts the socket down to end it, but never closes it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(IoLoop& loop, ServerCore& core, Socket socket);

  void Start();
  // The server stops: a connection that waits for a request closes, others close after their
  // answer.
  void Drain();
  // Cancels the request at work and closes.
  void Abort();
  TimePoint deadline() const { return deadline_; }
  void OnDeadline(TimePoint now);

 private:
  enum class State {
    kHead,       // waits for a request or reads its head
    kBody,       // reads a body into memory
    kReady,      // the request goes to a worker as soon as earlier answers are out
    kWorking,    // a worker has it
    kFile,       // a file's bytes go out
    kClosing,    // closes as soon as the output is out
    kLingering,  // reads and drops what the client still sends, so that it gets to see the last
                 // answer
    kClosed,
  };
  enum class Job { kHandle, kHandleStreamed, kStreamResponse, kOpenFile };

  // Reading (connection.cc).
  void ReadMore();
  void OnRead(const boost::system::error_code& error, size_t bytes);
  void OnPeerClosed();
  void Process();
  void Proceed();
  bool ParseOne();
  void BeginRequest();
  bool PrepareContext();
  bool Authenticate();
  void ConsumeBody();
  void ConsumePlainBody();
  void ConsumeChunkedBody();
  void CompleteBody();

  // Answering (connection_answer.cc).
  void RefuseHead(const ParseFailure& failure);
  void Refuse(int http_status, const Status& status);
  void RefuseWith(Response response);
  void Respond(Response response);
  void AppendHead(std::string& out, const Response& response, std::string_view date, bool chunked);
  void FinishRequest(int http_status);
  bool Flush();
  void OnWritable(const boost::system::error_code& error);
  void FinishClosing();
  void Close();
  void SetDeadline(TimePoint deadline);

  // Work on other threads (connection_work.cc). Run* are on a worker, On* back on the loop.
  void HandOver();
  bool Submit();
  void RunHandle();
  void RunHandleStreamed();
  void RunStreamResponse();
  void ReturnResponse();
  void StreamResponse(SocketIo& socket);
  void OpenFile();
  void OnBodyRead(std::string following);
  void OnHandled();
  void OnStreamed(StatusCode outcome);
  void PumpFile();
  void OnFilePiece(const Result<uint64_t>& sent);

  IoLoop& loop_;
  ServerCore& core_;
  Socket socket_;
  std::string remote_address_;

  State state_ = State::kHead;
  TimePoint now_;  // when the present event began
  TimePoint deadline_ = TimePoint::max();
  bool reading_ = false;
  bool reading_body_ = false;  // the read in progress goes straight into the body
  bool writing_ = false;
  bool peer_closed_ = false;
  bool head_began_ = false;
  InputBuffer input_;
  OutputBuffer output_;
  HeadScanner scanner_;

  // Of the present request.
  Request request_;
  Framing framing_;
  const Route* route_ = nullptr;
  size_t route_index_ = 0;
  TimePoint started_at_;
  TimePoint request_deadline_;
  ChunkDecoder decoder_;
  size_t body_received_ = 0;
  CancelSource cancel_;
  bool close_after_ = false;
  bool client_closes_ = false;  // it said so
  bool input_unread_ = false;   // a part of a refused request is still on its way
  bool in_flight_ = false;      // counted as such

  // Of work on other threads.
  Job job_ = Job::kHandle;
  bool read_lent_ = false;
  Response response_;
  bool abandoned_ = false;  // the client left before the handler began
  FileDescriptor file_;
  uint64_t file_offset_ = 0;
  uint64_t file_left_ = 0;
  bool file_busy_ = false;
};

}  // namespace caisson::http
