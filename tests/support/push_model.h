#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "jetstream/consumer_config.h"

namespace weir::testing {

// The receiving end of a push consumer as it should be (jetstream-api.md 9.8): who is there, how
// much may be under way, how fast it may go, when a heartbeat is due. Unix nanoseconds.
class PushModel {
 public:
  // What a rate limit lets through at once is `burst` bytes.
  explicit PushModel(int64_t burst) : burst_(burst) {}

  // ---- what happens ----

  void SetActive(bool active, int64_t now) {
    if (active == active_) {
      return;
    }
    active_ = active;
    open_request_ = 0;
    under_way_ = asked_ = 0;
    (active ? last_sent_ns_ : inactive_since_ns_) = now;
  }
  // The server starts again, and nobody is there yet.
  void Restart(int64_t now) {
    int requests = requests_;
    *this = PushModel(burst_);
    requests_ = requests;
    inactive_since_ns_ = now;
  }
  // A message of so many bytes went out; so many are in flight now. True: a request to confirm
  // follows it.
  bool Sent(const jetstream::ConsumerConfig& config, size_t size, size_t in_flight, int64_t now) {
    last_sent_ns_ = now;
    if (auto rate = static_cast<int64_t>(config.rate_limit_bps); rate > 0) {
      paid_ns_ = std::max(paid_ns_, now - burst_ * 8 * kSecond / rate) +
                 static_cast<int64_t>(size) * 8 * kSecond / rate;
    }
    if (!config.flow_control) {
      return false;
    }
    under_way_ += size;
    bool full = AcksByFlowControl(config) && config.max_ack_pending > 0 &&
                in_flight >= static_cast<size_t>(config.max_ack_pending);
    if (open_request_ == 0 && (full || under_way_ > window_ / 2)) {
      Request();
      return true;
    }
    if (open_request_ != 0 && under_way_ - asked_ >= window_) {
      asked_ += size;
    }
    return false;
  }
  void Request() {
    open_request_ = ++requests_;
    asked_ = under_way_;
  }
  void Confirmed() {
    window_ = std::min(window_ * 2, kLargestWindow);
    under_way_ -= std::min(under_way_, asked_);
    asked_ = 0;
    open_request_ = 0;
  }
  void Beaten(int64_t now) { last_sent_ns_ = now; }

  // ---- what there should be ----

  static bool AcksByFlowControl(const jetstream::ConsumerConfig& config) {
    return config.ack_policy == jetstream::AckPolicy::kFlowControl;
  }
  bool Ready(const jetstream::ConsumerConfig& config, int64_t now) const {
    return active_ && !(config.flow_control && under_way_ > window_) &&
           !(config.rate_limit_bps > 0 && paid_ns_ > now);
  }
  // INT64_MAX: never by itself.
  int64_t NextEvent(const jetstream::ConsumerConfig& config, int64_t now) const {
    int64_t next = INT64_MAX;
    if (active_ && config.idle_heartbeat_ns > 0) {
      next = last_sent_ns_ + config.idle_heartbeat_ns;
    }
    if (active_ && config.rate_limit_bps > 0 && paid_ns_ > now) {
      next = std::min(next, paid_ns_);
    }
    return next;
  }
  bool BeatDue(const jetstream::ConsumerConfig& config, int64_t now) const {
    return active_ && config.idle_heartbeat_ns > 0 &&
           last_sent_ns_ + config.idle_heartbeat_ns <= now;
  }
  bool active() const { return active_; }
  int64_t inactive_since_ns() const { return inactive_since_ns_; }
  // The how manieth request waits for an answer; 0: none.
  int open_request() const { return open_request_; }

 private:
  static constexpr int64_t kSecond = 1'000'000'000;
  static constexpr uint64_t kLargestWindow = 32ULL << 20;

  int64_t burst_;
  bool active_ = false;
  int64_t inactive_since_ns_ = 0;
  int64_t last_sent_ns_ = 0;
  int64_t paid_ns_ = 0;  // when the rate limit allows what has been sent
  uint64_t window_ = kLargestWindow / 16;
  uint64_t under_way_ = 0;
  uint64_t asked_ = 0;
  int open_request_ = 0;
  int requests_ = 0;
};

}  // namespace weir::testing
