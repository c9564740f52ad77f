#include "server/connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "protocol/subject.h"
#include "server/client_log.h"
#include "server/git_commit.h"
#include "server/system_messages.h"
#include "server/worker.h"

namespace weir::server {

namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int kMaxGather = 64;
// Answered here, where it is known who asks (monitoring.md 13).
constexpr std::string_view kUserInfo = "$SYS.REQ.USER.INFO";

// client_advertise, "host" or "host:port" or "[v6]:port", takes the place of the listen address.
void Advertise(std::string_view address, protocol::ServerInfo& info) {
  if (address.empty()) {
    return;
  }
  size_t colon = address.rfind(':');
  bool bare_v6 = address.front() != '[' && address.find(':') != colon;
  if (colon != std::string_view::npos && !bare_v6) {
    if (auto port = ParseNumber<int>(address.substr(colon + 1)); port && *port > 0) {
      info.port = *port;
    }
    address = address.substr(0, colon);
  }
  if (address.size() > 1 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  info.host = address;
}

}  // namespace

Connection::Connection(Worker& worker, ServerContext& context, Target self,
                       std::unique_ptr<Transport> transport)
    : worker_(worker),
      context_(context),
      self_(self),
      id_(context.counters.last_client_id.fetch_add(1) + 1),
      transport_(std::move(transport)),
      session_(*this, out_, context.options.limits, context.authenticator.BeforeConnect()),
      start_ns_(worker.now_ns()) {}

Connection::~Connection() = default;

protocol::ServerInfo Connection::Info() const {
  const Options& options = context_.options;
  protocol::ServerInfo info;
  info.server_id = context_.identity.id;
  info.server_name = context_.identity.name;
  info.cluster = options.cluster.name;
  info.version = kAnnouncedVersion;
  info.git_commit = GitCommit();
  info.weir_version = kWeirVersion;
  info.host = options.client.host;
  info.port = context_.client_port.load(std::memory_order_relaxed);
  Advertise(options.client_advertise, info);
  info.headers = options.limits.headers;
  info.auth_required = context_.authenticator.announced();
  info.max_payload = session_.max_payload();
  if (context_.client_tls) {
    info.tls_required = !options.allow_non_tls;
    info.tls_available = options.allow_non_tls;
    info.tls_verify = options.tls.verify;
  }
  info.jetstream = options.jetstream.enabled;
  info.domain = options.jetstream.enabled ? options.jetstream.domain : std::string();
  info.client_id = id_;
  // Behind a proxy the address is not known before its header has come.
  bool known = opening_ != Opening::kProxyHeader;
  info.client_ip = known ? transport_->remote_ip() : std::string();
  info.xkey = context_.identity.xkey;
  return info;
}

// ---- input ----

void Connection::StartRead() {
  if (reading_ || paused_ || closed_ || checking_password_ || opening_ == Opening::kHandshake) {
    return;
  }
  MakeRoom();
  reading_ = true;
  transport_->StartRead(input_.get() + end_, capacity_ - end_, *this);
}

// Moves the unconsumed bytes to the front and sizes the buffer: twice as much when reads fill it,
// half after a few short ones, and always enough for the operation that is under way.
void Connection::MakeRoom() {
  size_t have = end_ - begin_;
  size_t want = std::max(capacity_, kMinBuffer);
  if (short_reads_ > 2 && want > kMinBuffer) {
    want /= 2;
    short_reads_ = 0;
  }
  want = std::min(want, kMaxBuffer);
  if (have > 0) {
    want = std::max({want, have + kMinBuffer / 2, session_.bytes_needed()});
  }
  if (want != capacity_) {
    auto larger = std::make_unique_for_overwrite<char[]>(want);
    if (have > 0) {
      std::memcpy(larger.get(), input_.get() + begin_, have);
    }
    input_ = std::move(larger);
    capacity_ = want;
  } else if (begin_ > 0 && have > 0) {
    std::memmove(input_.get(), input_.get() + begin_, have);
  }
  begin_ = 0;
  end_ = have;
}

void Connection::OnRead(size_t bytes, bool failed) {
  reading_ = false;
  quiet_ = false;
  if (closed_) {
    worker_.RequestEndTurn();
    return;
  }
  if (bytes == 0) {
    Close(failed ? CloseReason::kReadError : CloseReason::kClientClosed);
    return;
  }
  size_t room = capacity_ - end_;
  end_ += bytes;
  if (bytes == room && capacity_ < kMaxBuffer) {
    short_reads_ = 0;
    size_t doubled = capacity_ * 2;
    auto larger = std::make_unique_for_overwrite<char[]>(doubled);
    std::memcpy(larger.get(), input_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    input_ = std::move(larger);
    capacity_ = doubled;
  } else if (bytes < room / 2) {
    ++short_reads_;
  }
  stall_left_ns_ = kMaxStallNs;
  Process();
}

void Connection::Process() {
  while (opening_ != Opening::kDone) {
    if (!AdvanceOpening()) {
      worker_.RequestEndTurn();
      return;
    }
  }
  size_t consumed = 0;
  Session::Progress progress = session_.OnBytes({input_.get() + begin_, end_ - begin_}, consumed);
  begin_ += consumed;
  if (begin_ == end_) {
    begin_ = end_ = 0;
  }
  if (session_.activity() != activity_seen_) {
    activity_seen_ = session_.activity();
    last_in_ns_ = worker_.now_ns();
  }
  worker_.RequestEndTurn();
  switch (progress) {
    case Session::Progress::kAll:
      StartRead();
      return;
    case Session::Progress::kPause:
      Pause();
      return;
    case Session::Progress::kWait:
    case Session::Progress::kClosed:
      return;
  }
}

// A receiver of what this client publishes is far behind: read no further for a moment, so that it
// can catch up, but never block the worker.
void Connection::Pause() {
  paused_ = true;
  ++stalls_;
  stall_left_ns_ -= kStallNs;
  stall_timer_ = worker_.timers().Schedule(worker_.now_ns() + kStallNs, [this] {
    stall_timer_ = {};
    paused_ = false;
    if (!closed_) {
      Process();
    }
  });
}

// ---- output ----

void Connection::OutputChanged() {
  quiet_ = false;
  if (!dirty_) {
    dirty_ = true;
    worker_.MarkDirty(*this);
  }
  if (out_.size() > static_cast<size_t>(context_.options.limits.max_pending)) [[unlikely]] {
    SlowConsumer(CloseReason::kSlowConsumerPendingBytes);
  }
}

void Connection::SlowConsumer(CloseReason reason) {
  if (!closed_) {
    NoteSlowConsumer(reason);
    Close(reason);
  }
}

void Connection::NoteSlowConsumer(CloseReason reason) {
  // Who did not even say who it is would distort the count.
  if (session_.connected() || !context_.authenticator.required()) {
    context_.counters.slow_consumers.fetch_add(1, std::memory_order_relaxed);
    if (session_.account() != nullptr) {
      session_.account()->gone.slow_consumers.fetch_add(1, std::memory_order_relaxed);
    }
  }
  if (reason == CloseReason::kSlowConsumerPendingBytes) {
    context_.log.Info(Label(), "Slow Consumer Detected: MaxPending of ",
                      context_.options.limits.max_pending, " Exceeded");
  } else {
    context_.log.Info(Label(), "Slow Consumer Detected: WriteDeadline of ",
                      FormatDuration(context_.options.limits.write_deadline_ns), " exceeded with ",
                      out_.chunks(), " chunks of ", out_.size(), " total bytes.");
  }
}

void Connection::Flush() {
  dirty_ = false;
  if (torn_down_ || waiting_writable_ || opening_ == Opening::kHandshake ||
      (closed_ && SkipsFlush(session_.closing()))) {
    return;
  }
  iovec parts[kMaxGather];
  while (!out_.empty()) {
    ptrdiff_t written = transport_->Write(parts, out_.Gather(parts, kMaxGather));
    if (written == Transport::kFailed) {
      Close(CloseReason::kWriteError);
      return;
    }
    if (written == Transport::kWouldBlock) {
      waiting_writable_ = true;
      transport_->WaitWritable(*this);
      if (blocked_left_ == 0) {
        StartWriteDeadline();
      }
      return;
    }
    out_.Consume(static_cast<size_t>(written));
    if (blocked_left_ > 0) {
      blocked_left_ -= std::min(blocked_left_, static_cast<size_t>(written));
      if (blocked_left_ == 0) {
        EndWriteDeadline();
      }
    }
  }
}

// What is pending when the socket takes no more has this long to be written, all of it; what comes
// later has its own deadline.
void Connection::StartWriteDeadline() {
  blocked_ = blocked_left_ = out_.size();
  write_timer_ = worker_.timers().Schedule(
      worker_.now_ns() + context_.options.limits.write_deadline_ns, [this] {
        write_timer_ = {};
        OnWriteDeadline();
      });
}

void Connection::EndWriteDeadline() {
  worker_.timers().Cancel(write_timer_);
}

void Connection::OnWriteDeadline() {
  if (closed_) {
    return;
  }
  bool none_written = blocked_left_ == blocked_;
  if (context_.options.limits.close_on_write_timeout || none_written) {
    SlowConsumer(CloseReason::kSlowConsumerWriteDeadline);
    return;
  }
  NoteSlowConsumer(CloseReason::kSlowConsumerWriteDeadline);
  StartWriteDeadline();
}

void Connection::OnWritable(bool failed) {
  waiting_writable_ = false;
  if (closed_) {
    worker_.RequestEndTurn();
    return;
  }
  if (failed) {
    Close(CloseReason::kWriteError);
    return;
  }
  Flush();
  worker_.RequestEndTurn();
}

bool Connection::TrimBuffers() {
  if (closed_) {
    return false;
  }
  if (!std::exchange(quiet_, true)) {
    return true;
  }
  out_.Trim();
  return !out_.empty();
}

// ---- closing ----

void Connection::Close(CloseReason reason) {
  if (closed_) {
    return;
  }
  closed_ = true;
  if (session_.closing() == CloseReason::kNone) {
    session_.NoteClosed(reason);
  }
  worker_.MarkClosing(*this);
}

void Connection::Teardown() {
  if (torn_down_) {
    return;
  }
  // Other workers' messages that were sent before this point still count as delivered (I4).
  worker_.DrainMail();
  if (context_.observer != nullptr) {
    context_.observer->OnClose(worker_, *this);
  }
  session_.Detach();
  if (!SkipsFlush(session_.closing())) {
    Flush();
  }
  torn_down_ = true;
  context_.log.Debug(Label(), "Client connection closed: ", ReasonText(session_.closing()));
  for (TimerQueue::TimerId* timer :
       {&auth_timer_, &ping_timer_, &stall_timer_, &write_timer_, &opening_timer_}) {
    worker_.timers().Cancel(*timer);
  }
  const Session::Counters& counters = session_.counters();
  context_.counters.in_msgs.fetch_add(counters.in_msgs, std::memory_order_relaxed);
  context_.counters.in_bytes.fetch_add(counters.in_bytes, std::memory_order_relaxed);
  context_.counters.out_msgs.fetch_add(counters.out_msgs, std::memory_order_relaxed);
  context_.counters.out_bytes.fetch_add(counters.out_bytes, std::memory_order_relaxed);
  context_.counters.stalls.fetch_add(stalls_, std::memory_order_relaxed);
  if (session_.account() != nullptr) {
    session_.account()->gone.Add(counters);
  }
  transport_->Close();
}

// ---- keep-alive (protocol.md 9) ----

void Connection::ArmPing(int64_t delay_ns) {
  worker_.timers().Cancel(ping_timer_);
  ping_timer_ = worker_.timers().Schedule(worker_.now_ns() + delay_ns, [this] {
    ping_timer_ = {};
    OnPingTimer();
  });
}

void Connection::OnPingTimer() {
  const ClientLimits& limits = context_.options.limits;
  int64_t now = worker_.now_ns();
  bool active = now - last_in_ns_ < limits.ping_interval_ns && last_in_ns_ != 0;
  bool rtt_known = ping_sent_ns_ != 0 && rtt_ns_ != 0 && now - ping_sent_ns_ < 3600 * kSecond;
  if (!(active && rtt_known)) {
    if (pings_out_ + 1 > limits.max_pings_out) {
      context_.log.Debug("Stale Client Connection - Closing");
      context_.counters.stale_connections.fetch_add(1, std::memory_order_relaxed);
      session_.Refuse("Stale Connection", CloseReason::kStaleConnection);
      return;
    }
    ++pings_out_;
    ping_sent_ns_ = now;
    session_.SendLine("PING\r\n");
  }
  ArmPing(limits.ping_interval_ns);
}

void Connection::OnPong() {
  pings_out_ = 0;
  if (ping_sent_ns_ != 0) {
    rtt_ns_ = std::max<int64_t>(worker_.now_ns() - ping_sent_ns_, 1);
  }
}

// ---- what the session asks for ----

int64_t Connection::now_ns() const {
  return worker_.now_ns();
}

Random& Connection::random() {
  return worker_.random();
}

void Connection::LogError(std::string_view text) {
  context_.log.Error(Label(), text);
}

// Traffic of the system account is traced on its own demand only.
bool Connection::tracing() const {
  return context_.log.trace() &&
         (context_.options.log.trace_verbose || session_.account() == nullptr ||
          !session_.account()->is_system());
}

void Connection::TraceOperation(std::string_view bytes) {
  for (const std::string& line : server::TraceOperation(bytes, context_.options.log)) {
    Trace(line);
  }
}

void Connection::TraceMessage(const protocol::WireMessage& message) {
  for (const std::string& line : server::TraceMessage(message, context_.options.log)) {
    Trace(line);
  }
}

void Connection::Trace(std::string_view line) {
  context_.log.Trace(Label(), line);
}

namespace {

// "$JS.API.…" or "$JS.<domain>.API.…", but for what streams and consumers subscribe themselves.
bool IsApiRequest(std::string_view subject) {
  protocol::TokenCursor tokens(subject);
  tokens.Next();
  if (!tokens.Next() || tokens.token() == "ACK") {
    return false;  // an acknowledgement: most of what is published there
  }
  if (tokens.token() != "API" && (!tokens.Next() || tokens.token() != "API")) {
    return false;
  }
  return !tokens.rest().starts_with("CONSUMER.MSG.NEXT.") && !tokens.rest().starts_with("DIRECT.");
}

}  // namespace

// Is this a request to JetStream, and does somebody listen for audits?
bool Connection::IsAudited(const Account& account, std::string_view subject) {
  return IsApiRequest(subject) &&
         worker_.dispatcher().HasInterest(account, "$JS.EVENT.ADVISORY.API");
}

PublishOutcome Connection::Publish(Account& account, const Message& message, bool echo,
                                   CachedMatch& memo) {
  if (message.subject.starts_with("$JS.") && message.client.empty() &&
      IsAudited(account, message.subject)) [[unlikely]] {
    std::string client = RequesterJson(context_, Describe(0));
    Message request = message;
    request.client = client;
    return Publish(account, request, echo, memo);
  }
  PublishOutcome outcome =
      worker_.dispatcher().Publish(account, message, echo ? nullptr : &self_, &memo);
  if (message.subject == kUserInfo && !message.reply.empty() && context_.observer != nullptr)
      [[unlikely]] {
    context_.observer->OnUserInfo(worker_, *this, message.reply);
    outcome.delivered = true;
  }
  // What the API does not know it takes in silence, in every account (jetstream-api.md 1).
  if (!outcome.delivered && context_.options.jetstream.enabled &&
      message.subject.starts_with("$JS.API.") && IsApiRequest(message.subject)) [[unlikely]] {
    outcome.delivered = true;
  }
  if (outcome.congested && stall_left_ns_ <= 0) {
    outcome.congested = false;  // it has waited long enough for this read
  }
  return outcome;
}

PublishOutcome Connection::PublishTraced(Account& account, const Message& message, bool echo,
                                         std::shared_ptr<MessageTrace> trace) {
  return worker_.PublishTraced(account, message, echo ? nullptr : &self_, std::move(trace));
}

Clock& Connection::clock() {
  return context_.clock;
}

Target Connection::TargetOf(uint32_t slot,
                            const SubscriptionTable::Subscription& subscription) const {
  Target target = self_;
  target.subscription = slot;
  target.subscription_generation = subscription.generation;
  return target;
}

void Connection::InsertSubscription(Account& account, uint32_t slot,
                                    const SubscriptionTable::Subscription& subscription) {
  account.subscriptions().Insert(subscription.subject, subscription.queue,
                                 TargetOf(slot, subscription), subscription.filter);
}

void Connection::RefilterSubscription(Account& account, uint32_t slot,
                                      const SubscriptionTable::Subscription& subscription) {
  account.subscriptions().Refilter(subscription.subject, subscription.queue,
                                   TargetOf(slot, subscription), subscription.filter);
}

void Connection::RemoveSubscription(Account& account, uint32_t slot,
                                    const SubscriptionTable::Subscription& subscription) {
  account.subscriptions().Remove(subscription.subject, subscription.queue,
                                 TargetOf(slot, subscription));
}

void Connection::DrainMail() {
  worker_.DrainMail();
}

std::string Connection::ConnectInfo(const Account& account) {
  protocol::ServerInfo info = Info();
  info.auth_required = context_.authenticator.required();
  info.connect_info = true;
  info.remote_account = account.name();
  info.account_is_system = account.is_system();
  return protocol::InfoLine(info);
}

void Connection::SendLameDuckInfo() {
  if (session_.wants_async_info()) {
    protocol::ServerInfo info = Info();
    info.lame_duck = true;
    session_.SendLine(protocol::InfoLine(info));
  }
}

void Connection::OnAuthenticated() {
  worker_.timers().Cancel(auth_timer_);
}

void Connection::OnConnected() {
  if (context_.observer != nullptr) {
    context_.observer->OnConnect(worker_, *this);
  }
  int64_t first =
      std::min(context_.options.limits.ping_interval_ns, context_.options.limits.first_ping_ns);
  first += static_cast<int64_t>(
      worker_.random().Below(static_cast<uint64_t>(std::max<int64_t>(first / 5, 1))));
  ArmPing(first);
}

}  // namespace weir::server
