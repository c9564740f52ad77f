#include "jetstream/publish_rules.h"

#include <algorithm>
#include <utility>

#include "jetstream/schedule.h"
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

PublishFacts Rejected(ApiError error) {
  PublishFacts facts;
  facts.verdict = PublishFacts::Verdict::kReject;
  facts.error = std::move(error);
  return facts;
}

// What a check left behind: an error, or that it has to wait for the disk.
bool Ends(PublishFacts& facts, ApiError error) {
  if (error) {
    facts.verdict = PublishFacts::Verdict::kReject;
    facts.error = std::move(error);
  }
  return facts.verdict != PublishFacts::Verdict::kAccept;
}

bool IsLiteral(std::string_view subject) {
  return protocol::IsValidConfigPattern(subject) && !protocol::HasWildcard(subject);
}

}  // namespace

PublishFacts PublishRules::Check(const Inbound& message, int64_t now_ns, bool sourced) const {
  PublishFacts facts;
  if (auto error = CheckSize(message.headers.size(), message.payload.size())) {
    return Rejected(std::move(error));
  }
  if (message.headers.empty()) {
    return config_.allow_msg_counter ? Rejected(MakeError(10169)) : facts;
  }
  PublishHeaders wanted = PublishHeaders::Read(message.headers);
  if (!sourced && wanted.more) {
    if (auto error = CheckIncrement(wanted, !message.payload.empty())) {
      return Rejected(std::move(error));
    }
    if (Ends(facts, CheckWanted(message.subject, wanted, now_ns, facts))) {
      return facts;
    }
  }
  if (!wanted.id.empty()) {
    facts.id = wanted.id;
    if (auto original = dedupe_.Find(facts.id, now_ns)) {
      facts.verdict = PublishFacts::Verdict::kDuplicate;
      facts.original = *original;
      return facts;
    }
  }
  if (!sourced && IsThere(wanted.last_id) && wanted.last_id != dedupe_.last_id()) {
    return Rejected(MakeError(10070, dedupe_.last_id()));
  }
  if (IsThere(wanted.rollup)) {
    bool allowed = config_.allow_rollup && !config_.deny_purge;
    if (!allowed && !sourced) {
      return Rejected(MakeError(10111, "rollup not permitted"));
    }
    ApiError error = allowed ? ReadRollup(wanted, facts) : ApiError{};
    if (!sourced && error) {
      return Rejected(std::move(error));
    }
  }
  if (config_.allow_msg_counter && Ends(facts, Count(message, wanted, nullptr, facts))) {
    return facts;
  }
  if (!wanted.ttl.empty()) {
    facts.ttl = ParseMessageTtl(wanted.ttl);
    if (!facts.ttl && !sourced) {
      return Rejected(MakeError(10165));
    }
  }
  facts.strip_headers = wanted.request_info || !message.headers.starts_with(protocol::kHeaderLine);
  return facts;
}

ApiError PublishRules::CheckSize(size_t headers, size_t payload) const {
  if (config_.sealed) [[unlikely]] {
    return MakeError(10109);
  }
  if (config_.max_msg_size > 0 && headers + payload > static_cast<size_t>(config_.max_msg_size)) {
    return MakeError(10054);
  }
  return headers > kMaxHeaderBytes ? MakeError(10097) : ApiError{};
}

ApiError PublishRules::CheckIncrement(const PublishHeaders& wanted, bool has_payload) const {
  if (wanted.increment.empty()) {
    return {};
  }
  if (!NormalInteger(wanted.increment)) {
    return MakeError(10171);
  }
  if (!config_.allow_msg_counter) {
    return MakeError(10168);
  }
  if (has_payload) {
    return MakeError(10170);
  }
  for (std::string_view other : {wanted.rollup, wanted.expected_stream, wanted.last_id,
                                 wanted.last_subject, wanted.last_seq, wanted.last_subject_seq}) {
    if (!other.empty()) {
      return MakeError(10171);
    }
  }
  return {};
}

