#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::storage {

// What can be read of one file in the format of RocksDB's logs, which is also that of its
// manifests (FORMAT.md): blocks of 32 KiB with checksummed pieces of records.
struct LogScan {
  struct Record {
    size_t begin = 0;  // of its first piece
    size_t end = 0;    // behind its last piece
    // A write of a log begins with the number of its first change and how many there are; 0 in a
    // record that is shorter.
    uint64_t sequence = 0;
    uint32_t count = 0;
  };
  struct Patch {
    size_t at = 0;
    std::string bytes;
  };

  std::vector<Record> records;  // whole and with good checksums
  std::vector<Patch> patches;   // flipped bits, set right in the scanned bytes
  size_t valid_end = 0;         // behind the last record
  size_t bad_bytes = 0;         // below valid_end that no checksum vouches for
};

// Reads all records there are. Where a flipped bit explains a wrong checksum, `bytes` is mended
// and the scan goes on as if nothing was; but only in pieces that begin below `mend_below`: what
// was never synced may be anything.
LogScan ScanLog(std::string& bytes, size_t mend_below = SIZE_MAX);

// What a manifest says of the logs beside it.
struct LogNeeds {
  // Everything in older ones is in tables, so that their ends need not have reached the disk.
  uint64_t oldest = 0;
  // The writes of the logs follow this one, or begin before it; nullopt when it does not say.
  std::optional<uint64_t> last_sequence;
};
LogNeeds NeedsOfManifest(std::string_view manifest, const LogScan& scan);

}  // namespace weir::storage
