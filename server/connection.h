#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/byte_queue.h"
#include "protocol/base/timer_queue.h"
#include "server/connection_info.h"
#include "server/context.h"
#include "server/session.h"
#include "server/target.h"
#include "server/transport.h"

namespace weir::server {

class Worker;

// One client connection: moves bytes between its transport and its session, and keeps the time for
// it (authentication, pings, write deadline, pauses). Lives in its worker's table from accept until
// it is closed and no callback is outstanding; confined to that worker.
//
// It opens in steps: a PROXY header where one may come, then TLS, always, perhaps (the client's
// first byte tells) or not at all, with INFO before or behind the handshake. Passwords that take
// long to check are checked on a pool while nothing is read.
//
// Output is appended during a turn and written at its end by Flush(). Close() only marks:
// Teardown(), called by the worker at the end of the turn, writes what may still be written and
// lets go.
class Connection : public Transport::Handler, public SessionHost {
 public:
  Connection(Worker& worker, ServerContext& context, Target self,
             std::unique_ptr<Transport> transport);
  ~Connection() override;

  // Sends INFO and begins to open. `refuse`: there are too many connections already.
  void Start(bool refuse);

  Session& session() { return session_; }
  const Session& session() const { return session_; }
  const Target& self() const { return self_; }
  uint64_t id() const { return id_; }
  size_t pending_bytes() const { return out_.size(); }
  // For monitoring, with at most so many of its subscriptions (connection_info.cc).
  ConnectionInfo Describe(size_t max_subscriptions);
  // Sends a PING when no round trip was measured yet.
  void MeasureRoundTrip();
  uint32_t stalls() const { return stalls_; }
  int64_t last_activity_ns() const { return last_in_ns_ > start_ns_ ? last_in_ns_ : start_ns_; }
  int64_t round_trip_ns() const { return rtt_ns_; }
  // Far behind: publishers to it should pause (protocol.md 6.1).
  bool congested() const { return session_.congested(); }

  // End of turn: writes the pending output, as far as the socket takes it.
  void Flush();
  // End of turn after Close(): gives up the socket.
  void Teardown();
  // Torn down and no callback outstanding: may be destroyed.
  bool finished() const {
    return torn_down_ && !reading_ && !waiting_writable_ && opening_ != Opening::kHandshake;
  }
  bool closing() const { return session_.closing() != CloseReason::kNone || closed_; }
  // Gives buffers back when nothing happened since the last call; false when there is nothing left.
  bool TrimBuffers();

  void CloseNow(CloseReason reason) { Close(reason); }
  // Tells the client that there are too many and closes.
  void RefuseMaxConnections();
  // Tells a client that understands it that this server is going away.
  void SendLameDuckInfo();

  // A reload, with all workers at rest: takes new limits over and, with `authorization`, decides
  // anew whether the client may stay and what it may do.
  void OnReload(bool authorization);
  // The client's certificate is one of the pinned ones, or there are none.
  bool MatchesPins() const;
  // What the handshake told; nullptr without TLS.
  const TlsPeer* tls() const { return transport_->tls(); }

  // Transport::Handler
  void OnRead(size_t bytes, bool failed) override;
  void OnWritable(bool failed) override;
  void OnHandshake(std::string_view error) override;

  // SessionHost
  PublishOutcome Publish(Account& account, const Message& message, bool echo,
                         CachedMatch& memo) override;
  PublishOutcome PublishTraced(Account& account, const Message& message, bool echo,
                               std::shared_ptr<MessageTrace> trace) override;
  uint64_t client_id() const override { return id_; }
  Clock& clock() override;
  void InsertSubscription(Account& account, uint32_t slot,
                          const SubscriptionTable::Subscription& subscription) override;
  void RefilterSubscription(Account& account, uint32_t slot,
                            const SubscriptionTable::Subscription& subscription) override;
  void RemoveSubscription(Account& account, uint32_t slot,
                          const SubscriptionTable::Subscription& subscription) override;
  void DrainMail() override;
  std::optional<AuthOutcome> Authenticate(const protocol::ConnectOptions& options) override;
  void OnRefused() override;
  std::string ConnectInfo(const Account& account) override;
  void OnAuthenticated() override;
  void OnConnected() override;
  void OnPong() override;
  int64_t now_ns() const override;
  Random& random() override;
  void LogError(std::string_view text) override;
  bool tracing() const override;
  void TraceOperation(std::string_view bytes) override;
  void TraceMessage(const protocol::WireMessage& message) override;
  void Trace(std::string_view line) override;
  void OutputChanged() override;
  void Close(CloseReason reason) override;

