// The chunked transfer coding (RFC 9112, section 7.1), decoded as bytes arrive.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace caisson::http {

// Chunk extensions and trailer fields are read, bounded and dropped. Strict: hex digits, CRLF. One
// object a body.
class ChunkDecoder {
 public:
  // Takes bytes from the front of `input` and returns the next piece of data, at most `limit` bytes
  // of it, as a view into the input. An empty piece means that the input is used up or the body is
  // complete. InvalidArgument on a malformed coding, after which the object must not be used.
  Result<std::string_view> Next(std::string_view& input, size_t limit = SIZE_MAX);
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State {
    kSize,       // hex digits
    kExtension,  // up to CR
    kSizeLineFeed,
    kData,
    kDataReturn,  // the CR after the data
    kDataLineFeed,
    kTrailer,  // a trailer line, up to CR
    kTrailerLineFeed,
    kDone,
  };

  Status Step(char c);
  Status StepSize(char c);
  Status StepLine(char c, State on_return);

  State state_ = State::kSize;
  uint64_t left_ = 0;  // of the present chunk
  int size_digits_ = 0;
  size_t line_bytes_ = 0;     // of the present extension or trailer line
  size_t trailer_bytes_ = 0;  // of all trailer lines
};

}  // namespace caisson::http
