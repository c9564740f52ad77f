#include "storage/encrypted_files.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "storage/stream_cipher.h"

namespace weir::storage {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr size_t kPrefix = StreamCipher::kPrefix;

// Without a cipher the file has no beginning: it counts as empty.
class Reader : public rocksdb::FSSequentialFile {
 public:
  Reader(std::unique_ptr<rocksdb::FSSequentialFile> file, std::optional<StreamCipher> cipher)
      : file_(std::move(file)), cipher_(std::move(cipher)) {}

  IOStatus Read(size_t size, const IOOptions& options, Slice* out, char* scratch,
                IODebugContext* debug) override {
    *out = Slice(scratch, 0);
    if (!cipher_.has_value()) {
      return IOStatus::OK();
    }
    Slice read;
    IOStatus status = file_->Read(size, options, &read, scratch, debug);
    if (status.ok()) {
      cipher_->Apply(at_, read.data(), scratch, read.size());
      at_ += read.size();
      *out = Slice(scratch, read.size());
    }
    return status;
  }
  IOStatus Skip(uint64_t size) override {
    at_ += size;
    return file_->Skip(size);
  }

 private:
  const std::unique_ptr<rocksdb::FSSequentialFile> file_;
  const std::optional<StreamCipher> cipher_;
  uint64_t at_ = 0;
};

class RandomReader : public rocksdb::FSRandomAccessFile {
 public:
  RandomReader(std::unique_ptr<rocksdb::FSRandomAccessFile> file,
               std::optional<StreamCipher> cipher)
      : file_(std::move(file)), cipher_(std::move(cipher)) {}

  IOStatus Read(uint64_t at, size_t size, const IOOptions& options, Slice* out, char* scratch,
                IODebugContext* debug) const override {
    *out = Slice(scratch, 0);
    if (!cipher_.has_value()) {
      return IOStatus::OK();
    }
    Slice read;
    IOStatus status = file_->Read(at + kPrefix, size, options, &read, scratch, debug);
    if (status.ok()) {
      cipher_->Apply(at, read.data(), scratch, read.size());
      *out = Slice(scratch, read.size());
    }
    return status;
  }
  IOStatus Prefetch(uint64_t at, size_t size, const IOOptions& options,
                    IODebugContext* debug) override {
    return file_->Prefetch(at + kPrefix, size, options, debug);
  }
  size_t GetUniqueId(char* id, size_t size) const override { return file_->GetUniqueId(id, size); }
  void Hint(AccessPattern pattern) override { file_->Hint(pattern); }
  IOStatus InvalidateCache(size_t at, size_t size) override {
    return file_->InvalidateCache(at + kPrefix, size);
  }

 private:
  const std::unique_ptr<rocksdb::FSRandomAccessFile> file_;
  const std::optional<StreamCipher> cipher_;
};

class Writer : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  Writer(std::unique_ptr<rocksdb::FSWritableFile> file, StreamCipher cipher)
      : FSWritableFileOwnerWrapper(std::move(file)), cipher_(std::move(cipher)) {}

  IOStatus Append(const Slice& bytes, const IOOptions& options, IODebugContext* debug) override {
    buffer_.resize(bytes.size());
    cipher_.Apply(size_, bytes.data(), buffer_.data(), bytes.size());
    IOStatus status = FSWritableFileOwnerWrapper::Append(buffer_, options, debug);
    if (status.ok()) {
      size_ += bytes.size();
    }
    return status;
  }
  IOStatus Append(const Slice& bytes, const IOOptions& options,
                  const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
    return Append(bytes, options, debug);
  }
  IOStatus PositionedAppend(const Slice&, uint64_t, const IOOptions&, IODebugContext*) override {
    return IOStatus::NotSupported("encrypted files are not written past the page cache");
  }
  IOStatus PositionedAppend(const Slice&, uint64_t, const IOOptions&,
                            const rocksdb::DataVerificationInfo&, IODebugContext*) override {
    return IOStatus::NotSupported("encrypted files are not written past the page cache");
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    return FSWritableFileOwnerWrapper::Truncate(size + kPrefix, options, debug);
  }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }
  IOStatus RangeSync(uint64_t at, uint64_t size, const IOOptions& options,
                     IODebugContext* debug) override {
    return FSWritableFileOwnerWrapper::RangeSync(at, size + kPrefix, options, debug);
  }

 private:
  const StreamCipher cipher_;
  std::string buffer_;
  uint64_t size_ = 0;
};

class Patcher : public rocksdb::FSRandomRWFile {
 public:
  Patcher(std::unique_ptr<rocksdb::FSRandomRWFile> file, StreamCipher cipher)
      : file_(std::move(file)), cipher_(std::move(cipher)) {}

