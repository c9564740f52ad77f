#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/ack_ledger.h"
#include "jetstream/stream_config.h"
#include "protocol/subject.h"
#include "storage/stream_store.h"
#include "tests/support/naive_subjects.h"

namespace weir::testing {

// What a consumer should have: delivered, in flight, done. Straight from jetstream-api.md 9, with
// no thought of speed.
struct ConsumerModel {
  struct InFlight {
    ConsumerSeq first_seq = 0;  // of its first delivery
    uint32_t deliveries = 1;
    ConsumerSeq last_seq = 0;  // of its last one
    int64_t due_ns = 0;        // when it is to go out again; only of interest to DeliveryModel
  };

  bool Wants(std::string_view subject) const {
    return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const auto& filter) {
             return testing_support::NaiveMatches(subject, filter);
           });
  }
  // Not done with yet, or to come.
  bool Needs(StreamSeq seq, std::string_view subject) const {
    return Wants(subject) &&
           (given_up.contains(seq) ||
            (seq > floor.stream && (policy != jetstream::AckPolicy::kExplicit ||
                                    seq > delivered.stream || in_flight.contains(seq))));
  }
  // No longer in flight, for whatever reason.
  void Leave(StreamSeq seq) {
    given_up.erase(seq);
    auto at = in_flight.find(seq);
    if (at == in_flight.end()) {
      return;
    }
    ConsumerSeq first = at->second.first_seq;
    in_flight.erase(at);
    std::erase(again, seq);
    if (in_flight.empty()) {
      floor = delivered;
    } else if (first == floor.consumer + 1) {
      auto& [oldest, entry] = *in_flight.begin();
      floor = {entry.first_seq - 1, oldest - 1};
    }
  }
  // Delivered as often as it may be.
  void GiveUp(StreamSeq seq) {
    Leave(seq);
    given_up.insert(seq);
  }
  // Everything below counts as done.
  void SkipTo(StreamSeq next) {
    given_up.erase(given_up.begin(), given_up.lower_bound(next));
    while (!in_flight.empty() && in_flight.begin()->first < next) {
      Leave(in_flight.begin()->first);
    }
    if (next == 0 || floor.stream >= next - 1) {
      return;
    }
    delivered.stream = std::max(delivered.stream, next - 1);
    floor = in_flight.empty() ? delivered : jetstream::SequencePair{floor.consumer, next - 1};
  }
  size_t Redelivered() const {
    auto repeated = std::count_if(in_flight.begin(), in_flight.end(),
                                  [](auto& entry) { return entry.second.deliveries > 1; });
    return static_cast<size_t>(repeated) + given_up.size();
  }

  std::string name;
  jetstream::AckPolicy policy = jetstream::AckPolicy::kExplicit;
  std::vector<std::string> filters;
  jetstream::SequencePair delivered;
  jetstream::SequencePair floor;
  std::map<StreamSeq, InFlight> in_flight;
  std::vector<StreamSeq> again;       // to be delivered again, in this order
  std::set<StreamSeq> given_up;       // out of flight without having been acknowledged
  std::set<StreamSeq> done_for_good;  // acknowledged, and the acknowledgement was answered
};

// What a stream with these limits should hold, and its consumers.
class StreamModel {
 public:
  struct Message {
    std::string subject;
    std::string payload;
    int64_t time_ns = 0;
  };

  jetstream::StreamConfig config;
  std::map<StreamSeq, Message> messages;
  std::map<std::string, ConsumerModel> consumers;
  StreamSeq last_seq = 0;

  // ---- what clients do ----

  // The sequence it got; 0: refused.
  StreamSeq Publish(const std::string& subject, const std::string& payload, int64_t now_ns) {
    Message message{subject, payload, now_ns};
    if (config.discard == jetstream::DiscardPolicy::kNew && Refuses(message)) {
      return 0;
    }
    ++last_seq;
    if (config.retention == jetstream::RetentionPolicy::kInterest && !Needed(last_seq, subject)) {
      return last_seq;
    }
    messages[last_seq] = message;
    EnforceSubject(subject);
    EnforceLimits();
    return last_seq;
  }

  bool Delete(StreamSeq seq) {
    if (!messages.contains(seq)) {
      return false;
    }
    Vanish(seq);
    return true;
  }

