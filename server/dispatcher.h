#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/environment.h"
#include "protocol/base/nuid.h"
#include "server/account.h"
#include "server/mailbox.h"
#include "server/match_cache.h"
#include "server/session.h"

namespace weir::server {

// Hands a message to one target of this worker. Implemented by the worker, which knows the tables.
class LocalDelivery {
 public:
  enum class Result : uint8_t {
    kDelivered,
    kCongested,  // delivered, but the receiver is far behind
    kStale,      // the receiver is gone
  };

  virtual ~LocalDelivery() = default;
  virtual Result DeliverLocal(AccountId account, const Target& target, const Message& message) = 0;
  virtual Account& AccountOf(AccountId id) = 0;
};

// Publish and deliver for one worker: match, call local receivers, collect mail for the others.
// Outgoing mail is handed over by TakeMail() at the end of the turn. Confined to the worker.
class Dispatcher {
 public:
  Dispatcher(uint8_t worker, LocalDelivery& local, std::vector<const Mailbox*> mailboxes);

  // `exclude`: the publisher's own connection when it asked for no echo, else nullptr. `memo`: the
  // publisher's last match, else nullptr.
  PublishOutcome Publish(Account& account, const Message& message, const Target* exclude,
                         CachedMatch* memo);

  // Who gets a message on `subject`, or would if permissions let them, queue members picked
  // already; sorted by worker. For traces.
  std::vector<Target> Receivers(const Account& account, std::string_view subject);

  // To the subscribers of `inbox`, who see message.subject (jetstream-api.md 9.6).
  jetstream::Delivered DeliverTo(Account& account, std::string_view inbox, const Message& message);

  bool HasInterest(const Account& account, std::string_view subject);
  // Is one of them the server itself?
  bool HasSink(const Account& account, std::string_view subject);

  MatchCache::Stats cache_stats() const { return cache_.stats(); }

  // Delivers what another worker sent here. Its tasks are left to the caller.
  void DeliverMail(const MailBatch& batch);

  // A task for another worker; goes with this turn's mail.
  void AddTask(uint8_t worker, Task task) { Outgoing(worker).AddTask(std::move(task)); }
  // The mail collected for `worker`, nullptr when there is none.
  std::unique_ptr<MailBatch> TakeMail(size_t worker) { return std::move(outgoing_[worker]); }

 private:
  // The last match of a subject that is used once: asked for by HasInterest, then delivered to.
  struct Once {
    std::string subject;
    const SubscriptionIndex* index = nullptr;
    uint64_t changes = 0;  // of the index
    std::shared_ptr<MatchResult> result;
  };

  MailBatch& Outgoing(size_t worker);
  // `matched`: the subject that `result` was found by; what receivers see is message.subject.
  PublishOutcome Send(Account& account, std::string_view matched, const MatchResult& result,
                      const Message& message, const Target* exclude);
  PublishOutcome SendToGroup(Account& account, const QueueGroup& group, const Message& message,
                             const Target* exclude, const MailBatch::Group& origin);
  // A member of a queue group has left between pick and delivery: the others get another chance.
  void PickAgain(AccountId account, const Message& message, const MailBatch::Group& group);
  void SendToTarget(Account& account, const Target& target, const Message& message,
                    PublishOutcome& outcome);
  // Matches without the cache, into the one-entry memory of subjects that are used once.
  std::shared_ptr<const MatchResult> MatchOnce(const Account& account, std::string_view subject);

  // Members that refuse everything must not keep a message going round.
  static constexpr uint32_t kMaxPicks = 4;

  const uint8_t worker_;
  LocalDelivery& local_;
  const std::vector<const Mailbox*> mailboxes_;
  std::vector<std::unique_ptr<MailBatch>> outgoing_;
  MatchCache cache_;
  CachedMatch cache_memo_;
  Once once_;
  Random random_;
};

}  // namespace weir::server
