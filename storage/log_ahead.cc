#include "storage/log_ahead.h"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <unistd.h>

namespace weir::storage {

LogAhead::LogAhead(const std::string& path) : fd_(::open(path.c_str(), O_WRONLY | O_CLOEXEC)) {}

LogAhead::~LogAhead() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

void LogAhead::Extend(uint64_t size) {
  wanted_.store(false, std::memory_order_relaxed);
  if (fd_ < 0) {
    return;
  }
  static constexpr std::array<char, kAhead> kZeros{};
  uint64_t from = std::max(size, zeroed_);
  ssize_t written = ::pwrite(fd_, kZeros.data(), kZeros.size(), static_cast<off_t>(from));
  if (written > 0) {
    zeroed_ = from + static_cast<uint64_t>(written);
  }
}

void LogAhead::CutOff(uint64_t size) {
  if (zeroed_ > size && ::ftruncate(fd_, static_cast<off_t>(size)) == 0) {
    zeroed_ = size;
  }
}

}  // namespace weir::storage