  uint64_t Purge(const std::string& filter, StreamSeq below, uint64_t keep) {
    StreamSeq first = first_seq();
    std::vector<StreamSeq> matching;
    for (const auto& [seq, message] : messages) {
      if ((below == 0 || seq < below) &&
          (filter.empty() || testing_support::NaiveMatches(message.subject, filter))) {
        matching.push_back(seq);
      }
    }
    size_t purged = matching.size() > keep ? matching.size() - keep : 0;
    for (size_t i = 0; i < purged; ++i) {
      Vanish(matching[i]);
    }
    if (filter.empty() && below > last_seq + 1) {
      last_seq = below - 1;
    }
    if (purged > 0 || first_seq() != first || keep == 0) {
      for (auto& [name, consumer] : consumers) {
        consumer.SkipTo(BehindPurge(consumer, filter));
      }
    }
    return purged;
  }

  void Grow(int64_t now_ns) {
    if (config.max_age_ns <= 0) {
      return;
    }
    while (!messages.empty() && messages.begin()->second.time_ns + config.max_age_ns <= now_ns) {
      Vanish(messages.begin()->first);
    }
  }

  void EnforceAll() {
    std::set<std::string> subjects;
    for (const auto& [seq, message] : messages) {
      subjects.insert(message.subject);
    }
    for (const auto& subject : subjects) {
      EnforceSubject(subject);
    }
    EnforceLimits();
  }

  ConsumerModel& AddConsumer(ConsumerModel consumer, bool only_new) {
    StreamSeq next = only_new ? last_seq + 1 : std::max<StreamSeq>(first_seq(), 1);
    consumer.delivered = consumer.floor = {0, next - 1};
    return consumers[consumer.name] = std::move(consumer);
  }

  void RemoveConsumer(const std::string& name) {
    consumers.erase(name);
    DropUnneeded();
  }
  // What no consumer waits for any more, where interest keeps messages. Who has such a message in
  // flight and wants others now notices when it is due, unless it is told.
  void DropUnneeded(bool tell = false) {
    if (config.retention == jetstream::RetentionPolicy::kInterest) {
      std::vector<StreamSeq> unneeded;
      for (const auto& [seq, message] : messages) {
        if (!Needed(seq, message.subject)) {
          unneeded.push_back(seq);
        }
      }
      for (StreamSeq seq : unneeded) {
        tell ? Vanish(seq) : static_cast<void>(messages.erase(seq));
      }
    }
  }

  // What a request for so many messages brings, by sequence.
  std::vector<StreamSeq> Pull(ConsumerModel& consumer, size_t count) {
    std::vector<StreamSeq> out;
    while (out.size() < count && !consumer.again.empty()) {
      StreamSeq seq = consumer.again.front();
      consumer.again.erase(consumer.again.begin());
      auto& entry = consumer.in_flight[seq];
      ++entry.deliveries;
      entry.last_seq = ++consumer.delivered.consumer;
      out.push_back(seq);
    }
    while (out.size() < count) {
      auto next = NextFor(consumer);
      if (!next) {
        break;
      }
      consumer.delivered = {consumer.delivered.consumer + 1, *next};
      out.push_back(*next);
      if (consumer.policy == jetstream::AckPolicy::kNone) {
        consumer.floor = consumer.delivered;
        Done(*next);
      } else {
        ConsumerSeq number = consumer.delivered.consumer;
        consumer.in_flight[*next] = {number, 1, number};
      }
    }
    return out;
  }

  void Ack(ConsumerModel& consumer, StreamSeq seq, ConsumerSeq number) {
    if (consumer.policy == jetstream::AckPolicy::kExplicit) {
      consumer.Leave(seq);
      Done(seq);
      return;
    }
    if (seq <= consumer.floor.stream || number <= consumer.floor.consumer) {
      return;
    }
    std::vector<StreamSeq> covered;
    for (const auto& [flying, entry] : consumer.in_flight) {
      if (flying <= seq) {
        covered.push_back(flying);
      }
    }
    consumer.floor = {number, seq};
    for (StreamSeq flying : covered) {
      consumer.in_flight.erase(flying);
      std::erase(consumer.again, flying);
    }
    consumer.given_up.erase(consumer.given_up.begin(), consumer.given_up.upper_bound(seq));
    for (StreamSeq flying : covered) {
      Done(flying);
    }
    Done(seq);
  }

  static void Nak(ConsumerModel& consumer, StreamSeq seq) {
    if (std::find(consumer.again.begin(), consumer.again.end(), seq) == consumer.again.end()) {
      consumer.again.push_back(seq);
    }
  }

