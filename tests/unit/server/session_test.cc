#include "server/session.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/strings.h"
#include "protocol/subject.h"
#include "server/message_trace.h"
#include "tests/support/manual_clock.h"

namespace weir::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Routes within the one session, and remembers what it was asked for.
class FakeHost : public SessionHost {
 public:
  struct Published {
    std::string account, subject, reply, headers, payload;
  };

  PublishOutcome Publish(Account& account, const Message& message, bool echo,
                         CachedMatch& /*memo*/) override {
    published.push_back({account.name(), std::string(message.subject), std::string(message.reply),
                         std::string(message.headers), std::string(message.payload)});
    PublishOutcome outcome{.delivered = somebody_listens, .congested = congested};
    if (echo) {
      auto copy = inserted;  // a delivery may end a subscription
      for (const auto& [slot, subscription] : copy) {
        if (protocol::Matches(message.subject, subscription.subject)) {
          outcome.delivered |= session->Deliver(slot, subscription.generation, message);
        }
      }
    }
    return outcome;
  }
  PublishOutcome PublishTraced(Account& account, const Message& message, bool echo,
                               std::shared_ptr<MessageTrace> /*trace*/) override {
    ++traced;
    CachedMatch memo;
    return message.subject.empty() ? PublishOutcome{} : Publish(account, message, echo, memo);
  }
  uint64_t client_id() const override { return 5; }
  Clock& clock() override { return clock_; }
  void InsertSubscription(Account& /*account*/, uint32_t slot,
                          const SubscriptionTable::Subscription& subscription) override {
    inserted.emplace_back(slot, subscription);
  }
  void RefilterSubscription(Account& /*account*/, uint32_t slot,
                            const SubscriptionTable::Subscription& subscription) override {
    for (auto& [at, kept] : inserted) {
      if (at == slot) {
        kept = subscription;
      }
    }
  }
  void RemoveSubscription(Account& /*account*/, uint32_t slot,
                          const SubscriptionTable::Subscription& subscription) override {
    EXPECT_EQ(std::erase_if(inserted,
                            [&](const auto& entry) {
                              return entry.first == slot &&
                                     entry.second.generation == subscription.generation;
                            }),
              1U);
  }
  void DrainMail() override { ++drains; }
  std::optional<AuthOutcome> Authenticate(const protocol::ConnectOptions& options) override {
    asked.push_back(options.user);
    if (options.user == "later") {
      return std::nullopt;
    }
    return options.user == "nobody" ? AuthOutcome{} : AuthOutcome{next_account, permissions};
  }
  void OnRefused() override { ++refused; }
  std::string ConnectInfo(const Account& account) override {
    return Cat("INFO ", account.name(), "\r\n");
  }
  void OnAuthenticated() override { ++authenticated; }
  void OnConnected() override { ++connects; }
  void OnPong() override { ++pongs; }
  int64_t now_ns() const override { return now; }
  Random& random() override { return random_; }
  void LogError(std::string_view text) override { errors.emplace_back(text); }
  void OutputChanged() override { changed = true; }
  void Close(CloseReason reason) override { closed.push_back(reason); }

  Session* session = nullptr;
  Account* next_account = nullptr;
  std::shared_ptr<const PermissionSet> permissions;
  std::vector<Published> published;
  std::vector<std::pair<uint32_t, SubscriptionTable::Subscription>> inserted;
  std::vector<std::string> asked;
  std::vector<std::string> errors;
  std::vector<CloseReason> closed;
  bool somebody_listens = false;
  bool congested = false;
  bool changed = false;
  int traced = 0;
  int drains = 0;
  int authenticated = 0;
  int connects = 0;
  int refused = 0;
  int pongs = 0;
  int64_t now = 1;

