#include "jetstream/expiry.h"

#include <algorithm>
#include <string>
#include <vector>

#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "protocol/headers.h"

namespace weir::jetstream {

namespace {

constexpr int kBudget = 1024;  // messages per turn
constexpr int64_t kRetry = 1'000'000'000;
const std::vector<std::string> kEverything;

// Markers, and what clients write as such, are not marked again.
bool IsMarker(std::string_view headers) {
  return !headers.empty() && (protocol::FindHeader(headers, "Nats-Marker-Reason") ||
                              protocol::FindHeader(headers, "KV-Operation") == "PURGE");
}

}  // namespace

Expiry::~Expiry() {
  stream_.env().timers.Cancel(timer_);
}

void Expiry::Add(StreamSeq seq, int64_t time_ns, const MessageTtl& ttl) {
  if (ttl.never) {
    never_.insert(seq);
    return;
  }
  int64_t life = ttl.ns;
  const StreamConfig& config = stream_.config();
  if (config.max_msgs_per_subject != 1) {
    life = std::max(life, config.subject_delete_marker_ttl_ns);
  }
  lives_.emplace(time_ns + life, seq);
  if (timer_ && lives_.begin()->second == seq) {
    stream_.env().timers.Cancel(timer_);
    Watch();
  }
}

void Expiry::Watch() {
  if (timer_ || loading_) {
    return;
  }
  int64_t due = NextDue();
  if (due == INT64_MAX) {
    return;
  }
  Environment& env = stream_.env();
  int64_t wait = std::max<int64_t>(0, due - env.clock.wall_ns());
  timer_ = env.timers.Schedule(env.clock.steady_ns() + wait, [this] {
    timer_ = {};
    Run();
  });
}

int64_t Expiry::NextDue() {
  int64_t due = lives_.empty() ? INT64_MAX : lives_.begin()->first;
  const auto& state = stream_.store().state();
  int64_t max_age = stream_.config().max_age_ns;
  if (max_age <= 0 || state.messages == 0) {
    return due;
  }
  if (never_.empty()) {
    return std::min(due, stream_.store().FirstTimeNs() + max_age);
  }
  storage::StoredMessage message;
  while (true) {
    mortal_from_ = std::max(mortal_from_, state.first_seq);
    auto outcome = stream_.store().Next(mortal_from_, kEverything, message);
    if (outcome == storage::ReadOutcome::kMissing) {
      return due;
    }
    if (outcome != storage::ReadOutcome::kFound) {
      return std::min(due, stream_.env().clock.wall_ns() + kRetry);
    }
    if (!never_.contains(message.view.seq)) {
      return std::min(due, message.view.time_ns + max_age);
    }
    mortal_from_ = message.view.seq + 1;
  }
}

void Expiry::Run() {
  stream_.env().timers.Cancel(timer_);
  if (loading_ || stream_.stopped()) {
    return;
  }
  int64_t now_ns = stream_.env().clock.wall_ns();
  Progress progress = ExpireLives(now_ns);
  if (progress == Progress::kDone) {
    progress = ExpireOld(now_ns);
  }
  if (progress == Progress::kLoading) {
    return;
  }
  if (progress == Progress::kDone) {
    Watch();
    return;
  }
  timer_ = stream_.env().timers.Schedule(stream_.env().clock.steady_ns(), [this] {
    timer_ = {};
    Run();
  });
}

Expiry::Progress Expiry::ExpireLives(int64_t now_ns) {
  for (int i = 0; i < kBudget; ++i) {
    if (lives_.empty() || lives_.begin()->first > now_ns) {
      return Progress::kDone;
    }
    auto next = *lives_.begin();
    if (Expire(next.second) == Progress::kLoading) {
      return Progress::kLoading;
    }
    lives_.erase(next);
  }
  return Progress::kMore;
}

Expiry::Progress Expiry::ExpireOld(int64_t now_ns) {
  const StreamConfig& config = stream_.config();
  if (config.max_age_ns <= 0) {
    return Progress::kDone;
  }
  auto& store = stream_.store();
  never_.erase(never_.begin(), never_.lower_bound(store.state().first_seq));
  int64_t cutoff_ns = now_ns - config.max_age_ns;
  if (!never_.empty() || config.subject_delete_marker_ttl_ns > 0) {
    return ExpireOldOneByOne(cutoff_ns);
  }
  StreamSeq keep = store.SeqAtTime(cutoff_ns + 1);
  if (keep > store.state().first_seq) {
    store.TrimTo(keep);
    stream_.MarkDirty();
    stream_.NotifyTrimmed();
  }
  return Progress::kDone;
}

Expiry::Progress Expiry::ExpireOldOneByOne(int64_t cutoff_ns) {
  auto& store = stream_.store();
  StreamSeq from = std::max(mortal_from_, store.state().first_seq);
  for (int i = 0; i < kBudget; ++i) {
    storage::StoredMessage message;
    auto outcome = store.Next(from, kEverything, message);
    if (outcome == storage::ReadOutcome::kWouldBlock) {
      LoadThenRun(message.view.seq);
      return Progress::kLoading;
    }
    if (outcome == storage::ReadOutcome::kMissing || message.view.time_ns > cutoff_ns) {
      return Progress::kDone;
    }
    StreamSeq seq = message.view.seq;
    from = seq + 1;
    if (!never_.contains(seq) && Expire(seq) == Progress::kLoading) {
      return Progress::kLoading;
    }
  }
  return Progress::kMore;
}

Expiry::Progress Expiry::Expire(StreamSeq seq) {
  auto& store = stream_.store();
  storage::StoredMessage message;
  switch (store.Get(seq, message)) {
    case storage::ReadOutcome::kMissing:
      return Progress::kDone;
    case storage::ReadOutcome::kWouldBlock:
      LoadThenRun(seq);
      return Progress::kLoading;
    case storage::ReadOutcome::kFound:
    case storage::ReadOutcome::kDamaged:
      break;
  }
  std::string subject(message.view.subject);
  bool marks = stream_.config().subject_delete_marker_ttl_ns > 0 && !subject.empty() &&
               !IsMarker(message.view.headers);
  stream_.RemoveMessage(seq, /*erase=*/false, subject);
  if (marks && !store.LastOf(subject)) {
    stream_.StoreMarker(subject);
  }
  return Progress::kDone;
}

void Expiry::LoadThenRun(StreamSeq seq) {
  loading_ = true;
  Shard& shard = stream_.shard();
  stream_.store().Load(seq, [&shard, id = stream_.id()](const Status& status) {
    Stream* stream = shard.Find(id);
    if (stream == nullptr || stream->stopped()) {
      return;
    }
    Expiry& expiry = stream->expiry();
    expiry.loading_ = false;
    if (status.ok()) {
      expiry.Run();
      return;
    }
    // Better to keep what is too old than to spin on a bad disk; the next publish tries again.
    stream->env().log.Warn("JetStream stream '", stream->name(),
                           "' can not read what expires: ", Message(status));
  });
}

}  // namespace weir::jetstream
