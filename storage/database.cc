#include "storage/database.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstring>
#include <filesystem>
#include <thread>

#include "rocksdb/cache.h"
#include "rocksdb/compaction_filter.h"
#include "rocksdb/convenience.h"
#include "rocksdb/db.h"
#include "rocksdb/env.h"
#include "rocksdb/options.h"
#include "rocksdb/table.h"
#include "rocksdb/utilities/table_properties_collectors.h"
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/base/strings.h"
#include "storage/encrypted_files.h"
#include "storage/ends_file.h"
#include "storage/guarded_files.h"
#include "storage/keys.h"
#include "storage/late_sync_file_system.h"
#include "storage/table_doctor.h"

namespace weir::storage {

namespace {

// RocksDB's warnings and errors go to the server's log; it keeps no log files of its own.
class RocksLogger : public rocksdb::Logger {
 public:
  explicit RocksLogger(Log* log) : rocksdb::Logger(rocksdb::WARN_LEVEL), log_(log) {}
  using rocksdb::Logger::Logv;

  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list args) override {
    if (log_ == nullptr || level < rocksdb::WARN_LEVEL || level == rocksdb::HEADER_LEVEL) {
      return;
    }
    char text[1024];
    std::vsnprintf(text, sizeof text, format, args);
    log_->Warn("store: ", TrimSpace(text));
  }

 private:
  Log* log_;
};

// Not every file system does (some in memory do not).
bool SupportsDirectIo(const std::string& directory) {
  std::string path = directory + "/direct-io.probe";
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_DIRECT, 0644);
  ::unlink(path.c_str());
  if (fd < 0) {
    return false;
  }
  ::close(fd);
  return true;
}

rocksdb::DBOptions DatabaseOptions(const Database::Options& options, rocksdb::Env* env) {
  rocksdb::DBOptions out;
  out.env = env;
  out.create_if_missing = true;
  out.create_missing_column_families = true;
  out.info_log = std::make_shared<RocksLogger>(options.log);
  out.info_log_level = rocksdb::WARN_LEVEL;
  out.max_open_files = 512;
  out.max_file_opening_threads = 2;
  out.manifest_preallocation_size = 64 << 10;
  out.max_background_jobs = 2;
  out.stats_dump_period_sec = 0;
  out.stats_persist_period_sec = 0;
  out.avoid_unnecessary_blocking_io = true;
  // What this asks for is done before (log_doctor.h), and better.
  out.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  // A damaged table must not stop the store: reads report it.
  out.paranoid_checks = false;
  // One thread writes at a time nearly always, and batches are few and large.
  out.allow_concurrent_memtable_write = false;
  out.enable_write_thread_adaptive_yield = false;
  // Opening replays the log: 16 MiB take some 40 ms.
  out.max_total_wal_size = 2 * options.memtable_bytes;
  out.bytes_per_sync = 1 << 20;
  // Table files go past the page cache: a third less CPU per message. Readers that keep up read
  // the tail cache and the memtables; those that do not fill the page cache as they read.
  out.use_direct_io_for_flush_and_compaction = options.file_system == nullptr &&
                                               options.encryption.key.empty() &&
                                               SupportsDirectIo(options.directory);
  return out;
}

rocksdb::ColumnFamilyOptions BlocksOptions(
    const Database::Options& options, std::shared_ptr<rocksdb::CompactionFilterFactory> retention) {
  rocksdb::ColumnFamilyOptions out;
  out.write_buffer_size = options.memtable_bytes;
  out.max_write_buffer_number = 4;
  out.compression = rocksdb::kNoCompression;
  out.compaction_style = rocksdb::kCompactionStyleUniversal;
  out.compaction_options_universal.allow_trivial_move = true;
  out.compaction_options_universal.size_ratio = 20;
  out.level0_file_num_compaction_trigger = 8;
  // Many files slow nobody down: reads go to known places, so writers are not made to wait.
  out.level0_slowdown_writes_trigger = 60;
  out.level0_stop_writes_trigger = 100;
  out.soft_pending_compaction_bytes_limit = 0;
  out.hard_pending_compaction_bytes_limit = 0;
  out.enable_blob_files = true;
  out.min_blob_size = 64 * 1024 + 1;
  out.enable_blob_garbage_collection = true;
  out.compaction_filter_factory = std::move(retention);
  // What blocks have been deleted by is small: the sizes of files do not say that one is due.
  out.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(/*sliding_window_size=*/256,
                                                    /*deletion_trigger=*/128));
  rocksdb::BlockBasedTableOptions table;
  table.block_size = 16 * 1024;
  table.block_cache = rocksdb::NewLRUCache(options.cache_bytes, /*num_shard_bits=*/2);
  table.format_version = 5;
  table.checksum = rocksdb::kCRC32c;  // table_file.h mends by it
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return out;
}