ApiError PublishRules::CheckWanted(std::string_view subject, const PublishHeaders& wanted,
                                   int64_t now_ns, PublishFacts& facts) const {
  if (!wanted.expected_stream.empty() && wanted.expected_stream != config_.name) {
    return MakeError(10060);
  }
  // What is no TTL at all is found out later.
  if (!wanted.ttl.empty() && !config_.allow_msg_ttl && ParseMessageTtl(wanted.ttl)) {
    return MakeError(10166);
  }
  if (auto error = CheckSubjectSequence(subject, wanted)) {
    return error;
  }
  StreamSeq last = store_.state().last_seq;
  if (!wanted.last_seq.empty() && ToSequence(wanted.last_seq) != last) {
    return MakeError(10071, Cat(last));
  }
  if (auto error = CheckSchedule(subject, wanted, now_ns, nullptr, facts)) {
    return error;
  }
  return wanted.source.empty() ? ApiError{} : MakeError(10227);
}

StreamSeq PublishRules::LastOf(std::string_view filter) const {
  if (!protocol::HasWildcard(filter)) {
    auto state = store_.LastOf(filter);
    return state ? state->last : 0;
  }
  StreamSeq last = 0;
  store_.ForEachSubject(filter, [&](std::string_view, const storage::SubjectState& state) {
    last = std::max(last, state.last);
    return true;
  });
  return last;
}

ApiError PublishRules::CheckSubjectSequence(std::string_view subject,
                                            const PublishHeaders& wanted) const {
  if (wanted.last_subject_seq.empty()) {
    return wanted.last_subject.empty() ? ApiError{} : MakeError(10193);
  }
  StreamSeq last = LastOf(wanted.last_subject.empty() ? subject : wanted.last_subject);
  return ToSequence(wanted.last_subject_seq) == last ? ApiError{} : MakeError(10071, Cat(last));
}

// ---- schedules ----

ApiError PublishRules::CheckSchedule(std::string_view subject, const PublishHeaders& wanted,
                                     int64_t now_ns, const BatchView* view,
                                     PublishFacts& facts) const {
  auto refuse = [this](int code) {
    return MakeError(config_.allow_msg_schedules ? code : 10188);
  };
  std::optional<absl::TimeZone> zone;
  if (IsThere(wanted.schedule_zone)) {
    zone = FindZone(wanted.schedule_zone);
    if (!zone) {
      return refuse(10223);
    }
  }
  if (!wanted.schedule.empty()) {
    if (!NextFiring(wanted.schedule, zone, now_ns, now_ns)) {
      return refuse(10189);
    }
    if (!config_.allow_msg_schedules) {
      return MakeError(10188);
    }
    if (auto error = CheckScheduleParts(subject, wanted)) {
      return error;
    }
    if (wanted.rollup.empty()) {
      // One schedule per subject, the latest.
      std::string_view own = facts.headers ? std::string_view(*facts.headers) : wanted.block;
      facts.headers = protocol::WithHeader(StoredHeaders(own), "Nats-Rollup", "sub");
      facts.rollup = Rollup::kSubject;
    } else if (!EqualsIgnoreCase(wanted.rollup, "sub")) {
      return MakeError(10192);
    }
  }
  return CheckScheduler(subject, wanted, view, facts);
}

bool PublishRules::IsOurs(std::string_view subject) const {
  return std::any_of(
      config_.subjects.begin(), config_.subjects.end(),
      [&](const std::string& pattern) { return protocol::Overlap(pattern, subject); });
}

ApiError PublishRules::CheckScheduleParts(std::string_view subject,
                                          const PublishHeaders& wanted) const {
  if (!wanted.schedule_ttl.empty() && !ParseMessageTtl(wanted.schedule_ttl)) {
    return MakeError(10191);
  }
  if (!wanted.schedule_rollup.empty() && wanted.schedule_rollup != "sub") {
    return MakeError(10192);
  }
  if (!wanted.schedule_ttl.empty() && !config_.allow_msg_ttl) {
    return MakeError(10166);
  }
  std::string_view target = wanted.schedule_target;
  if (target.empty() || !IsLiteral(target) || target == subject) {
    return MakeError(10190);
  }
  std::string_view source = wanted.schedule_source;
  if (!source.empty() && (source == target || source == subject || !IsLiteral(source))) {
    return MakeError(10203);
  }
  if (!IsOurs(target)) {
    return MakeError(10190);
  }
  return source.empty() || IsOurs(source) ? ApiError{} : MakeError(10203);
}