  IOStatus Write(uint64_t at, const Slice& bytes, const IOOptions& options,
                 IODebugContext* debug) override {
    std::string buffer(bytes.size(), '\0');
    cipher_.Apply(at, bytes.data(), buffer.data(), bytes.size());
    return file_->Write(at + kPrefix, buffer, options, debug);
  }
  IOStatus Read(uint64_t at, size_t size, const IOOptions& options, Slice* out, char* scratch,
                IODebugContext* debug) const override {
    Slice read;
    IOStatus status = file_->Read(at + kPrefix, size, options, &read, scratch, debug);
    if (status.ok()) {
      cipher_.Apply(at, read.data(), scratch, read.size());
      *out = Slice(scratch, read.size());
    }
    return status;
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return file_->Flush(options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return file_->Sync(options, debug);
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    return file_->Close(options, debug);
  }

 private:
  const std::unique_ptr<rocksdb::FSRandomRWFile> file_;
  const StreamCipher cipher_;
};

}  // namespace

EncryptedFiles::EncryptedFiles(const std::shared_ptr<rocksdb::FileSystem>& target,
                               const SecretKey& key, Cipher cipher)
    : FileSystemWrapper(target), key_(key), cipher_(cipher) {}

IOStatus EncryptedFiles::NewSequentialFile(const std::string& name, const FileOptions& options,
                                           std::unique_ptr<rocksdb::FSSequentialFile>* out,
                                           IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  IOStatus status = FileSystemWrapper::NewSequentialFile(name, options, &file, debug);
  char prefix[kPrefix];
  Slice read;
  if (status.ok()) {
    status = file->Read(kPrefix, IOOptions(), &read, prefix, debug);
  }
  if (status.ok()) {
    *out = std::make_unique<Reader>(std::move(file),
                                    StreamCipher::FromPrefix(key_, {read.data(), read.size()}));
  }
  return status;
}

IOStatus EncryptedFiles::NewRandomAccessFile(const std::string& name, const FileOptions& options,
                                             std::unique_ptr<rocksdb::FSRandomAccessFile>* out,
                                             IODebugContext* debug) {
  FileOptions buffered = options;
  buffered.use_mmap_reads = false;
  buffered.use_direct_reads = false;
  std::unique_ptr<rocksdb::FSRandomAccessFile> file;
  IOStatus status = FileSystemWrapper::NewRandomAccessFile(name, buffered, &file, debug);
  char prefix[kPrefix];
  Slice read;
  if (status.ok()) {
    status = file->Read(0, kPrefix, IOOptions(), &read, prefix, debug);
  }
  if (status.ok()) {
    *out = std::make_unique<RandomReader>(
        std::move(file), StreamCipher::FromPrefix(key_, {read.data(), read.size()}));
  }
  return status;
}

IOStatus EncryptedFiles::NewWritableFile(const std::string& name, const FileOptions& options,
                                         std::unique_ptr<rocksdb::FSWritableFile>* out,
                                         IODebugContext* debug) {
  FileOptions buffered = options;
  buffered.use_mmap_writes = false;
  buffered.use_direct_writes = false;
  std::unique_ptr<rocksdb::FSWritableFile> file;
  IOStatus status = FileSystemWrapper::NewWritableFile(name, buffered, &file, debug);
  StreamCipher cipher = StreamCipher::Fresh(key_, cipher_);
  if (status.ok()) {
    status = file->Append(cipher.prefix(), IOOptions(), debug);
  }
  if (status.ok()) {
    *out = std::make_unique<Writer>(std::move(file), std::move(cipher));
  }
  return status;
}

IOStatus EncryptedFiles::ReopenWritableFile(const std::string& name, const FileOptions&,
                                            std::unique_ptr<rocksdb::FSWritableFile>*,
                                            IODebugContext*) {
  return IOStatus::NotSupported("encrypted files are not appended to again", name);
}

IOStatus EncryptedFiles::ReuseWritableFile(const std::string& name, const std::string&,
                                           const FileOptions&,
                                           std::unique_ptr<rocksdb::FSWritableFile>*,
                                           IODebugContext*) {
  return IOStatus::NotSupported("encrypted files are not used again", name);
}

IOStatus EncryptedFiles::NewRandomRWFile(const std::string& name, const FileOptions& options,
                                         std::unique_ptr<rocksdb::FSRandomRWFile>* out,
                                         IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSRandomRWFile> file;
  IOStatus status = FileSystemWrapper::NewRandomRWFile(name, options, &file, debug);
  char prefix[kPrefix];
  Slice read;
  if (status.ok()) {
    status = file->Read(0, kPrefix, IOOptions(), &read, prefix, debug);
  }
  if (!status.ok()) {
    return status;
  }
  auto cipher = StreamCipher::FromPrefix(key_, {read.data(), read.size()});
  if (!cipher.has_value()) {
    return IOStatus::Corruption("not an encrypted file", name);
  }
  *out = std::make_unique<Patcher>(std::move(file), std::move(*cipher));
  return status;
}

IOStatus EncryptedFiles::GetFileSize(const std::string& name, const IOOptions& options,
                                     uint64_t* out, IODebugContext* debug) {
  IOStatus status = FileSystemWrapper::GetFileSize(name, options, out, debug);
  *out -= std::min<uint64_t>(*out, kPrefix);
  return status;
}

}  // namespace weir::storage
