#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jetstream/consumer_config.h"
#include "protocol/base/strings.h"
#include "tests/support/stream_model.h"

namespace weir::testing {

// Who should receive what of one consumer, and when: waiting requests, deadlines, pins, pauses
// (jetstream-api.md 9.7 and 9.9). What is delivered and done is kept in the ConsumerModel beside.
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
  // By inbox: each message as its parts, each status as its header.
  using Sent = std::map<std::string, std::vector<std::string>>;

  DeliveryModel(StreamModel& stream, std::string consumer, jetstream::ConsumerConfig config)
      : config_(std::move(config)), stream_(stream), name_(std::move(consumer)) {}

  static std::string Line(std::string_view subject, std::string_view reply,
                          std::string_view headers, std::string_view payload) {
    return Cat(subject, " ", reply, " ", headers, " ", payload);
  }

  // ---- what clients do ----

  void Pull(Request request, int64_t now) {
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
  // Nobody listens at the inbox any more.
  void ClientGone(const std::string& inbox) {
    waiting_.remove_if([&](const Request& request) { return request.inbox == inbox; });
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
      at->second.due_ns = now + delay_ns;
    } else {
      StreamModel::Nak(model(), seq);
    }
  }
  void Progress(StreamSeq seq, int64_t now) {
    auto at = model().in_flight.find(seq);
    if (at != model().in_flight.end() && !Queued(seq)) {
      at->second.due_ns = now + WaitAfter(at->second.deliveries);
    }
  }
  void Unpin() { pin_ = 0; }
  void Update(jetstream::ConsumerConfig config) { config_ = std::move(config); }
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
    consider(Paused(now) ? *config_.pause_until_ns : 0);
    return next;
  }
  void OnTime(int64_t now) {
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
    QueueDue(now);
  }
  // The server has been away; so have all who waited.
  void Restart(int64_t now) {
    waiting_.clear();
    model().again.clear();
    pin_ = 0;
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
    while (!waiting_.empty()) {
      if (Paused(now)) {
        EndNoWait();
        return;
      }
      StreamSeq seq = 0;
      bool is_new = model().again.empty();
      if (!is_new) {
        seq = model().again.front();
        if (uint32_t deliveries = model().in_flight.at(seq).deliveries; Exhausted(deliveries)) {
          GiveUp(seq, deliveries);
          continue;
        }
      } else if (Full()) {
        return;
      } else if (auto next = stream_.NextFor(model())) {
        seq = *next;
      }
      if (seq == 0 || !DeliverOne(seq, is_new, now)) {
        EndNoWait();
        return;
      }
    }
  }

  // ---- what there should be ----

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
    const auto& steps = config_.backoff_ns;
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

  std::string Refusal(const Request& request) const {
    using jetstream::PriorityPolicy;
    PriorityPolicy policy = config_.priority_policy;
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
    if (!Choose(size, behind + 1, now)) {
      return false;
    }
    Request& request = waiting_.front();
    if (pin_ != 0) {
      CatTo(headers, "Nats-Pin-Id: ", pin_, "\r\n");
    }
    if (!headers.empty()) {
      headers = Cat("NATS/1.0\r\n", headers, "\r\n");
    }
    sent[request.inbox].push_back(Line(message.subject, reply, headers, payload));
    auto expected = stream_.Pull(model(), 1);
    WEIR_CHECK(expected == std::vector<StreamSeq>{seq});
    if (auto at = model().in_flight.find(seq); at != model().in_flight.end()) {
      at->second.due_ns = now + WaitAfter(deliveries);
    }
    Served(request, size, now);
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
};

}  // namespace weir::testing