rocksdb::ColumnFamilyOptions SmallOptions(
    std::shared_ptr<rocksdb::CompactionFilterFactory> retention) {
  rocksdb::ColumnFamilyOptions out;
  out.write_buffer_size = 1 << 20;
  out.compression = rocksdb::kNoCompression;
  out.compaction_filter_factory = std::move(retention);
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(1 << 20, /*num_shard_bits=*/0);
  table.format_version = 5;
  table.checksum = rocksdb::kCRC32c;  // table_file.h mends by it
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return out;
}

std::string Reason(int error) {
  return ToLower(std::strerror(error));
}

bool Exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::string RocksDirectory(const Database::Options& options) {
  return options.directory + "/db";
}

// These three in the reference's words, for who looks for them in the log; the path is ours.
Status MakeDirectory(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  struct stat info{};
  int code = ::stat(directory.c_str(), &info) == 0 ? 0 : errno;
  if (code == ENOTDIR || (code == 0 && !S_ISDIR(info.st_mode))) {
    return FailedPrecondition(Cat("storage directory is not a directory: ", directory));
  }
  if (code != 0) {
    return FailedPrecondition(Cat("could not create storage directory - mkdir ", directory, ": ",
                                  Reason(error ? error.value() : code)));
  }
  return OkStatus();
}

Status NotWritable(const std::string& directory, int error) {
  return FailedPrecondition(
      Cat("storage directory is not writable: ", directory, ": ", Reason(error)));
}

}  // namespace

StatusOr<std::unique_ptr<Database::DirectoryLock>> Database::DirectoryLock::Take(
    const std::string& directory) {
  std::string path = directory + "/weir.lock";
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return NotWritable(directory, errno);
  }
  auto lock = std::make_unique<DirectoryLock>(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char text[32] = {};
    ssize_t size = ::pread(fd, text, sizeof text - 1, 0);
    auto pid = ParseNumber<int64_t>(
        TrimSpace(std::string_view(text, size > 0 ? static_cast<size_t>(size) : 0)));
    return Unavailable(
        Cat("store directory ", directory, ": in use by ",
            pid.has_value() ? Cat("process ", *pid) : std::string("another process")));
  }
  std::string pid = Cat(static_cast<int64_t>(::getpid()), "\n");
  if (::ftruncate(fd, 0) != 0 ||
      ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return NotWritable(directory, errno);
  }
  return lock;
}

Database::DirectoryLock::~DirectoryLock() {
  ::close(fd_);
}

Database::Database() = default;

StatusOr<std::unique_ptr<Database>> Database::Open(const Options& options) {
  std::unique_ptr<Database> database(new Database());
  database->directory_ = options.directory;
  WEIR_RETURN_IF_ERROR(MakeDirectory(options.directory));
  WEIR_ASSIGN_OR_RETURN(database->lock_, DirectoryLock::Take(options.directory));
  std::shared_ptr<rocksdb::FileSystem> files =
      options.file_system != nullptr ? options.file_system : rocksdb::FileSystem::Default();
  WEIR_ASSIGN_OR_RETURN(auto key, OpenStoreKey(files, options.directory, options.encryption));
  database->marks_ = std::make_shared<MarksFile>(files, options.directory + "/marks");
  database->ends_ = std::make_unique<EndsFile>(files, options.directory + "/ends");
  if (key.has_value()) {
    database->sealer_ = std::make_shared<ValueSealer>(key->mac);
    files = std::make_shared<EncryptedFiles>(files, key->files, options.encryption.cipher);
  }
  database->base_ = std::move(files);
  Status opened = database->OpenRocks(options);
  if (!opened.ok() && !Exists(LateSyncFileSystem::SettledFile(options.directory)) &&
      Exists(RocksDirectory(options) + "/CURRENT")) {
    WEIR_RETURN_IF_ERROR(SetAside(options, opened));
    opened = database->OpenRocks(options);
  }
  WEIR_RETURN_IF_ERROR(opened);
  return database;
}

