#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jetstream/consumer_config.h"
#include "protocol/base/strings.h"
#include "tests/support/push_model.h"
#include "tests/support/stream_model.h"

namespace weir::testing {

// Who should receive what of one consumer, and when: waiting requests or a listener, deadlines,
// pins, pauses, replays (jetstream-api.md 9.7 to 9.10). What is delivered and done is kept in the
// ConsumerModel beside.
//
// Time is Unix nanoseconds; whoever uses it stops at every NextEvent().
class DeliveryModel {
 public:
  struct Request {
    std::string inbox;
    int64_t batch = 1;
    int64_t max_bytes = 0;
    int64_t expires_ns = 0;    // from now; 0: never
    int64_t heartbeat_ns = 0;  // 0: none
    bool no_wait = false;
    bool plain = false;  // a number or nothing: it knows no groups
    std::string group;
    int64_t min_pending = 0;
    int64_t min_ack_pending = 0;
    int64_t priority = 0;
    int pin = 0;  // 0: none; the how manieth pin of the consumer

    int64_t ends_ns = 0;
    int64_t beats_ns = 0;
    int64_t delivered = 0;
  };
  // By inbox or deliver subject: each message as its parts, each status as its header. Requests of
  // flow control are named by their numbers.
  using Sent = std::map<std::string, std::vector<std::string>>;

  DeliveryModel(StreamModel& stream, jetstream::ConsumerConfig config, int64_t now)
      : config_(std::move(config)), stream_(stream), name_(config_.name) {
    if (config_.is_push()) {
      constexpr int64_t kUnbounded = 1 << 20;
      int64_t largest = stream.config.max_msg_size;
      push_.emplace(largest > 0 ? largest : kUnbounded);
      push_->Restart(now);
    }
    Begin(now);
  }

  static std::string Line(std::string_view subject, std::string_view reply,
                          std::string_view headers, std::string_view payload) {
    return Cat(subject, " ", reply, " ", headers, " ", payload);
  }

  // ---- what clients do ----

