#include "server/worker.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <pthread.h>

#include "server/message_trace.h"

namespace weir::server {

namespace asio = boost::asio;

namespace {

constexpr int64_t kTrimIntervalNs = 2'000'000'000;

}  // namespace

Worker::Worker(uint8_t index, ServerContext& context)
    : index_(index), context_(context), keep_running_(asio::make_work_guard(io_)), os_timer_(io_) {}

Worker::~Worker() = default;

void Worker::SetPeers(const std::vector<std::unique_ptr<Worker>>& workers) {
  std::vector<const Mailbox*> mailboxes;
  for (const auto& worker : workers) {
    peers_.push_back(worker.get());
    mailboxes.push_back(&worker->mailbox_);
  }
  dispatcher_ = std::make_unique<Dispatcher>(index_, *this, std::move(mailboxes));
}

void Worker::Run() {
  pthread_setname_np(pthread_self(), Cat("worker-", index_).c_str());
  RequestEndTurn();
  io_.run();
}

void Worker::Stop() {
  asio::post(io_, [this] {
    keep_running_.reset();
    io_.stop();
  });
}

// ---- turn and mail ----

void Worker::RequestEndTurn() {
  if (!end_turn_requested_) {
    end_turn_requested_ = true;
    asio::post(io_, [this] { EndTurn(); });
  }
}

void Worker::EndTurn() {
  if (std::exchange(commit_requested_, false) && commit_) {
    commit_();
  }
  FlushMail();
  // What the commit has answered goes out below: another turn would find nothing to do.
  end_turn_requested_ = false;
  if (commit_requested_) {
    RequestEndTurn();
  }
  FlushSockets();
  CloseMarked();
  FlushMail();  // what was unsubscribed or delivered while closing
  ArmTimer();
}

void Worker::FlushMail() {
  for (size_t i = 0; i < peers_.size(); ++i) {
    if (auto batch = dispatcher_->TakeMail(i)) {
      if (peers_[i]->mailbox_.Push(std::move(batch))) {
        peers_[i]->Wake();
      }
    }
  }
}

void Worker::Wake() {
  asio::post(io_, [this] { DrainMail(); });
}

void Worker::Post(Task task) {
  auto batch = std::make_unique<MailBatch>();
  batch->AddTask(std::move(task));
  if (mailbox_.Push(std::move(batch))) {
    Wake();
  }
}

void Worker::DrainMail() {
  if (mailbox_.empty()) {
    return;
  }
  for (auto& batch : mailbox_.Drain()) {
    dispatcher_->DeliverMail(*batch);
    for (Task& task : batch->tasks()) {
      std::move(task)();
    }
  }
  RequestEndTurn();
}

void Worker::FlushSockets() {
  scratch_.swap(dirty_);
  for (const Target& target : scratch_) {
    if (Connection* connection = Find(target)) {
      connection->Flush();
    }
  }
  scratch_.clear();
}

void Worker::CloseMarked() {
  std::vector<Target> marked;
  marked.swap(closing_);
  for (const Target& target : marked) {
    Connection* connection = Find(target);
    if (connection == nullptr) {
      continue;
    }
    connection->Teardown();
    if (!connection->finished()) {
      closing_.push_back(target);  // its callbacks are still to come; each requests an end of turn
      continue;
    }
    ConnectionSlot& slot = connections_[target.slot];
    slot.connection.reset();
    ++slot.generation;
    free_connections_.push_back(target.slot);
    connection_count_.fetch_sub(1, std::memory_order_relaxed);
    context_.counters.connections.fetch_sub(1, std::memory_order_relaxed);
  }
}

void Worker::ArmTimer() {
  int64_t due = timers_.next_due_ns();
  if (due >= armed_for_ns_) {
    return;  // fires early enough; it looks again then
  }
  armed_for_ns_ = due;
  os_timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(due)));
  os_timer_.async_wait([this](boost::system::error_code error) {
    if (error) {
      return;  // armed anew for an earlier deadline
    }
    armed_for_ns_ = INT64_MAX;
    timers_.RunDue(now_ns());
    RequestEndTurn();
  });
}

// ---- traced messages ----

// On its way over the workers that have receivers. Owns its bytes.
struct Worker::TracedMessage {
  AccountId account;
  std::string subject;
  std::string reply;
  std::string headers;
  std::string payload;
  protocol::WireForm form;
  std::vector<Target> receivers;  // sorted by worker
  size_t next = 0;                // of the receivers
  Target exclude;
  bool has_exclude = false;
  uint8_t origin = 0;
  std::shared_ptr<MessageTrace> trace;
};