Status Database::OpenRocks(const Options& options) {
  std::string directory = RocksDirectory(options);
  damage_ = std::make_unique<DamageLog>(options.log);
  WEIR_RETURN_IF_ERROR(MakeDirectory(directory));
  std::shared_ptr<rocksdb::FileSystem> files = base_;
  if (options.file_system == nullptr) {
    files_ = std::make_shared<LateSyncFileSystem>(base_, options.directory, directory);
    files = files_;
    if (!Exists(directory + "/CURRENT") && !Exists(LateSyncFileSystem::SettledFile(directory_))) {
      files_->Hold();
    } else if (!Exists(LateSyncFileSystem::SettledFile(options.directory))) {
      files_->Owe();
    }
  }
  std::vector<std::string> unreadable;
  WEIR_RETURN_IF_ERROR(CheckFiles(unreadable));
  std::string twin = options.directory + "/twin";
  WEIR_RETURN_IF_ERROR(StoreFiles(*base_).MakeDirectory(twin));
  // Zeros ahead of an encrypted log's end would be deciphered to noise.
  bool room_ahead = options.file_system == nullptr && !sealer_->has_key();
  env_ = rocksdb::NewCompositeEnv(
      std::make_shared<GuardedFileSystem>(files, marks_, twin, room_ahead));
  WEIR_RETURN_IF_ERROR(OpenFamilies(options, /*compactions=*/unreadable.empty()));
  if (!unreadable.empty()) {
    WEIR_RETURN_IF_ERROR(ReplaceTables(options, unreadable));
  }
  if (files_ != nullptr && !Exists(LateSyncFileSystem::SettledFile(options.directory))) {
    files_->Owe();
  }
  return OkStatus();
}

Status Database::CheckFiles(std::vector<std::string>& unreadable_tables) {
  StoreFiles files(*base_);
  Findings of_logs;
  Findings findings;
  // Marks of a store that is not settled tell of syncs that were put off: nothing is on the disk.
  auto marks = marks_->Read();
  if (files_ == nullptr) {
    marks = marks.value_or(DiskMarks());
  } else if (!Exists(LateSyncFileSystem::SettledFile(directory_))) {
    marks = DiskMarks();
    ends_->Discard();
  }
  LogDoctor logs(files, marks, directory_, /*repair=*/true);
  Status status = logs.Check(of_logs);
  damage_->Add(of_logs);
  if (status.ok()) {
    // Some may be remains of a crash: which ones count is known when the manifest has been read.
    TableDoctor tables(files, directory_);
    unreadable_tables = tables.Check(tables.All(), TableFile::Depth::kStructure,
                                     /*repair=*/true, findings);
    findings.damage.clear();
  }
  damage_->Add(findings);
  return status;
}

Status Database::OpenFamilies(const Options& options, bool compactions) {
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, SmallOptions(nullptr));
  descriptors.emplace_back(
      "blocks", BlocksOptions(options, MakeRetentionFilter(retention_, sealer_, Family::kBlocks)));
  descriptors.emplace_back("state",
                           SmallOptions(MakeRetentionFilter(retention_, sealer_, Family::kState)));
  for (auto& descriptor : descriptors) {
    descriptor.options.disable_auto_compactions = !compactions;
  }
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(DatabaseOptions(options, env_.get()),
                                             RocksDirectory(options), descriptors, &families_, &db);
  if (!status.ok()) {
    return FromRocks(status, Cat("store directory ", options.directory));
  }
  db_.reset(db);
  retention_->set_sync([db] { return db->SyncWAL().ok(); });
  for (size_t i = 0; i < families_.size(); ++i) {
    // Batches name families by number (commit_queue.h).
    if (families_[i]->GetID() != i) {
      return DataLoss(Cat("store directory ", options.directory, ": column family ",
                          families_[i]->GetName(), " has the wrong number"));
    }
  }
  return OkStatus();
}

