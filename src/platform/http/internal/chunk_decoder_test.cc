#include "platform/http/internal/chunk_decoder.h"

#include <string>

#include <gtest/gtest.h>

namespace caisson::http {
namespace {

// Decodes in pieces of `step` bytes.
Result<std::string> Decode(std::string_view bytes, size_t step, size_t limit = SIZE_MAX) {
  ChunkDecoder decoder;
  std::string decoded;
  while (!bytes.empty() && !decoder.done()) {
    std::string_view input = bytes.substr(0, step);
    const size_t offered = input.size();
    while (!input.empty()) {
      CAISSON_ASSIGN(const std::string_view piece, decoder.Next(input, limit));
      if (piece.size() > limit) return Internal("a piece is larger than the limit");
      decoded.append(piece);
      if (decoder.done()) break;
    }
    bytes.remove_prefix(offered - input.size());
  }
  if (!decoder.done()) return Unavailable("not complete");
  return decoded + "|" + std::string(bytes);
}

TEST(ChunkDecoder, DecodesHoweverTheBytesArrive) {
  const std::string body =
      "5\r\nhello\r\n6;name=\"value\"\r\n world\r\n0A \r\n0123456789\r\n0\r\nTrailer: "
      "x\r\n\r\nnext";
  for (size_t step = 1; step <= body.size(); ++step) {
    for (const size_t limit : {size_t{1}, size_t{3}, SIZE_MAX}) {
      const Result<std::string> decoded = Decode(body, step, limit);
      ASSERT_TRUE(decoded.ok()) << decoded.status();
      EXPECT_EQ(*decoded, "hello world0123456789|next") << step;
    }
  }
}

TEST(ChunkDecoder, RefusesWhatIsMalformed) {
  const std::string bad[] = {"g\r\n",
                             "\r\n",
                             "-1\r\nx\r\n",
                             "5\nhello\r\n",
                             "5\r\nhelloX\r\n",
                             "5\r\nhello\n",
                             "5\r\nhello\rX",
                             "0x5\r\nhello",
                             "0\r\n\n",
                             "0\r\nA: b\n\r\n",
                             "5 x\n",
                             "1111111111111111\r\n",
                             "0\r\n" + std::string(9'000, 'a') + "\r\n\r\n",
                             "5;" + std::string(2'000, 'a') + "\r\nhello\r\n",
                             std::string("0\r\nA\0: b\r\n\r\n", 13)};
  for (const std::string& body : bad) {
    for (const size_t step : {size_t{1}, size_t{7}, body.size()}) {
      const Result<std::string> decoded = Decode(body, step);
      EXPECT_EQ(decoded.status().code(), StatusCode::kInvalidArgument)
          << body << ": " << decoded.status();
    }
  }
}

TEST(ChunkDecoder, WaitsForTheEnd) {
  const std::string body = "3\r\nabc\r\n0\r\n\r\n";
  for (size_t size = 0; size < body.size(); ++size) {
    EXPECT_EQ(Decode(body.substr(0, size), 1).status().code(), StatusCode::kUnavailable) << size;
  }
}

}  // namespace
}  // namespace caisson::http
