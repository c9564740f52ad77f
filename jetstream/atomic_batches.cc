#include "jetstream/atomic_batches.h"

#include <optional>
#include <utility>

#include "jetstream/account_usage.h"
#include "jetstream/advisory.h"
#include "jetstream/required_level.h"
#include "jetstream/stream.h"
#include "protocol/headers.h"

namespace weir::jetstream {

namespace {

constexpr size_t kMaxIdLength = 64;
constexpr int64_t kMaxMessages = 1000;
constexpr int64_t kMaxPerStream = 50;
constexpr int64_t kMaxTotal = 1000;
constexpr int64_t kTimeout = 10'000'000'000;

int64_t LimitOr(int64_t limit, int64_t built_in) {
  return limit > 0 ? limit : built_in;
}

}  // namespace

AtomicBatches::~AtomicBatches() {
  while (!batches_.empty()) {
    Drop(std::string(batches_.begin()->first), {});
  }
}

int64_t AtomicBatches::max_messages() const {
  return LimitOr(stream_.env().options.max_batch_messages, kMaxMessages);
}

ApiError AtomicBatches::CheckMessage(const Inbound& message, const PublishHeaders& headers) const {
  if (auto error = stream_.CheckLimits(message)) {
    return error;
  }
  if (!stream_.config().allow_atomic) {
    return MakeError(10174);
  }
  if (headers.batch_id.size() > kMaxIdLength) {
    return MakeError(10179);
  }
  return ParseNumber<StreamSeq>(headers.batch_seq) ? ApiError{} : MakeError(10175);
}

AtomicBatches::Batch* AtomicBatches::Find(const Inbound& message, const PublishHeaders& headers,
                                          StreamSeq seq, bool eob, ApiError& error) {
  if (auto known = batches_.find(headers.batch_id); known != batches_.end()) {
    return &known->second;
  }
  const JetStreamOptions& options = stream_.env().options;
  if (seq != 1) {
    auto size = static_cast<int64_t>(seq) - (eob ? 1 : 0);
    error = size > max_messages() ? MakeError(10199, Cat(max_messages())) : MakeError(10176);
    return nullptr;
  }
  AccountUsage* server = stream_.server_usage();
  bool room = static_cast<int64_t>(batches_.size()) <
              LimitOr(options.max_batches_per_stream, kMaxPerStream);
  bool fits = options.max_buffered_bytes <= 0 ||
              bytes_ + message.payload.size() < static_cast<size_t>(options.max_buffered_bytes);
  if (room && fits && server != nullptr &&
      server->atomic_batches.fetch_add(1) >= LimitOr(options.max_batches_total, kMaxTotal)) {
    server->atomic_batches.fetch_sub(1);
    room = false;
  }
  if (!room || !fits) {
    error = MakeError(10210);
    return nullptr;
  }
  return &batches_[std::string(headers.batch_id)];
}

void AtomicBatches::Arm(std::string_view id, Batch& batch) {
  Environment& env = stream_.env();
  env.timers.Cancel(batch.timer);
  batch.timer =
      env.timers.Schedule(env.clock.steady_ns() + LimitOr(env.options.batch_timeout_ns, kTimeout),
                          [this, id = std::string(id)] { Drop(id, "timeout"); });
}

void AtomicBatches::Drop(std::string_view id, std::string_view reason) {
  auto at = batches_.find(id);
  if (at == batches_.end()) {
    return;
  }
  Environment& env = stream_.env();
  env.timers.Cancel(at->second.timer);
  bytes_ -= at->second.bytes;
  std::string name = at->first;
  batches_.erase(at);
  if (AccountUsage* server = stream_.server_usage()) {
    server->atomic_batches.fetch_sub(1);
  }
  std::string subject = Cat("$JS.EVENT.ADVISORY.STREAM.BATCH_ABANDONED.", stream_.name());
  if (reason.empty() || !env.router.HasInterest(stream_.account(), subject)) {
    return;
  }
  JsonWriter out = StartAdvisory(env, "stream_batch_abandoned");
  out.Field("stream", stream_.name()).Optional("domain", env.options.domain);
  out.Field("batch", name).Field("reason", reason);
  PublishAdvisory(env, stream_.account(), subject, out);
}

StreamSeq AtomicBatches::OnMessage(const Inbound& message, const PublishHeaders& headers) {
  ApiError error = CheckMessage(message, headers);
  StreamSeq seq = error ? 0 : *ParseNumber<StreamSeq>(headers.batch_seq);
  bool commit = IsThere(headers.batch_commit);
  bool eob = headers.batch_commit == "eob";
  Batch* batch = error ? nullptr : Find(message, headers, seq, eob, error);
  if (batch == nullptr) {
    stream_.Reject(message.reply, error);
    return 0;
  }
  std::string id(headers.batch_id);
  auto abandon = [&](ApiError why, std::string_view reason) -> StreamSeq {
    Drop(id, reason);
    stream_.Reject(message.reply, why);
    return 0;
  };
  if (commit && !eob && headers.batch_commit != "1") {
    return abandon(MakeError(10200), {});
  }
  if (!MeetsRequiredLevel(message.headers)) {
    return abandon(MakeError(10185), "unsupported");
  }
  if (seq != batch->messages.size() + 1 || (seq == 1 && eob)) {
    return abandon(MakeError(10176), "incomplete");
  }
  if (static_cast<int64_t>(seq) - (eob ? 1 : 0) > max_messages()) {
    return abandon(MakeError(10199, Cat(max_messages())), "large");
  }
  if (commit) {
    return Commit(message, id, *batch, eob);
  }
  batch->messages.push_back(OwnedMessage::Copy(message));
  if (IsThere(headers.required_level)) {
    std::string& kept = batch->messages.back().headers;
    kept = protocol::WithoutHeader(kept, "Nats-Required-Api-Level");
  }
  size_t bytes = batch->messages.back().bytes();
  batch->bytes += bytes;
  bytes_ += bytes;
  Arm(id, *batch);
  stream_.Reply(message.reply, {});
  return 0;
}

StreamSeq AtomicBatches::Commit(const Inbound& message, std::string_view id, Batch& batch,
                                bool eob) {
  int64_t now_ns = stream_.env().clock.wall_ns();
  std::optional<OwnedMessage> last;
  if (!eob) {
    last = OwnedMessage::Copy(message);
    last->headers = protocol::WithoutHeader(last->headers, "Nats-Required-Api-Level");
  }
  std::vector<const OwnedMessage*> messages;
  for (const auto& kept : batch.messages) {
    messages.push_back(&kept);
  }
  if (last) {
    messages.push_back(&*last);
  }
  BatchView view;
  view.last_seq = stream_.store().state().last_seq;
  std::vector<Checked> checked;
  for (const OwnedMessage* kept : messages) {
    Inbound inbound = kept->view();
    Checked& next = checked.emplace_back(Checked{kept, stream_.Transformed(kept->subject), {}});
    inbound.subject = next.subject;
    ApiError error;
    if (auto wanted = protocol::FindHeader(kept->headers, "Nats-Expected-Last-Msg-Id");
        wanted && !wanted->empty()) {
      error = MakeError(10177, "Nats-Expected-Last-Msg-Id");
    } else {
      next.facts = stream_.rules().CheckInBatch(inbound, now_ns, view);
      error = next.facts.error;
    }
    if (next.facts.verdict == PublishFacts::Verdict::kLoad) {
      return next.facts.load;
    }
    if (error) {
      Drop(id, {});
      stream_.Reject(message.reply, error);
      return 0;
    }
  }
  Store(checked, eob, now_ns);
  stream_.AckBatch(message.reply, id, checked.size());
  Drop(id, {});
  return 0;
}

void AtomicBatches::Store(std::vector<Checked>& checked, bool eob, int64_t now_ns) {
  for (Checked& next : checked) {
    Inbound inbound = next.message->view();
    inbound.subject = next.subject;
    inbound.reply = {};
    if (eob && &next == &checked.back()) {
      // It is the last one, after all.
      next.facts.headers =
          protocol::WithHeader(next.facts.headers ? std::string_view(*next.facts.headers)
                                                  : std::string_view(inbound.headers),
                               "Nats-Batch-Commit", "1");
    }
    stream_.Store(inbound, next.facts, now_ns);
  }
}

}  // namespace weir::jetstream
