#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/byte_queue.h"
#include "protocol/handshake.h"
#include "protocol/parser.h"
#include "protocol/serializer.h"
#include "protocol/wire_form.h"
#include "server/account.h"
#include "server/close_reason.h"
#include "server/match_cache.h"
#include "server/options.h"
#include "server/permissions.h"
#include "server/subscription_table.h"

namespace weir::server {

class MessageTrace;
struct TraceRequest;

// A message on its way to subscribers.
struct Message {
  std::string_view subject;
  std::string_view reply;
  std::string_view headers;
  std::string_view payload;
  MessageTrace* trace = nullptr;  // with a traced message
  protocol::WireForm form = {};
  bool from_client = false;      // a client published it, not the server
  std::string_view client = {};  // jetstream::Inbound::client
  size_t size() const { return headers.size() + payload.size(); }
};

// What became of a publish.
struct PublishOutcome {
  bool delivered = false;  // somebody got it (or will, on another worker)
  bool congested = false;  // a receiver is far behind: the publisher should pause
};

struct AuthOutcome {
  Account* account = nullptr;                                  // nullptr: refused
  std::shared_ptr<const PermissionSet> permissions = nullptr;  // nullptr: everything is allowed
  std::string user = {};  // of the configuration; empty: a token, or nobody was asked
  // Before CONNECT: this is the no_auth_user, to be taken as such with the first word that is not
  // CONNECT (protocol.md 1.1).
  bool by_default = false;
};

// What a session needs of the connection and the worker around it.
class SessionHost {
 public:
  virtual ~SessionHost() = default;

  virtual PublishOutcome Publish(Account& account, const Message& message, bool echo,
                                 CachedMatch& memo) = 0;
  // The same for a message that is traced; the report goes out when all of its receivers are known.
  virtual PublishOutcome PublishTraced(Account& account, const Message& message, bool echo,
                                       std::shared_ptr<MessageTrace> trace) = 0;
  virtual uint64_t client_id() const = 0;
  virtual Clock& clock() = 0;
  virtual void InsertSubscription(Account& account, uint32_t slot,
                                  const SubscriptionTable::Subscription& subscription) = 0;
  // subscription.filter has changed; the old one is valid until this returns.
  virtual void RefilterSubscription(Account& account, uint32_t slot,
                                    const SubscriptionTable::Subscription& subscription) = 0;
  virtual void RemoveSubscription(Account& account, uint32_t slot,
                                  const SubscriptionTable::Subscription& subscription) = 0;
  // Delivers everything that other workers have mailed so far (invariant I4).
  virtual void DrainMail() = 0;
  // Decides who this is. nullopt: that takes a while; Session::Answer() will be called, and no
  // input is handled before.
  virtual std::optional<AuthOutcome> Authenticate(const protocol::ConnectOptions& options) = 0;
  // Nobody known: the session refuses it next.
  virtual void OnRefused() = 0;
  // The INFO behind the first PONG (protocol.md 4.3).
  virtual std::string ConnectInfo(const Account& account) = 0;
  // It is known who the client is: the authentication timer ends.
  virtual void OnAuthenticated() = 0;
  // CONNECT was accepted: the first ping is scheduled anew.
  virtual void OnConnected() = 0;
  virtual void OnPong() = 0;
  virtual int64_t now_ns() const = 0;  // steady clock
  virtual Random& random() = 0;
  // One line of the log about this client; the host puts its address and id in front.
  virtual void LogError(std::string_view text) = 0;
  // The log wants to hear what is said; then, and only then, the three below are called: with an
  // operation as it came, with a message to the client, and with anything else ("->> [PONG]").
  virtual bool tracing() const { return false; }
  virtual void TraceOperation(std::string_view /*bytes*/) {}
  virtual void TraceMessage(const protocol::WireMessage& /*message*/) {}
  virtual void Trace(std::string_view /*line*/) {}
  // Bytes were added to the output.
  virtual void OutputChanged() = 0;
  // Only marks; the connection is torn down at the end of the turn, pending output first unless the
  // reason forbids it.
  virtual void Close(CloseReason reason) = 0;
};

// One client's protocol state, without sockets, threads or clocks (architecture 6.4). Bytes go in
// through OnBytes(), output is appended to a ByteQueue, everything else goes through the host.
// Confined to the connection's worker.
class Session {
 public:
  struct Counters {
    uint64_t in_msgs = 0;
    uint64_t in_bytes = 0;
    uint64_t out_msgs = 0;
    uint64_t out_bytes = 0;
  };
  enum class Progress : uint8_t {
    kAll,    // everything complete was consumed
    kPause,  // a receiver is congested: call again later with the rest
    kWait,   // ... behind Answer()
    kClosed,
  };

  // `anonymous`: what a client is before it sends CONNECT; no account when authentication is
  // required.
  Session(SessionHost& host, ByteQueue& out, const ClientLimits& limits, AuthOutcome anonymous);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Handles the complete operations at the front of `input`; `consumed` says how many bytes to
  // drop.
  Progress OnBytes(std::string_view input, size_t& consumed);
  // Output that nobody takes has piled up: publishers to this client should pause
  // (protocol.md 6.1).
  bool congested() const { return out_.size() > static_cast<size_t>(limits_.max_pending) / 4 * 3; }
  // How much contiguous input the unfinished operation needs.
  size_t bytes_needed() const { return parser_.needed(); }

