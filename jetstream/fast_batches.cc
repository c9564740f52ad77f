#include "jetstream/fast_batches.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "jetstream/account_usage.h"
#include "jetstream/required_level.h"
#include "jetstream/stream.h"
#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

constexpr size_t kMaxIdLength = 64;
constexpr int64_t kMaxPerStream = 1000;
constexpr int64_t kMaxTotal = 50'000;
constexpr int64_t kTimeout = 10'000'000'000;
constexpr uint64_t kUsualFlow = 10;
constexpr uint64_t kMostAcked = 500;  // messages per flow ack, of all open batches together

enum Operation : uint8_t { kStart, kAppend, kCommit, kCommitEob, kPing };

int64_t LimitOr(int64_t limit, int64_t built_in) {
  return limit > 0 ? limit : built_in;
}

}  // namespace

std::optional<FastBatchControl> FastBatchControl::Parse(std::string_view reply) {
  reply.remove_suffix(kSuffix.size());
  auto take = [&reply]() -> std::optional<std::string_view> {
    size_t dot = reply.rfind('.');
    if (dot == std::string_view::npos) {
      return std::nullopt;
    }
    std::string_view token = reply.substr(dot + 1);
    reply = reply.substr(0, dot);
    return token;
  };
  auto operation = take();
  auto number = operation ? ParseNumber<unsigned>(*operation) : std::nullopt;
  auto seq = take();
  auto count = seq ? ParseNumber<uint64_t>(*seq) : std::nullopt;
  auto gap = take();
  auto flow = take();
  auto id = take();
  if (!number || *number > kPing || !count || *count == 0 || *count == UINT64_MAX || !id ||
      (*gap != "fail" && *gap != "ok")) {
    return std::nullopt;
  }
  FastBatchControl out;
  out.id = *id;
  out.seq = *count;
  out.ping = *number == kPing;
  out.eob = *number == kCommitEob;
  out.commit = out.eob || *number == kCommit;
  out.gap_ok = *gap == "ok";
  int64_t wanted = ParseNumber<int64_t>(*flow).value_or(0);
  out.flow = wanted <= 0 ? kUsualFlow : std::min<uint64_t>(static_cast<uint64_t>(wanted), 65'535);
  bool fits = !(out.eob && out.seq == 1) && !(*number == kStart && out.seq != 1) &&
              !(*number == kAppend && out.seq == 1);
  return fits ? std::optional(out) : std::nullopt;
}

FastBatches::~FastBatches() {
  while (!batches_.empty()) {
    Drop(batches_.begin());
  }
}

void FastBatches::Arm(Batches::iterator at) {
  Environment& env = stream_.env();
  env.timers.Cancel(at->second.timer);
  at->second.timer =
      env.timers.Schedule(env.clock.steady_ns() + LimitOr(env.options.batch_timeout_ns, kTimeout),
                          [this, id = at->first] {
                            if (auto idle = batches_.find(id); idle != batches_.end()) {
                              Drop(idle);
                            }
                          });
}

void FastBatches::Drop(Batches::iterator at) {
  stream_.env().timers.Cancel(at->second.timer);
  batches_.erase(at);
  if (AccountUsage* server = stream_.server_usage()) {
    server->fast_batches.fetch_sub(1);
  }
}

ApiError FastBatches::CheckMessage(const Inbound& message,
                                   const std::optional<FastBatchControl>& control) const {
  if (auto error = stream_.CheckLimits(message)) {
    return error;
  }
  if (!stream_.config().allow_batched) {
    return MakeError(10205);
  }
  if (!control) {
    return MakeError(10206);
  }
  return control->id.size() > kMaxIdLength ? MakeError(10207) : ApiError{};
}

FastBatches::Batches::iterator FastBatches::Open(const FastBatchControl& control, ApiError& error) {
  if (auto known = batches_.find(control.id); known != batches_.end()) {
    return known;
  }
  if (control.seq != 1 || control.ping) {
    error = MakeError(10208);
    return batches_.end();
  }
  const JetStreamOptions& options = stream_.env().options;
  AccountUsage* server = stream_.server_usage();
  bool room = static_cast<int64_t>(batches_.size()) <
              LimitOr(options.max_batches_per_stream, kMaxPerStream);
  if (room && server != nullptr &&
      server->fast_batches.fetch_add(1) >= LimitOr(options.max_batches_total, kMaxTotal)) {
    server->fast_batches.fetch_sub(1);
    room = false;
  }
  if (!room) {
    error = MakeError(10211);
    return batches_.end();
  }
  Batch batch;
  batch.gap_ok = control.gap_ok;
  batch.ack_every_at_most = control.flow;
  batch.ack_every = batches_.empty() ? std::min(kMostAcked, control.flow) : 1;
  return batches_.emplace(std::string(control.id), std::move(batch)).first;
}

StreamSeq FastBatches::OnMessage(const Inbound& message) {
  auto control = FastBatchControl::Parse(message.reply);
  ApiError error = CheckMessage(message, control);
  auto at = error ? batches_.end() : Open(*control, error);
  if (error) {
    stream_.Reject(message.reply, error);
    return 0;
  }
  if (!MeetsRequiredLevel(message.headers)) {
    Drop(at);
    stream_.Reject(message.reply, MakeError(10185));
    return 0;
  }
  Batch& batch = at->second;
  if (!batch.committing) {
    Arm(at);
  }
  if (control->ping) {
    Ping(at, *control, message.reply);
    return 0;
  }
  if (batch.committing) {
    return 0;  // the client waits for its ack
  }
  return Take(at, *control, message);
}

void FastBatches::Ping(Batches::iterator at, const FastBatchControl& control,
                       std::string_view reply) {
  Batch& batch = at->second;
  if (control.seq > batch.last) {
    SendGap(batch.last + 1, control.seq + 1, reply);
    if (!batch.gap_ok) {
      if (TryCommit(at, reply)) {
        return;
      }
    } else {
      batch.last = control.seq;
      batch.persisted = batch.pending == 0 ? batch.last : batch.persisted;
      if (CheckFlow(batch, reply)) {
        return;
      }
    }
  }
  SendFlow(batch, batch.flowed, reply);
}

bool FastBatches::TakeGap(Batches::iterator at, const FastBatchControl& control,
                          std::string_view reply) {
  Batch& batch = at->second;
  if (control.seq == batch.last + 1) {
    ++batch.last;
    return true;
  }
  SendGap(batch.last + 1, control.seq, reply);
  if (batch.gap_ok && control.seq > batch.last) {
    batch.last = control.seq;
    return true;
  }
  TryCommit(at, reply);
  return false;
}

StreamSeq FastBatches::Take(Batches::iterator at, const FastBatchControl& control,
                            const Inbound& message) {
  Batch& batch = at->second;
  PublishFacts facts;
  std::string subject = stream_.Transformed(message.subject);
  Inbound inbound = message;
  inbound.subject = subject;
  int64_t now_ns = stream_.env().clock.wall_ns();
  bool in_order = control.seq == batch.last + 1 || (batch.gap_ok && control.seq > batch.last);
  if (!control.eob && in_order) {
    BatchView view;
    view.last_seq = stream_.store().state().last_seq;
    facts = stream_.rules().CheckInBatch(inbound, now_ns, view);
    if (facts.verdict == PublishFacts::Verdict::kLoad) {
      return facts.load;
    }
  }
  if (!TakeGap(at, control, message.reply)) {
    return 0;
  }
  if (control.eob) {
    --batch.last;
    batch.persisted = batch.pending == 0 ? batch.last : batch.persisted;
    TryCommit(at, message.reply);
    return 0;
  }
  if (control.commit) {
    batch.committing = true;
    stream_.env().timers.Cancel(batch.timer);
  }
  if (control.seq == 1 && !control.commit) {
    SendFlow(batch, 0, message.reply);
  }
  if (facts.verdict != PublishFacts::Verdict::kAccept) {
    Refuse(at, control, message, facts);
    return 0;
  }
  inbound.reply = {};
  StreamSeq before = stream_.store().state().last_seq;
  if (ApiError error = stream_.Store(inbound, facts, now_ns)) {
    facts.verdict = PublishFacts::Verdict::kReject;
    facts.error = std::move(error);
    Refuse(at, control, message, facts);
    return 0;
  }
  ++batch.pending;
  waiting_.push_back({before + 1, at->first, control.seq, std::string(message.reply)});
  return 0;
}

void FastBatches::Refuse(Batches::iterator at, const FastBatchControl& control,
                         const Inbound& message, const PublishFacts& facts) {
  Batch& batch = at->second;
  bool duplicate = facts.error.err_code == 10201;
  if (duplicate) {
    if (batch.pending == 0) {
      batch.persisted = control.seq;
      CheckFlow(batch, message.reply);
    }
    if (!control.commit) {
      return;
    }
  }
  if (!batch.gap_ok && batch.last == 1) {
    if (duplicate && facts.original > 0) {
      stream_.Reply(
          message.reply,
          stream_.AckText(facts.original, Cat(",\"duplicate\": true,\"batch\":", Quoted(control.id),
                                              ",\"count\":", control.seq)));
    } else {
      stream_.Reject(message.reply, facts.error);
    }
    Drop(at);
    return;
  }
  if (!duplicate) {
    JsonWriter out;
    out.OpenObject().Field("type", "err").Field("seq", control.seq);
    facts.error.WriteTo(out);
    out.CloseObject();
    stream_.Reply(message.reply, out.text());
  }
  if (batch.gap_ok && !control.commit) {
    return;
  }
  if (!duplicate) {
    --batch.last;
    batch.persisted = batch.pending == 0 ? batch.last : batch.persisted;
  }
  TryCommit(at, message.reply);
}

void FastBatches::OnCommitted(StreamSeq seq) {
  while (!waiting_.empty() && waiting_.front().seq <= seq) {
    Waiting done = std::move(waiting_.front());
    waiting_.pop_front();
    auto at = batches_.find(done.id);
    if (at == batches_.end()) {
      continue;
    }
    Batch& batch = at->second;
    batch.pending -= batch.pending > 0 ? 1 : 0;
    batch.stored = done.seq;
    batch.persisted = batch.pending == 0 ? batch.last : done.batch_seq;
    if (batch.committing && batch.last == batch.persisted) {
      TryCommit(at, batch.commit_reply.empty() ? done.reply : std::string(batch.commit_reply));
    } else {
      CheckFlow(batch, done.reply);
    }
  }
}

bool FastBatches::TryCommit(Batches::iterator at, std::string_view reply) {
  Batch& batch = at->second;
  batch.committing = true;
  stream_.env().timers.Cancel(batch.timer);
  if (batch.last != batch.persisted) {
    if (batch.commit_reply.empty()) {
      batch.commit_reply = reply;
    }
    return false;
  }
  stream_.Reply(reply, stream_.AckText(batch.stored, Cat(",\"batch\":", Quoted(at->first),
                                                         ",\"count\":", batch.last)));
  Drop(at);
  return true;
}

bool FastBatches::CheckFlow(Batch& batch, std::string_view reply) {
  uint64_t every = batch.ack_every;
  if (batch.persisted < batch.flowed + every) {
    return false;
  }
  batch.flowed += (batch.persisted - batch.flowed) / every * every;
  uint64_t most = std::clamp<uint64_t>(kMostAcked / std::max<size_t>(1, batches_.size()), 1,
                                       batch.ack_every_at_most);
  if (every < most) {
    batch.ack_every = std::min(every * 2, most);
  } else if (every > most) {
    batch.ack_every = std::max(every / 2, most);
  }
  SendFlow(batch, batch.flowed, reply);
  return true;
}

void FastBatches::SendFlow(const Batch& batch, uint64_t seq, std::string_view reply) {
  JsonWriter out;
  out.OpenObject().Field("type", "ack").Field("seq", seq).Field("msgs", batch.ack_every);
  out.CloseObject();
  stream_.Reply(reply, out.text());
}

void FastBatches::SendGap(uint64_t expected, uint64_t came, std::string_view reply) {
  JsonWriter out;
  out.OpenObject().Field("type", "gap").Field("last_seq", expected).Field("seq", came);
  out.CloseObject();
  stream_.Reply(reply, out.text());
}

}  // namespace weir::jetstream
