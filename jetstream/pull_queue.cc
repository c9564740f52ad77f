#include "jetstream/pull_queue.h"

#include <algorithm>
#include <utility>

#include "protocol/base/strings.h"

namespace weir::jetstream {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr std::string_view kShutdown = "Server Shutdown";

std::string PendingHeaders(int64_t messages, int64_t bytes) {
  return Cat("Nats-Pending-Messages: ", messages, "\r\nNats-Pending-Bytes: ", bytes, "\r\n");
}

}  // namespace

PullQueue::PullQueue(Environment& env, AccountId account, const AckLedger& ledger, ClientPin& pin)
    : env_(env),
      account_(account),
      ledger_(ledger),
      pin_(pin),
      last_activity_ns_(env.clock.steady_ns()) {}

PullQueue::~PullQueue() {
  env_.timers.Cancel(timer_);
}

void PullQueue::Configure(const ConsumerConfig& config) {
  max_waiting_ = static_cast<size_t>(std::max<int64_t>(config.max_waiting, 0));
  max_batch_ = config.max_batch;
  max_expires_ns_ = config.max_expires_ns;
  max_bytes_ = config.max_bytes;
  policy_ = config.priority_policy;
  groups_ = config.priority_groups;
}

std::string PullQueue::Refusal(const PullRequest& request) const {
  if (max_batch_ > 0 && request.batch > max_batch_) {
    return Cat("409 Exceeded MaxRequestBatch of ", max_batch_);
  }
  if (max_expires_ns_ > 0 && request.expires_ns > max_expires_ns_) {
    return Cat("409 Exceeded MaxRequestExpires of ", FormatDuration(max_expires_ns_));
  }
  if (max_bytes_ > 0 && request.max_bytes > max_bytes_) {
    return Cat("409 Exceeded MaxRequestMaxBytes of ", max_bytes_);
  }
  if (!request.is_object) {
    return {};
  }
  if ((request.min_pending != 0 || request.min_ack_pending != 0) &&
      policy_ != PriorityPolicy::kOverflow) {
    return "400 Bad Request - Not a Overflow Priority consumer";
  }
  if (!request.pin_id.empty() && policy_ != PriorityPolicy::kPinnedClient) {
    return "400 Bad Request - Not a Pinned Client Priority consumer";
  }
  if (request.priority < 0 || request.priority > 9) {
    return "400 Bad Request - Priority must be between 0 and 9";
  }
  if (policy_ != PriorityPolicy::kNone) {
    if (request.group.empty()) {
      return "400 Bad Request - Priority Group missing";
    }
    if (std::find(groups_.begin(), groups_.end(), request.group) == groups_.end()) {
      return "400 Bad Request - Invalid Priority Group";
    }
    if (!pin_.id().empty() && !request.pin_id.empty() && request.pin_id != pin_.id()) {
      return "423 Nats-Pin-Id mismatch";
    }
  }
  return {};
}

bool PullQueue::Add(std::string_view reply, std::string_view body,
                    absl::FunctionRef<uint64_t()> available) {
  StatusOr<PullRequest> parsed = ParsePullRequest(body);
  if (!parsed.ok()) {
    SendStatus(reply, Cat("400 Bad Request - ", Message(parsed.status())));
    return false;
  }
  const PullRequest& request = *parsed;
  if (std::string refusal = Refusal(request); !refusal.empty()) {
    SendStatus(reply, refusal);
    return false;
  }
  if (!request.pin_id.empty() && request.pin_id == pin_.id()) {
    pin_.Touch();
  }
  int64_t now = env_.clock.steady_ns();
  if (requests_.size() >= max_waiting_ && now - last_refresh_ns_ > kSecond) {
    Refresh();
  }
  if (request.no_wait) {
    uint64_t messages = available();
    if (messages == 0 && request.expires_ns == 0) {
      last_activity_ns_ = now;
      SendStatus(reply, "404 No Messages");
      return false;
    }
    if (messages > 0 && !requests_.empty()) {
      Refresh();
      uint64_t asked = 0;
      for (const Request& waiting : requests_) {
        asked += static_cast<uint64_t>(std::max<int64_t>(waiting.left, 0));
      }
      if (messages < asked) {
        last_activity_ns_ = now;
        SendStatus(reply, "408 Requests Pending");
        return false;
      }
    }
  }
  if (requests_.size() >= max_waiting_) {
    // A client with heartbeats notices by itself; telling it would only make it ask again at once.
    if (request.heartbeat_ns == 0) {
      SendStatus(reply, "409 Exceeded MaxWaiting");
    }
    return false;
  }
  Request waiting;
  waiting.reply = reply;
  waiting.left = request.batch;
  waiting.max_bytes = request.max_bytes;
  waiting.no_wait = request.no_wait;
  waiting.expires_ns = request.expires_ns == 0 ? 0 : now + request.expires_ns;
  waiting.heartbeat_ns = request.heartbeat_ns;
  waiting.next_heartbeat_ns = now + request.heartbeat_ns;
  waiting.min_pending = request.min_pending;
  waiting.min_ack_pending = request.min_ack_pending;
  waiting.priority = request.priority;
  waiting.pinnable = request.is_object;
  waiting.pin_id = request.pin_id;
  last_activity_ns_ = now;
  Insert(std::move(waiting));
  return true;
}

