#include "storage/store_keeper.h"

#include <algorithm>
#include <utility>

#include <pthread.h>
#include <sys/statvfs.h>

namespace weir::storage {

StoreKeeper::StoreKeeper(Database& db, Options options)
    : db_(db), options_(std::move(options)), thread_([this] { Main(); }) {}

StoreKeeper::~StoreKeeper() {
  Stop();
}

void StoreKeeper::Stop() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

void StoreKeeper::Look() {
  struct statvfs info{};
  if (::statvfs(db_.directory().c_str(), &info) != 0) {
    return;
  }
  uint64_t unit = info.f_frsize;
  uint64_t reserve = std::min<uint64_t>(options_.reserve_bytes, info.f_blocks * unit / 4);
  // Twice as much to go on, so that it does not flutter.
  bool full = info.f_bavail * unit < (full_.load() ? 2 * reserve : reserve);
  if (full != full_.exchange(full) && options_.on_full) {
    options_.on_full(full);
  }
}

bool StoreKeeper::Wait(std::chrono::milliseconds time) {
  auto until = std::chrono::steady_clock::now() + time;
  while (true) {
    Look();
    auto left = until - std::chrono::steady_clock::now();
    MutexLock lock(mu_);
    if (stopping_ || left <= left.zero()) {
      return !stopping_;
    }
    lock.WaitFor(wake_, std::min<std::chrono::steady_clock::duration>(left, options_.look_every));
  }
}

void StoreKeeper::Main() {
  ::pthread_setname_np(::pthread_self(), "weir-keeper");
  std::chrono::milliseconds pause = options_.scrub_after;
  while (Wait(pause)) {
    pause = options_.scrub_every;
    if (options_.scrub_bytes_per_second == 0) {
      continue;
    }
    bool finished = db_.Scrub([this](uint64_t bytes) {
      scrubbed_.fetch_add(bytes, std::memory_order_relaxed);
      return Wait(std::chrono::milliseconds(bytes * 1000 / options_.scrub_bytes_per_second));
    });
    scrubs_.fetch_add(finished ? 1 : 0, std::memory_order_relaxed);
  }
}

}  // namespace weir::storage
