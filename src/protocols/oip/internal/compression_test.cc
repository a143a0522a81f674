#include "protocols/oip/internal/compression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace caisson::oip::internal {
namespace {

using ::testing::HasSubstr;

TEST(Compression, ReadsWhatItWrites) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i * 7919 % 1'000) + ",";
  for (const Encoding encoding : {Encoding::kIdentity, Encoding::kGzip, Encoding::kDeflate}) {
    const std::string packed = Compress(encoding, text);
    EXPECT_EQ(*Decompress(encoding, packed, text.size()), text);
    if (encoding != Encoding::kIdentity) {
      EXPECT_LT(packed.size(), text.size() / 2);
      EXPECT_EQ(Decompress(encoding, packed, text.size() - 1).status().code(),
                StatusCode::kResourceExhausted);
      EXPECT_EQ(*Decompress(encoding, Compress(encoding, ""), 0), "");
    }
  }
}

TEST(Compression, RefusesWhatIsNoSuchStream) {
  for (const Encoding encoding : {Encoding::kGzip, Encoding::kDeflate}) {
    const std::string packed = Compress(encoding, "hello, hello, hello");
    for (size_t size = 0; size < packed.size(); ++size) {
      EXPECT_EQ(Decompress(encoding, packed.substr(0, size), 1'000).status().code(),
                StatusCode::kInvalidArgument)
          << size;
    }
    EXPECT_FALSE(Decompress(encoding, "hello", 1'000).ok());
    EXPECT_THAT(Message(Decompress(encoding, packed + "xy", 1'000).status()),
                HasSubstr("2 bytes follow the end"));
  }
}

// A few kilobytes that unpack to a gigabyte must not be unpacked.
TEST(Compression, ABombStopsAtTheLimit) {
  const std::string packed = Compress(Encoding::kGzip, std::string(64 << 20, '\0'));
  ASSERT_LT(packed.size(), 1u << 20);
  EXPECT_EQ(Decompress(Encoding::kGzip, packed, 1 << 20).status().code(),
            StatusCode::kResourceExhausted);
}

TEST(Compression, ReadsHeaders) {
  EXPECT_EQ(*ParseContentEncoding(""), Encoding::kIdentity);
  EXPECT_EQ(*ParseContentEncoding(" GZIP "), Encoding::kGzip);
  EXPECT_EQ(*ParseContentEncoding("deflate"), Encoding::kDeflate);
  EXPECT_THAT(Message(ParseContentEncoding("br").status()),
              HasSubstr("'br'; gzip, deflate and identity are accepted"));
  EXPECT_EQ(ChooseEncoding(""), Encoding::kIdentity);
  EXPECT_EQ(ChooseEncoding("br, Deflate, GZip;q=0.5"), Encoding::kGzip);
  EXPECT_EQ(ChooseEncoding("gzip;q=0, deflate"), Encoding::kDeflate);
  EXPECT_EQ(ChooseEncoding("gzip; q=0.0"), Encoding::kIdentity);
  EXPECT_EQ(ChooseEncoding("gzipped"), Encoding::kIdentity);
  EXPECT_EQ(ChooseEncoding(",;q=1,"), Encoding::kIdentity);
}

}  // namespace
}  // namespace caisson::oip::internal