ApiError PublishRules::CheckScheduler(std::string_view subject, const PublishHeaders& wanted,
                                      const BatchView* view, PublishFacts& facts) const {
  if (wanted.schedule_next.empty()) {
    return wanted.scheduler.empty() ? ApiError{} : MakeError(10212);
  }
  std::string_view scheduler = wanted.scheduler;
  if (wanted.schedule_next != "purge" || scheduler.empty() || scheduler == subject ||
      !IsLiteral(scheduler)) {
    return MakeError(10212);
  }
  if (!config_.allow_msg_schedules) {
    return MakeError(10188);
  }
  if (view != nullptr) {
    if (auto at = view->subjects.find(scheduler); at != view->subjects.end()) {
      return at->second.schedule ? ApiError{} : MakeError(10212);
    }
  }
  auto state = store_.LastOf(scheduler);
  if (!state) {
    return {};
  }
  storage::StoredMessage last;
  auto outcome = store_.Get(state->last, last);
  if (outcome == storage::ReadOutcome::kWouldBlock) {
    facts.verdict = PublishFacts::Verdict::kLoad;
    facts.load = state->last;
    return {};
  }
  bool is_schedule = outcome == storage::ReadOutcome::kFound &&
                     protocol::FindHeader(last.view.headers, "Nats-Schedule").has_value();
  return is_schedule ? ApiError{} : MakeError(10212);
}

// ---- rollups and counters ----

ApiError PublishRules::ReadRollup(const PublishHeaders& wanted, PublishFacts& facts) const {
  if (EqualsIgnoreCase(wanted.rollup, "sub")) {
    facts.rollup = Rollup::kSubject;
  } else if (EqualsIgnoreCase(wanted.rollup, "all")) {
    facts.rollup = Rollup::kAll;
  } else {
    return MakeError(10111, Cat("rollup value invalid: ", Quoted(ToLower(wanted.rollup))));
  }
  return {};
}

ApiError PublishRules::Count(const Inbound& message, const PublishHeaders& wanted,
                             CounterTotal* running, PublishFacts& facts) const {
  if (wanted.increment.empty()) {
    return MakeError(10169);
  }
  CounterTotal total;
  auto state = running == nullptr ? store_.LastOf(message.subject) : std::nullopt;
  if (state) {
    storage::StoredMessage last;
    auto outcome = store_.Get(state->last, last);
    if (outcome == storage::ReadOutcome::kWouldBlock) {
      facts.verdict = PublishFacts::Verdict::kLoad;
      facts.load = state->last;
      return {};
    }
    auto known = outcome == storage::ReadOutcome::kFound
                     ? ReadCounter(last.view.headers, last.view.payload)
                     : std::nullopt;
    if (!known) {
      return MakeError(10172);
    }
    total = *std::move(known);
  } else if (running != nullptr) {
    total = *running;
  }
  auto headers = ApplyIncrement(total, message.subject, wanted.increment, wanted.source,
                                StoredHeaders(message.headers), message.payload);
  if (!headers) {
    return MakeError(10172);
  }
  facts.headers = *std::move(headers);
  facts.payload = CounterPayload(total);
  facts.counted = total.value;
  if (running != nullptr) {
    *running = std::move(total);
  }
  return CheckSize(facts.headers->size(), facts.payload->size());
}

// ---- batches ----

