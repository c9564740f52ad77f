#include "server/dispatcher.h"

#include <algorithm>

namespace weir::server {

namespace {

// Inboxes and ack subjects are used once each: caching their matches would only push out the
// others.
bool IsUsedOnce(std::string_view subject) {
  return subject.starts_with("_INBOX.") || subject.starts_with("$JS.ACK.");
}

}  // namespace

Dispatcher::Dispatcher(uint8_t worker, LocalDelivery& local, std::vector<const Mailbox*> mailboxes)
    : worker_(worker),
      local_(local),
      mailboxes_(std::move(mailboxes)),
      outgoing_(mailboxes_.size()) {}

MailBatch& Dispatcher::Outgoing(size_t worker) {
  if (!outgoing_[worker]) {
    outgoing_[worker] = std::make_unique<MailBatch>();
  }
  return *outgoing_[worker];
}

std::shared_ptr<const MatchResult> Dispatcher::MatchOnce(const Account& account,
                                                         std::string_view subject) {
  const SubscriptionIndex& index = account.subscriptions();
  if (once_.index == &index && once_.changes == index.changes() && once_.subject == subject) {
    return once_.result;
  }
  if (!once_.result || once_.result.use_count() > 1) {
    once_.result = std::make_shared<MatchResult>();  // an outer call still walks the old one
  }
  once_.index = &index;
  once_.subject.assign(subject);
  once_.changes = index.changes();  // before the match, as with every stamp
  index.Match(subject, *once_.result);
  return once_.result;
}

PublishOutcome Dispatcher::Publish(Account& account, const Message& message, const Target* exclude,
                                   CachedMatch* memo) {
  if (IsUsedOnce(message.subject)) {
    auto pinned = MatchOnce(account, message.subject);
    return Send(account, message.subject, *pinned, message, exclude);
  }
  CachedMatch& slot = memo != nullptr ? *memo : cache_memo_;
  if (!slot.Holds(account.subscriptions(), message.subject)) {
    cache_.Find(account.subscriptions(), message.subject, slot);
  }
  if (slot.result->empty()) {
    return {};
  }
  if (memo != nullptr) {
    // Nobody else touches the memo meanwhile.
    return Send(account, message.subject, *slot.result, message, exclude);
  }
  auto pinned = slot.result;
  return Send(account, message.subject, *pinned, message, exclude);
}

PublishOutcome Dispatcher::Send(Account& account, std::string_view matched,
                                const MatchResult& result, const Message& message,
                                const Target* exclude) {
  PublishOutcome outcome;
  const Target* at = result.targets.data();
  const Target* end = at + result.targets.size();
  while (at != end) {
    if (exclude != nullptr && at->SameConnection(*exclude)) {
      ++at;
      continue;
    }
    if (at->worker == worker_) {
      SendToTarget(account, *at, message, outcome);
      ++at;
      continue;
    }
    // All receivers on one other worker share one copy; the publisher itself is never among them.
    const Target* run_end =
        std::find_if(at, end, [at](const Target& t) { return t.worker != at->worker; });
    Outgoing(at->worker).AddMessage(account.id(), message, at, static_cast<size_t>(run_end - at));
    outcome.delivered = true;
    outcome.congested |= mailboxes_[at->worker]->full();
    at = run_end;
  }
  for (const QueueGroup& group : result.queues) {
    PublishOutcome one = SendToGroup(account, group, message, exclude,
                                     {.queue = group.name, .matched = matched, .picks = 0});
    outcome.delivered |= one.delivered;
    outcome.congested |= one.congested;
  }
  return outcome;
}

void Dispatcher::SendToTarget(Account& account, const Target& target, const Message& message,
                              PublishOutcome& outcome) {
  switch (local_.DeliverLocal(account.id(), target, message)) {
    case LocalDelivery::Result::kCongested:
      outcome.congested = true;
      [[fallthrough]];
    case LocalDelivery::Result::kDelivered:
      outcome.delivered = true;
      return;
    case LocalDelivery::Result::kStale:
      return;
  }
}

PublishOutcome Dispatcher::SendToGroup(Account& account, const QueueGroup& group,
                                       const Message& message, const Target* exclude,
                                       const MailBatch::Group& origin) {
  size_t count = group.members.size();
  size_t start = count > 1 ? random_.Below(count) : 0;
  for (size_t i = 0; i < count; ++i) {
    const Target& target = group.members[(start + i) % count];
    if (exclude != nullptr && target.SameConnection(*exclude)) {
      continue;
    }
    if (target.worker != worker_) {
      Outgoing(target.worker).AddMember(account.id(), message, target, origin);
      return {.delivered = true, .congested = mailboxes_[target.worker]->full()};
    }
    PublishOutcome outcome;
    SendToTarget(account, target, message, outcome);
    if (outcome.delivered) {
      return outcome;
    }
  }
  return {};
}

void Dispatcher::PickAgain(AccountId account_id, const Message& message,
                           const MailBatch::Group& group) {
  Account& account = local_.AccountOf(account_id);
  auto pinned = MatchOnce(account, group.matched);
  auto same = std::find_if(pinned->queues.begin(), pinned->queues.end(),
                           [&group](const QueueGroup& g) { return g.name == group.queue; });
  if (same != pinned->queues.end()) {
    SendToGroup(account, *same, message, nullptr,
                {.queue = group.queue, .matched = group.matched, .picks = group.picks + 1});
  }
}

std::vector<Target> Dispatcher::Receivers(const Account& account, std::string_view subject) {
  MatchResult result;
  account.subscriptions().Match(subject, result, /*denied_too=*/true);
  std::vector<Target> out = std::move(result.targets);
  for (const QueueGroup& group : result.queues) {
    out.push_back(group.members[random_.Below(group.members.size())]);
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Target& a, const Target& b) { return a.worker < b.worker; });
  return out;
}

jetstream::Delivered Dispatcher::DeliverTo(Account& account, std::string_view inbox,
                                           const Message& message) {
  auto pinned = MatchOnce(account, inbox);
  if (pinned->empty()) {
    return jetstream::Delivered::kNoInterest;
  }
  PublishOutcome outcome = Send(account, inbox, *pinned, message, nullptr);
  if (!outcome.delivered) {
    return jetstream::Delivered::kNoInterest;
  }
  return outcome.congested ? jetstream::Delivered::kCongested : jetstream::Delivered::kYes;
}

bool Dispatcher::HasInterest(const Account& account, std::string_view subject) {
  return !MatchOnce(account, subject)->empty();
}

bool Dispatcher::HasSink(const Account& account, std::string_view subject) {
  auto is_sink = [](const Target& target) {
    return target.kind == Target::Kind::kSink;
  };
  auto pinned = MatchOnce(account, subject);
  return std::any_of(pinned->targets.begin(), pinned->targets.end(), is_sink);
}

void Dispatcher::DeliverMail(const MailBatch& batch) {
  for (const MailBatch::Entry& entry : batch.entries()) {
    Message message = batch.At(entry);
    const Target* targets = batch.targets(entry);
    for (uint32_t i = 0; i < entry.target_count; ++i) {
      // A plain receiver that left after the message was matched gets nothing; a queue group still
      // gets its copy.
      auto result = local_.DeliverLocal(entry.account, targets[i], message);
      if (result == LocalDelivery::Result::kStale && entry.queue_size > 0 &&
          entry.picks < kMaxPicks) [[unlikely]] {
        PickAgain(entry.account, message, batch.GroupOf(entry));
      }
    }
  }
}

}  // namespace weir::server
