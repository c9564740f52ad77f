#include "storage/guarded_files.h"

#include <atomic>
#include <functional>
#include <map>
#include <utility>

#include "protocol/base/strings.h"
#include "storage/coding.h"
#include "storage/crc32c.h"
#include "storage/log_ahead.h"
#include "storage/store_files.h"

namespace weir::storage {

namespace {

using rocksdb::FileOptions;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// A slot: version u8, 3 bytes 0, checksum u32 of what follows, then the numbers, u64 each.
constexpr uint8_t kVersion = 1;
constexpr size_t kChecksumAt = 4;
constexpr size_t kNumbersAt = 8;
constexpr size_t kSlotUsed = kNumbersAt + 5 * sizeof(uint64_t);

std::string_view FileName(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Counts what is appended and tells when it was synced.
class NotedFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using Note = std::function<void(uint64_t bytes)>;

  NotedFile(std::unique_ptr<FSWritableFile> target, Note note)
      : FSWritableFileOwnerWrapper(std::move(target)), note_(std::move(note)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return Counted(data.size(), FSWritableFileOwnerWrapper::Append(data, options, debug));
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    return Counted(data.size(), FSWritableFileOwnerWrapper::Append(data, options, info, debug));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    uint64_t covered = bytes_.load(std::memory_order_acquire);
    return Noted(covered, FSWritableFileOwnerWrapper::Sync(options, debug));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    uint64_t covered = bytes_.load(std::memory_order_acquire);
    return Noted(covered, FSWritableFileOwnerWrapper::Fsync(options, debug));
  }

  bool synced() const { return unsynced() == 0; }
  uint64_t bytes() const { return bytes_.load(); }
  uint64_t unsynced() const { return bytes_.load() - synced_.load(); }

 private:
  IOStatus Counted(size_t bytes, IOStatus status) {
    if (status.ok()) {
      bytes_.fetch_add(bytes, std::memory_order_release);
    }
    return status;
  }
  IOStatus Noted(uint64_t bytes, IOStatus status) {
    if (status.ok()) {
      synced_.store(bytes);
      note_(bytes);
    }
    return status;
  }

  const Note note_;
  std::atomic<uint64_t> bytes_{0};
  std::atomic<uint64_t> synced_{0};
};

}  // namespace

// The logs that RocksDB has open. It may sync a log while the last writes to the one before it were
// not: when it goes over to a new log just while it syncs the old one, it takes that for synced.
// Then loss of power would cost writes in the middle.
class OpenLogs {
 public:
  // Syncs what is not synced of older logs than `number`.
  IOStatus SyncOlder(uint64_t number) {
    MutexLock lock(mu_);
    IOStatus status;
    for (auto at = logs_.begin(); status.ok() && at != logs_.end() && at->first < number; ++at) {
      if (!at->second->synced()) {
        status = at->second->NotedFile::Sync(IOOptions(), nullptr);
      }
    }
    return status;
  }
  // … of all but the newest: what a table can hold is in those.
  IOStatus SyncClosed() { return SyncOlder(newest_.load()); }
  void Add(uint64_t number, NotedFile* file) {
    MutexLock lock(mu_);
    logs_[number] = file;
    newest_.store(number);
  }
  void Drop(uint64_t number) {
    MutexLock lock(mu_);
    logs_.erase(number);
  }