 private:
  Random random_{1};
  weir::testing::ManualClock clock_;
};

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() { Start(/*must_connect=*/false); }

  void Start(bool must_connect, bool by_default = false) {
    host_ = std::make_unique<FakeHost>();
    out_.Clear();
    host_->next_account = &accounts_.Get(kGlobalAccount);
    AuthOutcome anonymous;
    anonymous.account = must_connect ? nullptr : host_->next_account;
    anonymous.by_default = by_default;
    session_ = std::make_unique<Session>(*host_, out_, limits_, anonymous);
    host_->session = session_.get();
  }

  // Sends bytes; returns the answer.
  std::string Send(std::string_view bytes) {
    size_t consumed = 0;
    host_->changed = false;
    progress_ = session_->OnBytes(bytes, consumed);
    left_ = bytes.size() - consumed;
    std::string answer = TakeOutput();
    EXPECT_TRUE(answer.empty() || host_->changed) << "nobody was told about " << answer;
    return answer;
  }
  std::string TakeOutput() {
    iovec parts[64];
    std::string out;
    for (int i = 0, n = out_.Gather(parts, 64); i < n; ++i) {
      out.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    }
    out_.Consume(out_.size());
    return out;
  }
  // A client that is neither verbose nor pedantic.
  void Connect(std::string_view fields = "") {
    EXPECT_EQ(Send(Cat("CONNECT {\"verbose\":false,\"pedantic\":false", fields, "}\r\n")), "");
  }
  void ExpectClosed(CloseReason reason) {
    EXPECT_THAT(host_->closed, ElementsAre(reason));
    EXPECT_EQ(session_->closing(), reason);
    EXPECT_EQ(Send("PING\r\n"), "");  // nothing is answered any more
    EXPECT_EQ(progress_, Session::Progress::kClosed);
  }

  ClientLimits limits_;
  AccountRegistry accounts_;
  ByteQueue out_;
  std::unique_ptr<FakeHost> host_;
  std::unique_ptr<Session> session_;
  Session::Progress progress_ = Session::Progress::kAll;
  size_t left_ = 0;
};

// ---- CONNECT ----

TEST_F(SessionTest, WithoutConnectAClientIsVerboseAndPedantic) {
  EXPECT_EQ(Send("SUB foo 1\r\n"), "+OK\r\n");
  EXPECT_EQ(Send("PUB foo 1\r\nx\r\n"), "+OK\r\nMSG foo 1 1\r\nx\r\n");
  EXPECT_EQ(Send("PUB foo.* 1\r\nx\r\n"), "-ERR 'Invalid Publish Subject'\r\n+OK\r\n");
  EXPECT_EQ(Send("UNSUB 1\r\n"), "+OK\r\n");
  EXPECT_FALSE(session_->connected());
  EXPECT_EQ(host_->connects, 0);
}

TEST_F(SessionTest, MustConnectRefusesAnythingElse) {
  for (std::string_view first : {"PING\r\n", "PUB a 0\r\n\r\n", "SUB a 1\r\n", "x"}) {
    Start(/*must_connect=*/true);
    EXPECT_EQ(Send(first), "-ERR 'Authorization Violation'\r\n") << first;
    ExpectClosed(CloseReason::kAuthenticationFailure);
  }
}

TEST_F(SessionTest, MustConnectEndsWithConnect) {
  Start(/*must_connect=*/true);
  EXPECT_EQ(Send("CONN"), "");
  EXPECT_EQ(left_, 4U);
  EXPECT_EQ(Send("CONNECT {\"verbose\":true}\r\nPING\r\n"), "+OK\r\nPONG\r\n");
  EXPECT_EQ(host_->connects, 1);
  EXPECT_TRUE(session_->connected());
}

TEST_F(SessionTest, WrongCredentialsClose) {
  EXPECT_EQ(Send("CONNECT {\"user\":\"nobody\"}\r\n"), "-ERR 'Authorization Violation'\r\n");
  ExpectClosed(CloseReason::kAuthenticationFailure);
  EXPECT_FALSE(session_->connected());
}

