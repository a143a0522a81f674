#include "protocols/oip/internal/compression.h"

#include <zlib.h>

#include "base/strings.h"

namespace caisson::oip::internal {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib's sign for the gzip wrapper
constexpr int kZlibWindow = 15;       // "deflate" in HTTP is the zlib wrapper (RFC 9110, 8.4.1.2)
constexpr size_t kPieceBytes = 64 << 10;

z_stream StreamOver(std::string_view bytes) {
  z_stream stream{};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  return stream;
}

}  // namespace

Result<Encoding> ParseContentEncoding(std::string_view header) {
  const std::string name = ToLower(Trim(header));
  if (name.empty() || name == "identity") return Encoding::kIdentity;
  if (name == "gzip" || name == "x-gzip") return Encoding::kGzip;
  if (name == "deflate") return Encoding::kDeflate;
  return InvalidArgument("Content-Encoding is '{}'; gzip, deflate and identity are accepted",
                         header);
}

Encoding ChooseEncoding(std::string_view accept_encoding_header) {
  bool gzip = false;
  bool deflate = false;
  for (const std::string& item : Split(ToLower(accept_encoding_header), ',')) {
    const std::vector<std::string> parts = Split(item, ';');
    const std::string_view name = Trim(parts[0]);
    bool refused = false;  // "gzip;q=0" says that it is not wanted (RFC 9110, 12.4.2)
    for (size_t i = 1; i < parts.size(); ++i) {
      const std::string_view parameter = Trim(parts[i]);
      refused = refused || (parameter.substr(0, 2) == "q=" &&
                            ParseDouble(Trim(parameter.substr(2))).value_or(1) <= 0);
    }
    if (refused) continue;
    gzip = gzip || name == "gzip" || name == "x-gzip";
    deflate = deflate || name == "deflate";
  }
  if (gzip) return Encoding::kGzip;
  return deflate ? Encoding::kDeflate : Encoding::kIdentity;
}

std::string_view EncodingName(Encoding encoding) {
  switch (encoding) {
    case Encoding::kGzip:
      return "gzip";
    case Encoding::kDeflate:
      return "deflate";
    case Encoding::kIdentity:
      break;
  }
  return "identity";
}

Result<std::string> Decompress(Encoding encoding, std::string_view bytes, size_t limit) {
  if (encoding == Encoding::kIdentity) return std::string(bytes);
  z_stream stream = StreamOver(bytes);
  if (inflateInit2(&stream, encoding == Encoding::kGzip ? kGzipWindow : kZlibWindow) != Z_OK) {
    return ResourceExhausted("no memory to decompress the body");
  }
  std::string out;
  std::string piece(kPieceBytes, '\0');
  int code = Z_OK;
  while (code == Z_OK && out.size() <= limit) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    code = inflate(&stream, Z_NO_FLUSH);
    out.append(piece.data(), piece.size() - stream.avail_out);
  }
  const size_t left = stream.avail_in;
  inflateEnd(&stream);
  if (out.size() > limit)
    return ResourceExhausted("the decompressed body has more than {} bytes", limit);
  if (code != Z_STREAM_END)
    return InvalidArgument("the body is not {} data", EncodingName(encoding));
  if (left > 0) {
    return InvalidArgument("{} bytes follow the end of the {} data", left, EncodingName(encoding));
  }
  return out;
}

std::string Compress(Encoding encoding, std::string_view bytes) {
  if (encoding == Encoding::kIdentity) return std::string(bytes);
  z_stream stream = StreamOver(bytes);
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED,
               encoding == Encoding::kGzip ? kGzipWindow : kZlibWindow, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace caisson::oip::internal
