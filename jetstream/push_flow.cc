#include "jetstream/push_flow.h"

#include <algorithm>
#include <utility>

#include "protocol/base/nuid.h"
#include "protocol/base/strings.h"

namespace weir::jetstream {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr uint64_t kLargestWindow = 32ULL << 20;
constexpr uint64_t kFirstWindow = kLargestWindow / 16;
constexpr size_t kRequestIdSize = 4;
// After so long it is looked again whether a listener that could not be reached is one.
constexpr int64_t kDoubt = kSecond / 10;

}  // namespace

PushFlow::PushFlow(Environment& env, AccountId account, std::string flow_prefix,
                   const AckLedger& ledger, std::function<void()> run)
    : env_(env),
      account_(account),
      flow_prefix_(std::move(flow_prefix)),
      ledger_(ledger),
      run_(std::move(run)) {}

PushFlow::~PushFlow() {
  Stop();
}

void PushFlow::Configure(const ConsumerConfig& config, int64_t burst_bytes) {
  bool moved = started_ && (subject_ != config.deliver_subject || group_ != config.deliver_group);
  subject_ = config.deliver_subject;
  group_ = config.deliver_group;
  heartbeat_ns_ = config.idle_heartbeat_ns;
  flow_control_ = config.flow_control;
  most_pending_ = config.ack_policy == AckPolicy::kFlowControl && config.max_ack_pending > 0
                      ? static_cast<size_t>(config.max_ack_pending)
                      : 0;
  if (window_ == 0) {
    window_ = kFirstWindow;
  }
  rate_bps_ = static_cast<int64_t>(config.rate_limit_bps);
  if (rate_bps_ > 0) {
    burst_ns_ = burst_bytes * 8 * kSecond / rate_bps_;
  }
  if (moved) {
    Watch();
  }
}

void PushFlow::Watch() {
  env_.router.Unwatch(watch_);
  watch_ = env_.router.Watch(account_, subject_, *this);
}

void PushFlow::Start() {
  started_ = true;
  inactive_since_ns_ = last_sent_ns_ = env_.clock.steady_ns();
  Watch();
  active_ = env_.router.IsSubscribed(account_, subject_, group_);
  ArmHeartbeat();
}

void PushFlow::Stop() {
  started_ = false;
  env_.router.Unwatch(std::exchange(watch_, 0));
  for (auto* timer : {&heartbeat_timer_, &rate_timer_, &doubt_timer_}) {
    env_.timers.Cancel(*timer);
  }
}

bool PushFlow::Ready(int64_t now_ns) {
  if (!active_ || (flow_control_ && under_way_ > window_)) {
    return false;
  }
  if (rate_bps_ > 0 && rate_due_ns_ > now_ns) {
    if (!rate_timer_) {
      rate_timer_ = env_.timers.Schedule(rate_due_ns_, [this] {
        rate_timer_ = {};
        run_();
      });
    }
    return false;
  }
  return true;
}

void PushFlow::Sent(size_t size, int64_t now_ns) {
  last_sent_ns_ = now_ns;
  if (rate_bps_ > 0) {
    rate_due_ns_ = std::max(rate_due_ns_, now_ns - burst_ns_) +
                   static_cast<int64_t>(size) * 8 * kSecond / rate_bps_;
  }
  if (!flow_control_) {
    return;
  }
  under_way_ += size;
  if (request_.empty()) {
    bool full = most_pending_ > 0 && ledger_.num_pending() >= most_pending_;
    if (full || under_way_ > window_ / 2) {
      SendRequest();
    }
  } else if (under_way_ - asked_for_ >= window_) {
    asked_for_ += size;
  }
}

void PushFlow::SendRequest() {
  request_ = Cat(flow_prefix_, RandomName(env_.random, kRequestIdSize));
  asked_for_ = under_way_;
  Status(request_, "NATS/1.0 100 FlowControl Request\r\n\r\n");
}

bool PushFlow::OnFlowControl(std::string_view subject) {
  if (request_.empty() || subject != request_) {
    return false;
  }
  window_ = std::min(window_ * 2, kLargestWindow);
  under_way_ -= std::min(under_way_, asked_for_);
  asked_for_ = 0;
  request_.clear();
  return true;
}

void PushFlow::LostInterest() {
  SetActive(false);
  // Most likely a subscription is on its way out, and whoever has one may still be there.
  env_.timers.Cancel(doubt_timer_);
  doubt_timer_ = env_.timers.Schedule(env_.clock.steady_ns() + kDoubt, [this] {
    doubt_timer_ = {};
    CheckInterest();
  });
}

void PushFlow::CheckInterest() {
  env_.timers.Cancel(doubt_timer_);
  SetActive(env_.router.IsSubscribed(account_, subject_, group_));
}

void PushFlow::SetActive(bool active) {
  if (active == active_) {
    return;
  }
  active_ = active;
  // The one who comes now knows nothing of what was asked of the one before.
  request_.clear();
  under_way_ = asked_for_ = 0;
  if (active) {
    last_sent_ns_ = env_.clock.steady_ns();
    run_();
  } else {
    inactive_since_ns_ = env_.clock.steady_ns();
  }
}

void PushFlow::ArmHeartbeat() {
  if (heartbeat_ns_ == 0) {
    return;
  }
  heartbeat_timer_ = env_.timers.Schedule(last_sent_ns_ + heartbeat_ns_, [this] {
    heartbeat_timer_ = {};
    int64_t now = env_.clock.steady_ns();
    if (last_sent_ns_ + heartbeat_ns_ <= now) {
      if (active_) {
        SendHeartbeat();
      }
      last_sent_ns_ = now;
    }
    ArmHeartbeat();
  });
}

void PushFlow::SendHeartbeat() {
  std::string headers =
      Cat("NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: ", ledger_.delivered().consumer,
          "\r\nNats-Last-Stream: ", ledger_.delivered().stream, "\r\n");
  if (!request_.empty()) {
    CatTo(headers, "Nats-Consumer-Stalled: ", request_, "\r\n");
  }
  headers.append("\r\n");
  Status({}, headers);
  if (most_pending_ > 0 && request_.empty() && ledger_.num_pending() > 0) {
    SendRequest();
  }
}

void PushFlow::Status(std::string_view reply, std::string_view headers) {
  env_.router.Publish(account_, Outbound{subject_, reply, headers, {}});
}

}  // namespace weir::jetstream