TEST_F(SessionTest, ConnectErrors) {
  struct Row {
    std::string_view json, answer;
    CloseReason reason;
  };
  for (const Row& row : {
           Row{"{", "", CloseReason::kProtocolViolation},
           {"[]", "", CloseReason::kProtocolViolation},
           {"{\"verbose\":1}", "", CloseReason::kProtocolViolation},
           {"{\"protocol\":2}", "-ERR 'invalid client protocol'\r\n",
            CloseReason::kBadClientProtocolVersion},
           {"{\"protocol\":-1}", "-ERR 'invalid client protocol'\r\n",
            CloseReason::kBadClientProtocolVersion},
           {"{\"account\":\"A\"}", "-ERR 'Authorization Violation'\r\n",
            CloseReason::kAuthenticationFailure},
           {"{\"new_account\":true}", "-ERR 'Authorization Violation'\r\n",
            CloseReason::kAuthenticationFailure},
           {"{\"no_responders\":true}", "-ERR 'no responders requires headers support'\r\n",
            CloseReason::kNoRespondersRequiresHeaders},
       }) {
    SCOPED_TRACE(row.json);
    Start(false);
    EXPECT_EQ(Send(Cat("CONNECT ", row.json, "\r\n")), row.answer);
    ExpectClosed(row.reason);
    EXPECT_EQ(host_->connects, 0);
  }
}

TEST_F(SessionTest, SecondConnectKeepsWhatItLeavesOutAndDropsSubscriptions) {
  Connect();
  EXPECT_EQ(Send("SUB foo 1\r\nSUB bar q 2\r\n"), "");
  EXPECT_EQ(host_->inserted.size(), 2U);
  host_->next_account = &accounts_.Get(kSystemAccount);
  EXPECT_EQ(Send("CONNECT {\"user\":\"u\"}\r\n"), "");
  EXPECT_THAT(host_->inserted, IsEmpty());
  EXPECT_EQ(session_->subscriptions(), 0U);
  EXPECT_EQ(session_->account()->name(), "$SYS");
  EXPECT_EQ(host_->connects, 2);
  EXPECT_EQ(Send("PUB a..b 0\r\n\r\n"), "");
  EXPECT_EQ(host_->published.back().account, "$SYS");
  EXPECT_THAT(host_->asked, ElementsAre("", "u"));
}

TEST_F(SessionTest, FirstPingBehindConnectIsFollowedByInfo) {
  EXPECT_EQ(Send("PING\r\n"), "PONG\r\n");
  Connect(",\"protocol\":1");
  EXPECT_FALSE(session_->wants_async_info());
  EXPECT_EQ(Send("PING\r\nPING\r\n"), "PONG\r\nINFO $G\r\nPONG\r\n");
  EXPECT_TRUE(session_->wants_async_info());
  Connect(",\"protocol\":1");
  EXPECT_EQ(Send("PING\r\n"), "PONG\r\n");
}

TEST_F(SessionTest, ProtocolZeroGetsNoInfo) {
  Connect();
  EXPECT_EQ(Send("PING\r\n"), "PONG\r\n");
  EXPECT_FALSE(session_->wants_async_info());
}

// ---- SUB and UNSUB ----

TEST_F(SessionTest, InvalidSubjectsAreRefusedButKeepTheConnection) {
  for (std::string_view subject : {"a..b", ".a", "a.", ".", ">.a", "a.>.b"}) {
    EXPECT_EQ(Send(Cat("SUB ", subject, " 1\r\n")), "-ERR 'Invalid Subject'\r\n") << subject;
  }
  EXPECT_THAT(host_->inserted, IsEmpty());
  EXPECT_THAT(host_->closed, IsEmpty());
}

TEST_F(SessionTest, ASidInUseIsIgnoredSilently) {
  EXPECT_EQ(Send("SUB foo 1\r\nSUB bar 1\r\nSUB a..b 1\r\n"), "+OK\r\n+OK\r\n+OK\r\n");
  ASSERT_EQ(host_->inserted.size(), 1U);
  EXPECT_EQ(host_->inserted[0].second.subject, "foo");
}

TEST_F(SessionTest, TheSystemQueueIsRefused) {
  EXPECT_EQ(Send("SUB foo _sys_ 1\r\n"),
            "-ERR 'Permissions Violation for Subscription to \"foo\" using queue \"_sys_\"'\r\n");
  EXPECT_THAT(host_->inserted, IsEmpty());
}

TEST_F(SessionTest, SubscriptionLimits) {
  limits_.max_subscriptions = 2;
  limits_.max_subscription_tokens = 3;
  Connect();
  EXPECT_EQ(Send("SUB a.b.c.d 1\r\n"),
            "-ERR 'Permissions Violation for Subscription to \"a.b.c.d\", too many tokens'\r\n");
  EXPECT_EQ(Send("SUB a.b.c 1\r\nSUB b 2\r\n"), "");
  EXPECT_EQ(Send("SUB c 3\r\n"), "-ERR 'maximum subscriptions exceeded'\r\n");
  EXPECT_EQ(Send("UNSUB 1\r\nSUB c 3\r\n"), "");
  EXPECT_THAT(host_->closed, IsEmpty());
}

