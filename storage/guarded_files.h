#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "rocksdb/file_system.h"

#include "protocol/base/mutex.h"
#include "protocol/base/status.h"

namespace weir::storage {

// How much of the log and of the manifest was on the disk at the last sync. Kept in a small file of
// our own (FORMAT.md), because a log cannot tell an end that was cut off from one that never was:
// what lies below the mark and cannot be read is damage, what lies above was never acknowledged.
//
// Written after each sync and not synced itself: after a crash of the process it is exact, after
// loss of power it may be older than the truth, never newer.
struct DiskMarks {
  uint64_t generation = 0;
  uint64_t log_number = 0;
  uint64_t log_bytes = 0;
  uint64_t manifest_number = 0;
  uint64_t manifest_bytes = 0;

  std::string Encode() const;                                     // kSlotBytes
  static std::optional<DiskMarks> Decode(std::string_view file);  // the newest good slot

  static constexpr size_t kSlotBytes = 512;
};

// Writes the marks. A log counts from the moment on when its name is on the disk, too: RocksDB
// syncs a new log first and its directory then, and answers after both. Thread-safe.
class MarksFile {
 public:
  MarksFile(std::shared_ptr<rocksdb::FileSystem> files, std::string path)
      : files_(std::move(files)), path_(std::move(path)) {}

  void NoteNewLog();
  void NoteLog(uint64_t number, uint64_t bytes);
  uint64_t logs_made();
  // The directory was synced; `logs_made` is what it was before that.
  void NoteDirectory(uint64_t logs_made);
  void NoteManifest(uint64_t number, uint64_t bytes);
  // What the file says; nullopt without one.
  std::optional<DiskMarks> Read() const;

 private:
  void Load() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Write() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool OpenFile() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Advance(uint64_t number, uint64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::shared_ptr<rocksdb::FileSystem> files_;
  const std::string path_;
  Mutex mu_;
  DiskMarks marks_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<rocksdb::FSRandomRWFile> file_ ABSL_GUARDED_BY(mu_);
  uint64_t logs_made_ ABSL_GUARDED_BY(mu_) = 0;
  bool unnamed_ ABSL_GUARDED_BY(mu_) = false;  // the newest log may have no name on the disk
  uint64_t unnamed_number_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t unnamed_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool loaded_ ABSL_GUARDED_BY(mu_) = false;
  bool failed_ ABSL_GUARDED_BY(mu_) = false;
};

class OpenLogs;

// The file system that RocksDB writes through: notes what has been synced, syncs no log before the
// older ones, no table before the logs that are closed, and writes each manifest twice, since a
// manifest that cannot be read hides everything. Logs get room ahead of their end (LogAhead). The
// second copy lies in `twin_directory` under the same name; it is not synced, so after loss of
// power it is the shorter one.
class GuardedFileSystem : public rocksdb::FileSystemWrapper {
 public:
  // `room_ahead`: the files are what `target` shows of them, on a disk, so that logs may have zeros
  // ahead of their end.
  GuardedFileSystem(const std::shared_ptr<rocksdb::FileSystem>& target,
                    std::shared_ptr<MarksFile> marks, std::string twin_directory, bool room_ahead);

  const char* Name() const override { return "weir.guarded"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override;

 private:
  std::string TwinOf(const std::string& name) const;

  const std::shared_ptr<MarksFile> marks_;
  const std::string twin_directory_;
  const bool room_ahead_;
  const std::shared_ptr<OpenLogs> logs_;
};

// "…/MANIFEST-000012" → 12, "…/000012.log" → 12; nullopt for other names.
std::optional<uint64_t> ManifestNumber(std::string_view path);
std::optional<uint64_t> LogNumber(std::string_view path);

}  // namespace weir::storage