 private:
  static constexpr size_t kMinBuffer = 512;
  static constexpr size_t kMaxBuffer = 64 << 10;
  static constexpr int64_t kStallNs = 2'000'000;
  static constexpr int64_t kMaxStallNs = 10'000'000;  // per read

  // How far the connection is on its way to the protocol.
  enum class Opening : uint8_t {
    kProxyHeader,  // one may come
    kFallback,     // TLS comes first, unless the client is silent for a while
    kSniff,        // the first byte tells whether it is TLS
    kHello,        // TLS, but the first bytes come through a read that is under way
    kHandshake,
    kDone,
  };

  // connection_opening.cc
  void SendFirstInfo();
  void DecideTls();
  bool AdvanceOpening();
  bool PassProxyHeader();
  void BeginHandshake();
  void Opened();
  void ArmOpeningTimer(int64_t delay_ns);
  void OnOpeningTimer();

  // connection_auth.cc
  void CheckPassword(const AuthDecision& decision);
  void OnPasswordChecked(const std::string& hash, bool good);
  void Reauthorize();
  void RefuseUnauthorized();
  // `User "bob"`, for the log.
  std::string UserText() const;

  protocol::ServerInfo Info() const;
  bool IsAudited(const Account& account, std::string_view subject);
  Target TargetOf(uint32_t slot, const SubscriptionTable::Subscription& subscription) const;
  void StartRead();
  void Process();
  void MakeRoom();
  void Pause();
  void OnPingTimer();
  void ArmPing(int64_t delay_ns);
  void SlowConsumer(CloseReason reason);
  void NoteSlowConsumer(CloseReason reason);
  void StartWriteDeadline();
  void EndWriteDeadline();
  void OnWriteDeadline();
  // `127.0.0.1:49138 - cid:6 - "v1.40:go:name" - "A/user:a" - `: what stands in front of every log
  // line about this client, as far as it is known.
  std::string Label() const;

  Worker& worker_;
  ServerContext& context_;
  const Target self_;
  const uint64_t id_;
  std::unique_ptr<Transport> transport_;
  ByteQueue out_;
  Session session_;

  // Input: [begin_, end_) of the buffer is not consumed yet.
  std::unique_ptr<char[]> input_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
  int short_reads_ = 0;

  int64_t stall_left_ns_ = 0;
  int64_t last_in_ns_ = 0;      // when the client last did something ...
  uint64_t activity_seen_ = 0;  // ... which was this much (Session::activity)
  int64_t ping_sent_ns_ = 0;
  int64_t rtt_ns_ = 0;
  int64_t start_ns_ = 0;
  int pings_out_ = 0;
  // Of the output that the write deadline is for, in bytes: how much there was, and still is.
  size_t blocked_ = 0;
  size_t blocked_left_ = 0;
  uint32_t stalls_ = 0;  // pauses for slow receivers
  TimerQueue::TimerId auth_timer_;
  TimerQueue::TimerId ping_timer_;
  TimerQueue::TimerId stall_timer_;
  TimerQueue::TimerId write_timer_;
  TimerQueue::TimerId opening_timer_;
  std::string verified_hash_;  // the bcrypt hash that the client's password has
  Opening opening_ = Opening::kDone;
  bool tls_first_ = false;          // INFO comes behind the handshake
  bool checking_password_ = false;  // on the pool
  bool reading_ = false;
  bool paused_ = false;
  bool waiting_writable_ = false;
  bool dirty_ = false;
  bool closed_ = false;     // Close() was called
  bool torn_down_ = false;  // Teardown() was
  bool quiet_ = false;      // nothing happened since the last TrimBuffers()
};

}  // namespace weir::server
