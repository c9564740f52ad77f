#include "server/content_encoding.h"

#include <algorithm>
#include <cstdint>

#include <snappy.h>
#include <zlib.h>

#include "protocol/base/strings.h"
#include "storage/crc32c.h"

namespace weir::server {

namespace {

constexpr size_t kSnappyChunk = 65536;
constexpr std::string_view kSnappyStart("\xff\x06\x00\x00sNaPpY", 10);
constexpr int kGzipWindow = 15 + 16;  // the second part asks for a gzip header
constexpr int kMemoryLevel = 8;

void AppendLittleEndian(std::string& out, uint32_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    out.push_back(static_cast<char>(number >> (8 * i) & 0xff));
  }
}

// The framing format: a chunk is its type, its size, the masked checksum and the compressed bytes.
std::string Snappy(std::string_view bytes) {
  std::string out(kSnappyStart);
  std::string compressed;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kSnappyChunk))) {
    std::string_view chunk = bytes.substr(0, kSnappyChunk);
    snappy::Compress(chunk.data(), chunk.size(), &compressed);
    uint32_t crc = storage::Crc32c(chunk);
    uint32_t masked = (crc >> 15 | crc << 17) + 0xa282ead8;
    out.push_back('\0');
    AppendLittleEndian(out, static_cast<uint32_t>(compressed.size()) + 4, 3);
    AppendLittleEndian(out, masked, 4);
    out += compressed;
  }
  return out;
}

// Empty when it cannot be done (no memory).
std::string Gzip(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return {};
  }
  std::string in(bytes);  // zlib wants it mutable
  std::string out(deflateBound(&stream, in.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(done ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

}  // namespace

Encoded EncodeFor(std::string_view accept, std::string_view bytes) {
  if (accept.empty()) {
    return {std::string(bytes), {}};
  }
  std::string wanted = ToLower(accept);
  if (wanted.find("snappy") != std::string::npos || wanted.find("s2") != std::string::npos) {
    return {Snappy(bytes), "snappy"};
  }
  if (wanted.find("gzip") != std::string::npos) {
    if (std::string zipped = Gzip(bytes); !zipped.empty()) {
      return {std::move(zipped), "gzip"};
    }
  }
  return {std::string(bytes), "identity"};
}

}  // namespace weir::server
