#include "jetstream/scheduler.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "jetstream/publish_headers.h"
#include "jetstream/schedule.h"
#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "protocol/headers.h"

namespace weir::jetstream {

namespace {

constexpr int64_t kSoonest = 250'000'000;  // so that schedules do not crowd out publishers
constexpr int64_t kRetry = 1'000'000'000;
constexpr size_t kPerTurn = 256;

std::optional<Firing> NextOf(const PublishHeaders& headers, int64_t from_ns, int64_t now_ns) {
  std::optional<absl::TimeZone> zone;
  if (IsThere(headers.schedule_zone)) {
    zone = FindZone(headers.schedule_zone);
    if (!zone) {
      return std::nullopt;
    }
  }
  return NextFiring(headers.schedule, zone, from_ns, now_ns);
}

// What a scheduled message keeps of the headers of what it is made from.
std::string KeptHeaders(std::string_view headers) {
  std::string out;
  for (protocol::HeaderCursor line(headers); line.Next();) {
    std::string_view key = line.key();
    bool drop = key.starts_with("Nats-Schedule") || key.starts_with("Nats-Expected-") ||
                key == "Nats-Msg-Id" || key == "Nats-TTL" || key == "Nats-Rollup";
    if (!drop) {
      CatTo(out, key, ": ", line.value(), "\r\n");
    }
  }
  return out;
}

}  // namespace

Scheduler::~Scheduler() {
  stream_.env().timers.Cancel(timer_);
}

std::string_view Scheduler::Note(const storage::MessageView& message) {
  if (message.headers.find("Nats-Schedule") == std::string_view::npos) {
    return {};
  }
  PublishHeaders headers = PublishHeaders::Read(message.headers);
  if (!headers.schedule.empty()) {
    if (auto next = NextOf(headers, message.time_ns, stream_.env().clock.wall_ns())) {
      Put(message.subject, message.seq, next->at_ns);
    }
    return {};
  }
  if (headers.schedule_next.empty() || headers.scheduler.empty()) {
    return {};
  }
  if (headers.schedule_next == "purge") {
    Forget(headers.scheduler);
    return headers.scheduler;
  }
  auto next = ParseTime(headers.schedule_next);
  auto at = schedules_.find(headers.scheduler);
  if (next && at != schedules_.end()) {
    Put(headers.scheduler, at->second.seq, *next);
  }
  return {};
}

void Scheduler::Put(std::string_view subject, StreamSeq seq, int64_t due_ns) {
  Forget(subject);
  schedules_.emplace(std::string(subject), Schedule{seq, due_ns});
  due_.emplace(due_ns, std::string(subject));
}

void Scheduler::Forget(std::string_view subject) {
  auto at = schedules_.find(subject);
  if (at != schedules_.end()) {
    due_.erase({at->second.due_ns, at->first});
    schedules_.erase(at);
  }
}

void Scheduler::Watch() {
  if (loading_ || due_.empty()) {
    return;
  }
  Environment& env = stream_.env();
  int64_t wait = std::max(kSoonest, due_.begin()->first - env.clock.wall_ns());
  int64_t due_ns = env.clock.steady_ns() + wait;
  if (timer_ && timer_due_ns_ <= due_ns) {
    return;
  }
  env.timers.Cancel(timer_);
  timer_due_ns_ = due_ns;
  timer_ = env.timers.Schedule(due_ns, [this] {
    timer_ = {};
    Run();
  });
}

void Scheduler::Run() {
  if (stream_.stopped() || loading_) {
    return;
  }
  int64_t now_ns = stream_.env().clock.wall_ns();
  std::vector<std::pair<StreamSeq, std::string>> now;
  for (const auto& [due_ns, subject] : due_) {
    if (due_ns > now_ns || now.size() == kPerTurn) {
      break;
    }
    now.emplace_back(schedules_.find(subject)->second.seq, subject);
  }
  std::sort(now.begin(), now.end());
  for (const auto& [seq, subject] : now) {
    auto at = schedules_.find(subject);
    if (at != schedules_.end() && at->second.seq == seq && !Fire(subject, at->second, now_ns)) {
      return;
    }
  }
  Watch();
}

bool Scheduler::Load(StreamSeq seq, storage::StoredMessage& message, bool& found) {
  auto outcome = stream_.store().Get(seq, message);
  found = outcome == storage::ReadOutcome::kFound;
  if (outcome != storage::ReadOutcome::kWouldBlock) {
    return true;
  }
  loading_ = true;
  stream_.store().Load(seq, [&shard = stream_.shard(), id = stream_.id()](const Status& status) {
    Stream* stream = shard.Find(id);
    if (stream == nullptr || stream->stopped() || stream->scheduler() == nullptr) {
      return;
    }
    Scheduler& self = *stream->scheduler();
    self.loading_ = false;
    if (status.ok()) {
      self.Run();
    } else {
      self.timer_due_ns_ = stream->env().clock.steady_ns() + kRetry;
      self.timer_ = stream->env().timers.Schedule(self.timer_due_ns_, [&self] {
        self.timer_ = {};
        self.Run();
      });
    }
  });
  return false;
}

bool Scheduler::Fire(const std::string& subject, Schedule schedule, int64_t now_ns) {
  storage::StoredMessage message;
  bool found = false;
  if (!Load(schedule.seq, message, found)) {
    return false;
  }
  if (!found) {
    Forget(subject);
    return true;
  }
  // The next read may give up the views of this one.
  std::string headers(message.view.headers);
  std::string content_headers = headers;
  std::string payload(message.view.payload);
  PublishHeaders wanted = PublishHeaders::Read(headers);
  auto last = wanted.schedule_source.empty() ? std::nullopt
                                             : stream_.store().LastOf(wanted.schedule_source);
  if (last) {
    if (!Load(last->last, message, found)) {
      return false;
    }
    if (found) {
      content_headers = message.view.headers;
      payload = message.view.payload;
    }
  }
  auto next = NextOf(wanted, schedule.due_ns, now_ns);
  if (!next || wanted.schedule_target.empty()) {
    Forget(subject);
    return true;
  }
  if (next->repeats) {
    Put(subject, schedule.seq, next->at_ns);
  } else {
    Forget(subject);
  }
  if (!Store(wanted, *next, subject, content_headers, payload, now_ns)) {
    Put(subject, schedule.seq, now_ns + kRetry);
  }
  return true;
}

bool Scheduler::Store(const PublishHeaders& wanted, const Firing& next, const std::string& subject,
                      std::string_view content_headers, std::string_view payload, int64_t now_ns) {
  std::string headers = Cat("NATS/1.0\r\n", KeptHeaders(content_headers));
  CatTo(headers, "Nats-Scheduler: ", subject,
        "\r\nNats-Schedule-Next: ", next.repeats ? FormatTime(next.at_ns) : std::string("purge"),
        "\r\n");
  PublishFacts facts;
  if (!wanted.schedule_ttl.empty()) {
    CatTo(headers, "Nats-TTL: ", wanted.schedule_ttl, "\r\n");
    facts.ttl = ParseMessageTtl(wanted.schedule_ttl);
  }
  if (!wanted.schedule_rollup.empty()) {
    CatTo(headers, "Nats-Rollup: ", wanted.schedule_rollup, "\r\n");
    facts.rollup = Rollup::kSubject;
  }
  headers.append("\r\n");
  Inbound message;
  message.account = stream_.account();
  message.subject = wanted.schedule_target;
  message.headers = headers;
  message.payload = payload;
  return !stream_.Store(message, facts, now_ns);
}

}  // namespace weir::jetstream