  // ---- what there should be ----

  StreamSeq first_seq() const {
    if (!messages.empty()) {
      return messages.begin()->first;
    }
    return last_seq == 0 ? 0 : last_seq + 1;
  }
  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const auto& [seq, message] : messages) {
      sum += BytesOf(message);
    }
    return sum;
  }
  size_t CountOf(std::string_view subject) const {
    return static_cast<size_t>(
        std::count_if(messages.begin(), messages.end(),
                      [&](const auto& entry) { return entry.second.subject == subject; }));
  }
  uint64_t num_pending(const ConsumerModel& consumer) const {
    return static_cast<uint64_t>(
        std::count_if(messages.begin(), messages.end(), [&](const auto& entry) {
          return entry.first > consumer.delivered.stream && consumer.Wants(entry.second.subject);
        }));
  }

  // The next message that was not delivered yet.
  std::optional<StreamSeq> NextFor(const ConsumerModel& consumer) const {
    for (const auto& [seq, message] : messages) {
      if (seq > consumer.delivered.stream && consumer.Wants(message.subject)) {
        return seq;
      }
    }
    return std::nullopt;
  }
  // A consumer is done with it.
  void Done(StreamSeq seq) {
    auto at = messages.find(seq);
    if (at == messages.end() || config.retention == jetstream::RetentionPolicy::kLimits ||
        (config.retention == jetstream::RetentionPolicy::kInterest &&
         Needed(seq, at->second.subject))) {
      return;
    }
    messages.erase(at);
  }

 private:
  static uint64_t BytesOf(const Message& message) {
    storage::MessageView view;
    view.subject = message.subject;
    view.payload = message.payload;
    return storage::FileMessageBytes(view);
  }
  bool Refuses(const Message& message) const {
    auto limit = [](int64_t value) {
      return value > 0 ? static_cast<uint64_t>(value) : UINT64_MAX;
    };
    bool replaces = CountOf(message.subject) >= limit(config.max_msgs_per_subject);
    if (replaces && config.discard_new_per_subject) {
      return true;
    }
    uint64_t replaced = 0;
    if (replaces) {
      for (const auto& [seq, old] : messages) {
        if (old.subject == message.subject) {
          replaced = BytesOf(old);
          break;
        }
      }
    }
    return (!replaces && messages.size() >= limit(config.max_msgs)) ||
           bytes() - replaced + BytesOf(message) > limit(config.max_bytes);
  }
  bool Needed(StreamSeq seq, std::string_view subject) const {
    return std::any_of(consumers.begin(), consumers.end(),
                       [&](const auto& entry) { return entry.second.Needs(seq, subject); });
  }
  // Gone otherwise.
  void Vanish(StreamSeq seq) {
    messages.erase(seq);
    for (auto& [name, consumer] : consumers) {
      consumer.Leave(seq);
    }
  }
  void EnforceSubject(const std::string& subject) {
    while (config.max_msgs_per_subject > 0 &&
           CountOf(subject) > static_cast<uint64_t>(config.max_msgs_per_subject)) {
      for (const auto& [seq, message] : messages) {
        if (message.subject == subject) {
          Vanish(seq);
          break;
        }
      }
    }
  }
  void EnforceLimits() {
    if (config.discard != jetstream::DiscardPolicy::kOld) {
      return;
    }
    while (!messages.empty() &&
           ((config.max_msgs > 0 && messages.size() > static_cast<uint64_t>(config.max_msgs)) ||
            (config.max_bytes > 0 && bytes() > static_cast<uint64_t>(config.max_bytes)))) {
      Vanish(messages.begin()->first);
    }
  }
  // A consumer all of whose messages a purge was about goes on behind it; one that wants more loses
  // only what is gone.
  StreamSeq BehindPurge(const ConsumerModel& consumer, const std::string& filter) const {
    bool covered = !filter.empty() && !consumer.filters.empty() &&
                   std::all_of(consumer.filters.begin(), consumer.filters.end(),
                               [&](const auto& own) { return protocol::IsSubset(own, filter); });
    if (!covered) {
      return first_seq();
    }
    for (const auto& [seq, message] : messages) {
      if (testing_support::NaiveMatches(message.subject, filter)) {
        return seq;
      }
    }
    return last_seq + 1;
  }
};

}  // namespace weir::testing
