#include "server/subsz_page.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "protocol/subject.h"
#include "server/gather.h"

namespace weir::server {

namespace {

constexpr int64_t kDefaultLimit = 1024;

struct Query {
  SubszOptions options;
  std::optional<AccountId> account = std::nullopt;

  bool Admits(AccountId of, std::string_view subject) const {
    return (!account || of == *account) &&
           (options.test.empty() || protocol::Matches(options.test, subject));
  }
  size_t wanted() const {
    auto sum = static_cast<uint64_t>(options.offset) + static_cast<uint64_t>(options.limit);
    return std::max<size_t>(sum, static_cast<size_t>(options.offset));
  }
};

// What one worker knows: the first subscriptions that match, how many there are, and its cache.
struct Answer {
  struct Entry {
    AccountId account;
    SubscriptionInfo info;
  };
  size_t total = 0;
  std::vector<Entry> entries;
  MatchCache::Stats cache;
};

Answer Ask(Worker& worker, const Query& query) {
  Answer out;
  out.cache = worker.dispatcher().cache_stats();
  if (!query.options.subscriptions) {
    return out;
  }
  auto add = [&](AccountId account, std::string_view subject, auto make) {
    if (query.Admits(account, subject) && ++out.total <= query.wanted()) {
      out.entries.push_back({account, make()});
    }
  };
  worker.ForEachSink([&](AccountId account, const std::string& pattern, const std::string& queue,
                         uint32_t slot) {
    add(account, pattern,
        [&] { return SubscriptionInfo{.subject = pattern, .queue = queue, .sid = Cat(slot + 1)}; });
  });
  worker.ForEachConnection([&](Connection& connection) {
    const Account* account = connection.session().account();
    if (account == nullptr) {
      return;
    }
    connection.session().ForEachSubscription([&](const SubscriptionTable::Subscription& each) {
      add(account->id(), each.subject, [&] {
        return SubscriptionInfo{each.subject,   each.queue, each.sid,
                                each.delivered, each.max,   connection.id()};
      });
    });
  });
  return out;
}

void WriteStats(JsonWriter& out, const SubscriptionIndex::Stats& index,
                const MatchCache::Stats& cache) {
  auto ratio = [](uint64_t part, uint64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
  };
  out.Field("num_subscriptions", index.subscriptions).Field("num_cache", cache.entries);
  out.Field("num_inserts", index.inserts).Field("num_removes", index.removes);
  out.Field("num_matches", cache.lookups);
  out.Field("cache_hit_rate", ratio(cache.lookups - cache.misses, cache.lookups));
  out.Field("max_fanout", cache.max_fanout);
  out.Field("avg_fanout", ratio(cache.total_fanout, cache.entries));
}

std::string Compose(const PageSources& sources, const Query& query,
                    const std::vector<Answer>& answers) {
  const AccountRegistry& accounts = sources.context.accounts;
  SubscriptionIndex::Stats index;
  accounts.ForEach([&](const Account& account) {
    if (query.options.account.empty() || account.name() == query.options.account) {
      index.Add(account.subscriptions().stats());
    }
  });
  MatchCache::Stats cache;
  size_t total = 0;
  for (const Answer& each : answers) {
    cache.Add(each.cache);
    total += each.total;
  }
  JsonWriter out;
  out.OpenObject();
  WritePageHead(out, sources.context);
  WriteStats(out, index, cache);
  out.Field("total", total).Field("offset", query.options.offset);
  out.Field("limit", query.options.limit);
  auto skip = static_cast<size_t>(query.options.offset);
  auto left = static_cast<size_t>(query.options.limit);
  if (total > skip && query.options.subscriptions) {
    out.Key("subscriptions_list").OpenArray();
    for (const Answer& each : answers) {
      for (const Answer::Entry& entry : each.entries) {
        if (skip > 0) {
          --skip;
        } else if (left > 0) {
          --left;
          WriteSubscription(out, entry.info, accounts.NameOf(entry.account));
        }
      }
    }
    out.CloseArray();
  }
  out.CloseObject();
  return out.Take();
}

}  // namespace

void WriteSubscriptionStats(JsonWriter& out, const SubscriptionIndex& index) {
  SubscriptionIndex::Stats stats = index.stats();
  out.OpenObject();
  WriteStats(out, stats, {.lookups = stats.walks, .misses = stats.walks});
  out.CloseObject();
}

void MakeSubsz(PageSources& sources, SubszOptions options, PageDone done) {
  options.offset = std::max<int64_t>(options.offset, 0);
  options.limit = options.limit <= 0 ? kDefaultLimit : options.limit;
  if (!options.test.empty() && !protocol::IsValidLiteral(options.test)) {
    std::move(done)(InvalidArgument(
        Cat("invalid test subject, must be valid publish subject: ", options.test)));
    return;
  }
  Query query{.options = std::move(options)};
  if (!query.options.account.empty()) {
    // An account that there is not has no subscriptions.
    query.account =
        sources.context.accounts.Find(query.options.account).value_or(AccountId(UINT32_MAX));
  }
  auto shared = std::make_shared<const Query>(std::move(query));
  Gather(
      sources.workers, [shared](Worker& worker) { return Ask(worker, *shared); },
      [&sources, shared, done = std::move(done)](const std::vector<Answer>& answers) mutable {
        std::move(done)(Compose(sources, *shared, answers));
      });
}

}  // namespace weir::server
