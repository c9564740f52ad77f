#include "storage/s2_stream.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <snappy.h>

#include "storage/crc32c.h"

namespace weir::storage {

namespace {

constexpr size_t kChunkHeader = 4;
constexpr size_t kChecksum = 4;
constexpr uint8_t kCompressed = 0x00;
constexpr uint8_t kUncompressed = 0x01;
constexpr uint8_t kFirstSkippable = 0x80;
constexpr uint8_t kIdentifier = 0xff;

uint32_t MaskedChecksum(std::string_view bytes) {
  uint32_t crc = Crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xa282ead8;
}

void AppendNumber(std::string& out, size_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) {
    out.push_back(static_cast<char>(number >> (8 * i) & 0xff));
  }
}

// Little endian, from bytes that are there.
uint32_t NumberAt(std::string_view bytes, size_t at, size_t count) {
  uint32_t number = 0;
  for (size_t i = 0; i < count; ++i) {
    number |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[at + i])) << (8 * i);
  }
  return number;
}

Status Corrupt() {
  return DataLoss("s2: corrupt input");
}

// One block being decoded. Every step checks what it reads and writes against the ends.
class BlockDecoder {
 public:
  explicit BlockDecoder(std::string_view block) : in_(block) {}

  Status Run(size_t max_bytes, std::string& out) {
    uint64_t size = 0;
    if (!ReadSize(size)) {
      return Corrupt();
    }
    if (size > max_bytes) {
      return DataLoss("s2: decoded block is too large");
    }
    begin_ = out.size();
    out.reserve(begin_ + size);
    left_ = size;
    bool good = true;
    while (good && at_ < in_.size()) {
      good = Step(out);
    }
    if (!good || left_ != 0) {
      out.resize(begin_);
      return Corrupt();
    }
    return OkStatus();
  }

 private:
  bool ReadSize(uint64_t& size) {
    for (unsigned shift = 0; shift < 35 && at_ < in_.size(); shift += 7) {
      auto byte = static_cast<uint8_t>(in_[at_++]);
      size |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        return true;
      }
    }
    return false;
  }

  bool Take(size_t count, uint32_t& number) {
    if (in_.size() - at_ < count) {
      return false;
    }
    number = NumberAt(in_, at_, count);
    at_ += count;
    return true;
  }

  bool Step(std::string& out) {
    auto tag = static_cast<uint8_t>(in_[at_++]);
    uint32_t high = tag >> 2;
    uint32_t number = 0;
    switch (tag & 3) {
      case 0:
        return Literal(high, out);
      case 1: {
        if (!Take(1, number)) {
          return false;
        }
        uint32_t offset = static_cast<uint32_t>(tag & 0xe0) << 3 | number;
        if (offset == 0) {
          return Repeat(high & 7, out);
        }
        offset_ = offset;
        return Copy((high & 7) + 4, out);
      }
      case 2:
        if (!Take(2, number)) {
          return false;
        }
        offset_ = number;
        return Copy(high + 1, out);
      default:
        if (!Take(4, number)) {
          return false;
        }
        offset_ = number;
        return Copy(high + 1, out);
    }
  }

  bool Literal(uint32_t length, std::string& out) {
    if (length >= 60 && !Take(length - 59, length)) {
      return false;
    }
    uint64_t count = static_cast<uint64_t>(length) + 1;
    if (count > in_.size() - at_ || count > left_) {
      return false;
    }
    out.append(in_.substr(at_, count));
    at_ += count;
    left_ -= count;
    return true;
  }

  // The offset of the copy before; long lengths follow in 1 to 3 bytes.
  bool Repeat(uint32_t length, std::string& out) {
    constexpr uint32_t kBase[] = {4, 1 << 8, 1 << 16};
    if (length >= 5) {
      uint32_t more = 0;
      if (!Take(length - 4, more)) {
        return false;
      }
      length = more + kBase[length - 5];
    }
    return Copy(static_cast<uint64_t>(length) + 4, out);
  }

  bool Copy(uint64_t count, std::string& out) {
    size_t written = out.size() - begin_;
    if (offset_ == 0 || offset_ > written || count > left_) {
      return false;
    }
    left_ -= count;
    size_t from = out.size() - offset_;
    out.resize(out.size() + count);
    char* to = out.data() + out.size() - count;
    const char* source = out.data() + from;
    if (count <= offset_) {
      std::memcpy(to, source, count);
      return true;
    }
    for (uint64_t i = 0; i < count; ++i) {  // overlapping on purpose: repeats a pattern
      to[i] = source[i];
    }
    return true;
  }

  std::string_view in_;
  size_t at_ = 0;
  size_t begin_ = 0;
  uint64_t left_ = 0;  // to be written
  uint32_t offset_ = 0;
};

}  // namespace

