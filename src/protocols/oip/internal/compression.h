// gzip and deflate bodies.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace caisson::oip::internal {

enum class Encoding { kIdentity, kGzip, kDeflate };

// InvalidArgument names an encoding that is not known.
Result<Encoding> ParseContentEncoding(std::string_view header);
// The best that the client accepts; identity when it says nothing.
Encoding ChooseEncoding(std::string_view accept_encoding_header);
std::string_view EncodingName(Encoding encoding);

// ResourceExhausted when more than `limit` bytes come out, InvalidArgument when the bytes are no
// such stream.
Result<std::string> Decompress(Encoding encoding, std::string_view bytes, size_t limit);
std::string Compress(Encoding encoding, std::string_view bytes);

}  // namespace caisson::oip::internal
