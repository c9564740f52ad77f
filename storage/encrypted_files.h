#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "rocksdb/file_system.h"

#include "storage/store_key.h"

namespace weir::storage {

// Every byte of a file as a stream cipher makes it: a file begins with its cipher and a random
// nonce (FORMAT.md), and any place in it can be read or written without the rest. A cipher alone
// does not notice changes: what must not be forged has a MAC of its own (value_sealer.h).
//
// A file that is too short for its beginning, as loss of power leaves them, is empty.
// Thread-safe as the file system below is.
class EncryptedFiles : public rocksdb::FileSystemWrapper {
 public:
  // `cipher` is that of new files; others are read with their own.
  EncryptedFiles(const std::shared_ptr<rocksdb::FileSystem>& target, const SecretKey& key,
                 Cipher cipher);

  const char* Name() const override { return "weir.encrypted"; }

  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* out,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* out,
                                        rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* out,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* out,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* out,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomRWFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSRandomRWFile>* out,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus GetFileSize(const std::string& name, const rocksdb::IOOptions& options,
                                uint64_t* out, rocksdb::IODebugContext* debug) override;

 private:
  const SecretKey key_;
  const Cipher cipher_;
};

}  // namespace weir::storage