void AppendS2Chunk(std::string& out, std::string_view bytes) {
  std::string compressed;
  snappy::Compress(bytes.data(), bytes.size(), &compressed);
  bool smaller = compressed.size() < bytes.size();
  std::string_view body = smaller ? std::string_view(compressed) : bytes;
  out.push_back(static_cast<char>(smaller ? kCompressed : kUncompressed));
  AppendNumber(out, body.size() + kChecksum, 3);
  AppendNumber(out, MaskedChecksum(bytes), 4);
  out.append(body);
}

Status DecodeS2Block(std::string_view block, size_t max_bytes, std::string& out) {
  return BlockDecoder(block).Run(max_bytes, out);
}

Status S2Reader::ReadData(bool compressed, std::string_view body, std::string& out) const {
  if (body.size() < kChecksum) {
    return Corrupt();
  }
  uint32_t checksum = NumberAt(body, 0, kChecksum);
  body.remove_prefix(kChecksum);
  size_t before = out.size();
  if (compressed) {
    WEIR_RETURN_IF_ERROR(DecodeS2Block(body, max_block_, out));
  } else if (body.size() > max_block_) {
    return Corrupt();
  } else {
    out.append(body);
  }
  if (MaskedChecksum(std::string_view(out).substr(before)) != checksum) {
    out.resize(before);
    return DataLoss("s2: corrupt input, crc mismatch");
  }
  return OkStatus();
}

StatusOr<bool> S2Reader::Next(std::string& out) {
  while (status_.ok() && input_.size() - at_ >= kChunkHeader) {
    auto type = static_cast<uint8_t>(input_[at_]);
    size_t size = NumberAt(input_, at_ + 1, 3);
    bool data = type <= kUncompressed;
    if (type == kIdentifier) {
      if (size != kS2Start.size() - kChunkHeader) {
        status_ = Corrupt();
        break;
      }
    } else if (max_block_ == 0) {
      status_ = Corrupt();
      break;
    } else if (!data && type < kFirstSkippable) {
      status_ = DataLoss("s2: unsupported input");
      break;
    } else if (data && size > snappy::MaxCompressedLength(max_block_) + kChecksum) {
      status_ = Corrupt();
      break;
    }
    if (input_.size() - at_ - kChunkHeader < size) {
      break;
    }
    std::string_view whole = std::string_view(input_).substr(at_, kChunkHeader + size);
    at_ += whole.size();
    if (type == kIdentifier) {
      max_block_ = whole == kS2Start ? kMaxS2Chunk : whole == kSnappyStart ? kSnappyChunk : 0;
      status_ = max_block_ == 0 ? Corrupt() : OkStatus();
    } else if (data) {
      status_ = ReadData(type == kCompressed, whole.substr(kChunkHeader), out);
      if (status_.ok()) {
        return true;
      }
    }
  }
  WEIR_RETURN_IF_ERROR(status_);
  input_.erase(0, at_);
  at_ = 0;
  return false;
}

}  // namespace weir::storage