 private:
  std::atomic<uint64_t> newest_{0};
  Mutex mu_;  // held while an older log is synced, which hardly ever happens
  std::map<uint64_t, NotedFile*> logs_ ABSL_GUARDED_BY(mu_);
};

namespace {

// A log: synced after all older ones, with room ahead of its end.
class LogFile : public NotedFile {
 public:
  LogFile(std::unique_ptr<FSWritableFile> target, uint64_t number, std::shared_ptr<OpenLogs> logs,
          std::unique_ptr<LogAhead> ahead, Note note)
      : NotedFile(std::move(target), std::move(note)),
        number_(number),
        logs_(std::move(logs)),
        ahead_(std::move(ahead)) {
    logs_->Add(number_, this);
  }
  ~LogFile() override { logs_->Drop(number_); }

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return MadeRoom(NotedFile::Append(data, options, debug));
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    return MadeRoom(NotedFile::Append(data, options, info, debug));
  }

  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = synced() ? IOStatus::OK() : Sync(options, debug);
    logs_->Drop(number_);
    if (ahead_ != nullptr) {
      ahead_->CutOff(bytes());
    }
    IOStatus closed = NotedFile::Close(options, debug);
    return status.ok() ? closed : status;
  }

  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = logs_->SyncOlder(number_);
    NoteSync();
    return status.ok() ? NotedFile::Sync(options, debug) : status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = logs_->SyncOlder(number_);
    NoteSync();
    return status.ok() ? NotedFile::Fsync(options, debug) : status;
  }

 private:
  IOStatus MadeRoom(IOStatus appended) {
    if (ahead_ != nullptr) {
      ahead_->Appended(bytes());
    }
    return appended;
  }
  void NoteSync() {
    if (ahead_ != nullptr) {
      ahead_->Synced(unsynced());
    }
  }

  const uint64_t number_;
  const std::shared_ptr<OpenLogs> logs_;
  const std::unique_ptr<LogAhead> ahead_;  // nullptr: not on a disk
};

// A table or a blob file: on the disk after the logs that have what is in it. Of a log that it
// takes for synced (above) RocksDB would write one family to tables, and loss of power would cost
// the same commits in another.
class TableGuard : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  TableGuard(std::unique_ptr<FSWritableFile> target, std::shared_ptr<OpenLogs> logs)
      : FSWritableFileOwnerWrapper(std::move(target)), logs_(std::move(logs)) {}

  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = logs_->SyncClosed();
    return status.ok() ? FSWritableFileOwnerWrapper::Sync(options, debug) : status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = logs_->SyncClosed();
    return status.ok() ? FSWritableFileOwnerWrapper::Fsync(options, debug) : status;
  }

 private:
  const std::shared_ptr<OpenLogs> logs_;
};

// Appends to a second file, too. What goes wrong there does not count.
class TwinnedFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  TwinnedFile(std::unique_ptr<FSWritableFile> target, std::unique_ptr<FSWritableFile> twin)
      : FSWritableFileOwnerWrapper(std::move(target)), twin_(std::move(twin)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    AppendTwin(data, options, debug);
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    AppendTwin(data, options, debug);
    return FSWritableFileOwnerWrapper::Append(data, options, info, debug);
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    twin_->Flush(options, debug).PermitUncheckedError();
    return FSWritableFileOwnerWrapper::Flush(options, debug);
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    twin_->Close(options, debug).PermitUncheckedError();
    return FSWritableFileOwnerWrapper::Close(options, debug);
  }

 private:
  void AppendTwin(const Slice& data, const IOOptions& options, IODebugContext* debug) {
    if (twin_good_) {
      twin_good_ = twin_->Append(data, options, debug).ok();
    }
  }

  std::unique_ptr<FSWritableFile> twin_;
  bool twin_good_ = true;
};

class NotedDirectory : public rocksdb::FSDirectoryWrapper {
 public:
  NotedDirectory(std::unique_ptr<rocksdb::FSDirectory> target, std::shared_ptr<MarksFile> marks)
      : FSDirectoryWrapper(std::move(target)), marks_(std::move(marks)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    uint64_t before = marks_->logs_made();
    return Noted(before, FSDirectoryWrapper::Fsync(options, debug));
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& what) override {
    uint64_t before = marks_->logs_made();
    return Noted(before, FSDirectoryWrapper::FsyncWithDirOptions(options, debug, what));
  }

