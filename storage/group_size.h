#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace weir::storage {

// Guesses how many messages the next synced commit will have, by the last ones. Clients that wait
// for their acks are answered together and publish again together: the first of them to arrive
// would have a sync of its own, and the others the next one. Waiting for them a little makes one
// sync of two. A client alone never waits, since it never had company.
//
// Not thread-safe.
class GroupSize {
 public:
  // So many messages are being committed.
  void Took(size_t messages) {
    expected_ = std::max(messages, expected_ - std::min(expected_, 1 + expected_ / 4));
  }
  void Synced(std::chrono::microseconds took) { average_ += (took - average_) / 8; }

  size_t expected() const { return expected_; }
  // How long the missing ones are worth waiting for: below a timer's precision not at all.
  std::chrono::microseconds patience() const {
    std::chrono::microseconds half = average_ / 2;
    return half < kLeast ? std::chrono::microseconds(0) : std::min(half, kMost);
  }

 private:
  static constexpr std::chrono::microseconds kLeast{30};
  static constexpr std::chrono::microseconds kMost{500};

  size_t expected_ = 0;
  std::chrono::microseconds average_{0};  // of a sync's time
};

}  // namespace weir::storage