void Database::CloseFamilies() {
  rocksdb::CancelAllBackgroundWork(db_.get(), /*wait=*/true);
  retention_->set_sync(nullptr);
  for (rocksdb::ColumnFamilyHandle* handle : families_) {
    db_->DestroyColumnFamilyHandle(handle);
  }
  families_.clear();
  db_->Close();
  db_.reset();
}

namespace {

// Tables hold old versions of records, too. What the store has is newer, and what only one of the
// two families has where both should was deleted.
bool MayReturn(rocksdb::DB& db, const std::vector<rocksdb::ColumnFamilyHandle*>& families,
               const TableDoctor::Rescued& record) {
  auto has = [&](Family family) {
    std::string value;
    return db.Get(rocksdb::ReadOptions(), families[static_cast<size_t>(family)], record.key, &value)
        .ok();
  };
  auto family = static_cast<Family>(record.family);
  if (has(family)) {
    return false;
  }
  if (family == Family::kBlocks) {
    return true;
  }
  auto key = ParseRecordKey(record.key);
  return key.has_value() && (key->kind == RecordKind::kDeletes ||
                             has(family == Family::kMeta ? Family::kState : Family::kMeta));
}

}  // namespace

Status Database::ReplaceTables(const Options& options, const std::vector<std::string>& names) {
  std::vector<rocksdb::LiveFileMetaData> all;
  db_->GetLiveFilesMetaData(&all);
  std::vector<TableDoctor::Live> live;
  // What was looked at before may have been the remains of a crash, and RocksDB may have used the
  // name since for what it found in the logs.
  Findings seen_before;
  TableDoctor doctor(StoreFiles(*base_), directory_);
  std::vector<std::string> bad =
      doctor.Check(names, TableFile::Depth::kStructure, /*repair=*/true, seen_before);
  for (const rocksdb::LiveFileMetaData& table : all) {
    std::string name = table.name.substr(table.name.rfind('/') + 1);
    if (std::find(bad.begin(), bad.end(), name) != bad.end()) {
      uint32_t family = table.column_family_name == "blocks"  ? 1
                        : table.column_family_name == "state" ? 2
                                                              : 0;
      live.push_back({name, family, static_cast<uint32_t>(table.level), table.file_number});
    }
  }
  CloseFamilies();
  Findings findings;
  std::vector<TableDoctor::Rescued> rescued;
  if (!live.empty()) {
    WEIR_ASSIGN_OR_RETURN(rescued, doctor.TakeOut(live, findings));
  }
  damage_->Add(findings);
  WEIR_RETURN_IF_ERROR(OpenFamilies(options, /*compactions=*/true));
  for (const TableDoctor::Rescued& record : rescued) {
    if (record.family < families_.size() && MayReturn(*db_, families_, record)) {
      WEIR_RETURN_IF_ERROR(FromRocks(
          db_->Put(rocksdb::WriteOptions(), families_[record.family], record.key, record.value),
          "put a record back"));
    }
  }
  return FlushAll();
}

Findings Database::Inspect(const std::function<bool(uint64_t)>& throttle) {
  // Not those that a flush or a compaction is just writing.
  std::vector<std::string> live;
  uint64_t manifest_bytes = 0;
  db_->GetLiveFiles(live, &manifest_bytes, /*flush_memtable=*/false).PermitUncheckedError();
  for (std::string& name : live) {
    name = name.substr(name.rfind('/') + 1);
  }
  Findings findings;
  TableDoctor doctor(StoreFiles(*base_), directory_);
  for (const std::string& name :
       doctor.Check(live, TableFile::Depth::kAll, /*repair=*/true, findings, throttle)) {
    findings.damage.push_back(Cat(directory_, "/db/", name, ": cannot be opened"));
  }
  damage_->Add(findings);
  return findings;
}