  void Pull(Request request, int64_t now) {
    touched_ns_ = now;
    if (std::string refusal = Refusal(request); !refusal.empty()) {
      Status(request, refusal);
      return;
    }
    if (!request.plain && request.pin != 0 && request.pin == pin_) {
      pin_ends_ns_ = now + config_.priority_timeout_ns;
    }
    if (request.no_wait) {
      uint64_t there = stream_.num_pending(model()) + model().again.size();
      uint64_t asked = 0;
      for (const Request& other : waiting_) {
        asked += static_cast<uint64_t>(std::max<int64_t>(other.batch, 0));
      }
      if (there == 0 && request.expires_ns == 0) {
        Status(request, "404 No Messages");
        return;
      }
      if (there > 0 && there < asked) {
        Status(request, "408 Requests Pending");
        return;
      }
    }
    if (waiting_.size() >= static_cast<size_t>(config_.max_waiting)) {
      if (request.heartbeat_ns == 0) {
        Status(request, "409 Exceeded MaxWaiting");
      }
      return;
    }
    request.ends_ns = request.expires_ns == 0 ? 0 : now + request.expires_ns;
    request.beats_ns = request.heartbeat_ns == 0 ? 0 : now + request.heartbeat_ns;
    Insert(std::move(request));
  }
  // Anything of a client, for the upper bound of inactivity.
  void Touch(int64_t now) { touched_ns_ = now; }
  // Nobody listens at the inbox any more.
  void ClientGone(const std::string& inbox) {
    waiting_.remove_if([&](const Request& request) { return request.inbox == inbox; });
  }
  // Whoever listened is no longer there, or somebody is. When that is `noticed` only by the next
  // message, what is sent meanwhile is lost.
  void Listen(bool there, bool noticed, int64_t now) {
    reachable_ = there;
    if (noticed) {
      push_->SetActive(there, now);
    }
  }
  // The answer to the open request of flow control; with what the client has seen, which counts
  // where that is the way of acknowledging.
  void Confirm(StreamSeq seq, ConsumerSeq number) {
    push_->Confirmed();
    if (PushModel::AcksByFlowControl(config_) && seq > 0) {
      Ack(seq, number);
    }
  }
  void Ack(StreamSeq seq, ConsumerSeq number) {
    if (seq <= model().delivered.stream) {
      stream_.Ack(model(), seq, number);
    }
  }
  void Nak(StreamSeq seq, ConsumerSeq number, int64_t delay_ns, int64_t now) {
    auto at = model().in_flight.find(seq);
    // Acknowledging all of a later delivery may have gone beyond this one.
    if (at == model().in_flight.end() || number <= model().floor.consumer) {
      return;
    }
    if (delay_ns > 0) {
      std::erase(model().again, seq);
      DueAt(at->second, now + delay_ns);
    } else {
      StreamModel::Nak(model(), seq);
    }
  }
  void Progress(StreamSeq seq, int64_t now) {
    auto at = model().in_flight.find(seq);
    if (at != model().in_flight.end() && !Queued(seq)) {
      DueAt(at->second, now + WaitAfter(at->second.deliveries));
    }
  }
  void Unpin() { pin_ = 0; }
  void Pause(std::optional<int64_t> until_ns, int64_t now) {
    config_.pause_until_ns = until_ns;
    touched_ns_ = now;
  }
  // `there`: somebody listens at the deliver subject, which may be another one now.
  void Update(jetstream::ConsumerConfig config, bool there, int64_t now) {
    bool moved = config.deliver_subject != config_.deliver_subject;
    config_ = std::move(config);
    if (auto filters = config_.Filters(); filters != model().filters) {
      model().filters = std::move(filters);
      stream_.DropUnneeded(/*tell=*/true);
    }
    if (moved) {
      QueueDue(INT64_MAX);
    }
    if (push_) {
      Listen(there, true, now);
    }
    touched_ns_ = now;
  }
  void Reset(StreamSeq seq) {
    model().in_flight.clear();
    model().again.clear();
    model().given_up.clear();
    model().delivered = model().floor = {0, seq - 1};
  }

  // ---- time ----

  // When something is due by itself; INT64_MAX: never.
  int64_t NextEvent(int64_t now) const {
    int64_t next = INT64_MAX;
    auto consider = [&next](int64_t at) {
      next = at == 0 ? next : std::min(next, at);
    };
    for (const auto& [seq, entry] : model().in_flight) {
      consider(Queued(seq) ? 0 : entry.due_ns);
    }
    for (const Request& request : waiting_) {
      consider(request.ends_ns);
      consider(request.beats_ns);
    }
    consider(pin_ == 0 ? 0 : pin_ends_ns_);
    if (push_) {
      consider(push_->NextEvent(config_, now));
      consider(push_->active() ? 0 : GoesAt());
    }
    consider(NextOfReplay(now));
    consider(Paused(now) ? *config_.pause_until_ns : 0);
    return next;
  }
  void OnTime(int64_t now) {
    touched_ns_ = waiting_.empty() ? touched_ns_ : now;
    if (pin_ != 0 && pin_ends_ns_ <= now) {
      pin_ = 0;
    }
    bool lull = Full() && std::any_of(waiting_.begin(), waiting_.end(), [now](const auto& request) {
                  return Over(request, now) || (request.beats_ns != 0 && request.beats_ns <= now);
                });
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (Over(*at, now)) {
        at = End(at, "408 Request Timeout");
        continue;
      }
      if (lull && EndsAtLull(*at)) {
        Status(*at, "404 No Messages");
        at = waiting_.erase(at);
        continue;
      }
      if (at->beats_ns != 0 && at->beats_ns <= now) {
        sent[at->inbox].push_back(
            Cat("NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: ", model().delivered.consumer,
                "\r\nNats-Last-Stream: ", model().delivered.stream, "\r\n\r\n"));
        at->beats_ns = now + at->heartbeat_ns;
      }
      ++at;
    }
    if (push_ && push_->BeatDue(config_, now)) {
      Beat(now);
    }
    QueueDue(now);
  }
  // The server has been away; so have all who waited or listened.
  void Restart(int64_t now) {
    // What a purge of all that the filters select took in flight is noticed only now.
    for (const auto& [seq, entry] : std::map(model().in_flight)) {
      if (!stream_.messages.contains(seq)) {
        model().Leave(seq);
      }
    }
    waiting_.clear();
    model().again.clear();
    pin_ = 0;
    if (push_) {
      push_->Restart(now);
      reachable_ = false;
    }
    Begin(now);
    QueueDue(now);
  }
  void QueueDue(int64_t now) {
    std::vector<StreamSeq> due;
    for (const auto& [seq, entry] : model().in_flight) {
      if (!Queued(seq) && entry.due_ns <= now) {
        due.push_back(seq);
      }
    }
    for (StreamSeq seq : due) {
      auto deliveries = model().in_flight.at(seq).deliveries;
      if (Exhausted(deliveries)) {
        GiveUp(seq, deliveries);
      } else {
        model().again.push_back(seq);
      }
    }
  }

