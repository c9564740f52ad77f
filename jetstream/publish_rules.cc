#include "jetstream/publish_rules.h"

#include <algorithm>
#include <optional>

#include "protocol/base/strings.h"
#include "protocol/headers.h"
#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

constexpr size_t kMaxHeaderBytes = 65'535;
constexpr std::string_view kRequestInfo = "Nats-Request-Info";

// A number that no stream reaches stands for text that is no number: it matches nothing.
StreamSeq ToSequence(std::string_view text) {
  return ParseNumber<StreamSeq>(text).value_or(UINT64_MAX);
}

}  // namespace

// The headers that mean something here; the first of a name counts.
struct PublishRules::Wanted {
  std::optional<std::string_view> id;
  std::optional<std::string_view> stream;
  std::optional<std::string_view> last_seq;
  std::optional<std::string_view> last_subject_seq;
  std::optional<std::string_view> last_subject;
  std::optional<std::string_view> last_id;
  std::optional<std::string_view> rollup;
  bool batch = false;
  bool increment = false;
  std::optional<std::string_view> ttl;
  bool schedule = false;
  bool source = false;
  bool request_info = false;
};

PublishRules::Wanted PublishRules::Read(std::string_view headers) {
  Wanted out;
  auto take = [](std::optional<std::string_view>& target, std::string_view value) {
    if (!target) {
      target = value;
    }
  };
  for (protocol::HeaderCursor line(headers); line.Next();) {
    std::string_view key = line.key();
    if (!key.starts_with("Nats-")) {
      continue;
    }
    key.remove_prefix(5);
    if (key == "Msg-Id") {
      take(out.id, line.value());
    } else if (key == "Expected-Stream") {
      take(out.stream, line.value());
    } else if (key == "Expected-Last-Sequence") {
      take(out.last_seq, line.value());
    } else if (key == "Expected-Last-Subject-Sequence") {
      take(out.last_subject_seq, line.value());
    } else if (key == "Expected-Last-Subject-Sequence-Subject") {
      take(out.last_subject, line.value());
    } else if (key == "Expected-Last-Msg-Id") {
      take(out.last_id, line.value());
    } else if (key == "Rollup") {
      take(out.rollup, line.value());
    } else if (key == "Batch-Id") {
      out.batch = true;
    } else if (key == "Incr") {
      out.increment = true;
    } else if (key == "TTL") {
      take(out.ttl, line.value());
    } else if (key == "Schedule") {
      out.schedule = true;
    } else if (key == "Stream-Source") {
      out.source = true;
    } else if (key == "Request-Info") {
      out.request_info = true;
    }
  }
  return out;
}

PublishFacts PublishRules::Check(const Inbound& message, int64_t now_ns) const {
  PublishFacts facts;
  auto reject = [&](ApiError error) {
    facts.verdict = PublishFacts::Verdict::kReject;
    facts.error = std::move(error);
    return facts;
  };
  if (auto error = CheckSize(message)) {
    return reject(std::move(error));
  }
  if (message.headers.empty()) {
    return facts;
  }
  Wanted wanted = Read(message.headers);
  if (auto error = CheckWanted(message, wanted)) {
    return reject(std::move(error));
  }
  if (wanted.id && !wanted.id->empty()) {
    facts.id = *wanted.id;
    if (auto original = dedupe_.Find(facts.id, now_ns)) {
      facts.verdict = PublishFacts::Verdict::kDuplicate;
      facts.original = *original;
      return facts;
    }
  }
  if (wanted.last_id && *wanted.last_id != dedupe_.last_id()) {
    return reject(MakeError(10070, dedupe_.last_id()));
  }
  if (wanted.rollup) {
    if (!config_.allow_rollup || config_.deny_purge) {
      return reject(MakeError(10111, "rollup not permitted"));
    }
    if (EqualsIgnoreCase(*wanted.rollup, "sub")) {
      facts.rollup = Rollup::kSubject;
    } else if (EqualsIgnoreCase(*wanted.rollup, "all")) {
      facts.rollup = Rollup::kAll;
    } else {
      return reject(
          MakeError(10111, Cat("rollup value invalid: ", Quoted(ToLower(*wanted.rollup)))));
    }
  }
  if (wanted.ttl && !wanted.ttl->empty()) {
    facts.ttl = ParseMessageTtl(*wanted.ttl);
    if (!facts.ttl) {
      return reject(MakeError(10165));
    }
  }
  facts.strip_headers = wanted.request_info || !message.headers.starts_with(protocol::kHeaderLine);
  return facts;
}

ApiError PublishRules::CheckSize(const Inbound& message) const {
  if (config_.sealed) [[unlikely]] {
    return MakeError(10109);
  }
  size_t size = message.headers.size() + message.payload.size();
  if (config_.max_msg_size > 0 && size > static_cast<size_t>(config_.max_msg_size)) {
    return MakeError(10054);
  }
  return message.headers.size() > kMaxHeaderBytes ? MakeError(10097) : ApiError{};
}

ApiError PublishRules::CheckWanted(const Inbound& message, const Wanted& wanted) const {
  if (wanted.batch) {
    return MakeError(10174);
  }
  if (wanted.increment) {
    return MakeError(10168);
  }
  if (wanted.stream && *wanted.stream != config_.name) {
    return MakeError(10060);
  }
  // What is no TTL at all is found out later.
  if (wanted.ttl && !config_.allow_msg_ttl && ParseMessageTtl(*wanted.ttl)) {
    return MakeError(10166);
  }
  if (auto error = CheckSubjectSequence(message.subject, wanted)) {
    return error;
  }
  StreamSeq last = store_.state().last_seq;
  if (wanted.last_seq && !wanted.last_seq->empty() && ToSequence(*wanted.last_seq) != last) {
    return MakeError(10071, Cat(last));
  }
  if (wanted.schedule) {
    return MakeError(10188);
  }
  return wanted.source ? MakeError(10227) : ApiError{};
}

ApiError PublishRules::CheckSubjectSequence(std::string_view subject, const Wanted& wanted) const {
  if (!wanted.last_subject_seq || wanted.last_subject_seq->empty()) {
    return wanted.last_subject ? MakeError(10193) : ApiError{};
  }
  std::string_view filter = wanted.last_subject.value_or(subject);
  StreamSeq last = 0;
  if (protocol::HasWildcard(filter)) {
    store_.ForEachSubject(filter, [&](std::string_view, const storage::SubjectState& state) {
      last = std::max(last, state.last);
      return true;
    });
  } else if (auto state = store_.LastOf(filter)) {
    last = state->last;
  }
  return ToSequence(*wanted.last_subject_seq) == last ? ApiError{} : MakeError(10071, Cat(last));
}

std::string StoredHeaders(std::string_view headers) {
  std::string out = headers.starts_with(protocol::kHeaderLine) ? std::string(headers)
                                                               : protocol::WithoutStatus(headers);
  return protocol::WithoutHeader(out, kRequestInfo);
}

}  // namespace weir::jetstream