void PullQueue::Insert(Request request) {
  no_wait_ += request.no_wait ? 1 : 0;
  ArmFor(request);
  auto before = requests_.end();
  if (policy_ == PriorityPolicy::kPrioritized) {
    before = std::find_if(requests_.begin(), requests_.end(), [&request](const Request& other) {
      return other.priority > request.priority;
    });
  }
  requests_.insert(before, std::move(request));
}

bool PullQueue::Blocked(const Request& request, const Offer& offer) const {
  if (policy_ != PriorityPolicy::kOverflow ||
      (request.min_pending <= 0 && request.min_ack_pending <= 0)) {
    return false;
  }
  bool enough_pending =
      request.min_pending > 0 && static_cast<uint64_t>(request.min_pending) <= offer.pending;
  bool enough_unacked = request.min_ack_pending > 0 &&
                        static_cast<size_t>(request.min_ack_pending) <= ledger_.num_pending();
  return !enough_pending && !enough_unacked;
}

PullQueue::Pinned PullQueue::CheckPin(const Request& request) const {
  if (policy_ != PriorityPolicy::kPinnedClient) {
    return Pinned::kGoOn;
  }
  if (request.pin_id.empty()) {
    return pin_.id().empty() ? Pinned::kGoOn : Pinned::kOther;
  }
  return request.pin_id == pin_.id() ? Pinned::kGoOn : Pinned::kStale;
}

PullQueue::Request* PullQueue::Pick(const Offer& offer, int64_t now_ns) {
  size_t passed_over = 0;
  while (passed_over < requests_.size()) {
    Request& request = requests_.front();
    if (request.expires_ns != 0 && request.expires_ns <= now_ns) {
      Expire(requests_.begin());
      continue;
    }
    Pinned pinned = CheckPin(request);
    if (pinned == Pinned::kStale) {
      SendFinal(request, "423 Nats-Wrong-Pin-Id");
      Remove(requests_.begin());
    } else if (pinned == Pinned::kOther || Blocked(request, offer)) {
      Rotate();
      ++passed_over;
    } else if (request.max_bytes > 0 && static_cast<int64_t>(offer.size) > request.max_bytes) {
      SendFinal(request, "409 Message Size Exceeds MaxBytes");
      Remove(requests_.begin());
    } else {
      if (policy_ == PriorityPolicy::kPinnedClient && pin_.id().empty() && request.pinnable) {
        // Not for one who has left, or the others would wait for it.
        if (!env_.router.HasInterest(account_, request.reply)) {
          Remove(requests_.begin());
          continue;
        }
        pin_.Assign();
        request.pin_id = pin_.id();
      }
      return &request;
    }
  }
  return nullptr;
}

void PullQueue::Delivered(size_t size, int64_t now_ns) {
  Request& request = requests_.front();
  last_activity_ns_ = now_ns;
  ++request.delivered;
  --request.left;
  if (request.max_bytes > 0) {
    request.max_bytes -= static_cast<int64_t>(size);
    if (request.max_bytes == 0) {
      request.left = 0;
    } else if (request.left <= 0) {
      SendFinal(request, "409 Batch Completed");
    }
  }
  if (request.left <= 0) {
    Remove(requests_.begin());
    return;
  }
  if (request.heartbeat_ns > 0) {
    request.next_heartbeat_ns = last_activity_ns_ + request.heartbeat_ns;
  }
  Rotate();
}

void PullQueue::Drop() {
  Remove(requests_.begin());
}

void PullQueue::Rotate() {
  if (requests_.size() < 2) {
    return;
  }
  auto before = requests_.end();
  if (policy_ == PriorityPolicy::kPrioritized) {
    int64_t priority = requests_.front().priority;
    before = std::find_if(requests_.begin(), requests_.end(),
                          [priority](const Request& other) { return other.priority > priority; });
  }
  requests_.splice(before, requests_, requests_.begin());
}