TEST_F(SessionTest, UnsubDrainsMailFirst) {
  Send("SUB foo 1\r\n");
  Send("UNSUB 1\r\n");
  EXPECT_EQ(host_->drains, 1);
  Send("PING\r\n");
  EXPECT_EQ(host_->drains, 2);
}

TEST_F(SessionTest, UnsubOfNobodyIsFine) {
  EXPECT_EQ(Send("UNSUB 9\r\nUNSUB 9 4\r\n"), "+OK\r\n+OK\r\n");
}

TEST_F(SessionTest, AutoUnsubscribeDeliversTheLastMessage) {
  Connect();
  Send("SUB foo 1\r\nUNSUB 1 2\r\n");
  EXPECT_EQ(Send("PUB foo 1\r\na\r\nPUB foo 1\r\nb\r\nPUB foo 1\r\nc\r\n"),
            "MSG foo 1 1\r\na\r\nMSG foo 1 1\r\nb\r\n");
  EXPECT_THAT(host_->inserted, IsEmpty());
  EXPECT_EQ(session_->subscriptions(), 0U);
}

TEST_F(SessionTest, AutoUnsubscribeCountsFromTheStart) {
  Connect();
  Send("SUB foo 1\r\nPUB foo 1\r\na\r\nPUB foo 1\r\nb\r\nUNSUB 1 2\r\n");
  EXPECT_THAT(host_->inserted, IsEmpty());
}

// ---- PUB ----

TEST_F(SessionTest, ReservedSubjectsAndReplies) {
  Connect();
  EXPECT_EQ(Send("PUB _GR_.x 0\r\n\r\n"),
            "-ERR 'Permissions Violation for Publish to \"_GR_.x\"'\r\n");
  EXPECT_EQ(Send("PUB $GR.x 0\r\n\r\n"),
            "-ERR 'Permissions Violation for Publish to \"$GR.x\"'\r\n");
  EXPECT_EQ(Send("PUB $NRG.x 0\r\n\r\n"),
            "-ERR 'Permissions Violation for Publish to \"$NRG.x\"'\r\n");
  for (std::string_view reply : {"_R_.x", "$JS.ACK.x", "_GR_.x", "$GR.x"}) {
    EXPECT_EQ(Send(Cat("PUB a ", reply, " 0\r\n\r\n")),
              Cat("-ERR 'Permissions Violation for Publish with Reply of \"", reply, "\"'\r\n"));
  }
  EXPECT_THAT(host_->published, IsEmpty());
  EXPECT_EQ(Send("PUB _R_.x 0\r\n\r\nPUB $JS.ACK.x 0\r\n\r\nPUB a $NRG.x 0\r\n\r\n"), "");
  EXPECT_EQ(host_->published.size(), 3U);
  EXPECT_THAT(host_->closed, IsEmpty());
}

TEST_F(SessionTest, PedanticComplainsFirstAndGoesOn) {
  EXPECT_EQ(Send("PUB _GR_.* 0\r\n\r\n"),
            "-ERR 'Invalid Publish Subject'\r\n"
            "-ERR 'Permissions Violation for Publish to \"_GR_.*\"'\r\n");
  EXPECT_EQ(Send("PUB a..b 0\r\n\r\n"), "-ERR 'Invalid Publish Subject'\r\n+OK\r\n");
  EXPECT_EQ(host_->published.size(), 1U);
}

TEST_F(SessionTest, EchoOffIsHandedOn) {
  Connect(",\"echo\":false");
  Send("SUB foo 1\r\n");
  EXPECT_EQ(Send("PUB foo 1\r\nx\r\n"), "");
}

TEST_F(SessionTest, ACongestedReceiverPausesTheReading) {
  Connect();
  host_->congested = true;
  EXPECT_EQ(Send("PUB a 0\r\n\r\nPUB b 0\r\n\r\n"), "");
  EXPECT_EQ(progress_, Session::Progress::kPause);
  EXPECT_EQ(left_, 11U);
  EXPECT_EQ(host_->published.size(), 1U);
}