  // ---- delivery ----

  // All that can go out now goes out.
  void Deliver(int64_t now) {
    touched_ns_ = waiting_.empty() ? touched_ns_ : now;
    while (push_ ? push_->Ready(config_, now) : !waiting_.empty()) {
      if (Paused(now)) {
        EndNoWait();
        return;
      }
      StreamSeq seq = 0;
      bool is_new = model().again.empty();
      if (!is_new) {
        seq = model().again.front();
        if (!stream_.messages.contains(seq)) {
          model().Leave(seq);  // another consumer was done with what this one wants no more
          continue;
        }
        if (uint32_t deliveries = model().in_flight.at(seq).deliveries; Exhausted(deliveries)) {
          GiveUp(seq, deliveries);
          continue;
        }
      } else if (Full()) {
        return;
      } else if (auto next = stream_.NextFor(model())) {
        seq = *next;
        if (ReplayedAt(seq) > now) {
          return;
        }
      } else {
        replay_end_ = 0;
      }
      if (seq == 0 || !DeliverOne(seq, is_new, now)) {
        EndNoWait();
        return;
      }
    }
  }

  // ---- what there should be ----

  const std::optional<PushModel>& push() const { return push_; }
  bool reachable() const { return reachable_; }
  // Is this message held back for its distance to the one before?
  bool HoldsBack(StreamSeq seq, int64_t now) const {
    return stream_.NextFor(model()) == seq && ReplayedAt(seq) > now;
  }
  // When a consumer that nobody uses goes, at the earliest and the latest; INT64_MAX: never. A pull
  // consumer takes up to a second longer, at random.
  int64_t GoesAt() const {
    constexpr int64_t kTenth = 100'000'000;
    int64_t wait = config_.inactive_threshold_ns;
    if (wait == 0 || (push_ && push_->active()) || !waiting_.empty()) {
      return INT64_MAX;
    }
    return push_ ? push_->inactive_since_ns() + wait : used_ns_ + wait + kTenth;
  }
  int64_t GoneAt() const {
    constexpr int64_t kSecond = 1'000'000'000;
    int64_t at = GoesAt();
    return push_ || at == INT64_MAX ? at
                                    : std::max({touched_ns_, used_ns_, latest_due_ns_}) +
                                          config_.inactive_threshold_ns + kSecond;
  }
  size_t num_waiting() const { return waiting_.size(); }
  bool pinned() const { return pin_ != 0; }
  int pin() const { return pin_; }
  int pins() const { return pins_; }
  const std::list<Request>& waiting() const { return waiting_; }
  const jetstream::ConsumerConfig& config() const { return config_; }
  ConsumerModel& model() { return stream_.consumers.at(name_); }
  const ConsumerModel& model() const { return stream_.consumers.at(name_); }
  bool Paused(int64_t now) const { return config_.pause_until_ns && now < *config_.pause_until_ns; }
  bool Queued(StreamSeq seq) const {
    const auto& again = model().again;
    return std::find(again.begin(), again.end(), seq) != again.end();
  }

