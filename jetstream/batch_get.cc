#include "jetstream/batch_get.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "protocol/headers.h"

namespace weir::jetstream {

namespace {

using storage::ReadOutcome;

constexpr int kMessagesPerTurn = 256;
constexpr size_t kMaxSubjects = 1024;

// One batched get on its way; kept alive by the task or load that carries it on.
class BatchGet : public std::enable_shared_from_this<BatchGet> {
 public:
  BatchGet(Stream& stream, BatchQuery query, std::string reply)
      : shard_(stream.shard()),
        id_(stream.id()),
        query_(std::move(query)),
        reply_(std::move(reply)),
        multi_(!query_.multi_last.empty()),
        upto_(stream.committed_seq()) {
    if (query_.max_bytes == 0) {
      query_.max_bytes = kMaxBatchBytes;
    }
  }

  // Finds out what to send, then sends.
  void Start(Stream& stream) {
    if (multi_) {
      Gather(stream);
      return;
    }
    auto& store = stream.store();
    next_ = query_.start.start_time_ns ? store.SeqAtTime(*query_.start.start_time_ns)
                                       : std::max<StreamSeq>(1, query_.start.seq);
    if (!query_.start.next_by_subject.empty()) {
      filters_ = {query_.start.next_by_subject};
    }
    pending_ = store.CountFrom(next_, filters_);
    Send(stream);
  }

 private:
  enum class Step : uint8_t { kSent, kEnd, kWaiting };

  // Runs `resume` again when the message is in memory.
  void LoadThen(Stream& stream, StreamSeq seq, void (BatchGet::*resume)(Stream&)) {
    stream.store().Load(seq, [self = shared_from_this(), resume](const Status& status) {
      Stream* again = self->shard_.Find(self->id_);
      if (again == nullptr || again->stopped()) {
        return;
      }
      if (status.ok()) {
        ((*self).*resume)(*again);
      } else {
        self->Answer(*again, 500, Message(status));
      }
    });
  }

  void Gather(Stream& stream) {
    auto& store = stream.store();
    if (query_.up_to_time_ns) {
      StreamSeq bound = store.SeqAtTime(*query_.up_to_time_ns);
      if (bound <= store.state().first_seq) {
        Answer(stream, 404, "No Results");
        return;
      }
      upto_ = std::min(upto_, bound - 1);
    } else if (query_.up_to_seq > upto_) {
      Answer(stream, 404, "No Results");
      return;
    } else if (query_.up_to_seq > 0) {
      upto_ = query_.up_to_seq;
    }
    for (const auto& filter : query_.multi_last) {
      if (filter.empty()) {
        continue;  // matches nothing here
      }
      store.ForEachSubject(filter,
                           [&](std::string_view subject, const storage::SubjectState& state) {
                             if (state.first <= upto_ && state.last >= query_.start.seq) {
                               subjects_.emplace_back(subject);
                             }
                             return true;
                           });
    }
    std::sort(subjects_.begin(), subjects_.end());
    subjects_.erase(std::unique(subjects_.begin(), subjects_.end()), subjects_.end());
    Resolve(stream);
  }

  // The last message of each subject that is not above the bound.
  void Resolve(Stream& stream) {
    while (!subjects_.empty()) {
      auto state = stream.store().LastOf(subjects_.back());
      StreamSeq last = state ? state->last : 0;
      if (last > upto_) {
        StreamSeq load_from = 0;
        if (!LastBelow(stream, subjects_.back(), state->first, load_from)) {
          LoadThen(stream, load_from, &BatchGet::Resolve);
          return;
        }
        last = std::exchange(best_, 0);
        scan_ = 0;
      }
      if (last > 0 && last >= query_.start.seq) {
        found_.push_back(last);
      }
      subjects_.pop_back();
    }
    if (found_.empty()) {
      Answer(stream, 404, "No Results");
      return;
    }
    if (found_.size() > kMaxSubjects) {
      Answer(stream, 413, "Too Many Results");
      return;
    }
    std::sort(found_.begin(), found_.end());
    pending_ = found_.size();
    Send(stream);
  }

  // False: a load is needed first, from `load_from`.
  bool LastBelow(Stream& stream, const std::string& subject, StreamSeq first,
                 StreamSeq& load_from) {
    storage::StoredMessage message;
    scan_ = std::max(scan_, first);
    while (scan_ <= upto_) {
      ReadOutcome outcome = stream.store().Next(scan_, {subject}, message);
      if (outcome == ReadOutcome::kWouldBlock) {
        load_from = message.view.seq;
        return false;
      }
      if (outcome != ReadOutcome::kFound || message.view.seq > upto_) {
        break;
      }
      best_ = message.view.seq;
      scan_ = best_ + 1;
    }
    return true;
  }

