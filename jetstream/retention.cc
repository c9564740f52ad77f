#include "jetstream/retention.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jetstream/consumer.h"
#include "jetstream/shard.h"
#include "jetstream/stream.h"

namespace weir::jetstream {

namespace {

constexpr int kSweepBudget = 1024;

uint64_t StoredBytes(StorageType type, const storage::MessageView& message) {
  return type == StorageType::kFile ? storage::FileMessageBytes(message)
                                    : storage::MemoryMessageBytes(message);
}

}  // namespace

const char* Retention::Refusal(const storage::MessageView& message) const {
  const StreamConfig& config = stream_.config();
  if (config.discard != DiscardPolicy::kNew) {
    return nullptr;
  }
  const auto& state = stream_.store().state();
  bool replaces = false;  // the limit of the subject will remove an older one
  uint64_t replaced_bytes = 0;
  std::optional<storage::SubjectState> subject;
  if (config.max_msgs_per_subject > 0) {
    subject = stream_.store().LastOf(message.subject);
    replaces = subject && subject->messages >= static_cast<uint64_t>(config.max_msgs_per_subject);
    if (replaces && config.discard_new_per_subject) {
      return "maximum messages per subject exceeded";
    }
  }
  if (!replaces && config.max_msgs > 0 &&
      state.messages >= static_cast<uint64_t>(config.max_msgs)) {
    return "maximum messages exceeded";
  }
  if (config.max_bytes <= 0) {
    return nullptr;
  }
  if (replaces) {
    storage::StoredMessage old;
    if (stream_.store().Get(subject->first, old) != storage::ReadOutcome::kFound) {
      return nullptr;  // on disk: rather a few bytes too many than a wait
    }
    replaced_bytes = StoredBytes(config.storage, old.view);
  }
  if (state.bytes - replaced_bytes + StoredBytes(config.storage, message) >
      static_cast<uint64_t>(config.max_bytes)) {
    return "maximum bytes exceeded";
  }
  return nullptr;
}

bool Retention::IsWanted(StreamSeq seq, std::string_view subject) const {
  return stream_.config().retention != RetentionPolicy::kInterest || AnybodyNeeds(seq, subject);
}

bool Retention::AnybodyNeeds(StreamSeq seq, std::string_view subject) const {
  return std::any_of(stream_.consumers().begin(), stream_.consumers().end(),
                     [&](const auto& entry) { return entry.second->Needs(seq, subject); });
}

void Retention::AfterAppend(std::string_view subject) {
  int64_t limit = stream_.config().max_msgs_per_subject;
  if (limit <= 0) {
    return;
  }
  auto state = stream_.store().LastOf(subject);
  while (state && state->messages > static_cast<uint64_t>(limit)) {
    if (!stream_.RemoveMessage(state->first, /*erase=*/false, subject)) {
      break;
    }
    state = stream_.store().LastOf(subject);
  }
}

void Retention::EnforceSubjectLimit() {
  int64_t limit = stream_.config().max_msgs_per_subject;
  if (limit <= 0) {
    return;
  }
  std::vector<std::string> over;
  stream_.store().ForEachSubject(">",
                                 [&](std::string_view subject, const storage::SubjectState& state) {
                                   if (state.messages > static_cast<uint64_t>(limit)) {
                                     over.emplace_back(subject);
                                   }
                                   return true;
                                 });
  for (const auto& subject : over) {
    AfterAppend(subject);
  }
}

void Retention::EnforceLimits() {
  const StreamConfig& config = stream_.config();
  auto& store = stream_.store();
  const auto& state = store.state();
  StreamSeq first = state.first_seq;
  if (config.discard == DiscardPolicy::kOld) {
    auto over = [&] {
      return state.messages > 0 &&
             ((config.max_msgs > 0 && state.messages > static_cast<uint64_t>(config.max_msgs)) ||
              (config.max_bytes > 0 && state.bytes > static_cast<uint64_t>(config.max_bytes)));
    };
    while (over()) {
      // Without interior deletes the surplus is known; otherwise one step at a time.
      uint64_t surplus = 1;
      if (config.max_msgs > 0 && state.messages > static_cast<uint64_t>(config.max_msgs)) {
        surplus = state.messages - static_cast<uint64_t>(config.max_msgs);
        surplus = state.num_deleted == 0 ? surplus : 1;
      }
      store.TrimTo(state.first_seq + surplus);
    }
  }
  if (state.first_seq != first) {
    stream_.NotifyTrimmed();
  }
}

void Retention::Done(StreamSeq seq) {
  RetentionPolicy policy = stream_.config().retention;
  if (policy == RetentionPolicy::kLimits) {
    return;
  }
  if (policy == RetentionPolicy::kInterest && stream_.consumers().size() > 1) {
    storage::StoredMessage message;
    switch (stream_.store().Get(seq, message)) {
      case storage::ReadOutcome::kFound:
        break;
      case storage::ReadOutcome::kWouldBlock:
        done_later_.push_back(seq);
        if (done_later_.size() == 1) {
          LoadThen(seq, &Retention::RetryDone);
        }
        return;
      case storage::ReadOutcome::kMissing:
      case storage::ReadOutcome::kDamaged:
        return;
    }
    if (AnybodyNeeds(seq, message.view.subject)) {
      return;
    }
  }
  if (stream_.store().Remove(seq, /*erase=*/false)) {
    stream_.MarkDirty();
  }
}

void Retention::RetryDone() {
  for (StreamSeq seq : std::exchange(done_later_, {})) {
    Done(seq);
  }
}

void Retention::DoneUpTo(Consumer& consumer, StreamSeq seq) {
  RetentionPolicy policy = stream_.config().retention;
  if (policy == RetentionPolicy::kLimits) {
    return;
  }
  auto& store = stream_.store();
  if (stream_.consumers().size() <= 1) {
    // A filtered consumer of a work queue is not the only taker: what it does not match stays.
    auto filters = consumer.config().Filters();
    if (filters.empty() || policy == RetentionPolicy::kInterest) {
      store.TrimTo(seq + 1);
    }
    for (const auto& filter : filters) {
      store.Purge(filter, seq + 1, 0);
    }
    stream_.MarkDirty();
  } else if (policy == RetentionPolicy::kWorkQueue) {
    for (const auto& filter : consumer.config().Filters()) {
      store.Purge(filter, seq + 1, 0);
    }
    stream_.MarkDirty();
  } else {
    Sweep(seq);
  }
}

void Retention::Sweep(StreamSeq upto) {
  if (stream_.config().retention != RetentionPolicy::kInterest) {
    return;
  }
  auto& store = stream_.store();
  if (stream_.consumers().empty()) {
    store.TrimTo(store.state().last_seq + 1);
    stream_.MarkDirty();
    return;
  }
  bool running = sweep_next_ != 0;
  sweep_next_ = std::max<StreamSeq>(1, store.state().first_seq);
  sweep_end_ = std::max(sweep_end_, upto);
  if (!running) {
    SweepOn();
  }
}

void Retention::SweepInFlight() {
  sweep_tells_ = true;
  Sweep(stream_.store().state().last_seq);
}

void Retention::SweepOn() {
  auto& store = stream_.store();
  static const std::vector<std::string> kAll;
  for (int i = 0; i < kSweepBudget && sweep_next_ <= sweep_end_; ++i) {
    storage::StoredMessage message;
    auto outcome = store.Next(sweep_next_, kAll, message);
    if (outcome == storage::ReadOutcome::kWouldBlock) {
      LoadThen(message.view.seq, &Retention::SweepOn);
      return;
    }
    if (outcome == storage::ReadOutcome::kMissing || message.view.seq > sweep_end_) {
      sweep_next_ = sweep_end_ + 1;
      break;
    }
    sweep_next_ = message.view.seq + 1;
    if (outcome == storage::ReadOutcome::kFound &&
        !AnybodyNeeds(message.view.seq, message.view.subject)) {
      if (sweep_tells_) {
        stream_.RemoveMessage(message.view.seq, /*erase=*/false);
      } else {
        store.Remove(message.view.seq, /*erase=*/false);
        stream_.MarkDirty();
      }
    }
  }
  if (sweep_next_ > sweep_end_) {
    sweep_next_ = 0;
    sweep_end_ = 0;
    sweep_tells_ = false;
    return;
  }
  Shard& shard = stream_.shard();
  stream_.env().executor.Post([&shard, id = stream_.id()] {
    if (Stream* stream = shard.Find(id)) {
      stream->retention().SweepOn();
    }
  });
}

void Retention::GiveUp() {
  done_later_.clear();
  sweep_next_ = 0;
  sweep_end_ = 0;
  sweep_tells_ = false;
}

void Retention::LoadThen(StreamSeq seq, void (Retention::*resume)()) {
  Shard& shard = stream_.shard();
  stream_.store().Load(seq, [&shard, id = stream_.id(), resume](const Status& status) {
    Stream* stream = shard.Find(id);
    if (stream == nullptr || stream->stopped()) {
      return;
    }
    if (!status.ok()) {
      stream->env().log.Warn("JetStream stream '", stream->name(),
                             "' can not read a message: ", Message(status));
      stream->retention().GiveUp();
      return;
    }
    (stream->retention().*resume)();
  });
}

}  // namespace weir::jetstream