  Sent sent;  // whoever uses it takes it away

 private:
  int64_t WaitAfter(uint32_t deliveries) const {
    constexpr int64_t kForever = 100LL * 365 * 24 * 3600 * 1'000'000'000;
    const auto& steps = config_.backoff_ns;
    if (PushModel::AcksByFlowControl(config_)) {
      return kForever;
    }
    return steps.empty() ? config_.ack_wait_ns
                         : steps[std::min<size_t>(deliveries, steps.size()) - 1];
  }
  bool Exhausted(uint32_t deliveries) const {
    return config_.max_deliver > 0 && deliveries >= static_cast<uint64_t>(config_.max_deliver);
  }
  bool Full() const {
    return config_.ack_policy != jetstream::AckPolicy::kNone && config_.max_ack_pending > 0 &&
           model().in_flight.size() >= static_cast<size_t>(config_.max_ack_pending);
  }
  void GiveUp(StreamSeq seq, uint32_t deliveries) {
    model().GiveUp(seq);
    sent["MAX_DELIVERIES"].push_back(Cat(name_, " ", seq, " ", deliveries));
  }

  // ---- replay at the pace of publishing ----

  void Begin(int64_t now) {
    bool replay = config_.replay_policy == jetstream::ReplayPolicy::kOriginal;
    replay_end_ = replay ? stream_.last_seq : 0;
    replayed_ = 0;
    used_ns_ = touched_ns_ = now;
  }
  // When this message may go out, as far as its distance to the one before is concerned.
  int64_t ReplayedAt(StreamSeq seq) const {
    constexpr int64_t kShortest = 1'000'000;
    if (seq > replay_end_ || replayed_ == 0) {
      return 0;
    }
    int64_t gap = stream_.messages.at(seq).time_ns - replayed_;
    return gap < kShortest ? 0 : replayed_at_ns_ + gap;
  }
  int64_t NextOfReplay(int64_t now) const {
    auto next = stream_.NextFor(model());
    int64_t at = next ? ReplayedAt(*next) : 0;
    return at > now ? at : 0;
  }

  std::string Refusal(const Request& request) const {
    using jetstream::PriorityPolicy;
    PriorityPolicy policy = config_.priority_policy;
    if (push_) {
      return "409 Consumer is push based";
    }
    if (config_.max_batch > 0 && request.batch > config_.max_batch) {
      return Cat("409 Exceeded MaxRequestBatch of ", config_.max_batch);
    }
    if (config_.max_bytes > 0 && request.max_bytes > config_.max_bytes) {
      return Cat("409 Exceeded MaxRequestMaxBytes of ", config_.max_bytes);
    }
    if (request.plain) {
      return {};
    }
    if ((request.min_pending != 0 || request.min_ack_pending != 0) &&
        policy != PriorityPolicy::kOverflow) {
      return "400 Bad Request - Not a Overflow Priority consumer";
    }
    if (request.pin != 0 && policy != PriorityPolicy::kPinnedClient) {
      return "400 Bad Request - Not a Pinned Client Priority consumer";
    }
    if (policy == PriorityPolicy::kNone) {
      return {};
    }
    if (request.group.empty()) {
      return "400 Bad Request - Priority Group missing";
    }
    if (request.group != config_.priority_groups.front()) {
      return "400 Bad Request - Invalid Priority Group";
    }
    return pin_ != 0 && request.pin != 0 && request.pin != pin_ ? "423 Nats-Pin-Id mismatch" : "";
  }

  // Where priorities count, whoever says nothing of it comes last.
  static int64_t RankOf(const Request& request) {
    return request.plain ? INT64_MAX : request.priority;
  }
  void Insert(Request request) {
    auto before = waiting_.end();
    if (config_.priority_policy == jetstream::PriorityPolicy::kPrioritized) {
      before = std::find_if(waiting_.begin(), waiting_.end(),
                            [&](const Request& other) { return RankOf(other) > RankOf(request); });
    }
    waiting_.insert(before, std::move(request));
  }
  void ToTheBack() {
    Request request = std::move(waiting_.front());
    waiting_.pop_front();
    Insert(std::move(request));
  }