 private:
  IOStatus Noted(uint64_t logs_made, IOStatus status) {
    if (status.ok()) {
      marks_->NoteDirectory(logs_made);
    }
    return status;
  }

  const std::shared_ptr<MarksFile> marks_;
};

}  // namespace

std::optional<uint64_t> ManifestNumber(std::string_view path) {
  std::string_view name = FileName(path);
  constexpr std::string_view kPrefix = "MANIFEST-";
  return name.starts_with(kPrefix) ? ParseNumber<uint64_t>(name.substr(kPrefix.size()))
                                   : std::nullopt;
}

std::optional<uint64_t> LogNumber(std::string_view path) {
  std::string_view name = FileName(path);
  constexpr std::string_view kSuffix = ".log";
  return name.ends_with(kSuffix)
             ? ParseNumber<uint64_t>(name.substr(0, name.size() - kSuffix.size()))
             : std::nullopt;
}

std::string DiskMarks::Encode() const {
  std::string slot;
  slot.reserve(kSlotBytes);
  AppendInt(slot, kVersion);
  slot.append(kNumbersAt - 1, '\0');
  for (uint64_t number : {generation, log_number, log_bytes, manifest_number, manifest_bytes}) {
    AppendInt(slot, number);
  }
  StoreInt(slot.data() + kChecksumAt, Crc32c(std::string_view(slot).substr(kNumbersAt)));
  slot.resize(kSlotBytes, '\0');
  return slot;
}

std::optional<DiskMarks> DiskMarks::Decode(std::string_view file) {
  std::optional<DiskMarks> best;
  for (size_t at = 0; at + kSlotUsed <= file.size(); at += kSlotBytes) {
    std::string_view slot = file.substr(at, kSlotUsed);
    std::string_view numbers = slot.substr(kNumbersAt);
    if (LoadInt<uint8_t>(slot.data()) != kVersion ||
        LoadInt<uint32_t>(slot.data() + kChecksumAt) != Crc32c(numbers)) {
      continue;
    }
    DiskMarks marks;
    for (uint64_t* number : {&marks.generation, &marks.log_number, &marks.log_bytes,
                             &marks.manifest_number, &marks.manifest_bytes}) {
      TakeInt(numbers, *number);
    }
    if (!best.has_value() || best->generation < marks.generation) {
      best = marks;
    }
  }
  return best;
}

std::optional<DiskMarks> MarksFile::Read() const {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  if (!files_->NewSequentialFile(path_, FileOptions(), &file, nullptr).ok()) {
    return std::nullopt;
  }
  char bytes[2 * DiskMarks::kSlotBytes];
  Slice read;
  if (!file->Read(sizeof bytes, IOOptions(), &read, bytes, nullptr).ok()) {
    return std::nullopt;
  }
  return DiskMarks::Decode({read.data(), read.size()});
}

// What an earlier process has noted stays true until there is something newer.
void MarksFile::Load() {
  if (!loaded_) {
    marks_ = Read().value_or(DiskMarks());
    loaded_ = true;
  }
}

bool MarksFile::OpenFile() {
  return StoreFiles(*files_).OpenForUpdate(path_, file_).ok();
}

void MarksFile::Write() {
  if (failed_ || (file_ == nullptr && !OpenFile())) {
    failed_ = true;  // nothing depends on the marks but telling damage from an end
    return;
  }
  ++marks_.generation;
  uint64_t at = marks_.generation % 2 * DiskMarks::kSlotBytes;
  file_->Write(at, marks_.Encode(), IOOptions(), nullptr).PermitUncheckedError();
}

void MarksFile::Advance(uint64_t number, uint64_t bytes) {
  Load();
  if (number > marks_.log_number || (number == marks_.log_number && bytes > marks_.log_bytes)) {
    marks_.log_number = number;
    marks_.log_bytes = bytes;
    Write();
  }
}

void MarksFile::NoteNewLog() {
  MutexLock lock(mu_);
  ++logs_made_;
  unnamed_ = true;
}

