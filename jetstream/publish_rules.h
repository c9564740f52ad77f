#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_set.h"

#include "jetstream/api_errors.h"
#include "jetstream/counter.h"
#include "jetstream/dedupe_window.h"
#include "jetstream/environment.h"
#include "jetstream/message_ttl.h"
#include "jetstream/publish_headers.h"
#include "jetstream/stream_config.h"
#include "protocol/base/strings.h"
#include "storage/stream_store.h"

namespace weir::jetstream {

enum class Rollup : uint8_t { kNone, kSubject, kAll };

// What the rules found out about a publish. Views point into the message.
struct PublishFacts {
  enum class Verdict : uint8_t { kAccept, kDuplicate, kReject, kLoad };
  Verdict verdict = Verdict::kAccept;
  Rollup rollup = Rollup::kNone;
  bool strip_headers = false;  // there is something in front of or in the headers not to be stored
  std::string_view id;         // Nats-Msg-Id
  std::optional<MessageTtl> ttl;
  StreamSeq original = 0;  // of a duplicate
  StreamSeq load = 0;      // with kLoad: this message has to be in memory first; then ask again
  ApiError error;          // of a rejection
  // What is stored instead of what came.
  std::optional<std::string> headers;
  std::optional<std::string> payload;
  std::string counted;  // the total of a counter, for the ack
};

// What the messages of a batch in front of this one would change. The stream does not know of them.
struct BatchView {
  struct Subject {
    uint64_t messages = 0;
    bool schedule = false;  // the last one is a schedule
  };
  StreamSeq last_seq = 0;
  uint64_t messages = 0;
  uint64_t bytes = 0;
  StringMap<Subject> subjects;
  StringMap<CounterTotal> counters;
  absl::flat_hash_set<std::string> ids;
  StringMap<StreamSeq> expected;  // last sequences by subject that have been asked for
};

// The ordered checks on an inbound message (jetstream-api.md 5.3) that do not depend on how full
// the stream is. They see the assigned state: what is staged counts as stored.
class PublishRules {
 public:
  // All of them belong to the stream and outlive the rules.
  PublishRules(const StreamConfig& config, storage::StreamStore& store, DedupeWindow& dedupe)
      : config_(config), store_(store), dedupe_(dedupe) {}

  // `sourced`: from another stream, which has checked it.
  PublishFacts Check(const Inbound& message, int64_t now_ns, bool sourced = false) const;
  // The checks and their order for a message of a batch (5.6); on acceptance `view` includes it.
  PublishFacts CheckInBatch(const Inbound& message, int64_t now_ns, BatchView& view) const;

  // Not larger than the stream takes.
  ApiError CheckSize(size_t headers, size_t payload) const;

 private:
  ApiError CheckIncrement(const PublishHeaders& wanted, bool has_payload) const;
  ApiError CheckWanted(std::string_view subject, const PublishHeaders& wanted, int64_t now_ns,
                       PublishFacts& facts) const;
  ApiError CheckSubjectSequence(std::string_view subject, const PublishHeaders& wanted) const;
  StreamSeq LastOf(std::string_view filter) const;
  // A schedule, or the end of one (5.8). May have facts.headers replaced, or ask for a load.
  ApiError CheckSchedule(std::string_view subject, const PublishHeaders& wanted, int64_t now_ns,
                         const BatchView* view, PublishFacts& facts) const;
  ApiError CheckScheduleParts(std::string_view subject, const PublishHeaders& wanted) const;
  ApiError CheckScheduler(std::string_view subject, const PublishHeaders& wanted,
                          const BatchView* view, PublishFacts& facts) const;
  bool IsOurs(std::string_view subject) const;
  ApiError ReadRollup(const PublishHeaders& wanted, PublishFacts& facts) const;
  // Adds the increment to the total of the subject and fills in what is stored.
  ApiError Count(const Inbound& message, const PublishHeaders& wanted, CounterTotal* running,
                 PublishFacts& facts) const;
  ApiError CheckBatchSequences(std::string_view subject, const PublishHeaders& wanted,
                               BatchView& view) const;
  ApiError CheckRoom(const Inbound& message, const PublishFacts& facts, BatchView& view) const;

  const StreamConfig& config_;
  storage::StreamStore& store_;
  DedupeWindow& dedupe_;
};

// The headers as they are stored: without a status line, without what only the server needs.
std::string StoredHeaders(std::string_view headers);

}  // namespace weir::jetstream
