#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/damage_log.h"
#include "storage/guarded_files.h"
#include "storage/log_scan.h"
#include "storage/store_files.h"

namespace weir::storage {

// Looks at what RocksDB reads first and cannot do without (CURRENT, the manifest, the logs), before
// it does. A flipped bit is set right; a manifest is replaced by its second copy; the end of a log
// that was never synced is cut off; what was synced and cannot be read is reported, and RocksDB
// steps over it. A file that is changed for anything but a flipped bit is copied to "damaged/"
// first.
//
// Used once, by the process that has the store's lock.
class LogDoctor {
 public:
  // `directory`: the store's. With `repair` false, only looks.
  LogDoctor(StoreFiles files, std::optional<DiskMarks> marks, std::string directory, bool repair);

  // An error when the store cannot be opened: no manifest can be read.
  Status Check(Findings& findings);

 private:
  Status CheckManifest(Findings& findings);
  // The name in CURRENT, mended when it makes no sense; empty in a new store.
  StatusOr<std::string> CurrentManifest(Findings& findings);
  void TakeNeeds(std::string_view manifest, const LogScan& scan);
  Status CheckLogs(Findings& findings);
  Status CheckLog(uint64_t number, Findings& findings);
  Status KeepCopy(const std::string& name, std::string_view bytes);
  Status ApplyPatches(const std::string& path, const LogScan& scan, Findings& findings);
  // The log is cut at `at`; so are all later ones, wholly.
  Status Cut(const std::string& name, std::string bytes, size_t at, Findings& findings);

  const StoreFiles files_;
  const std::optional<DiskMarks> marks_;
  const std::string directory_;
  const bool repair_;
  uint64_t oldest_log_ = 0;  // that is needed
  // Of the log's writes: the next one, or until the first was seen, the highest it may have.
  uint64_t next_sequence_ = UINT64_MAX;
  bool begun_ = false;
  bool cutting_ = false;
};

}  // namespace weir::storage
