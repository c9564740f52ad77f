#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "jetstream/api_errors.h"
#include "jetstream/dedupe_window.h"
#include "jetstream/environment.h"
#include "jetstream/message_ttl.h"
#include "jetstream/stream_config.h"
#include "storage/stream_store.h"

namespace weir::jetstream {

enum class Rollup : uint8_t { kNone, kSubject, kAll };

// What the rules found out about a publish. Views point into the message.
struct PublishFacts {
  enum class Verdict : uint8_t { kAccept, kDuplicate, kReject };
  Verdict verdict = Verdict::kAccept;
  Rollup rollup = Rollup::kNone;
  bool strip_headers = false;  // there is something in front of or in the headers not to be stored
  std::string_view id;         // Nats-Msg-Id
  std::optional<MessageTtl> ttl;
  StreamSeq original = 0;  // of a duplicate
  ApiError error;          // of a rejection
};

// The ordered checks on an inbound message (jetstream-api.md 5.3) that do not depend on how full
// the stream is. They see the assigned state: what is staged counts as stored.
class PublishRules {
 public:
  // All of them belong to the stream and outlive the rules.
  PublishRules(const StreamConfig& config, const storage::StreamStore& store, DedupeWindow& dedupe)
      : config_(config), store_(store), dedupe_(dedupe) {}

  PublishFacts Check(const Inbound& message, int64_t now_ns) const;

 private:
  struct Wanted;
  ApiError CheckSize(const Inbound& message) const;
  ApiError CheckWanted(const Inbound& message, const Wanted& wanted) const;
  ApiError CheckSubjectSequence(std::string_view subject, const Wanted& wanted) const;
  static Wanted Read(std::string_view headers);

  const StreamConfig& config_;
  const storage::StreamStore& store_;
  DedupeWindow& dedupe_;
};

// The headers as they are stored: without a status line, without what only the server needs.
std::string StoredHeaders(std::string_view headers);

}  // namespace weir::jetstream
