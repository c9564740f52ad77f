#include "storage/log_scan.h"

#include <algorithm>

#include "protocol/base/varint.h"
#include "storage/bit_repair.h"
#include "storage/coding.h"
#include "storage/crc32c.h"

namespace weir::storage {

namespace {

// A piece: checksum u32 of what follows the length, length u16, type u8, content.
constexpr size_t kBlock = 32 * 1024;
constexpr size_t kHeader = 7;
constexpr size_t kLengthAt = 4;
constexpr size_t kTypeAt = 6;
constexpr size_t kSmallestWrite = 12;

enum class Piece : uint8_t { kZero = 0, kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

class Scanner {
 public:
  Scanner(std::string& bytes, size_t mend_below) : bytes_(bytes), mend_below_(mend_below) {}

  LogScan Run() {
    for (size_t block = 0; block < bytes_.size(); block += kBlock) {
      ReadBlock(block, std::min(block + kBlock, bytes_.size()));
    }
    if (!scan_.records.empty()) {
      scan_.valid_end = scan_.records.back().end;
    }
    for (const auto& [begin, end] : bad_) {
      if (begin < scan_.valid_end) {
        scan_.bad_bytes += std::min(end, scan_.valid_end) - begin;
      }
    }
    return std::move(scan_);
  }

 private:
  void ReadBlock(size_t at, size_t end) {
    while (end - at >= kHeader) {
      size_t size = GoodPiece(at, end);
      if (size == 0) {
        // The length may be wrong, so nothing says where the next piece begins.
        bad_.emplace_back(at, end);
        in_record_ = false;
        return;
      }
      Take(at, size);
      at += size;
    }
  }

  bool Fits(size_t at, size_t length, size_t end) const { return at + kHeader + length <= end; }

  uint32_t Computed(size_t at, size_t length) const {
    return Crc32c(std::string_view(bytes_).substr(at + kTypeAt, length + 1));
  }

  // The size of the piece at `at`, mended if need be; 0 when it cannot be read.
  size_t GoodPiece(size_t at, size_t end) {
    auto length = LoadInt<uint16_t>(bytes_.data() + at + kLengthAt);
    auto stored = LoadInt<uint32_t>(bytes_.data() + at);
    if (stored == 0 && length == 0 && bytes_[at + kTypeAt] == 0) {
      return 0;  // never written
    }
    if (Fits(at, length, end) && stored == MaskChecksum(Computed(at, length))) {
      return kHeader + length;
    }
    if (at >= mend_below_) {
      return 0;
    }
    for (unsigned bit = 0; bit < 16; ++bit) {
      auto other = static_cast<uint16_t>(length ^ (1u << bit));
      if (Fits(at, other, end) && stored == MaskChecksum(Computed(at, other))) {
        StoreInt(bytes_.data() + at + kLengthAt, other);
        NotePatch(at + kLengthAt, sizeof other);
        return kHeader + other;
      }
    }
    if (!Fits(at, length, end)) {
      return 0;
    }
    uint32_t computed = Computed(at, length);
    auto repair = RepairMasked(length + 1u, stored, computed);
    if (!repair.has_value()) {
      return 0;
    }
    Mend(at, length, computed, *repair);
    return kHeader + length;
  }

  void Mend(size_t at, size_t length, uint32_t computed, const BitRepair& repair) {
    if (repair.in_checksum) {
      StoreInt(bytes_.data() + at, MaskChecksum(computed));
      NotePatch(at, sizeof computed);
      return;
    }
    std::string piece = bytes_.substr(at + kTypeAt, length + 1);
    FlipBit(piece, repair.bit);
    size_t place = at + kTypeAt + repair.bit / 8;
    bytes_[place] = piece[repair.bit / 8];
    NotePatch(place, 1);
  }

  void NotePatch(size_t at, size_t size) { scan_.patches.push_back({at, bytes_.substr(at, size)}); }

  void Take(size_t at, size_t size) {
    auto type = static_cast<Piece>(bytes_[at + kTypeAt]);
    if (type == Piece::kFull || type == Piece::kFirst) {
      record_ = {};
      record_.begin = at;
      head_.clear();
      in_record_ = true;
    }
    if (!in_record_) {
      bad_.emplace_back(at, at + size);
      return;
    }
    // A piece at the end of a block may have less than that, or nothing.
    if (head_.size() < kSmallestWrite) {
      head_.append(bytes_, at + kHeader, std::min(size - kHeader, kSmallestWrite - head_.size()));
    }
    if (type == Piece::kFull || type == Piece::kLast) {
      if (head_.size() == kSmallestWrite) {
        record_.sequence = LoadInt<uint64_t>(head_.data());
        record_.count = LoadInt<uint32_t>(head_.data() + sizeof(uint64_t));
      }
      record_.end = at + size;
      scan_.records.push_back(record_);
      in_record_ = false;
    }
  }

  std::string& bytes_;
  const size_t mend_below_;
  LogScan scan_;
  LogScan::Record record_;
  std::string head_;  // the record's first bytes
  bool in_record_ = false;
  std::vector<std::pair<size_t, size_t>> bad_;
};

// What an edit of the manifest begins with: fields behind their numbers, as varints, but for the
// comparator's name. What comes behind them is not looked at.
constexpr uint64_t kFieldComparator = 1;
constexpr uint64_t kFieldLastSequence = 4;
constexpr uint64_t kFieldOldestLog = 10;
constexpr uint64_t kPlainFields[] = {2, 3, kFieldLastSequence, 9, kFieldOldestLog, 203};

void ReadEdit(std::string_view edit, LogNeeds& needs) {
  uint64_t field = 0;
  uint64_t value = 0;
  while (TakeVarint(edit, field) && TakeVarint(edit, value)) {
    if (field == kFieldComparator) {
      edit.remove_prefix(std::min<uint64_t>(value, edit.size()));
    } else if (std::find(std::begin(kPlainFields), std::end(kPlainFields), field) ==
               std::end(kPlainFields)) {
      break;
    } else if (field == kFieldOldestLog) {
      needs.oldest = std::max(needs.oldest, value);
    } else if (field == kFieldLastSequence) {
      needs.last_sequence = std::max(needs.last_sequence.value_or(0), value);
    }
  }
}

}  // namespace

LogNeeds NeedsOfManifest(std::string_view manifest, const LogScan& scan) {
  LogNeeds needs;
  for (const LogScan::Record& record : scan.records) {
    auto length = LoadInt<uint16_t>(manifest.data() + record.begin + kLengthAt);
    ReadEdit(manifest.substr(record.begin + kHeader, length), needs);
  }
  return needs;
}

LogScan ScanLog(std::string& bytes, size_t mend_below) {
  return Scanner(bytes, mend_below).Run();
}

}  // namespace weir::storage