  void Status(const Request& request, std::string_view status) {
    sent[request.inbox].push_back(Cat("NATS/1.0 ", status, "\r\n\r\n"));
  }
  // With what is left of it.
  void Rest(const Request& request, std::string_view status) {
    sent[request.inbox].push_back(Cat("NATS/1.0 ", status,
                                      "\r\nNats-Pending-Messages: ", request.batch,
                                      "\r\nNats-Pending-Bytes: ", request.max_bytes, "\r\n\r\n"));
  }
  std::list<Request>::iterator End(std::list<Request>::iterator at, std::string_view status) {
    Rest(*at, status);
    return waiting_.erase(at);
  }
  static bool Over(const Request& request, int64_t now) {
    return request.ends_ns != 0 && request.ends_ns <= now;
  }
  static bool EndsAtLull(const Request& request) {
    return request.no_wait && (request.expires_ns == 0 || request.delivered > 0);
  }
  void EndNoWait() {
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (EndsAtLull(*at)) {
        Status(*at, "404 No Messages");
        at = waiting_.erase(at);
      } else {
        ++at;
      }
    }
  }

  // The request at the front may have a message of this size; false: not now.
  bool Eligible(const Request& request, uint64_t pending) const {
    using jetstream::PriorityPolicy;
    if (config_.priority_policy == PriorityPolicy::kPinnedClient) {
      return request.pin != 0 || pin_ == 0;
    }
    if (config_.priority_policy != PriorityPolicy::kOverflow ||
        (request.min_pending <= 0 && request.min_ack_pending <= 0)) {
      return true;
    }
    auto unacked = static_cast<int64_t>(model().in_flight.size());
    return (request.min_pending > 0 && request.min_pending <= static_cast<int64_t>(pending)) ||
           (request.min_ack_pending > 0 && request.min_ack_pending <= unacked);
  }
  // Brings whoever is next to the front; false: nobody may have it.
  bool Choose(size_t size, uint64_t pending, int64_t now) {
    size_t passed_over = 0;
    while (passed_over < waiting_.size()) {
      auto front = waiting_.begin();
      bool stale = config_.priority_policy == jetstream::PriorityPolicy::kPinnedClient &&
                   front->pin != 0 && front->pin != pin_;
      if (stale) {
        End(front, "423 Nats-Wrong-Pin-Id");
      } else if (!Eligible(*front, pending)) {
        ToTheBack();
        ++passed_over;
      } else if (front->max_bytes > 0 && static_cast<int64_t>(size) > front->max_bytes) {
        End(front, "409 Message Size Exceeds MaxBytes");
      } else {
        if (config_.priority_policy == jetstream::PriorityPolicy::kPinnedClient && pin_ == 0 &&
            !front->plain) {
          pin_ = front->pin = ++pins_;
          pin_ends_ns_ = now + config_.priority_timeout_ns;
        }
        return true;
      }
    }
    return false;
  }

  void Beat(int64_t now) {
    std::string stalled = push_->open_request() == 0
                              ? std::string()
                              : Cat("Nats-Consumer-Stalled: ", push_->open_request(), "\r\n");
    ToListener(
        Cat("NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: ", model().delivered.consumer,
            "\r\nNats-Last-Stream: ", model().delivered.stream, "\r\n", stalled, "\r\n"));
    push_->Beaten(now);
    if (PushModel::AcksByFlowControl(config_) && stalled.empty() && !model().in_flight.empty()) {
      push_->Request();
      AskToConfirm();
    }
  }
  void AskToConfirm() {
    ToListener(Cat("NATS/1.0 100 FlowControl Request\r\n\r\n #", push_->open_request()));
  }
  void ToListener(std::string line) {
    if (reachable_) {
      sent[config_.deliver_subject].push_back(std::move(line));
    }
  }
  // It has been taken.
  void Track(StreamSeq seq, bool is_new, uint32_t deliveries, int64_t now) {
    if (is_new) {
      replayed_ = stream_.messages.at(seq).time_ns;
      replayed_at_ns_ = now;
    }
    auto expected = stream_.Pull(model(), 1);
    WEIR_CHECK(expected == std::vector<StreamSeq>{seq});
    if (auto at = model().in_flight.find(seq); at != model().in_flight.end()) {
      DueAt(at->second, now + WaitAfter(deliveries));
    }
    used_ns_ = now;
  }
  void DueAt(ConsumerModel::InFlight& entry, int64_t at) {
    entry.due_ns = at;
    latest_due_ns_ = std::max(latest_due_ns_, at);
  }

  bool DeliverOne(StreamSeq seq, bool is_new, int64_t now) {
    const StreamModel::Message& message = stream_.messages.at(seq);
    uint64_t behind = stream_.num_pending(model()) - (is_new ? 1 : 0);
    uint32_t deliveries = is_new ? 1 : model().in_flight.at(seq).deliveries + 1;
    std::string reply = Cat("$JS.ACK.", stream_.config.name, ".", name_, ".", deliveries, ".", seq,
                            ".", model().delivered.consumer + 1, ".", message.time_ns, ".", behind);
    std::string headers;
    std::string payload = message.payload;
    if (config_.headers_only) {
      headers = Cat("Nats-Msg-Size: ", std::exchange(payload, {}).size(), "\r\n");
    }
    size_t size = message.subject.size() + reply.size() + payload.size() +
                  (headers.empty() ? 0 : std::string_view("NATS/1.0\r\n\r\n").size()) +
                  headers.size();
    if (push_ ? !reachable_ : !Choose(size, behind + 1, now)) {
      if (push_) {
        push_->SetActive(false, now);
      }
      return false;
    }
    if (pin_ != 0) {
      CatTo(headers, "Nats-Pin-Id: ", pin_, "\r\n");
    }
    if (!headers.empty()) {
      headers = Cat("NATS/1.0\r\n", headers, "\r\n");
    }
    std::string line = Line(message.subject, reply, headers, payload);
    if (push_) {
      ToListener(std::move(line));
      Track(seq, is_new, deliveries, now);
      if (push_->Sent(config_, size, model().in_flight.size(), now)) {
        AskToConfirm();
      }
    } else {
      sent[waiting_.front().inbox].push_back(std::move(line));
      Track(seq, is_new, deliveries, now);
      Served(waiting_.front(), size, now);
    }
    return true;
  }
  void Served(Request& request, size_t size, int64_t now) {
    ++request.delivered;
    --request.batch;
    if (request.max_bytes > 0) {
      request.max_bytes -= static_cast<int64_t>(size);
      request.batch = request.max_bytes == 0 ? 0 : request.batch;
      if (request.batch <= 0 && request.max_bytes > 0) {
        Rest(request, "409 Batch Completed");
      }
    }
    if (request.batch <= 0) {
      waiting_.pop_front();
      return;
    }
    if (request.heartbeat_ns > 0) {
      request.beats_ns = now + request.heartbeat_ns;
    }
    ToTheBack();
  }

  jetstream::ConsumerConfig config_;
  StreamModel& stream_;
  const std::string name_;
  std::list<Request> waiting_;  // the front is next
  int pin_ = 0;
  int pins_ = 0;
  int64_t pin_ends_ns_ = 0;
  std::optional<PushModel> push_;  // of a push consumer
  bool reachable_ = false;
  StreamSeq replay_end_ = 0;    // up to here at the pace of publishing
  int64_t replayed_ = 0;        // when the last new message was published; 0: there is none yet
  int64_t replayed_at_ns_ = 0;  // when it was delivered
  int64_t used_ns_ = 0;         // last delivery
  int64_t touched_ns_ = 0;      // anything at all, for the upper bound of inactivity
  int64_t latest_due_ns_ = 0;
};

}  // namespace weir::testing
