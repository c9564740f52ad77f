#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/log_doctor.h"
#include "storage/store_files.h"

namespace weir::storage {

// A table or blob file of RocksDB, read without RocksDB (FORMAT.md says which parts of the formats
// are relied on). RocksDB must never be given bytes that no checksum vouches for: it checks them
// with assertions, and they end the process.
//
// Flipped bits are set right in place; readers of the file never notice. Blocks, may take long.
class TableFile {
 public:
  enum class Depth : uint8_t {
    kStructure,  // footer, index, properties: what RocksDB needs to open it
    kAll,        // and every block of data
  };
  struct Report {
    bool structure = true;  // false: RocksDB cannot open the file
    uint64_t checked_bytes = 0;
    uint64_t bad_blocks = 0;  // of data
    size_t mended = 0;        // flipped bits
  };
  // Told of the bytes that were read; may sleep. False ends the check.
  using Throttle = std::function<bool(uint64_t bytes)>;

  TableFile(StoreFiles files, std::string path) : files_(files), path_(std::move(path)) {}

  // An error only when the file cannot be read at all.
  StatusOr<Report> Check(Depth depth, bool repair, const Throttle& throttle = {});
  // The same for a file of large values.
  StatusOr<Report> CheckBlobs(Depth depth, bool repair, const Throttle& throttle = {});

  // Every entry in good blocks, as far as they can be found: by the index, or without one by trying
  // where a checksum fits. Tombstones are left out; so are values in other files.
  struct Entry {
    std::string_view key;
    std::string_view value;
  };
  Status ForEachEntry(const std::function<void(const Entry&)>& visit);

 private:
  struct Place {
    uint64_t at = 0;
    uint64_t size = 0;  // without the trailer
  };
  struct Footer {
    Place meta;
    Place index;
  };

  static std::optional<Footer> ParseFooter(std::string_view footer, uint64_t file_size);
  static std::optional<Place> TakePlace(std::string_view& bytes);
  static std::vector<Place> IndexPlaces(std::string_view index);
  static std::vector<Place> MetaPlaces(std::string_view meta);

  // The block's content, set right if a bit is flipped; nullopt when it is damaged.
  std::optional<std::string> ReadBlock(Place place, bool mend);
  std::optional<Footer> FindFooter();
  void Apply(uint64_t at, std::string_view bytes);
  bool CheckPiece(uint64_t at, uint64_t checksum_at, std::string_view piece, uint32_t stored);
  bool CheckBlobHeader(std::string_view header);
  void ScanWithoutIndex(const std::function<void(const Entry&)>& visit);

  const StoreFiles files_;
  const std::string path_;
  uint64_t size_ = 0;
  bool repair_ = false;
  Report report_;
};

}  // namespace weir::storage