uint64_t MarksFile::logs_made() {
  MutexLock lock(mu_);
  return logs_made_;
}

void MarksFile::NoteLog(uint64_t number, uint64_t bytes) {
  MutexLock lock(mu_);
  if (!unnamed_) {
    Advance(number, bytes);
  } else if (number >= unnamed_number_) {
    unnamed_number_ = number;
    unnamed_bytes_ = bytes;
  }
}

void MarksFile::NoteDirectory(uint64_t logs_made) {
  MutexLock lock(mu_);
  if (unnamed_ && logs_made == logs_made_) {
    unnamed_ = false;
    Advance(unnamed_number_, unnamed_bytes_);
  }
}

void MarksFile::NoteManifest(uint64_t number, uint64_t bytes) {
  MutexLock lock(mu_);
  Load();
  if (number < marks_.manifest_number) {
    return;
  }
  marks_.manifest_number = number;
  marks_.manifest_bytes = bytes;
  Write();
}

GuardedFileSystem::GuardedFileSystem(const std::shared_ptr<rocksdb::FileSystem>& target,
                                     std::shared_ptr<MarksFile> marks, std::string twin_directory,
                                     bool room_ahead)
    : FileSystemWrapper(target),
      marks_(std::move(marks)),
      twin_directory_(std::move(twin_directory)),
      room_ahead_(room_ahead),
      logs_(std::make_shared<OpenLogs>()) {}

std::string GuardedFileSystem::TwinOf(const std::string& name) const {
  return Cat(twin_directory_, "/", FileName(name));
}

IOStatus GuardedFileSystem::NewWritableFile(const std::string& name, const FileOptions& options,
                                            std::unique_ptr<FSWritableFile>* result,
                                            IODebugContext* debug) {
  IOStatus status = FileSystemWrapper::NewWritableFile(name, options, result, debug);
  if (!status.ok()) {
    return status;
  }
  if (auto number = LogNumber(name); number.has_value()) {
    marks_->NoteNewLog();
    auto ahead = room_ahead_ ? std::make_unique<LogAhead>(name) : nullptr;
    *result = std::make_unique<LogFile>(
        std::move(*result), *number, logs_, std::move(ahead),
        [marks = marks_, number = *number](uint64_t bytes) { marks->NoteLog(number, bytes); });
  } else if (number = ManifestNumber(name); number.has_value()) {
    *result = std::make_unique<NotedFile>(
        std::move(*result),
        [marks = marks_, number = *number](uint64_t bytes) { marks->NoteManifest(number, bytes); });
    std::unique_ptr<FSWritableFile> twin;
    if (FileSystemWrapper::NewWritableFile(TwinOf(name), options, &twin, debug).ok()) {
      *result = std::make_unique<TwinnedFile>(std::move(*result), std::move(twin));
    }
  } else if (name.ends_with(".sst") || name.ends_with(".blob")) {
    *result = std::make_unique<TableGuard>(std::move(*result), logs_);
  }
  return status;
}

IOStatus GuardedFileSystem::DeleteFile(const std::string& name, const IOOptions& options,
                                       IODebugContext* debug) {
  if (ManifestNumber(name).has_value()) {
    FileSystemWrapper::DeleteFile(TwinOf(name), options, debug).PermitUncheckedError();
  }
  return FileSystemWrapper::DeleteFile(name, options, debug);
}

IOStatus GuardedFileSystem::NewDirectory(const std::string& name, const IOOptions& options,
                                         std::unique_ptr<rocksdb::FSDirectory>* result,
                                         IODebugContext* debug) {
  IOStatus status = FileSystemWrapper::NewDirectory(name, options, result, debug);
  if (status.ok()) {
    *result = std::make_unique<NotedDirectory>(std::move(*result), marks_);
  }
  return status;
}

}  // namespace weir::storage