TEST_F(SessionTest, CountsWhatGoesInAndOut) {
  Connect(",\"headers\":true");
  Send("SUB foo 1\r\nPUB foo 3\r\nabc\r\nHPUB none 4 6\r\nhhhhpp\r\nHPUB foo 4 6\r\nhhhhpp\r\n");
  EXPECT_EQ(session_->counters().in_msgs, 3U);
  EXPECT_EQ(session_->counters().in_bytes, 15U);
  EXPECT_EQ(session_->counters().out_msgs, 2U);
  EXPECT_EQ(session_->counters().out_bytes, 9U);
}

TEST_F(SessionTest, PongIsNoSignOfActivity) {
  uint64_t before = session_->activity();
  Send("PONG\r\n+OK\r\nINFO {}\r\n");
  EXPECT_EQ(session_->activity(), before);
  for (std::string_view sign : {"PING\r\n", "SUB a 1\r\n", "UNSUB 1\r\n", "PUB a 0\r\n\r\n"}) {
    before = session_->activity();
    Send(sign);
    EXPECT_NE(session_->activity(), before) << sign;
  }
}

// ---- headers and no responders ----

TEST_F(SessionTest, HeadersNeedConnect) {
  EXPECT_EQ(Send("HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n"), "");
  ExpectClosed(CloseReason::kProtocolViolation);
}

TEST_F(SessionTest, HeadersNeedTheServerToo) {
  limits_.headers = false;
  Connect(",\"headers\":true");
  EXPECT_EQ(Send("HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n"), "");
  ExpectClosed(CloseReason::kProtocolViolation);
}

TEST_F(SessionTest, HeadersAreStrippedForAClientWithoutThem) {
  Connect();
  Send("SUB foo 1\r\n");
  auto generation = host_->inserted[0].second.generation;
  EXPECT_TRUE(session_->Deliver(host_->inserted[0].first, generation,
                                Message{"foo", "r", "NATS/1.0\r\n\r\n", "hi"}));
  EXPECT_EQ(TakeOutput(), "MSG foo 1 r 2\r\nhi\r\n");
  EXPECT_EQ(session_->counters().out_bytes, 2U);
}

TEST_F(SessionTest, AMessageGoesOutWithTheDigitsThatCameIn) {
  Connect(",\"headers\":true");
  EXPECT_EQ(Send("SUB foo 1\r\nPUB foo 003\r\nabc\r\nHPUB foo 0012 12\r\nNATS/1.0\r\n\r\n\r\n"),
            "MSG foo 1 003\r\nabc\r\nHMSG foo 1 0012 12\r\nNATS/1.0\r\n\r\n\r\n");
}

TEST_F(SessionTest, SlowReceiverLosesMessagesWhereProducersDoNotWait) {
  limits_.fast_producer_stall = false;
  limits_.max_pending = 400;
  Connect();
  Send("SUB foo 1\r\nUNSUB 1 3\r\n");
  Message message{.subject = "foo", .reply = {}, .headers = {}, .payload = "x"};
  message.from_client = true;
  auto [slot, subscription] = host_->inserted[0];
  std::string much(290, 'x');
  EXPECT_TRUE(session_->Deliver(slot, subscription.generation, {"foo", {}, {}, much}));
  EXPECT_TRUE(session_->congested());

  EXPECT_FALSE(session_->Deliver(slot, subscription.generation, message));
  message.from_client = false;
  EXPECT_TRUE(session_->Deliver(slot, subscription.generation, message));

  // What was left out counts all the same.
  EXPECT_THAT(host_->inserted, IsEmpty());
  EXPECT_EQ(session_->counters().out_msgs, 3U);
}

TEST_F(SessionTest, TheNoAuthUserNeedsNoConnect) {
  Start(/*must_connect=*/false, /*by_default=*/true);
  EXPECT_EQ(host_->authenticated, 0);
  EXPECT_EQ(Send("SUB foo 1\r\n"), "+OK\r\n");
  EXPECT_EQ(host_->authenticated, 1);
  // CONNECT is the second then: it starts over.
  EXPECT_EQ(Send("CONNECT {}\r\n"), "+OK\r\n");
  EXPECT_THAT(host_->inserted, IsEmpty());
}

