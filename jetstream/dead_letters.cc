#include "jetstream/dead_letters.h"

#include <utility>
#include <vector>

#include "protocol/base/nuid.h"
#include "protocol/base/strings.h"
#include "protocol/headers.h"

namespace weir::jetstream {

namespace {

constexpr int64_t kAnswerWait = 5'000'000'000;
constexpr int kTriesWithoutAnswer = 3;
constexpr std::string_view kPrefix = "Weir-Dead-Letter-";

}  // namespace

DeadLetters::DeadLetters(Environment& env, storage::StreamStore& store, Origin origin,
                         std::string subject, Done done)
    : env_(env),
      store_(store),
      origin_(std::move(origin)),
      subject_(std::move(subject)),
      done_(std::move(done)),
      self_(std::make_shared<DeadLetters*>(this)) {}

DeadLetters::~DeadLetters() {
  *self_ = nullptr;
  env_.timers.Cancel(timer_);
  if (subscription_ != 0) {
    env_.router.Unsubscribe(subscription_);
  }
}

void DeadLetters::Clear() {
  waiting_.clear();
  env_.timers.Cancel(timer_);
}

void DeadLetters::Send(StreamSeq seq, DeadLetter letter) {
  if (waiting_.try_emplace(seq, std::move(letter)).second) {
    Try(seq);
  }
}

void DeadLetters::Try(StreamSeq seq) {
  auto at = waiting_.find(seq);
  if (at == waiting_.end()) {
    return;
  }
  storage::StoredMessage found;
  switch (store_.Get(seq, found)) {
    case storage::ReadOutcome::kFound:
      Publish(seq, at->second, found.view);
      break;
    case storage::ReadOutcome::kWouldBlock:
      LoadThenTry(seq);
      break;
    case storage::ReadOutcome::kMissing:
    case storage::ReadOutcome::kDamaged:
      Finish(seq);
      break;
  }
}

void DeadLetters::LoadThenTry(StreamSeq seq) {
  store_.Load(seq, [self = self_, seq](const Status& status) {
    if (*self == nullptr) {
      return;
    }
    if (status.ok()) {
      (*self)->Try(seq);
    } else if (auto at = (*self)->waiting_.find(seq); at != (*self)->waiting_.end()) {
      (*self)->TryAgainLater(at->second);
    }
  });
}

std::string DeadLetters::Headers(const DeadLetter& letter,
                                 const storage::MessageView& message) const {
  protocol::HeaderBuilder out;
  for (protocol::HeaderCursor line(message.headers); line.Next();) {
    if (!line.key().starts_with("Nats-")) {
      out.Add(line.key(), line.value());
    }
  }
  auto add = [&out](std::string_view name, std::string_view value) {
    out.Add(Cat(kPrefix, name), value);
  };
  add("Reason", letter.reason == DeadReason::kMaxDeliver ? "max_deliver" : "terminated");
  if (!letter.description.empty()) {
    add("Description", letter.description);
  }
  add("Stream", origin_.stream);
  add("Consumer", origin_.consumer);
  add("Subject", message.subject);
  add("Sequence", Cat(message.seq));
  add("Deliveries", Cat(letter.deliveries));
  add("Time", FormatTime(message.time_ns));
  out.Add("Nats-Msg-Id", Cat("dead:", origin_.stream, ":", origin_.stream_id.value(), ":",
                             origin_.consumer, ":", message.seq));
  return out.Take();
}

void DeadLetters::Publish(StreamSeq seq, Waiting& waiting, const storage::MessageView& message) {
  std::string headers = Headers(waiting.letter, message);
  std::string payload(message.payload);  // the store may change while it is published
  if (!env_.router.HasStream(origin_.account, subject_)) {
    env_.router.Publish(origin_.account, {subject_, {}, headers, payload});
    Finish(seq);
    return;
  }
  if (subscription_ == 0) {
    inbox_ = Cat("_INBOX.", Nuid(env_.random), ".");
    subscription_ = env_.router.Subscribe(origin_.account, Cat(inbox_, "*"), {}, *this);
  }
  ++waiting.tries;
  waiting.refused = false;
  TryAgainLater(waiting);
  env_.router.Publish(origin_.account, {subject_, Cat(inbox_, seq), headers, payload});
}

void DeadLetters::OnMessage(const Inbound& message) {
  auto seq = ParseNumber<StreamSeq>(message.subject.substr(inbox_.size()));
  auto at = seq ? waiting_.find(*seq) : waiting_.end();
  if (at == waiting_.end()) {
    return;
  }
  if (message.payload.find("\"error\":{") == std::string_view::npos && !message.payload.empty()) {
    Finish(*seq);
    return;
  }
  at->second.refused = true;
  env_.log.Warn("JetStream consumer '", origin_.stream, " > ", origin_.consumer,
                "': the dead letter of message ", *seq, " is refused: ", message.payload);
}

void DeadLetters::TryAgainLater(Waiting& waiting) {
  waiting.again_ns = env_.clock.steady_ns() + kAnswerWait;
  if (!timer_) {
    timer_ = env_.timers.Schedule(waiting.again_ns, [this] {
      timer_ = {};
      OnTimer();
    });
  }
}

void DeadLetters::OnTimer() {
  int64_t now_ns = env_.clock.steady_ns();
  std::vector<StreamSeq> again;
  std::vector<StreamSeq> unanswered;
  int64_t next_ns = INT64_MAX;
  for (const auto& [seq, waiting] : waiting_) {
    if (waiting.again_ns > now_ns) {
      next_ns = std::min(next_ns, waiting.again_ns);
    } else if (waiting.tries >= kTriesWithoutAnswer && !waiting.refused) {
      unanswered.push_back(seq);
    } else {
      again.push_back(seq);
    }
  }
  if (next_ns != INT64_MAX) {
    timer_ = env_.timers.Schedule(next_ns, [this] {
      timer_ = {};
      OnTimer();
    });
  }
  auto self = self_;
  for (StreamSeq seq : again) {
    if (*self != nullptr) {
      Try(seq);
    }
  }
  for (StreamSeq seq : unanswered) {
    if (*self != nullptr) {
      Finish(seq);
    }
  }
}

void DeadLetters::Finish(StreamSeq seq) {
  auto at = waiting_.find(seq);
  if (at == waiting_.end()) {
    return;
  }
  DeadLetter letter = std::move(at->second.letter);
  waiting_.erase(at);
  done_(seq, letter);
}

}  // namespace weir::jetstream
