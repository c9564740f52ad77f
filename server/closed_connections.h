#pragma once

#include <cstddef>
#include <deque>

#include "server/connection_info.h"

namespace weir::server {

// The last clients that have gone, for /connz. Confined to the first worker.
class ClosedConnections {
 public:
  explicit ClosedConnections(size_t capacity) : capacity_(capacity) {}

  void Add(ConnectionInfo info) {
    if (capacity_ == 0) {
      return;
    }
    if (entries_.size() == capacity_) {
      entries_.pop_front();
    }
    entries_.push_back(std::move(info));
  }
  const std::deque<ConnectionInfo>& entries() const { return entries_; }

 private:
  size_t capacity_;
  std::deque<ConnectionInfo> entries_;  // the oldest first
};

}  // namespace weir::server
