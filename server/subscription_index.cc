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

void SubscriptionIndex::Insert(std::string_view pattern, std::string_view queue,
                               const Target& target, const PermissionSet* filter) {
  {
    WriterLock lock(mu_);
    if (filter != nullptr) {
      filters_.emplace(target, filter);
    }
    tree_.Insert(pattern, MakeEntry(queue, target, filter != nullptr));
    ++inserts_;
  }
  Raise(pattern);
}

void SubscriptionIndex::Remove(std::string_view pattern, std::string_view queue,
                               const Target& target) {
  {
    WriterLock lock(mu_);
    tree_.Remove(pattern, MakeEntry(queue, target, false));
    if (!filters_.empty()) {
      filters_.erase(target);
    }
    ++removes_;
  }
  Raise(pattern);
}

void SubscriptionIndex::Refilter(std::string_view pattern, std::string_view queue,
                                 const Target& target, const PermissionSet* filter) {
  {
    WriterLock lock(mu_);
    Entry entry = MakeEntry(queue, target, filter != nullptr);
    tree_.Remove(pattern, entry);
    tree_.Insert(pattern, entry);
    filters_.erase(target);
    if (filter != nullptr) {
      filters_.emplace(target, filter);
    }
  }
  Raise(pattern);
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