bool Database::Mend() {
  MutexLock lock(mend_mu_);
  auto now = std::chrono::steady_clock::now();
  if (now < mend_again_) {
    return false;
  }
  bool mended = !Inspect({}).mended.empty();
  if (!mended) {
    mend_again_ = now + std::chrono::minutes(1);
  }
  return mended;
}

bool Database::Scrub(const std::function<bool(uint64_t)>& throttle) {
  bool finished = true;
  Inspect([&](uint64_t bytes) {
    finished = finished && throttle(bytes);
    return finished;
  });
  return finished;
}

Status Database::SetAside(const Options& options, const Status& why) {
  std::string from = RocksDirectory(options);
  std::string to;
  for (int i = 1; to.empty() || Exists(to); ++i) {
    to = Cat(from, ".unfinished-", i);
  }
  if (options.log != nullptr) {
    options.log->Warn("store: its creation was interrupted, the remains are kept in ", to, ": ",
                      Message(why));
  }
  // They are about the files that are set aside.
  ::unlink((options.directory + "/marks").c_str());
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return FailedPrecondition(
        Cat("store directory ", options.directory, ": cannot rename ", from, ": ", Reason(errno)));
  }
  return OkStatus();
}

Status Database::Settle() {
  return files_ == nullptr
             ? OkStatus()
             : FromRocks(files_->Settle(), Cat("sync the store directory ", directory_));
}

Database::~Database() {
  if (db_ != nullptr) {
    IgnoreError(FlushAll(), "the log has everything; the next opening replays it");
    IgnoreError(Settle(), "nobody was told that anything is durable");
    CloseFamilies();
  }
}

Status Database::FlushAll() {
  // RocksDB would wait for as long as it tries again, which is for ever where the disk is full or
  // gone; a server that stops must not wait for that.
  rocksdb::FlushOptions options;
  options.wait = false;
  options.allow_write_stall = true;
  uint64_t errors = Property(rocksdb::DB::Properties::kBackgroundErrors);
  WEIR_RETURN_IF_ERROR(FromRocks(db_->Flush(options, families_), "flush"));
  constexpr std::chrono::seconds kWithoutProgress{5};
  uint64_t left = UINT64_MAX;
  std::chrono::steady_clock::time_point give_up;
  while (uint64_t now = Property(rocksdb::DB::Properties::kNumImmutableMemTable)) {
    if (now < left) {
      left = now;
      give_up = std::chrono::steady_clock::now() + kWithoutProgress;
    }
    if (Property(rocksdb::DB::Properties::kBackgroundErrors) != errors ||
        std::chrono::steady_clock::now() > give_up) {
      return Unavailable("flush: a table could not be written");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return OkStatus();
}

uint64_t Database::Property(const std::string& name) const {
  uint64_t sum = 0;
  for (rocksdb::ColumnFamilyHandle* family : families_) {
    uint64_t value = 0;
    sum += db_->GetIntProperty(family, name, &value) ? value : 0;
  }
  return sum;
}

Status Database::FromRocks(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) {
    return OkStatus();
  }
  std::string text = Cat(what, ": ", status.ToString());
  switch (status.code()) {
    case rocksdb::Status::kNotFound:
      return NotFound(text);
    case rocksdb::Status::kCorruption:
      return DataLoss(text);
    case rocksdb::Status::kInvalidArgument:
      return InvalidArgument(text);
    case rocksdb::Status::kIncomplete:
    case rocksdb::Status::kBusy:
    case rocksdb::Status::kTryAgain:
    case rocksdb::Status::kTimedOut:
      return Unavailable(text);
    case rocksdb::Status::kShutdownInProgress:
    case rocksdb::Status::kAborted:
      return Cancelled(text);
    case rocksdb::Status::kIOError:
      return status.subcode() == rocksdb::Status::kNoSpace ? ResourceExhausted(text)
                                                           : Unavailable(text);
    default:
      return Internal(text);
  }
}

}  // namespace weir::storage
