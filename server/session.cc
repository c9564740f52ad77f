#include "server/session.h"

#include "protocol/base/json.h"
#include "protocol/base/strings.h"
#include "protocol/headers.h"
#include "protocol/serializer.h"
#include "protocol/subject.h"
#include "server/message_trace.h"

namespace weir::server {

namespace {

using protocol::Op;
using protocol::OpKind;
using protocol::ParseError;
using protocol::ParseStatus;

protocol::Parser::Limits ParserLimits(const ClientLimits& limits, bool headers) {
  return {.max_payload = limits.max_payload,
          .max_control_line = static_cast<size_t>(limits.max_control_line),
          .headers = headers};
}

// Subjects that clients may not publish to, and replies they may not use (protocol.md 8).
bool IsReservedSubject(std::string_view subject) {
  return subject.starts_with("_GR_.") || subject.starts_with("$GR.") ||
         subject.starts_with("$NRG.");
}
bool IsReservedReply(std::string_view reply) {
  return reply.starts_with("_R_.") || reply.starts_with("$JS.ACK.") || reply.starts_with("_GR_.") ||
         reply.starts_with("$GR.");
}

}  // namespace

Session::Session(SessionHost& host, ByteQueue& out, const ClientLimits& limits,
                 AuthOutcome anonymous)
    : host_(host),
      out_(out),
      limits_(limits),
      account_(anonymous.account),
      permissions_(std::move(anonymous.permissions)),
      parser_(ParserLimits(limits, false)),
      expects_connect_(anonymous.account == nullptr || anonymous.by_default) {
  if (permissions_ && permissions_->responses().enabled) {
    grants_.emplace(permissions_->responses());
  }
}

Session::Progress Session::OnBytes(std::string_view input, size_t& consumed) {
  consumed = 0;
  Op op;  // each operation sets the fields of its kind
  while (closing_ == CloseReason::kNone && consumed < input.size()) {
    std::string_view rest = input.substr(consumed);
    if (expects_connect_ && rest.front() != 'C' && rest.front() != 'c') [[unlikely]] {
      if (account_ == nullptr) {
        Refuse("Authorization Violation", CloseReason::kAuthenticationFailure);
        break;
      }
      EndExpectingConnect();
    }
    ParseStatus status = parser_.Next(rest, op);
    if (status == ParseStatus::kNeedMore) {
      return Progress::kAll;
    }
    if (status == ParseStatus::kError) {
      OnParseError();
      break;
    }
    consumed += op.size;
    if (op.kind == OpKind::kPub) {
      if (HandlePub(op)) {
        return Progress::kPause;
      }
    } else {
      Handle(op);
    }
  }
  return closing_ == CloseReason::kNone ? Progress::kAll : Progress::kClosed;
}

// The no_auth_user speaks: as if an empty CONNECT had come before.
void Session::EndExpectingConnect() {
  expects_connect_ = false;
  connected_ = true;
  host_.OnAuthenticated();
}

void Session::OnParseError() {
  host_.LogError(parser_.error_text());
  switch (parser_.error()) {
    case ParseError::kControlLine:
      Refuse("maximum control line exceeded", CloseReason::kMaxControlLine);
      return;
    case ParseError::kPayload:
      Refuse("Maximum Payload Violation", CloseReason::kMaxPayload);
      return;
    case ParseError::kUnknownOperation:
      Refuse("Unknown Protocol Operation", CloseReason::kProtocolViolation);
      return;
    case ParseError::kNone:
    case ParseError::kBadArguments:
    case ParseError::kHeadersUnsupported:
      Close(CloseReason::kProtocolViolation);
      return;
  }
}

void Session::Handle(const Op& op) {
  switch (op.kind) {
    case OpKind::kConnect:
      HandleConnect(op.argument);
      return;
    case OpKind::kSub:
      HandleSub(op);
      return;
    case OpKind::kUnsub:
      HandleUnsub(op);
      return;
    case OpKind::kPing:
      HandlePing();
      return;
    case OpKind::kPong:
      host_.OnPong();
      return;
    case OpKind::kInfo: {
      Status read = protocol::CheckInfo(op.argument);
      if (!read.ok()) {
        host_.LogError(weir::Message(read));
        Close(CloseReason::kProtocolViolation);
      }
      return;
    }
    case OpKind::kErr:
      host_.LogError(Cat("Client Error ", op.argument));
      Close(CloseReason::kParseError);
      return;
    case OpKind::kOk:
    case OpKind::kSkipped:
    case OpKind::kPub:
      return;
  }
}

void Session::HandleConnect(std::string_view json) {
  if (connected_) {
    // A second CONNECT starts over in the new account (protocol.md 5.1).
    Detach();
    memo_ = {};
  }
  Status read = protocol::ReadConnect(json, options_);
  if (!read.ok()) {
    host_.LogError(weir::Message(read));
    Close(CloseReason::kProtocolViolation);
    return;
  }
  AuthOutcome who = host_.Authenticate(options_);
  if (who.account == nullptr || !options_.account.empty() || options_.new_account) {
    Refuse("Authorization Violation", CloseReason::kAuthenticationFailure);
    return;
  }
  account_ = who.account;
  permissions_ = std::move(who.permissions);
  publish_memo_.clear();
  grants_.reset();
  if (permissions_ && permissions_->responses().enabled) {
    grants_.emplace(permissions_->responses());
  }
  expects_connect_ = false;
  host_.OnAuthenticated();
  if (options_.protocol < 0 || options_.protocol > 1) {
    Refuse("invalid client protocol", CloseReason::kBadClientProtocolVersion);
    return;
  }
  client_headers_ = options_.headers && limits_.headers;
  parser_.limits().headers = client_headers_;
  if (options_.no_responders && !client_headers_) {
    Refuse("no responders requires headers support", CloseReason::kNoRespondersRequiresHeaders);
    return;
  }
  connected_ = true;
  host_.OnConnected();
  SendOk();
}

bool Session::HandlePub(Op& op) {
  ++counters_.in_msgs;
  counters_.in_bytes += op.headers.size() + op.payload.size();
  if (options_.pedantic && !protocol::IsValidLiteral(op.subject)) {
    SendError("Invalid Publish Subject");  // and the message goes on
  }
  std::shared_ptr<MessageTrace> trace;
  if (!op.headers.empty() && !StartTrace(op, trace)) {
    return false;
  }
  std::string_view original = op.subject;
  std::string mapped;  // op.subject may point into it
  if (!account_->mapper.empty()) [[unlikely]] {
    switch (account_->mapper.Map(op.subject, host_.random(), mapped)) {
      case SubjectMapper::Result::kUnchanged:
        break;
      case SubjectMapper::Result::kMapped:
        op.subject = mapped;
        break;
      case SubjectMapper::Result::kDropped:
        return false;
    }
  }
  std::string refusal = Refusal(op);
  if (trace) [[unlikely]] {
    trace->AddIngress({host_.client_id(), options_.name, account_->name(), original, refusal});
    if (original.data() != op.subject.data()) {
      trace->AddMapping(op.subject);
    }
  }
  Message message{.subject = op.subject,
                  .reply = op.reply,
                  .headers = op.headers,
                  .payload = op.payload,
                  .form = op.form,
                  .from_client = true};
  if (!refusal.empty()) [[unlikely]] {
    SendError(refusal);
    if (trace) {
      host_.PublishTraced(*account_, Message{}, true, std::move(trace));
    }
    return false;
  }
  if (options_.verbose) {
    SendOk();
  }
  PublishOutcome outcome =
      trace ? host_.PublishTraced(*account_, message, options_.echo, std::move(trace))
            : host_.Publish(*account_, message, options_.echo, memo_);
  if (!outcome.delivered && !op.reply.empty() && options_.no_responders) {
    SendNoResponders(op);
  }
  return outcome.congested;
}

// Why the message may not be published; empty when it may.
std::string Session::Refusal(const Op& op) {
  bool reserved =
      (op.subject.front() == '_' || op.subject.front() == '$') && IsReservedSubject(op.subject);
  if (!reserved && permissions_ && !MayPublish(op.subject)) [[unlikely]] {
    host_.LogError(Cat("Publish Violation - Subject ", Quoted(op.subject)));
    reserved = true;
  }
  if (reserved) [[unlikely]] {
    return Cat("Permissions Violation for Publish to ", Quoted(op.subject));
  }
  if (!op.reply.empty() && IsReservedReply(op.reply)) [[unlikely]] {
    return Cat("Permissions Violation for Publish with Reply of ", Quoted(op.reply));
  }
  return {};
}

bool Session::StartTrace(const Op& op, std::shared_ptr<MessageTrace>& trace) {
  auto request = TraceRequest::Read(op.headers, account_->trace_destination);
  if (!request) {
    return true;
  }
  if (request->by_account &&
      host_.random().Below(100) >= static_cast<uint64_t>(account_->trace_sampling)) {
    return true;
  }
  std::string_view destination = request->destination;
  if (!protocol::IsValidLiteral(destination)) {
    host_.LogError(
        Cat("Destination ", Quoted(destination), " is not valid, won't be able to trace events"));
    return !request->only;
  }
  if (IsReservedSubject(destination) || (permissions_ && !permissions_->MayPublish(destination))) {
    host_.LogError(Cat("Publish Violation - Subject ", Quoted(destination)));
    SendError(Cat("Permissions Violation for Publish to ", Quoted(destination)));
    return false;
  }
  size_t size = op.headers.size() + op.payload.size();
  trace = std::make_shared<MessageTrace>(std::move(*request), op.headers, size, host_.clock());
  return true;
}

bool Session::MayPublish(std::string_view subject) {
  if (subject != publish_memo_ || publish_memo_.empty()) {
    publish_memo_.assign(subject);
    publish_memo_allowed_ = permissions_->MayPublish(subject);
  }
  return publish_memo_allowed_ || (grants_ && grants_->Use(subject, host_.now_ns()));
}

void Session::SendNoResponders(const Op& op) {
  // To one plain subscription of this connection that covers the reply (protocol.md 10.3). It is
  // no delivery: neither statistics nor auto-unsubscribe count it.
  const SubscriptionTable::Subscription* receiver = nullptr;
  subscriptions_.ForEach([&](uint32_t /*slot*/, SubscriptionTable::Subscription& subscription) {
    if (receiver == nullptr && subscription.queue.empty() &&
        protocol::Matches(op.reply, subscription.subject)) {
      receiver = &subscription;
    }
  });
  if (receiver == nullptr) {
    return;
  }
  std::string headers = protocol::HeaderBuilder(503, {}).Add("Nats-Subject", op.subject).Take();
  protocol::AppendMessage(
      out_,
      {.subject = op.reply, .sid = receiver->sid, .reply = {}, .headers = headers, .payload = {}});
  host_.OutputChanged();
}

void Session::HandleSub(const Op& op) {
  ++control_ops_;
  auto verdict = PermissionSet::Verdict::kYes;
  if (op.queue == "_sys_") {
    verdict = PermissionSet::Verdict::kNo;
  } else if (permissions_) {
    verdict = permissions_->MaySubscribe(op.subject, op.queue);
  }
  if (verdict == PermissionSet::Verdict::kNo) {
    std::string using_queue =
        op.queue.empty() ? std::string() : Cat(" using queue ", Quoted(op.queue));
    host_.LogError(Cat("Subscription Violation - Subject ", Quoted(op.subject), using_queue,
                       ", SID ", op.sid));
    SendError(Cat("Permissions Violation for Subscription to ", Quoted(op.subject), using_queue));
    return;
  }
  if (limits_.max_subscription_tokens > 0 &&
      protocol::TokenCount(op.subject) > static_cast<size_t>(limits_.max_subscription_tokens)) {
    host_.LogError(Cat("Subscription Violation Too Many Tokens - Subject ", Quoted(op.subject),
                       ", SID ", op.sid));
    SendError(
        Cat("Permissions Violation for Subscription to ", Quoted(op.subject), ", too many tokens"));
    return;
  }
  if (limits_.max_subscriptions > 0 &&
      subscriptions_.size() >= static_cast<size_t>(limits_.max_subscriptions)) {
    SendError("maximum subscriptions exceeded");
    return;
  }
  uint32_t slot = 0;
  // A sid in use keeps its subscription, silently, whatever the new subject is (protocol.md 10.1).
  bool is_new = subscriptions_.FindSid(op.sid, slot) == nullptr;
  if (is_new && !protocol::IsValidPattern(op.subject)) {
    SendError("Invalid Subject");
    return;
  }
  if (auto* subscription = subscriptions_.Add(op.sid, op.subject, op.queue, slot)) {
    if (verdict == PermissionSet::Verdict::kFiltered) {
      subscription->filter = permissions_.get();
    }
    host_.InsertSubscription(*account_, slot, *subscription);
  }
  if (options_.verbose) {
    SendOk();
  }
}

void Session::HandleUnsub(const Op& op) {
  ++control_ops_;
  // What was published before this point still goes out first (I4).
  host_.DrainMail();
  uint32_t slot = 0;
  if (auto* subscription = subscriptions_.FindSid(op.sid, slot)) {
    auto max = static_cast<uint64_t>(op.max);
    if (max > subscription->delivered) {
      subscription->max = max;
    } else {
      RemoveSubscription(slot);
    }
  }
  if (options_.verbose) {
    SendOk();
  }
}

void Session::HandlePing() {
  ++control_ops_;
  host_.DrainMail();
  protocol::AppendText(out_, "PONG\r\n");
  if (connected_ && !first_pong_sent_) {
    first_pong_sent_ = true;
    if (options_.protocol >= 1) {
      protocol::AppendText(out_, host_.ConnectInfo(*account_));
    }
  }
  host_.OutputChanged();
}

bool Session::Deliver(uint32_t slot, uint16_t generation, const Message& message) {
  auto* subscription = subscriptions_.At(slot, generation);
  if (subscription == nullptr || closing_ != CloseReason::kNone ||
      !MayReceive(*subscription, message)) {
    return false;
  }
  bool sheds = Sheds(message);
  if (grants_ && !message.reply.empty() && !sheds) [[unlikely]] {
    grants_->Grant(message.reply, host_.now_ns());
  }
  ++subscription->delivered;
  ++counters_.out_msgs;
  counters_.out_bytes += message.payload.size() + (client_headers_ ? message.headers.size() : 0);
  if (!sheds) [[likely]] {
    protocol::WireMessage wire{.subject = message.subject,
                               .sid = subscription->sid,
                               .reply = message.reply,
                               .headers = client_headers_ ? message.headers : std::string_view{},
                               .payload = message.payload,
                               .form = message.form};
    if (!client_headers_ && !message.headers.empty()) {
      wire.form.size_zeros = 0;
    }
    protocol::AppendMessage(out_, wire);
  }
  if (subscription->max != 0 && subscription->delivered >= subscription->max) {
    RemoveSubscription(slot);
  }
  host_.OutputChanged();
  return !sheds;
}

bool Session::MayReceive(const SubscriptionTable::Subscription& subscription,
                         const Message& message) const {
  return subscription.filter == nullptr || subscription.filter->MayReceive(message.subject);
}

std::string_view Session::DeliverTraced(uint32_t slot, uint16_t generation,
                                        const Message& message) {
  const auto* subscription = subscriptions_.At(slot, generation);
  if (subscription == nullptr) {
    return "Not delivered because subscription is closed";
  }
  if (!MayReceive(*subscription, message)) {
    return "Not delivered because subscription denies this subject";
  }
  if (message.trace->only()) {
    return {};
  }
  if (closing_ != CloseReason::kNone) {
    return "Not delivered because client is closed";
  }
  return Deliver(slot, generation, message)
             ? std::string_view{}
             : "Not delivered because fast producer not stalled and consumer is slow";
}

void Session::RemoveSubscription(uint32_t slot) {
  host_.RemoveSubscription(*account_, slot, subscriptions_.live(slot));
  subscriptions_.Remove(slot);
}

void Session::Detach() {
  if (account_ == nullptr) {
    return;
  }
  std::vector<uint32_t> slots;
  subscriptions_.ForEach([&](uint32_t slot, auto&) { slots.push_back(slot); });
  for (uint32_t slot : slots) {
    RemoveSubscription(slot);
  }
}

void Session::SendOk() {
  if (!options_.verbose) {
    return;
  }
  protocol::AppendText(out_, "+OK\r\n");
  host_.OutputChanged();
}

void Session::SendError(std::string_view text) {
  protocol::AppendError(out_, text);
  host_.OutputChanged();
}

void Session::SendLine(std::string_view line) {
  protocol::AppendText(out_, line);
  host_.OutputChanged();
}

void Session::Refuse(std::string_view text, CloseReason reason) {
  if (closing_ == CloseReason::kNone) {
    SendError(text);
    Close(reason);
  }
}

void Session::Close(CloseReason reason) {
  if (closing_ == CloseReason::kNone) {
    closing_ = reason;
    host_.Close(reason);
  }
}

}  // namespace weir::server
