#include "storage/table_file.h"

#include <algorithm>
#include <bit>

#include "protocol/base/strings.h"
#include "protocol/base/varint.h"
#include "storage/bit_repair.h"
#include "storage/coding.h"
#include "storage/commit_queue.h"
#include "storage/crc32c.h"

namespace weir::storage {

namespace {

// Footer: checksum kind u8, places of the meta index and of the index as varints, padding, version
// u32, magic u64.
constexpr size_t kFooter = 53;
constexpr size_t kVersionAt = 41;
constexpr size_t kMagicAt = 45;
constexpr uint64_t kMagic = 0x88e241b785f4cff7u;
constexpr uint32_t kVersion = 5;
constexpr char kCrc32c = 1;
// Behind each block: compression u8, checksum u32 of the block and that byte.
constexpr size_t kTrailer = 5;
constexpr uint64_t kLargestBlock = 1 << 20;
constexpr uint64_t kLargestStructure = 256 << 20;
// Behind each key: its number and kind.
constexpr size_t kKeyTail = 8;
constexpr char kKindValue = 1;

constexpr size_t kBlobHeader = 30;
constexpr size_t kBlobFooter = 32;
constexpr size_t kBlobRecord = 32;

// The entries of a block without its list of restarts.
std::string_view EntriesOf(std::string_view block) {
  if (block.size() < sizeof(uint32_t)) {
    return {};
  }
  uint32_t restarts =
      LoadInt<uint32_t>(block.data() + block.size() - sizeof(uint32_t)) & 0x7fffffffu;
  uint64_t tail = (uint64_t{restarts} + 1) * sizeof(uint32_t);
  return tail <= block.size() ? block.substr(0, block.size() - tail) : std::string_view();
}

// Calls `visit` for each key and value of a block with lengths of values; false when it makes no
// sense from some entry on.
bool WalkEntries(std::string_view block,
                 const std::function<void(std::string_view key, std::string_view value)>& visit) {
  std::string key;
  for (std::string_view rest = EntriesOf(block); !rest.empty();) {
    uint64_t shared = 0;
    uint64_t own = 0;
    uint64_t value = 0;
    if (!TakeVarint(rest, shared) || !TakeVarint(rest, own) || !TakeVarint(rest, value) ||
        shared > key.size() || own > rest.size() || value > rest.size() - own) {
      return false;
    }
    key.resize(shared);
    key.append(rest.substr(0, own));
    visit(key, rest.substr(own, value));
    rest.remove_prefix(own + value);
  }
  return true;
}

void VisitValues(std::string_view block,
                 const std::function<void(const TableFile::Entry&)>& visit) {
  WalkEntries(block, [&visit](std::string_view key, std::string_view value) {
    if (key.size() > kKeyTail && key[key.size() - kKeyTail] == kKindValue) {
      visit({key.substr(0, key.size() - kKeyTail), value});
    }
  });
}

}  // namespace

std::optional<TableFile::Place> TableFile::TakePlace(std::string_view& bytes) {
  Place place;
  return TakeVarint(bytes, place.at) && TakeVarint(bytes, place.size) ? std::optional(place)
                                                                      : std::nullopt;
}

std::optional<TableFile::Footer> TableFile::ParseFooter(std::string_view footer,
                                                        uint64_t file_size) {
  if (footer.size() != kFooter || footer[0] != kCrc32c ||
      LoadInt<uint32_t>(footer.data() + kVersionAt) != kVersion ||
      LoadInt<uint64_t>(footer.data() + kMagicAt) != kMagic) {
    return std::nullopt;
  }
  std::string_view places = footer.substr(1, kVersionAt - 1);
  auto meta = TakePlace(places);
  auto index = TakePlace(places);
  auto inside = [file_size](const std::optional<Place>& place) {
    return place.has_value() && place->size < std::min(file_size, kLargestStructure) &&
           place->at < file_size - place->size;
  };
  if (!inside(meta) || !inside(index)) {
    return std::nullopt;
  }
  return Footer{*meta, *index};
}

void TableFile::Apply(uint64_t at, std::string_view bytes) {
  ++report_.mended;
  if (repair_) {
    IgnoreError(files_.Patch(path_, at, bytes), "the next check finds it again");
  }
}

// A piece with its masked checksum elsewhere in the file: good, or set right.
bool TableFile::CheckPiece(uint64_t at, uint64_t checksum_at, std::string_view piece,
                           uint32_t stored) {
  uint32_t computed = Crc32c(piece);
  if (MaskChecksum(computed) == stored) {
    return true;
  }
  auto repair = RepairMasked(piece.size(), stored, computed);
  if (!repair.has_value()) {
    return false;
  }
  std::string right;
  if (repair->in_checksum) {
    AppendInt(right, MaskChecksum(computed));
    Apply(checksum_at, right);
  } else {
    right = std::string(piece.substr(repair->bit / 8, 1));
    FlipBit(right, repair->bit % 8);
    Apply(at + repair->bit / 8, right);
  }
  return true;
}

std::optional<std::string> TableFile::ReadBlock(Place place, bool mend) {
  if (place.size > size_ || place.at + place.size + kTrailer > size_) {
    return std::nullopt;
  }
  auto bytes = files_.ReadAt(path_, place.at, place.size + kTrailer);
  if (!bytes.ok() || bytes->size() != place.size + kTrailer) {
    return std::nullopt;
  }
  report_.checked_bytes += bytes->size();
  std::string_view piece = std::string_view(*bytes).substr(0, place.size + 1);
  auto stored = LoadInt<uint32_t>(bytes->data() + place.size + 1);
  size_t before = report_.mended;
  if (MaskChecksum(Crc32c(piece)) != stored &&
      (!mend || !CheckPiece(place.at, place.at + place.size + 1, piece, stored))) {
    return std::nullopt;
  }
  if (report_.mended > before) {
    auto repair = RepairMasked(piece.size(), stored, Crc32c(piece));
    if (repair.has_value() && !repair->in_checksum) {
      FlipBit(*bytes, repair->bit);
    }
  }
  if ((*bytes)[place.size] != 0) {
    return std::nullopt;  // compressed: not by us
  }
  bytes->resize(place.size);
  return std::move(*bytes);
}

std::optional<TableFile::Footer> TableFile::FindFooter() {
  if (size_ < kFooter) {
    return std::nullopt;
  }
  auto read = files_.ReadAt(path_, size_ - kFooter, kFooter);
  if (!read.ok() || read->size() != kFooter) {
    return std::nullopt;
  }
  std::string footer = std::move(*read);
  auto parsed = ParseFooter(footer, size_);
  if (parsed.has_value() && ReadBlock(parsed->index, /*mend=*/true).has_value() &&
      ReadBlock(parsed->meta, /*mend=*/true).has_value()) {
    return parsed;
  }
  // The footer has no checksum of its own: a bit of it is right when it leads to two good blocks.
  for (size_t bit = 0; bit < kFooter * 8; ++bit) {
    FlipBit(footer, bit);
    parsed = ParseFooter(footer, size_);
    if (parsed.has_value() && ReadBlock(parsed->index, /*mend=*/false).has_value() &&
        ReadBlock(parsed->meta, /*mend=*/false).has_value()) {
      Apply(size_ - kFooter + bit / 8, std::string_view(footer).substr(bit / 8, 1));
      return parsed;
    }
    FlipBit(footer, bit);
  }
  return std::nullopt;
}

std::vector<TableFile::Place> TableFile::IndexPlaces(std::string_view index) {
  std::vector<Place> places;
  for (std::string_view rest = EntriesOf(index); !rest.empty();) {
    uint64_t shared = 0;
    uint64_t own = 0;
    if (!TakeVarint(rest, shared) || !TakeVarint(rest, own) || shared != 0 || own > rest.size()) {
      break;
    }
    rest.remove_prefix(own);
    auto place = TakePlace(rest);
    if (!place.has_value()) {
      break;
    }
    places.push_back(*place);
  }
  return places;
}

std::vector<TableFile::Place> TableFile::MetaPlaces(std::string_view meta) {
  std::vector<Place> places;
  WalkEntries(meta, [&places](std::string_view /*name*/, std::string_view value) {
    if (auto place = TakePlace(value); place.has_value() && place->size > 0) {
      places.push_back(*place);
    }
  });
  return places;
}

StatusOr<TableFile::Report> TableFile::Check(Depth depth, bool repair, const Throttle& throttle) {
  repair_ = repair;
  report_ = {};
  WEIR_ASSIGN_OR_RETURN(size_, files_.Size(path_));
  auto footer = FindFooter();
  if (!footer.has_value()) {
    report_.structure = false;
    return report_;
  }
  auto index = ReadBlock(footer->index, /*mend=*/true);
  auto meta = ReadBlock(footer->meta, /*mend=*/true);
  report_.structure = index.has_value() && meta.has_value();
  if (!report_.structure) {
    return report_;
  }
  for (const Place& place : MetaPlaces(*meta)) {
    report_.structure = ReadBlock(place, /*mend=*/true).has_value() && report_.structure;
  }
  if (depth == Depth::kStructure) {
    return report_;
  }
  for (const Place& place : IndexPlaces(*index)) {
    report_.bad_blocks += ReadBlock(place, /*mend=*/true).has_value() ? 0 : 1;
    if (throttle && !throttle(place.size)) {
      break;
    }
  }
  return report_;
}

Status TableFile::ForEachEntry(const std::function<void(const Entry&)>& visit) {
  repair_ = false;
  WEIR_ASSIGN_OR_RETURN(size_, files_.Size(path_));
  auto footer = FindFooter();
  auto index = footer.has_value() ? ReadBlock(footer->index, /*mend=*/true) : std::nullopt;
  if (!index.has_value()) {
    ScanWithoutIndex(visit);
    return OkStatus();
  }
  for (const Place& place : IndexPlaces(*index)) {
    if (auto block = ReadBlock(place, /*mend=*/true); block.has_value()) {
      VisitValues(*block, visit);
    }
  }
  return OkStatus();
}

// Blocks lie one behind the other; where one ends, its checksum fits.
void TableFile::ScanWithoutIndex(const std::function<void(const Entry&)>& visit) {
  auto bytes = files_.Read(path_);
  if (!bytes.ok()) {
    return;
  }
  std::string_view all(*bytes);
  for (size_t at = 0; at + kTrailer < all.size();) {
    size_t limit = std::min<size_t>(all.size() - at - kTrailer, kLargestBlock);
    uint32_t crc = 0;
    size_t found = 0;
    for (size_t size = 0; size <= limit && found == 0; ++size) {
      uint32_t whole = Crc32c(all.substr(at + size, 1), crc);
      if (size > 0 && LoadInt<uint32_t>(all.data() + at + size + 1) == MaskChecksum(whole)) {
        found = size;
      }
      crc = whole;
    }
    if (found == 0) {
      return;
    }
    VisitValues(all.substr(at, found), visit);
    at += found + kTrailer;
  }
}

bool TableFile::CheckBlobHeader(std::string_view header) {
  std::string right;
  AppendInt(right, uint32_t{0x248f37});  // magic
  AppendInt(right, uint32_t{1});         // version
  AppendInt(right, static_cast<uint32_t>(Family::kBlocks));
  right.resize(kBlobHeader, '\0');  // no expiry, no compression
  size_t wrong = 0;
  for (size_t i = 0; i < kBlobHeader; ++i) {
    wrong += static_cast<size_t>(std::popcount(static_cast<uint8_t>(right[i] ^ header[i])));
  }
  if (wrong == 1) {
    Apply(0, right);
  }
  return wrong <= 1;
}

// A header of 30 bytes that is always the same, records (lengths of key and value u64, expiry u64,
// checksum u32 of these, checksum u32 of key and value, key, value), a footer of 32 bytes of which
// the last four are its checksum.
StatusOr<TableFile::Report> TableFile::CheckBlobs(Depth depth, bool repair,
                                                  const Throttle& throttle) {
  repair_ = repair;
  report_ = {};
  WEIR_ASSIGN_OR_RETURN(size_, files_.Size(path_));
  if (size_ < kBlobHeader + kBlobFooter) {
    report_.structure = false;
    return report_;
  }
  WEIR_ASSIGN_OR_RETURN(std::string header, files_.ReadAt(path_, 0, kBlobHeader));
  WEIR_ASSIGN_OR_RETURN(std::string footer, files_.ReadAt(path_, size_ - kBlobFooter, kBlobFooter));
  constexpr size_t kFooterOwn = kBlobFooter - sizeof(uint32_t);
  bool good = CheckBlobHeader(header) && CheckPiece(size_ - kBlobFooter, size_ - sizeof(uint32_t),
                                                    std::string_view(footer).substr(0, kFooterOwn),
                                                    LoadInt<uint32_t>(footer.data() + kFooterOwn));
  uint64_t at = kBlobHeader;
  while (good && depth == Depth::kAll && at + kBlobRecord + kBlobFooter <= size_) {
    WEIR_ASSIGN_OR_RETURN(std::string record, files_.ReadAt(path_, at, kBlobRecord));
    constexpr size_t kOwn = 24;  // what the record's own checksum covers
    std::string_view lengths(record.data(), kOwn);
    auto stored = LoadInt<uint32_t>(record.data() + kOwn);
    if (!CheckPiece(at, at + kOwn, lengths, stored)) {
      ++report_.bad_blocks;
      break;
    }
    if (auto mended = RepairMasked(kOwn, stored, Crc32c(lengths));
        mended.has_value() && !mended->in_checksum && MaskChecksum(Crc32c(lengths)) != stored) {
      FlipBit(record, mended->bit);
    }
    auto key = LoadInt<uint64_t>(record.data());
    auto value = LoadInt<uint64_t>(record.data() + 8);
    if (key > size_ || value > size_ || at + kBlobRecord + key + value + kBlobFooter > size_) {
      ++report_.bad_blocks;
      break;
    }
    WEIR_ASSIGN_OR_RETURN(std::string bytes, files_.ReadAt(path_, at + kBlobRecord, key + value));
    if (!CheckPiece(at + kBlobRecord, at + 28, bytes, LoadInt<uint32_t>(record.data() + 28))) {
      ++report_.bad_blocks;
    }
    report_.checked_bytes += kBlobRecord + bytes.size();
    if (throttle && !throttle(bytes.size())) {
      break;
    }
    at += kBlobRecord + key + value;
  }
  report_.structure = good;
  return report_;
}

}  // namespace weir::storage