void PullQueue::EndNoWait() {
  if (no_wait_ == 0) {
    return;
  }
  for (auto at = requests_.begin(); at != requests_.end();) {
    auto next = std::next(at);
    if (EndsAtLull(*at)) {
      EndAtLull(at);
    }
    at = next;
  }
}

// With an expiry it waits for a first message, and is over at the next lull after that.
bool PullQueue::EndsAtLull(const Request& request) {
  return request.no_wait && (request.expires_ns == 0 || request.delivered > 0);
}

void PullQueue::EndAtLull(Iterator at) {
  last_activity_ns_ = env_.clock.steady_ns();
  SendStatus(at->reply, "404 No Messages");
  Remove(at);
}

void PullQueue::Refresh(bool lull) {
  int64_t now = env_.clock.steady_ns();
  last_refresh_ns_ = now;
  for (auto at = requests_.begin(); at != requests_.end();) {
    auto next = std::next(at);
    if (at->expires_ns != 0 && at->expires_ns <= now) {
      Expire(at);
    } else if (lull && EndsAtLull(*at)) {
      EndAtLull(at);
    } else if (!env_.router.HasInterest(account_, at->reply)) {
      Remove(at);
    } else if (at->heartbeat_ns > 0 && at->next_heartbeat_ns <= now) {
      SendHeartbeat(*at);
      at->next_heartbeat_ns = now + at->heartbeat_ns;
    }
    at = next;
  }
}

void PullQueue::Stop(int status, std::string_view text) {
  for (const Request& request : requests_) {
    if (text == kShutdown) {
      SendFinal(request, Cat(status, ' ', text));
    } else {
      SendStatus(request.reply, Cat(status, ' ', text));
    }
  }
  requests_.clear();
  no_wait_ = 0;
  env_.timers.Cancel(timer_);
}

bool PullQueue::HasInterest() {
  Refresh();
  return !requests_.empty();
}

void PullQueue::Expire(Iterator at) {
  SendFinal(*at, "408 Request Timeout");
  last_activity_ns_ = std::max(last_activity_ns_, at->expires_ns);
  Remove(at);
}

void PullQueue::Remove(Iterator at) {
  no_wait_ -= at->no_wait ? 1 : 0;
  requests_.erase(at);
}

void PullQueue::SendStatus(std::string_view reply, std::string_view status) {
  std::string headers = Cat("NATS/1.0 ", status, "\r\n\r\n");
  env_.router.Publish(account_, Outbound{reply, {}, headers, {}});
}

void PullQueue::SendFinal(const Request& request, std::string_view status) {
  std::string headers =
      Cat("NATS/1.0 ", status, "\r\n", PendingHeaders(request.left, request.max_bytes), "\r\n");
  env_.router.Publish(account_, Outbound{request.reply, {}, headers, {}});
}

void PullQueue::SendHeartbeat(const Request& request) {
  std::string headers =
      Cat("NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: ", ledger_.delivered().consumer,
          "\r\nNats-Last-Stream: ", ledger_.delivered().stream, "\r\n\r\n");
  env_.router.Publish(account_, Outbound{request.reply, {}, headers, {}});
}

void PullQueue::ArmFor(const Request& request) {
  int64_t due = request.expires_ns == 0 ? INT64_MAX : request.expires_ns;
  if (request.heartbeat_ns > 0) {
    due = std::min(due, request.next_heartbeat_ns);
  }
  if (due != INT64_MAX) {
    Arm(due);
  }
}

// A request that is done leaves the timer as it is: firing too early only looks once more.
void PullQueue::Arm(int64_t due_ns) {
  if (timer_ && timer_.due_ns <= due_ns) {
    return;
  }
  env_.timers.Cancel(timer_);
  timer_ = env_.timers.Schedule(due_ns, [this] { OnTimer(); });
}

void PullQueue::OnTimer() {
  timer_ = {};
  int64_t now = env_.clock.steady_ns();
  bool due = std::any_of(requests_.begin(), requests_.end(), [now](const Request& request) {
    return (request.expires_ns != 0 && request.expires_ns <= now) ||
           (request.heartbeat_ns > 0 && request.next_heartbeat_ns <= now);
  });
  // Acks that do not come are a lull only now: until then they may be on their way.
  Refresh(due && !ledger_.HasRoom());
  for (const Request& request : requests_) {
    ArmFor(request);
  }
}

}  // namespace weir::jetstream