TEST_F(SessionTest, NoRespondersGoesToOnePlainSubscription) {
  Connect(",\"headers\":true,\"no_responders\":true");
  Send("SUB in.* q 1\r\nSUB in.* 2\r\nSUB in.> 3\r\nUNSUB 2 1\r\n");
  EXPECT_EQ(Send("PUB svc in.a 2\r\nhi\r\n"),
            "HMSG in.a 2 35 35\r\nNATS/1.0 503\r\nNats-Subject: svc\r\n\r\n\r\n");
  // It is no delivery: the subscription with a maximum of one is still there.
  EXPECT_EQ(host_->inserted.size(), 3U);
  EXPECT_EQ(session_->counters().out_msgs, 0U);
}

TEST_F(SessionTest, NoRespondersNeedsAReplyAndAListenerAndNobodyElse) {
  Connect(",\"headers\":true,\"no_responders\":true");
  Send("SUB in.* 1\r\n");
  EXPECT_EQ(Send("PUB svc 0\r\n\r\n"), "");
  EXPECT_EQ(Send("PUB svc other.a 0\r\n\r\n"), "");
  host_->somebody_listens = true;
  EXPECT_EQ(Send("PUB svc in.a 0\r\n\r\n"), "");
}

// ---- permissions ----

TEST_F(SessionTest, PermissionsOfPublishAndSubscribe) {
  Permissions rules;
  rules.publish.restricted = true;
  rules.publish.allow = {"ok.>"};
  rules.subscribe.deny = {"secret.*"};
  host_->permissions = std::make_shared<PermissionSet>(rules);
  EXPECT_EQ(Send("CONNECT {}\r\n"), "+OK\r\n");
  EXPECT_EQ(Send("PUB no 0\r\n\r\n"), "-ERR 'Permissions Violation for Publish to \"no\"'\r\n");
  EXPECT_EQ(Send("PUB ok.a 0\r\n\r\n"), "+OK\r\n");
  EXPECT_EQ(Send("SUB secret.a 1\r\n"),
            "-ERR 'Permissions Violation for Subscription to \"secret.a\"'\r\n");
  EXPECT_EQ(Send("SUB secret.a q 1\r\n"),
            "-ERR 'Permissions Violation for Subscription to \"secret.a\" using queue \"q\"'\r\n");
  EXPECT_EQ(Send("SUB > 2\r\n"), "+OK\r\n");
  EXPECT_FALSE(session_->Deliver(host_->inserted[0].first, host_->inserted[0].second.generation,
                                 Message{"secret.a", {}, {}, "x"}));
  EXPECT_TRUE(session_->Deliver(host_->inserted[0].first, host_->inserted[0].second.generation,
                                Message{"open", {}, {}, "x"}));
}

TEST_F(SessionTest, AllowedResponsesAreUsedUp) {
  Permissions rules;
  rules.publish.restricted = true;
  rules.responses.enabled = true;
  host_->permissions = std::make_shared<PermissionSet>(rules);
  Connect();
  Send("SUB svc 1\r\n");
  session_->Deliver(host_->inserted[0].first, host_->inserted[0].second.generation,
                    Message{"svc", "_INBOX.a", {}, "x"});
  TakeOutput();
  EXPECT_EQ(Send("PUB _INBOX.a 0\r\n\r\n"), "");
  EXPECT_EQ(Send("PUB _INBOX.a 0\r\n\r\n"),
            "-ERR 'Permissions Violation for Publish to \"_INBOX.a\"'\r\n");
}

// ---- errors that close ----

