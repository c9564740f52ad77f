#include "server/content_encoding.h"

#include <algorithm>

#include <zlib.h>

#include "protocol/base/strings.h"
#include "storage/s2_stream.h"

namespace weir::server {

namespace {

constexpr int kGzipWindow = 15 + 16;  // the second part asks for a gzip header
constexpr int kMemoryLevel = 8;

std::string Snappy(std::string_view bytes) {
  std::string out(storage::kSnappyStart);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), storage::kSnappyChunk))) {
    storage::AppendS2Chunk(out, bytes.substr(0, storage::kSnappyChunk));
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