  void Send(Stream& stream) {
    for (int i = 0; i < kMessagesPerTurn; ++i) {
      switch (SendOne(stream)) {
        case Step::kSent:
          break;
        case Step::kEnd:
          return;
        case Step::kWaiting:
          return;
      }
    }
    shard_.env().executor.Post([self = shared_from_this()] {
      Stream* again = self->shard_.Find(self->id_);
      if (again != nullptr && !again->stopped()) {
        self->Send(*again);
      }
    });
  }

  Step SendOne(Stream& stream) {
    bool enough = (query_.size != 0 && sent_ >= query_.size) ||
                  (sent_ > 0 && bytes_ >= query_.max_bytes) || (multi_ && at_ == found_.size());
    if (enough) {
      End(stream);
      return Step::kEnd;
    }
    storage::StoredMessage message;
    ReadOutcome outcome = multi_ ? stream.store().Get(found_[at_], message)
                                 : stream.store().Next(next_, filters_, message);
    if (outcome == ReadOutcome::kWouldBlock) {
      LoadThen(stream, multi_ ? found_[at_] : message.view.seq, &BatchGet::Send);
      return Step::kWaiting;
    }
    if (outcome != ReadOutcome::kFound || message.view.seq > upto_) {
      if (multi_ && sent_ > 0) {
        ++at_;  // gone meanwhile
        return Step::kSent;
      }
      if (sent_ > 0) {
        End(stream);
      } else {
        Answer(stream, 404, "Message Not Found");
      }
      return Step::kEnd;
    }
    Publish(stream, message.view);
    return Step::kSent;
  }

  void Publish(Stream& stream, const storage::MessageView& message) {
    std::string headers;
    if (multi_ || !query_.start.no_headers) {
      pending_ -= pending_ > 0 ? 1 : 0;
      headers = DirectGetHeaders(
          stream, message,
          Cat("Nats-Num-Pending: ", pending_, "\r\nNats-Last-Sequence: ", last_, "\r\n"));
    }
    last_ = message.seq;
    next_ = message.seq + 1;
    ++at_;
    ++sent_;
    bytes_ += static_cast<int64_t>(message.subject.size() + message.headers.size() +
                                   message.payload.size());
    stream.env().router.Publish(stream.account(), {reply_, {}, headers, message.payload});
  }

  void End(Stream& stream) {
    protocol::HeaderBuilder headers(204, "EOB");
    headers.Add("Nats-Num-Pending", Cat(pending_)).Add("Nats-Last-Sequence", Cat(last_));
    if (multi_) {
      headers.Add("Nats-UpTo-Sequence", Cat(upto_));
    }
    stream.env().router.Publish(stream.account(), {reply_, {}, headers.Take(), {}});
  }

  void Answer(Stream& stream, int status, std::string_view text) {
    std::string headers = protocol::HeaderBuilder(status, text).Take();
    stream.env().router.Publish(stream.account(), {reply_, {}, headers, {}});
  }

  Shard& shard_;
  StreamId id_;
  BatchQuery query_;
  std::string reply_;
  bool multi_;
  StreamSeq upto_;
  // A run.
  protocol::SubjectFilters filters_;
  StreamSeq next_ = 0;
  // The last of subjects.
  std::vector<std::string> subjects_;  // to be resolved
  StreamSeq scan_ = 0;                 // where the search in the last of them goes on
  StreamSeq best_ = 0;
  std::vector<StreamSeq> found_;
  size_t at_ = 0;
  // What has been sent.
  uint64_t pending_ = 0;
  int64_t sent_ = 0;
  int64_t bytes_ = 0;
  StreamSeq last_ = 0;
};

}  // namespace

void AnswerBatchGet(Stream& stream, BatchQuery query, std::string reply) {
  if (stream.committed_seq() == stream.store().state().last_seq) {
    std::make_shared<BatchGet>(stream, std::move(query), std::move(reply))->Start(stream);
    return;
  }
  // What is staged is not to be seen before it is committed.
  stream.shard().WhenCommitted([&shard = stream.shard(), id = stream.id(), query = std::move(query),
                                reply = std::move(reply)](const Status& status) mutable {
    Stream* again = shard.Find(id);
    if (status.ok() && again != nullptr && !again->stopped()) {
      std::make_shared<BatchGet>(*again, std::move(query), std::move(reply))->Start(*again);
    }
  });
}

std::string DirectGetHeaders(const Stream& stream, const storage::MessageView& message,
                             std::string_view more) {
  std::string_view own = message.headers;
  std::string out;
  if (own.size() > protocol::kHeaderLine.size() + 2) {
    out.assign(own.substr(0, own.size() - 2));
  } else {
    out.assign(protocol::kHeaderLine);
  }
  CatTo(out, "Nats-Stream: ", stream.name(), "\r\nNats-Subject: ", message.subject,
        "\r\nNats-Sequence: ", message.seq, "\r\nNats-Time-Stamp: ", FormatTime(message.time_ns),
        "\r\n", more, "\r\n");
  return out;
}

}  // namespace weir::jetstream
