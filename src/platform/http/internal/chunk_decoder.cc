#include "platform/http/internal/chunk_decoder.h"

#include <algorithm>

namespace caisson::http {

namespace {

constexpr int kMaxSizeDigits = 15;  // keeps the size below 2^60
constexpr size_t kMaxLineBytes = 1'024;
constexpr size_t kMaxTrailerBytes = 8 << 10;

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Status Malformed(std::string_view what) {
  return InvalidArgument("the chunked body is malformed: {}", what);
}

}  // namespace

Result<std::string_view> ChunkDecoder::Next(std::string_view& input, size_t limit) {
  while (!input.empty() && state_ != State::kDone) {
    if (state_ == State::kData) {
      const size_t taken = std::min<uint64_t>({left_, input.size(), limit});
      const std::string_view piece = input.substr(0, taken);
      input.remove_prefix(taken);
      left_ -= taken;
      if (left_ == 0) state_ = State::kDataReturn;
      return piece;
    }
    const char c = input.front();
    input.remove_prefix(1);
    CAISSON_TRY(Step(c));
  }
  return std::string_view();
}

Status ChunkDecoder::Step(char c) {
  switch (state_) {
    case State::kSize:
      return StepSize(c);
    case State::kExtension:
      return StepLine(c, State::kSizeLineFeed);
    case State::kSizeLineFeed:
      if (c != '\n') return Malformed("a size must be followed by CRLF");
      line_bytes_ = 0;
      size_digits_ = 0;
      state_ = left_ == 0 ? State::kTrailer : State::kData;
      return OkStatus();
    case State::kDataReturn:
      if (c != '\r') return Malformed("a chunk is longer than its size says");
      state_ = State::kDataLineFeed;
      return OkStatus();
    case State::kDataLineFeed:
      if (c != '\n') return Malformed("a chunk must be followed by CRLF");
      state_ = State::kSize;
      return OkStatus();
    case State::kTrailer:
      if (++trailer_bytes_ > kMaxTrailerBytes) return Malformed("the trailer is too long");
      return StepLine(c, State::kTrailerLineFeed);
    case State::kTrailerLineFeed:
      if (c != '\n') return Malformed("a trailer line must end with CRLF");
      state_ = line_bytes_ == 0 ? State::kDone : State::kTrailer;
      line_bytes_ = 0;
      return OkStatus();
    case State::kData:
    case State::kDone:
      break;
  }
  return OkStatus();
}

Status ChunkDecoder::StepSize(char c) {
  if (const int digit = HexValue(c); digit >= 0) {
    if (++size_digits_ > kMaxSizeDigits) return Malformed("a size has too many digits");
    left_ = left_ * 16 + static_cast<uint64_t>(digit);
    return OkStatus();
  }
  if (size_digits_ == 0) return Malformed("a size must be hex digits");
  if (c == '\r') {
    state_ = State::kSizeLineFeed;
    return OkStatus();
  }
  if (c != ';' && c != ' ' && c != '\t') return Malformed("a size must be hex digits");
  state_ = State::kExtension;
  return OkStatus();
}

Status ChunkDecoder::StepLine(char c, State on_return) {
  if (c == '\r') {
    state_ = on_return;
    return OkStatus();
  }
  if (c == '\n' || c == '\0') return Malformed("a line must end with CRLF");
  if (++line_bytes_ > kMaxLineBytes) return Malformed("a line is too long");
  return OkStatus();
}

}  // namespace caisson::http
