#include "storage/store_tool.h"

#include <cstdarg>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "rocksdb/convenience.h"
#include "rocksdb/db.h"
#include "rocksdb/file_system.h"
#include "rocksdb/utilities/checkpoint.h"

#include "protocol/base/strings.h"
#include "storage/blocking_pool.h"
#include "storage/database.h"
#include "storage/encrypted_files.h"
#include "storage/guarded_files.h"
#include "storage/rocks_meta_store.h"
#include "storage/rocks_stream_store.h"
#include "storage/table_doctor.h"

namespace weir::storage {

namespace {

namespace fs = std::filesystem;
using Print = std::function<void(std::string_view)>;

constexpr std::string_view kUsage =
    "usage: weir store check DIR | salvage DIR | backup DIR TARGET | restore COPY DIR";

// Loads come back to nobody: the tool waits for the disk.
class NoHome : public Executor {
 public:
  void Post(Task task) override { std::move(task)(); }
};

EncryptionOptions KeyFromEnvironment() {
  EncryptionOptions options;
  const char* key = std::getenv("WEIR_ENCRYPTION_KEY");
  options.key = key == nullptr ? "" : key;
  return options;
}

// Where in a server's store_dir the store itself is.
std::string StoreIn(const std::string& directory) {
  for (const char* below : {"/jetstream/db", "/db", ""}) {
    std::error_code ignored;
    if (fs::exists(directory + below + "/db/CURRENT", ignored) ||
        fs::exists(directory + below + "/weir.lock", ignored)) {
      return directory + below;
    }
  }
  return "";
}

StatusOr<std::unique_ptr<Database>> OpenStore(const std::string& directory) {
  Database::Options options;
  options.directory = directory;
  options.encryption = KeyFromEnvironment();
  return Database::Open(options);
}

// A check leaves no log files behind.
class NoLog : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// What the manifest refers to; none when it cannot be read.
std::vector<std::string> LiveFiles(const std::shared_ptr<rocksdb::FileSystem>& files,
                                   const std::string& directory) {
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(files);
  rocksdb::DBOptions options;
  options.env = env.get();
  options.info_log = std::make_shared<NoLog>();
  options.paranoid_checks = false;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const char* name : {"default", "blocks", "state"}) {
    families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  std::vector<std::string> names;
  if (!rocksdb::DB::OpenForReadOnly(options, directory + "/db", families, &handles, &db).ok()) {
    return names;
  }
  uint64_t manifest_bytes = 0;
  db->GetLiveFiles(names, &manifest_bytes, /*flush_memtable=*/false).PermitUncheckedError();
  for (std::string& name : names) {
    name = name.substr(name.rfind('/') + 1);
  }
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    db->DestroyColumnFamilyHandle(handle);
  }
  delete db;
  return names;
}

StatusOr<int> Check(const std::string& directory, const Print& print) {
  WEIR_ASSIGN_OR_RETURN(auto lock, Database::DirectoryLock::Take(directory));
  std::shared_ptr<rocksdb::FileSystem> files = rocksdb::FileSystem::Default();
  MarksFile marks(files, directory + "/marks");
  EncryptionOptions encryption = KeyFromEnvironment();
  WEIR_ASSIGN_OR_RETURN(auto key, OpenStoreKey(files, directory, encryption));
  if (key.has_value()) {
    files = std::make_shared<EncryptedFiles>(files, key->files, encryption.cipher);
  }
  Findings findings;
  LogDoctor logs(StoreFiles(*files), marks.Read(), directory, /*repair=*/false);
  if (Status status = logs.Check(findings); !status.ok()) {
    findings.damage.emplace_back(Message(status));
  }
  TableDoctor tables(StoreFiles(*files), directory);
  std::vector<std::string> live = LiveFiles(files, directory);
  for (const std::string& name : tables.Check(live.empty() ? tables.All() : live,
                                              TableFile::Depth::kAll, /*repair=*/false, findings)) {
    findings.damage.push_back(Cat(directory, "/db/", name, ": cannot be opened"));
  }
  for (const std::string& line : findings.mended) {
    print(Cat("can be mended: ", line));
  }
  for (const std::string& line : findings.damage) {
    print(Cat("damaged: ", line));
  }
  bool good = findings.mended.empty() && findings.damage.empty();
  print(good ? "no damage found" : "run `weir store salvage` on it");
  return good ? 0 : 1;
}

// Every stream as it can be read; what is lost is counted.
StatusOr<uint64_t> ReadStreams(Database& db, const Print& print) {
  RocksMetaStore meta(db);
  WEIR_ASSIGN_OR_RETURN(auto contents, meta.Load());
  for (const std::string& line : contents.damaged) {
    print(Cat("damaged: ", line));
  }
  uint64_t lost = contents.damaged.size();
  BlockingPool pool("weir-store", 1);
  NoHome home;
  for (const StreamMeta& stream : contents.streams) {
    RocksStreamStore::Context context;
    context.db = &db;
    context.pool = &pool;
    context.home = &home;
    std::vector<std::string> damage;
    auto store = RocksStreamStore::Open(context, stream.id, damage);
    for (const std::string& line : damage) {
      print(Cat("damaged: ", line));
    }
    lost += damage.size();
    if (!store.ok()) {
      ++lost;
      print(Cat("stream ", stream.id.value(), ": ", Message(store.status())));
      continue;
    }
    const StoreState& state = (*store)->state();
    print(Cat("stream ", stream.id.value(), ": ", state.messages, " messages, sequences ",
              state.first_seq, " to ", state.last_seq));
  }
  return lost;
}

// The last resort: a manifest is made anew from the tables.
Status RebuildManifest(const std::string& directory, const Print& print) {
  StoreFiles files(*rocksdb::FileSystem::Default());
  WEIR_RETURN_IF_ERROR(files.MakeDirectory(directory + "/damaged"));
  for (const std::string& name : files.List(directory + "/db")) {
    if (ManifestNumber(name).has_value()) {
      WEIR_ASSIGN_OR_RETURN(std::string bytes, files.Read(Cat(directory, "/db/", name)));
      WEIR_RETURN_IF_ERROR(files.Replace(Cat(directory, "/damaged/", name), bytes));
    }
  }
  std::error_code ignored;
  fs::remove(directory + "/marks", ignored);  // they are about the old one
  print("the manifest cannot be read: it is made anew from the tables");
  rocksdb::DBOptions options;
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (const char* name : {"default", "blocks", "state"}) {
    families.emplace_back(name, rocksdb::ColumnFamilyOptions());
  }
  return Database::FromRocks(rocksdb::RepairDB(directory + "/db", options, families),
                             "make the manifest anew");
}

StatusOr<int> Salvage(const std::string& directory, const Print& print) {
  auto opened = OpenStore(directory);
  if (!opened.ok() && opened.status().code() == StatusCode::kDataLoss &&
      KeyFromEnvironment().key.empty()) {
    {
      WEIR_ASSIGN_OR_RETURN(auto lock, Database::DirectoryLock::Take(directory));
      WEIR_RETURN_IF_ERROR(RebuildManifest(directory, print));
    }
    opened = OpenStore(directory);
  }
  WEIR_RETURN_IF_ERROR(opened.status());
  Database& db = **opened;
  db.Mend();
  for (const std::string& line : db.damage().lines()) {
    print(Cat("damaged: ", line));
  }
  print(Cat(db.damage().mended(), " places mended"));
  WEIR_ASSIGN_OR_RETURN(uint64_t lost, ReadStreams(db, print));
  return lost == 0 && db.damage().damaged() == 0 ? 0 : 1;
}

Status CopyIfThere(const std::string& name, const std::string& from, const std::string& to) {
  std::error_code error;
  if (fs::exists(Cat(from, "/", name), error)) {
    fs::copy_file(Cat(from, "/", name), Cat(to, "/", name), error);
  }
  return error ? Unavailable(Cat("copy ", name, ": ", error.message())) : OkStatus();
}

StatusOr<int> Backup(const std::string& directory, const std::string& target, const Print& print) {
  std::error_code error;
  if (fs::exists(target, error)) {
    return FailedPrecondition(Cat(target, ": exists already"));
  }
  WEIR_ASSIGN_OR_RETURN(auto database, OpenStore(directory));
  fs::create_directories(target, error);
  if (error) {
    return FailedPrecondition(Cat(target, ": ", error.message()));
  }
  rocksdb::Checkpoint* made = nullptr;
  WEIR_RETURN_IF_ERROR(
      Database::FromRocks(rocksdb::Checkpoint::Create(&database->db(), &made), "back up"));
  std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  WEIR_RETURN_IF_ERROR(Database::FromRocks(checkpoint->CreateCheckpoint(target + "/db"),
                                           Cat("back up to ", target)));
  WEIR_RETURN_IF_ERROR(CopyIfThere("key", directory, target));
  WEIR_RETURN_IF_ERROR(CopyIfThere("settled", directory, target));
  print(Cat("backed up to ", target));
  return 0;
}

StatusOr<int> Restore(const std::string& copy, const std::string& directory, const Print& print) {
  std::error_code error;
  if (!fs::exists(copy + "/db/CURRENT", error)) {
    return FailedPrecondition(Cat(copy, ": holds no backup"));
  }
  if (!StoreIn(directory).empty()) {
    return FailedPrecondition(Cat(directory, ": there is a store already"));
  }
  std::string to = directory + "/jetstream/db";
  fs::create_directories(to, error);
  if (!error) {
    // Not hard links: the copy must stay what it is.
    fs::copy(copy, to, fs::copy_options::recursive, error);
  }
  if (error) {
    return Unavailable(Cat("restore to ", to, ": ", error.message()));
  }
  WEIR_ASSIGN_OR_RETURN(auto database, OpenStore(to));
  WEIR_ASSIGN_OR_RETURN(uint64_t lost, ReadStreams(*database, print));
  print(Cat("restored to ", directory));
  return lost == 0 ? 0 : 1;
}

StatusOr<int> Run(const std::vector<std::string>& arguments, const Print& print) {
  const std::string& verb = arguments[0];
  if (verb == "restore") {
    return Restore(arguments[1], arguments[2], print);
  }
  std::string directory = StoreIn(arguments[1]);
  if (directory.empty()) {
    return FailedPrecondition(Cat(arguments[1], ": holds no store"));
  }
  if (verb == "check") {
    return Check(directory, print);
  }
  return verb == "salvage" ? Salvage(directory, print) : Backup(directory, arguments[2], print);
}

}  // namespace

int RunStoreCommand(const std::vector<std::string>& arguments, const Print& print) {
  size_t wanted = arguments.empty()                                       ? 0
                  : arguments[0] == "check" || arguments[0] == "salvage"  ? 2
                  : arguments[0] == "backup" || arguments[0] == "restore" ? 3
                                                                          : 0;
  if (wanted == 0 || arguments.size() != wanted) {
    print(kUsage);
    return 2;
  }
  auto code = Run(arguments, print);
  if (!code.ok()) {
    print(Message(code.status()));
    return 1;
  }
  return *code;
}

}  // namespace weir::storage