PublishFacts PublishRules::CheckInBatch(const Inbound& message, int64_t now_ns,
                                        BatchView& view) const {
  PublishFacts facts;
  PublishHeaders wanted = PublishHeaders::Read(message.headers);
  if (Ends(facts, CheckSize(message.headers.size(), message.payload.size())) ||
      Ends(facts, CheckIncrement(wanted, !message.payload.empty()))) {
    return facts;
  }
  if (!wanted.expected_stream.empty() && wanted.expected_stream != config_.name) {
    return Rejected(MakeError(10060));
  }
  if (!wanted.ttl.empty()) {
    facts.ttl = ParseMessageTtl(wanted.ttl);
    if (!config_.allow_msg_ttl || !facts.ttl) {
      return Rejected(MakeError(config_.allow_msg_ttl ? 10165 : 10166));
    }
  }
  if (!wanted.id.empty()) {
    facts.id = wanted.id;
    auto original = dedupe_.Find(wanted.id, now_ns);
    if (original || !view.ids.emplace(wanted.id).second) {
      facts = Rejected(MakeError(10201));
      facts.original = original.value_or(0);
      return facts;
    }
  }
  if (!wanted.source.empty()) {
    return Rejected(MakeError(10227));
  }
  if (config_.allow_msg_counter) {
    auto known = view.counters.find(message.subject);
    CounterTotal* running = known == view.counters.end() ? nullptr : &known->second;
    if (Ends(facts, Count(message, wanted, running, facts))) {
      return facts;
    }
    if (running == nullptr) {
      auto total = ReadCounter(*facts.headers, *facts.payload);
      view.counters.emplace(message.subject, total.value_or(CounterTotal{}));
    }
  }
  if (Ends(facts, CheckBatchSequences(message.subject, wanted, view)) ||
      Ends(facts, CheckSchedule(message.subject, wanted, now_ns, &view, facts))) {
    return facts;
  }
  if (!wanted.rollup.empty()) {
    if (!config_.allow_rollup || config_.deny_purge) {
      return Rejected(MakeError(10111, "rollup not permitted"));
    }
    if (Ends(facts, ReadRollup(wanted, facts))) {
      return facts;
    }
    if (facts.rollup == Rollup::kSubject && view.subjects.contains(message.subject)) {
      return Rejected(MakeError(10111, "batch rollup sub invalid"));
    }
    if (facts.rollup == Rollup::kAll && !view.subjects.empty()) {
      return Rejected(MakeError(10111, "batch rollup all invalid"));
    }
  }
  Ends(facts, CheckRoom(message, facts, view));
  facts.strip_headers =
      wanted.request_info ||
      (!message.headers.empty() && !message.headers.starts_with(protocol::kHeaderLine));
  return facts;
}

ApiError PublishRules::CheckBatchSequences(std::string_view subject, const PublishHeaders& wanted,
                                           BatchView& view) const {
  if (!wanted.last_seq.empty()) {
    if (ToSequence(wanted.last_seq) != view.last_seq) {
      return MakeError(10071, Cat(view.last_seq));
    }
    if (!view.subjects.empty()) {
      return MakeError(10164);
    }
  }
  if (wanted.last_subject_seq.empty()) {
    return wanted.last_subject.empty() ? ApiError{} : MakeError(10193);
  }
  std::string_view filter = wanted.last_subject.empty() ? subject : wanted.last_subject;
  if (view.subjects.contains(filter)) {
    return MakeError(10164);
  }
  auto known = view.expected.find(filter);
  StreamSeq last = known == view.expected.end() ? LastOf(filter) : known->second;
  if (ToSequence(wanted.last_subject_seq) != last) {
    return MakeError(10071, Cat(last));
  }
  view.expected.emplace(filter, last);
  return {};
}

ApiError PublishRules::CheckRoom(const Inbound& message, const PublishFacts& facts,
                                 BatchView& view) const {
  auto& subject = view.subjects[std::string(message.subject)];
  ++subject.messages;
  subject.schedule = protocol::FindHeader(message.headers, "Nats-Schedule").has_value();
  storage::MessageView stored;
  stored.subject = message.subject;
  stored.headers = facts.headers ? std::string_view(*facts.headers) : message.headers;
  stored.payload = facts.payload ? std::string_view(*facts.payload) : message.payload;
  ++view.messages;
  view.bytes += config_.storage == StorageType::kFile ? storage::FileMessageBytes(stored)
                                                      : storage::MemoryMessageBytes(stored);
  ++view.last_seq;
  if (config_.discard != DiscardPolicy::kNew) {
    return {};
  }
  const auto& state = store_.state();
  if (config_.max_msgs > 0 &&
      state.messages + view.messages > static_cast<uint64_t>(config_.max_msgs)) {
    return MakeError(10077, "maximum messages exceeded");
  }
  if (config_.max_bytes > 0 &&
      state.bytes + view.bytes > static_cast<uint64_t>(config_.max_bytes)) {
    return MakeError(10077, "maximum bytes exceeded");
  }
  if (config_.discard_new_per_subject && config_.max_msgs_per_subject > 0 &&
      facts.rollup == Rollup::kNone) {
    auto known = store_.LastOf(message.subject);
    if ((known ? known->messages : 0) + subject.messages >
        static_cast<uint64_t>(config_.max_msgs_per_subject)) {
      return MakeError(10077, "maximum messages per subject exceeded");
    }
  }
  return {};
}

std::string StoredHeaders(std::string_view headers) {
  std::string out = headers.starts_with(protocol::kHeaderLine) ? std::string(headers)
                                                               : protocol::WithoutStatus(headers);
  return protocol::WithoutHeader(out, kRequestInfo);
}

}  // namespace weir::jetstream