TEST_F(SessionTest, ProtocolErrorsClose) {
  limits_.max_control_line = 64;
  limits_.max_payload = 10;
  struct Row {
    std::string bytes;
    std::string_view answer;
    CloseReason reason;
  };
  for (const Row& row : {
           Row{"FOO\r\n", "-ERR 'Unknown Protocol Operation'\r\n", CloseReason::kProtocolViolation},
           {"PUB a\r\n", "", CloseReason::kProtocolViolation},
           {"SUB a\r\n", "", CloseReason::kProtocolViolation},
           {"UNSUB \r\n", "", CloseReason::kProtocolViolation},
           {"PUB a 11\r\n", "-ERR 'Maximum Payload Violation'\r\n", CloseReason::kMaxPayload},
           {Cat("SUB ", std::string(100, 'a'), " 1\r\n"),
            "-ERR 'maximum control line exceeded'\r\n", CloseReason::kMaxControlLine},
           {"INFO {\r\n", "", CloseReason::kProtocolViolation},
           {"INFO []\r\n", "", CloseReason::kProtocolViolation},
           {"-ERR 'x'\r\n", "", CloseReason::kParseError},
       }) {
    SCOPED_TRACE(row.bytes);
    Start(false);
    EXPECT_EQ(Send(row.bytes), row.answer);
    ExpectClosed(row.reason);
  }
}

TEST_F(SessionTest, WhatCameBeforeAnErrorIsDone) {
  Connect();
  EXPECT_EQ(Send("SUB a 1\r\nPUB a 1\r\nx\r\nBAD\r\nPUB a 1\r\ny\r\n"),
            "MSG a 1 1\r\nx\r\n-ERR 'Unknown Protocol Operation'\r\n");
  ExpectClosed(CloseReason::kProtocolViolation);
}

TEST_F(SessionTest, LogsWhatIsWrong) {
  Send("PUB a b\r\n");
  EXPECT_THAT(host_->errors, ElementsAre("processPub Bad or Missing Size: \"a b\""));
  Start(false);
  Send("-ERR 'why'\r\n");
  EXPECT_THAT(host_->errors, ElementsAre("Client Error 'why'"));
}

TEST_F(SessionTest, OnlyTheFirstReasonCounts) {
  session_->Refuse("Stale Connection", CloseReason::kStaleConnection);
  session_->Refuse("Authentication Timeout", CloseReason::kAuthenticationTimeout);
  EXPECT_EQ(TakeOutput(), "-ERR 'Stale Connection'\r\n");
  EXPECT_THAT(host_->closed, ElementsAre(CloseReason::kStaleConnection));
}

// ---- delivery ----

TEST_F(SessionTest, AStaleHandleDeliversNothing) {
  Connect();
  Send("SUB foo 1\r\n");
  auto [slot, subscription] = host_->inserted[0];
  Send("UNSUB 1\r\nSUB bar 1\r\n");
  EXPECT_FALSE(session_->Deliver(slot, subscription.generation, Message{"foo", {}, {}, "x"}));
  EXPECT_FALSE(session_->Deliver(99, 0, Message{"foo", {}, {}, "x"}));
  EXPECT_EQ(TakeOutput(), "");
}

TEST_F(SessionTest, NothingIsDeliveredOnceItCloses) {
  Connect();
  Send("SUB foo 1\r\n");
  auto [slot, subscription] = host_->inserted[0];
  Send("BAD\r\n");
  EXPECT_FALSE(session_->Deliver(slot, subscription.generation, Message{"foo", {}, {}, "x"}));
}

TEST_F(SessionTest, DetachTakesEverythingOutOfTheIndex) {
  Send("SUB a 1\r\nSUB b q 2\r\nSUB c 3\r\nUNSUB 1\r\n");
  session_->Detach();
  EXPECT_THAT(host_->inserted, IsEmpty());
  EXPECT_EQ(session_->subscriptions(), 0U);
}

TEST_F(SessionTest, PongIsPassedOn) {
  EXPECT_EQ(Send("PONG\r\n+OK\r\n"), "");
  EXPECT_EQ(host_->pongs, 1);
}

TEST_F(SessionTest, AMessageWithATraceHeaderIsTraced) {
  Send("CONNECT {\"verbose\":false,\"headers\":true}\r\n");
  std::string headers = "NATS/1.0\r\nNats-Trace-Dest: t\r\n\r\n";

  Send(Cat("HPUB a ", headers.size(), " ", headers.size(), "\r\n", headers, "\r\n"));
  Send(Cat("HPUB _GR_.x ", headers.size(), " ", headers.size(), "\r\n", headers, "\r\n"));

  EXPECT_EQ(host_->traced, 2);  // the refused one is reported, too, and goes nowhere
  EXPECT_EQ(host_->published.size(), 1U);
}

