#include "server/subscription_index.h"

#include <algorithm>

namespace weir::server {

SubscriptionIndex::Place SubscriptionIndex::PlaceOf(std::string_view subject, size_t hash) {
  const size_t branch = std::hash<std::string_view>{}(subject.substr(0, subject.find('.')));
  return {static_cast<uint16_t>(hash % kLiterals), static_cast<uint16_t>(branch % kBranches)};
}

uint32_t SubscriptionIndex::QueueId(std::string_view queue) {
  if (queue.empty()) {
    return 0;
  }
  auto at = queue_ids_.find(queue);
  if (at == queue_ids_.end()) {
    at = queue_ids_.emplace(std::string(queue), static_cast<uint32_t>(queue_names_.size())).first;
    queue_names_.emplace_back(queue);
  }
  return at->second;
}

SubscriptionIndex::Entry SubscriptionIndex::MakeEntry(std::string_view queue, const Target& target,
                                                      bool filtered) {
  Entry entry;
  entry.target = target;
  entry.queue = QueueId(queue) & 0x7fffffffU;
  entry.filtered = filtered ? 1 : 0;
  return entry;
}

void SubscriptionIndex::Raise(std::string_view pattern) {
  const Place place = PlaceOf(pattern);
  if (!protocol::HasWildcard(pattern)) {
    literals_[place.literal].fetch_add(1, std::memory_order_release);
  } else if (pattern.front() == '>' || pattern.starts_with("*.") || pattern == "*") {
    everywhere_.fetch_add(1, std::memory_order_release);
  } else {
    branches_[place.branch].fetch_add(1, std::memory_order_release);
  }
  // Last: whoever sees this must not find an old match in a cache.
  changes_.fetch_add(1, std::memory_order_release);
}

std::vector<SubscriptionIndex::Watcher> SubscriptionIndex::WatchersOf(
    std::string_view pattern) const {
  if (watchers_.empty()) [[likely]] {
    return {};
  }
  auto at = watchers_.find(pattern);
  return at == watchers_.end() ? std::vector<Watcher>() : at->second;
}

void SubscriptionIndex::Announce(std::string_view pattern, const std::vector<Watcher>& watchers) {
  Raise(pattern);
  for (const Watcher& watcher : watchers) {
    watcher.listener->OnChange(watcher.watch);
  }
}

void SubscriptionIndex::Watch(std::string_view subject, Listener& listener, uint64_t watch) {
  WriterLock lock(mu_);
  watchers_.try_emplace(std::string(subject)).first->second.push_back({&listener, watch});
}

void SubscriptionIndex::Unwatch(std::string_view subject, const Listener& listener,
                                uint64_t watch) {
  WriterLock lock(mu_);
  auto at = watchers_.find(subject);
  if (at == watchers_.end()) {
    return;
  }
  std::erase_if(at->second, [&](const Watcher& watcher) {
    return watcher.listener == &listener && watcher.watch == watch;
  });
  if (at->second.empty()) {
    watchers_.erase(at);
  }
}

void SubscriptionIndex::Insert(std::string_view pattern, std::string_view queue,
                               const Target& target, const PermissionSet* filter) {
  std::vector<Watcher> watchers;
  {
    WriterLock lock(mu_);
    watchers = WatchersOf(pattern);
    if (filter != nullptr) {
      filters_.emplace(target, filter);
    }
    tree_.Insert(pattern, MakeEntry(queue, target, filter != nullptr));
    ++inserts_;
  }
  Announce(pattern, watchers);
}

void SubscriptionIndex::Remove(std::string_view pattern, std::string_view queue,
                               const Target& target) {
  std::vector<Watcher> watchers;
  {
    WriterLock lock(mu_);
    watchers = WatchersOf(pattern);
    tree_.Remove(pattern, MakeEntry(queue, target, false));
    if (!filters_.empty()) {
      filters_.erase(target);
    }
    ++removes_;
  }
  Announce(pattern, watchers);
}

void SubscriptionIndex::Refilter(std::string_view pattern, std::string_view queue,
                                 const Target& target, const PermissionSet* filter) {
  std::vector<Watcher> watchers;
  {
    WriterLock lock(mu_);
    watchers = WatchersOf(pattern);
    Entry entry = MakeEntry(queue, target, filter != nullptr);
    tree_.Remove(pattern, entry);
    tree_.Insert(pattern, entry);
    filters_.erase(target);
    if (filter != nullptr) {
      filters_.emplace(target, filter);
    }
  }
  Announce(pattern, watchers);
}

void SubscriptionIndex::Match(std::string_view subject, MatchResult& out, bool denied_too) const {
  out.clear();
  walks_.fetch_add(1, std::memory_order_relaxed);
  {
    ReaderLock lock(mu_);
    tree_.Match(subject, [&, this](const Entry& entry) ABSL_NO_THREAD_SAFETY_ANALYSIS {
      if (entry.filtered != 0 && !denied_too &&
          !filters_.find(entry.target)->second->MayReceive(subject)) [[unlikely]] {
        return;
      }
      if (entry.queue == 0) {
        out.targets.push_back(entry.target);
        return;
      }
      const std::string& name = queue_names_[entry.queue];
      auto group = std::find_if(out.queues.begin(), out.queues.end(),
                                [&name](const QueueGroup& g) { return g.name == name; });
      if (group == out.queues.end()) {
        out.queues.push_back({name, {}});
        group = out.queues.end() - 1;
      }
      group->members.push_back(entry.target);
    });
  }
  if (out.targets.size() > 1) {
    std::stable_sort(out.targets.begin(), out.targets.end(),
                     [](const Target& a, const Target& b) { return a.worker < b.worker; });
  }
}

bool SubscriptionIndex::ContainsLiteral(std::string_view subject) const {
  ReaderLock lock(mu_);
  return tree_.ContainsLiteral(subject);
}

bool SubscriptionIndex::ContainsLiteral(std::string_view subject, std::string_view queue) const {
  ReaderLock lock(mu_);
  auto known = queue_ids_.find(queue);
  if (!queue.empty() && known == queue_ids_.end()) {
    return false;
  }
  uint32_t id = queue.empty() ? 0 : known->second;
  return tree_.ContainsLiteral(subject, [id](const Entry& entry) { return entry.queue == id; });
}

SubscriptionIndex::Stats SubscriptionIndex::stats() const {
  ReaderLock lock(mu_);
  return {.subscriptions = tree_.size(),
          .inserts = inserts_,
          .removes = removes_,
          .walks = walks_.load(std::memory_order_relaxed)};
}

size_t SubscriptionIndex::size() const {
  ReaderLock lock(mu_);
  return tree_.size();
}

}  // namespace weir::server