PublishOutcome Worker::PublishTraced(Account& account, const Message& message,
                                     const Target* exclude, std::shared_ptr<MessageTrace> trace) {
  auto traced = std::make_shared<TracedMessage>();
  traced->account = account.id();
  traced->subject = message.subject;
  traced->reply = message.reply;
  traced->headers = message.headers;
  traced->payload = message.payload;
  traced->form = message.form;
  if (!message.subject.empty()) {
    traced->receivers = dispatcher_->Receivers(account, message.subject);
  }
  if (exclude != nullptr) {
    traced->exclude = *exclude;
    traced->has_exclude = true;
  }
  traced->origin = index_;
  traced->trace = std::move(trace);
  PublishOutcome outcome;
  outcome.delivered = !traced->receivers.empty();
  VisitTraced(std::move(traced));
  return outcome;
}

void Worker::VisitTraced(std::shared_ptr<TracedMessage> traced) {
  Message message{.subject = traced->subject,
                  .reply = traced->reply,
                  .headers = traced->headers,
                  .payload = traced->payload,
                  .trace = traced->trace.get(),
                  .form = traced->form,
                  .from_client = true};
  for (; traced->next < traced->receivers.size(); ++traced->next) {
    const Target& target = traced->receivers[traced->next];
    if (target.worker != index_) {
      dispatcher_->AddTask(target.worker, [to = peers_[target.worker], traced]() mutable {
        to->VisitTraced(std::move(traced));
      });
      RequestEndTurn();
      return;
    }
    if (target.kind == Target::Kind::kSink) {
      static_cast<void>(DeliverLocal(traced->account, target, message));
    } else {
      bool echo = traced->has_exclude && target.SameConnection(traced->exclude);
      TraceDelivery(target, message, echo);
    }
  }
  PublishTraceReport(*traced);
}

void Worker::TraceDelivery(const Target& target, const Message& message, bool echo) {
  Connection* connection = Find(target);
  if (connection == nullptr) {
    return;
  }
  MessageTrace::Egress event;
  event.client_id = connection->id();
  event.client_name = connection->session().options().name;
  // Copies: the delivery may be the subscription's last.
  std::string subject;
  std::string queue;
  if (const auto* subscription =
          connection->session().Find(target.subscription, target.subscription_generation)) {
    subject = subscription->subject;
    queue = subscription->queue;
  }
  event.subject = subject;
  event.queue = queue;
  if (echo) {
    event.error = "Not delivered because of no echo";
  } else {
    event.error = connection->session().DeliverTraced(target.subscription,
                                                      target.subscription_generation, message);
  }
  message.trace->AddEgress(event);
}

void Worker::PublishTraceReport(TracedMessage& traced) {
  const Identity& identity = context_.identity;
  MessageTrace::Server server;
  server.name = identity.name;
  server.host = context_.options.client.host;
  server.id = identity.id;
  server.version = kAnnouncedVersion;
  server.jetstream = context_.options.jetstream.enabled;
  server.sequence = context_.counters.system_messages.fetch_add(1, std::memory_order_relaxed) + 1;
  std::string report = traced.trace->Json(server);
  Message message{.subject = traced.trace->request().destination,
                  .reply = {},
                  .headers = {},
                  .payload = report,
                  .form = {.empty_reply = true}};
  dispatcher_->Publish(context_.accounts.Get(traced.account), message, nullptr, nullptr);
  RequestEndTurn();
}

// ---- connections ----

void Worker::Adopt(std::unique_ptr<Transport> transport, bool refuse) {
  uint32_t slot = 0;
  if (free_connections_.empty()) {
    slot = static_cast<uint32_t>(connections_.size());
    connections_.emplace_back();
  } else {
    slot = free_connections_.back();
    free_connections_.pop_back();
  }
  Target self;
  self.kind = Target::Kind::kConnection;
  self.worker = index_;
  self.slot = slot;
  self.generation = connections_[slot].generation;
  connections_[slot].connection =
      std::make_unique<Connection>(*this, context_, self, std::move(transport));
  context_.counters.connections.fetch_add(1, std::memory_order_relaxed);
  context_.counters.total_connections.fetch_add(1, std::memory_order_relaxed);
  connections_[slot].connection->Start(refuse);
  if (!trim_armed_) {
    trim_armed_ = true;
    timers_.Schedule(now_ns() + kTrimIntervalNs, [this] { TrimIdle(); });
  }
  RequestEndTurn();
}

