#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "jetstream/ack_ledger.h"
#include "jetstream/consumer_config.h"
#include "jetstream/environment.h"

namespace weir::jetstream {

// The receiving end of a push consumer (jetstream-api.md 9.8): is anybody there, how much may be
// under way, how fast may it go, and the heartbeats in between.
//
// Somebody is there while exactly the deliver subject is subscribed, in exactly the deliver group
// where there is one: subscriptions to patterns get what is delivered but count for nothing, as in
// the reference. The router tells when that changes; a delivery that finds nobody says so at once.
// Confined to the consumer's home.
class PushFlow : private InterestWatcher {
 public:
  // `run` is called when delivery may go on.
  PushFlow(Environment& env, AccountId account, std::string flow_prefix, const AckLedger& ledger,
           std::function<void()> run);
  ~PushFlow() override;
  PushFlow(const PushFlow&) = delete;
  PushFlow& operator=(const PushFlow&) = delete;

  // Also when the configuration changes, with CheckInterest() to follow; `burst_bytes` may go at
  // once under a rate limit.
  void Configure(const ConsumerConfig& config, int64_t burst_bytes);
  void Start();
  void Stop();

  // May the next message go? If not, `run` is called when it may.
  bool Ready(int64_t now_ns);
  const std::string& subject() const { return subject_; }
  // A message of this size went out and is in the ledger.
  void Sent(size_t size, int64_t now_ns);
  // The last message found nobody.
  void LostInterest();
  // A client answers a flow control request. False: not the one that is open. Else delivery may go
  // on.
  bool OnFlowControl(std::string_view subject);
  // Looks whether anybody is there.
  void CheckInterest() override;

  bool active() const { return active_; }
  // Steady time since when nobody is there; meaningless while active.
  int64_t inactive_since_ns() const { return inactive_since_ns_; }

 private:
  void Watch();
  void SetActive(bool active);
  void SendRequest();
  void SendHeartbeat();
  void Status(std::string_view reply, std::string_view headers);
  void ArmHeartbeat();

  Environment& env_;
  const AccountId account_;
  const std::string flow_prefix_;
  const AckLedger& ledger_;
  std::function<void()> run_;

  std::string subject_;
  std::string group_;
  int64_t heartbeat_ns_ = 0;
  bool flow_control_ = false;
  size_t most_pending_ = 0;  // where answers to flow control are acknowledgements; else 0
  int64_t rate_bps_ = 0;     // bits; 0: no limit
  int64_t burst_ns_ = 0;     // what the burst takes at that rate

  bool started_ = false;
  Router::WatchId watch_ = 0;
  bool active_ = false;
  int64_t inactive_since_ns_ = 0;
  int64_t last_sent_ns_ = 0;

  uint64_t window_ = 0;                  // bytes that may be under way
  uint64_t under_way_ = 0;               // bytes sent and not confirmed
  uint64_t asked_for_ = 0;               // what the answer to the request confirms
  std::string request_;                  // reply subject of the request under way; empty: none
  int64_t rate_due_ns_ = INT64_MIN / 2;  // when the bytes sent so far are paid for

  TimerQueue::TimerId heartbeat_timer_;
  TimerQueue::TimerId rate_timer_;
  TimerQueue::TimerId doubt_timer_;
};

}  // namespace weir::jetstream