TEST_F(SessionTest, ADecisionThatTakesAWhileHoldsTheInputBack) {
  Start(/*must_connect=*/true);

  EXPECT_EQ(Send("CONNECT {\"verbose\":false,\"user\":\"later\"}\r\nPING\r\n"), "");
  EXPECT_EQ(progress_, Session::Progress::kWait);
  EXPECT_EQ(left_, 6U);
  EXPECT_TRUE(session_->waiting());

  session_->Answer({host_->next_account, nullptr, "later"});
  EXPECT_FALSE(session_->waiting());
  EXPECT_EQ(session_->user(), "later");
  EXPECT_EQ(Send("PING\r\n"), "PONG\r\n");
}

TEST_F(SessionTest, ALateRefusalCloses) {
  Start(/*must_connect=*/true);
  Send("CONNECT {\"user\":\"later\"}\r\n");

  session_->Answer({});

  EXPECT_EQ(TakeOutput(), "-ERR 'Authorization Violation'\r\n");
  EXPECT_EQ(host_->refused, 1);
  ExpectClosed(CloseReason::kAuthenticationFailure);
}

TEST_F(SessionTest, AnAccountHasRoomForSoMany) {
  Account& account = accounts_.Add("A");
  account.limits.max_connections = 1;
  account.clients = 1;
  host_->next_account = &account;

  EXPECT_EQ(Send("CONNECT {}\r\n"), "-ERR 'maximum account active connections exceeded'\r\n");
  ExpectClosed(CloseReason::kMaxAccountConnections);
  EXPECT_EQ(account.clients, 1);
  session_.reset();
  EXPECT_EQ(account.clients, 1);
}

TEST_F(SessionTest, AReloadThatLowersAnAccountsLimitClosesTheExcess) {
  Account& account = accounts_.Add("A");
  host_->next_account = &account;
  Connect();
  account.clients += 1;  // another one
  account.limits.max_connections = 1;

  session_->Reauthorize({&account, nullptr, ""}, [](std::string_view) {});

  EXPECT_EQ(TakeOutput(), "-ERR 'maximum account active connections exceeded'\r\n");
  ExpectClosed(CloseReason::kMaxAccountConnections);
  EXPECT_EQ(account.clients, 1);
}

TEST_F(SessionTest, TheLowerLimitOfServerAndAccountHolds) {
  Account& account = accounts_.Add("A");
  account.limits.max_payload = 3;
  account.limits.max_subscriptions = 1;
  host_->next_account = &account;
  Connect();

  EXPECT_EQ(session_->max_payload(), 3);
  EXPECT_EQ(Send("SUB a 1\r\n"), "");
  EXPECT_EQ(Send("SUB b 2\r\n"), "-ERR 'maximum subscriptions exceeded'\r\n");
  EXPECT_EQ(Send("PUB a 3\r\nxxx\r\n"), "MSG a 1 3\r\nxxx\r\n");
  EXPECT_EQ(Send("PUB a 4\r\nxxxx\r\n"), "-ERR 'Maximum Payload Violation'\r\n");
}

TEST_F(SessionTest, AReloadTakesAwayWhatIsNoLongerAllowed) {
  Connect();
  Send("SUB a 1\r\nSUB b 2\r\nSUB b q 3\r\n");
  Permissions permissions;
  permissions.subscribe = {.restricted = true, .allow = {"a"}, .deny = {}};
  std::vector<std::string> removed;

  session_->Reauthorize({host_->next_account, std::make_shared<PermissionSet>(permissions), "u"},
                        [&removed](std::string_view text) { removed.emplace_back(text); });

  EXPECT_EQ(TakeOutput(),
            "-ERR 'Permissions Violation for Subscription to \"b\" (sid \"2\")'\r\n"
            "-ERR 'Permissions Violation for Subscription to \"b\" using queue \"q\" (sid "
            "\"3\")'\r\n");
  EXPECT_THAT(removed, ElementsAre("\"b\" (sid \"2\")", "\"b\" using queue \"q\" (sid \"3\")"));
  EXPECT_EQ(session_->subscriptions(), 1U);
  EXPECT_TRUE(host_->closed.empty());
}

}  // namespace
}  // namespace weir::server