// Output buffers grow with the load; connections that have fallen quiet give theirs back.
void Worker::TrimIdle() {
  trim_armed_ = false;
  bool more = false;
  ForEachConnection([&more](Connection& connection) { more |= connection.TrimBuffers(); });
  if (more) {
    trim_armed_ = true;
    timers_.Schedule(now_ns() + kTrimIntervalNs, [this] { TrimIdle(); });
  }
}

Connection* Worker::Find(const Target& target) {
  if (target.slot >= connections_.size()) {
    return nullptr;
  }
  ConnectionSlot& slot = connections_[target.slot];
  return slot.generation == target.generation ? slot.connection.get() : nullptr;
}

void Worker::MarkClosing(Connection& connection) {
  closing_.push_back(connection.self());
  RequestEndTurn();
}

void Worker::CloseAll(CloseReason reason) {
  ForEachConnection([reason](Connection& connection) { connection.CloseNow(reason); });
}

void Worker::CloseOne(CloseReason reason) {
  size_t count = connections_.size();
  size_t start = count > 0 ? random_.Below(count) : 0;
  for (size_t i = 0; i < count; ++i) {
    auto& connection = connections_[(start + i) % count].connection;
    if (connection && !connection->closing()) {
      connection->CloseNow(reason);
      return;
    }
  }
}

// ---- sinks ----

Target Worker::SinkTarget(uint32_t slot) const {
  Target target;
  target.kind = Target::Kind::kSink;
  target.worker = index_;
  target.slot = slot;
  target.generation = sinks_[slot].generation;
  return target;
}

uint64_t Worker::AddSink(AccountId account, std::string_view pattern, std::string_view queue,
                         jetstream::Sink& sink) {
  uint32_t slot = 0;
  if (free_sinks_.empty()) {
    slot = static_cast<uint32_t>(sinks_.size());
    sinks_.emplace_back();
  } else {
    slot = free_sinks_.back();
    free_sinks_.pop_back();
  }
  SinkSlot& entry = sinks_[slot];
  entry.sink = &sink;
  ++entry.generation;
  entry.account = account;
  entry.pattern = pattern;
  entry.queue = queue;
  context_.accounts.Get(account).subscriptions().Insert(pattern, queue, SinkTarget(slot));
  return uint64_t{entry.generation} << 32 | slot;
}

bool Worker::IsSink(uint64_t id) const {
  auto slot = static_cast<uint32_t>(id);
  return id != 0 && slot < sinks_.size() && sinks_[slot].generation == id >> 32 &&
         sinks_[slot].sink != nullptr;
}

void Worker::ReplaceSink(uint64_t id, jetstream::Sink& sink) {
  if (IsSink(id)) {
    sinks_[static_cast<uint32_t>(id)].sink = &sink;
  }
}

std::optional<std::tuple<AccountId, std::string, std::string>> Worker::SinkOf(uint64_t id) const {
  if (!IsSink(id)) {
    return std::nullopt;
  }
  const SinkSlot& entry = sinks_[static_cast<uint32_t>(id)];
  return std::make_tuple(entry.account, entry.pattern, entry.queue);
}

void Worker::RemoveSink(uint64_t id) {
  auto slot = static_cast<uint32_t>(id);
  if (!IsSink(id)) {
    return;
  }
  SinkSlot& entry = sinks_[slot];
  context_.accounts.Get(entry.account)
      .subscriptions()
      .Remove(entry.pattern, entry.queue, SinkTarget(slot));
  entry.sink = nullptr;
  ++entry.generation;
  free_sinks_.push_back(slot);
}

LocalDelivery::Result Worker::DeliverLocal(AccountId account, const Target& target,
                                           const Message& message) {
  if (target.kind == Target::Kind::kSink) {
    if (target.slot >= sinks_.size() || sinks_[target.slot].generation != target.generation ||
        sinks_[target.slot].sink == nullptr) {
      return Result::kStale;
    }
    sinks_[target.slot].sink->OnMessage({account, message.subject, message.reply, message.headers,
                                         message.payload, message.trace, message.client});
    return Result::kDelivered;
  }
  Connection* connection = Find(target);
  if (connection == nullptr || !connection->session().Deliver(
                                   target.subscription, target.subscription_generation, message)) {
    return Result::kStale;
  }
  return connection->congested() ? Result::kCongested : Result::kDelivered;
}

}  // namespace weir::server