  // Sends one message to one of this session's subscriptions. False when the subscription is gone
  // or may not have it. `subject` is what the client sees.
  bool Deliver(uint32_t slot, uint16_t generation, const Message& message);
  // The same for a traced message, which may not be meant to be delivered. Returns why it was not,
  // in the words of the report; empty: it was, or would have been.
  std::string_view DeliverTraced(uint32_t slot, uint16_t generation, const Message& message);

  // Authenticate() has put its decision off: Answer() is to come.
  bool waiting() const { return waiting_; }
  void Answer(AuthOutcome who);
  // A reload: the same client in the same account, perhaps with other permissions. Subscriptions
  // that it may not have any more end, each with an -ERR; `removed` gets `"foo" (sid "1")`. Closes
  // when the account has too many clients now.
  void Reauthorize(AuthOutcome who, const std::function<void(std::string_view)>& removed);
  // Takes the limits of the configuration and of the account over, which may have changed.
  void ApplyLimits();

  // Sends -ERR with this text and closes.
  void Refuse(std::string_view text, CloseReason reason);
  void SendLine(std::string_view line);

  // Takes all subscriptions out of the index. The session gets nothing more.
  void Detach();

  // The subscription that a target names, nullptr when it is gone. For traces.
  const SubscriptionTable::Subscription* Find(uint32_t slot, uint16_t generation) {
    return subscriptions_.At(slot, generation);
  }
  const protocol::ConnectOptions& options() const { return options_; }
  bool connected() const { return connected_; }
  // The user that the client was taken for, which a certificate or no_auth_user may have decided.
  const std::string& user() const { return user_; }
  // What INFO tells: the server's limit, or a lower one of the account.
  int64_t max_payload() const;
  // Knows asynchronous INFO and has seen its first PONG (protocol.md 4.2).
  bool wants_async_info() const { return connected_ && options_.protocol >= 1 && first_pong_sent_; }
  Account* account() const { return account_; }
  // nullptr: everything is allowed.
  const PermissionSet* permissions() const { return permissions_.get(); }
  const Counters& counters() const { return counters_; }
  // Grows with everything that shows that the client is alive: messages, subscriptions, PING. PONG
  // does not (protocol.md 9).
  uint64_t activity() const { return counters_.in_msgs + control_ops_; }
  size_t subscriptions() const { return subscriptions_.size(); }
  template <typename F>
  void ForEachSubscription(F&& visit) {
    subscriptions_.ForEach(
        [&visit](uint32_t, const SubscriptionTable::Subscription& each) { visit(each); });
  }
  CloseReason closing() const { return closing_; }
  // The connection closed for a reason of its own (end of stream, write error).
  void NoteClosed(CloseReason reason) { closing_ = reason; }

 private:
  void Close(CloseReason reason);
  void OnParseError();
  void Handle(const protocol::Op& op);
  void HandleConnect(std::string_view json);
  bool Bind(AuthOutcome who);
  void RefuseForAccount();
  void Leave();
  int64_t MaxSubscriptions() const;
  bool HandlePub(protocol::Op& op);
  std::string Refusal(const protocol::Op& op);
  // False: the message goes nowhere. `trace` stays empty for one that is not traced.
  bool StartTrace(const protocol::Op& op, std::shared_ptr<MessageTrace>& trace);
  bool MayPublish(std::string_view subject);
  void HandleSub(const protocol::Op& op);
  void HandleUnsub(const protocol::Op& op);
  void HandlePing();
  void SendOk();
  void SendError(std::string_view text);
  void EndExpectingConnect();
  bool MayReceive(const SubscriptionTable::Subscription& subscription,
                  const Message& message) const;
  // Its receiver is far behind, and fast producers do not wait.
  bool Sheds(const Message& message) const {
    return !limits_.fast_producer_stall && message.from_client && congested();
  }
  void SendNoResponders(const protocol::Op& op);
  void RemoveSubscription(uint32_t slot);

  SessionHost& host_;
  ByteQueue& out_;
  const ClientLimits& limits_;
  Account* account_ = nullptr;
  std::string user_;
  std::shared_ptr<const PermissionSet> permissions_;
  std::optional<ReplyGrants> grants_;  // with allow_responses
  // The last subject that was checked, so that "same subject again" costs one compare.
  std::string publish_memo_;
  bool publish_memo_allowed_ = false;
  protocol::Parser parser_;
  protocol::ConnectOptions options_;
  SubscriptionTable subscriptions_;
  CachedMatch memo_;
  Counters counters_;
  uint64_t control_ops_ = 0;  // SUB, UNSUB, PING
  bool expects_connect_;      // credentials are required and have not come
  bool connected_ = false;
  bool waiting_ = false;  // for Answer()
  bool counted_ = false;  // among the account's clients
  bool first_pong_sent_ = false;
  bool client_headers_ = false;
  bool tracing_ = false;  // as of the last input
  CloseReason closing_ = CloseReason::kNone;
};

}  // namespace weir::server
