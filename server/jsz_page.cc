#include "server/jsz_page.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/container/flat_hash_set.h"

#include "jetstream/stream_info.h"
#include "server/gather.h"
#include "server/jetstream_part.h"
#include "server/jetstream_report.h"

namespace weir::server {

namespace {

constexpr int64_t kDefaultLimit = 1024;

struct Query {
  JszOptions options;
  absl::flat_hash_set<AccountId> detailed;  // whose streams are shown
};

// What one home has.
struct Answer {
  size_t streams = 0;
  size_t consumers = 0;
  uint64_t messages = 0;
  uint64_t bytes = 0;
  // By account and name, as JSON.
  std::map<std::pair<AccountId, std::string>, std::string> details;
};

void WriteConsumers(JsonWriter& out, jetstream::Stream& stream, bool config) {
  if (stream.consumers().empty()) {
    return;
  }
  std::map<std::string_view, jetstream::Consumer*> sorted;
  for (const auto& [name, consumer] : stream.consumers()) {
    sorted[name] = consumer.get();
  }
  using Style = jetstream::Consumer::InfoStyle;
  out.Key("consumer_detail").OpenArray();
  for (const auto& [name, consumer] : sorted) {
    out.OpenObject();
    consumer->WriteInfo(out, config ? Style::kListed : Style::kBare);
    out.CloseObject();
  }
  out.CloseArray();
}

std::string StreamDetail(jetstream::Stream& stream, const JszOptions& options) {
  jetstream::StreamInfoPage page;
  JsonWriter out;
  out.OpenObject().Field("name", stream.name()).Key("created").Time(stream.created_ns());
  out.Key("cluster").OpenObject().Field("leader", stream.env().server.name).CloseObject();
  if (options.config) {
    out.Key("config");
    jetstream::WriteStreamConfig(out, stream.config());
  }
  out.Key("state").Raw(jetstream::StreamStateJson(stream, {}, page));
  if (options.consumers) {
    WriteConsumers(out, stream, options.config);
  }
  out.CloseObject();
  return out.Take();
}

std::string PendingDetail(jetstream::PendingStream& stream, const JszOptions& options) {
  JsonWriter out;
  out.OpenObject().Field("name", stream.config().name);
  out.Key("created").Time(stream.created_ns());
  out.Key("cluster").OpenObject().Field("leader", stream.env().server.name).CloseObject();
  if (options.config) {
    out.Key("config");
    jetstream::WriteStreamConfig(out, stream.config());
  }
  out.Key("state").Raw(jetstream::PendingStateJson(stream.state().value_or(storage::PeekedState{}),
                                                   stream.num_consumers()));
  out.CloseObject();
  return out.Take();
}

// Streams that are still being read: what is known of them.
void AskPending(jetstream::Shard& home, const Query& query, Answer& out) {
  for (jetstream::PendingStream* stream : home.pending()) {
    ++out.streams;
    out.consumers += stream->num_consumers();
    if (const auto& state = stream->state()) {
      out.messages += state->messages;
      out.bytes += state->bytes;
    }
    if (query.options.streams && query.detailed.contains(stream->account())) {
      out.details[{stream->account(), stream->config().name}] =
          PendingDetail(*stream, query.options);
    }
  }
}

Answer Ask(jetstream::Shard& home, const Query& query) {
  Answer out;
  AskPending(home, query, out);
  for (jetstream::Stream* stream : home.streams()) {
    if (stream->stopped()) {
      continue;
    }
    const auto& state = stream->store().state();
    ++out.streams;
    out.consumers += stream->num_consumers();
    out.messages += state.messages;
    out.bytes += state.bytes;
    if (query.options.streams && query.detailed.contains(stream->account())) {
      out.details[{stream->account(), stream->name()}] = StreamDetail(*stream, query.options);
    }
  }
  return out;
}

Answer Join(std::vector<Answer> answers) {
  Answer all;
  for (Answer& each : answers) {
    all.streams += each.streams;
    all.consumers += each.consumers;
    all.messages += each.messages;
    all.bytes += each.bytes;
    all.details.merge(each.details);
  }
  return all;
}

std::string AccountDetail(const PageSources& sources, AccountId account, const Answer& answer) {
  const auto& usage = sources.jetstream->jetstream().catalog().usage(account);
  std::string name = sources.context.accounts.NameOf(account);
  auto limits =
      sources.context.accounts.JetStreamLimits(account).value_or(jetstream::AccountLimits{});
  JsonWriter out;
  out.OpenObject().Field("name", name).Field("id", name);
  out.Field("memory", usage.memory.load(std::memory_order_relaxed));
  out.Field("storage", usage.storage.load(std::memory_order_relaxed));
  // "No limit" is -1, which is shown as an unsigned number.
  out.Field("reserved_memory", static_cast<uint64_t>(limits.max_memory));
  out.Field("reserved_storage", static_cast<uint64_t>(limits.max_storage));
  out.Field("accounts", 0).Field("ha_assets", 0);
  out.Key("api").OpenObject().Field("level", 0);
  out.Field("total", usage.api_total.load(std::memory_order_relaxed));
  out.Field("errors", usage.api_errors.load(std::memory_order_relaxed)).CloseObject();
  auto at = answer.details.lower_bound({account, std::string()});
  if (at != answer.details.end() && at->first.first == account) {
    out.Key("stream_detail").OpenArray();
    for (; at != answer.details.end() && at->first.first == account; ++at) {
      out.Raw(at->second);
    }
    out.CloseArray();
  }
  out.CloseObject();
  return out.Take();
}

std::string Compose(const PageSources& sources, const Query& query,
                    const std::vector<AccountId>& shown, const Answer& all) {
  JsonWriter out;
  out.OpenObject();
  WriteJetStreamUsage(out, ReadJetStreamUsage(sources));
  WritePageHead(out, sources.context);
  out.Key("config");
  WriteJetStreamConfig(out, sources, /*with_directory=*/true);
  out.Key("limits");
  WriteJetStreamLimits(out, sources.options().jetstream.limits);
  out.Field("streams", all.streams);
  out.Optional("streams_leader", query.options.raft ? all.streams : 0);
  out.Field("consumers", all.consumers);
  out.Optional("consumers_leader", query.options.raft ? all.consumers : 0);
  out.Field("messages", all.messages).Field("bytes", all.bytes);
  if (!shown.empty()) {
    out.Key("account_details").OpenArray();
    for (AccountId account : shown) {
      out.Raw(AccountDetail(sources, account, all));
    }
    out.CloseArray();
  }
  out.Field("total", sources.context.accounts.JetStreamAccounts().size()).CloseObject();
  return out.Take();
}

std::string DisabledJson(const PageSources& sources) {
  JsonWriter out;
  out.OpenObject();
  out.Field("memory", 0).Field("storage", 0).Field("reserved_memory", 0);
  out.Field("reserved_storage", 0).Field("accounts", 0).Field("ha_assets", 0);
  out.Key("api").OpenObject().Field("level", 0).Field("total", 0).Field("errors", 0).CloseObject();
  WritePageHead(out, sources.context);
  out.Field("disabled", true);
  out.Key("config").OpenObject().Field("max_memory", 0).Field("max_storage", 0).CloseObject();
  out.Field("streams", 0).Field("consumers", 0).Field("messages", 0).Field("bytes", 0);
  out.Field("total", 0).CloseObject();
  return out.Take();
}

// The accounts whose details are shown, in order.
std::vector<AccountId> Shown(const PageSources& sources, const JszOptions& options) {
  const AccountRegistry& accounts = sources.context.accounts;
  std::vector<AccountId> all = accounts.JetStreamAccounts();
  if (!options.account.empty()) {
    for (AccountId id : all) {
      if (accounts.NameOf(id) == options.account) {
        return {id};
      }
    }
  }
  if (!options.accounts) {
    return {};
  }
  std::sort(all.begin(), all.end(), [&accounts](AccountId a, AccountId b) {
    return accounts.NameOf(a) < accounts.NameOf(b);
  });
  if (options.limit > 0) {
    auto size = static_cast<int64_t>(all.size());
    int64_t first = std::min(options.offset, size);
    int64_t count = std::min(options.limit, size - first);
    return {all.begin() + first, all.begin() + first + count};
  }
  return all;
}

void GatherStreams(PageSources& sources, Query query, std::function<void(const Answer&)> done) {
  Gather(
      sources.workers,
      [&jetstream = sources.jetstream->jetstream(),
       shared = std::make_shared<const Query>(std::move(query))](Worker& worker) {
        return Ask(jetstream.shard(worker.index()), *shared);
      },
      [done = std::move(done)](std::vector<Answer> answers) { done(Join(std::move(answers))); });
}

}  // namespace

void MakeJsz(PageSources& sources, JszOptions options, PageDone done) {
  if (!sources.jetstream_on()) {
    std::move(done)(DisabledJson(sources));
    return;
  }
  options.offset = std::max<int64_t>(options.offset, 0);
  options.limit = options.limit == 0 ? kDefaultLimit : options.limit;
  options.streams |= options.consumers;
  options.accounts |= options.streams && options.account.empty();
  std::vector<AccountId> shown = Shown(sources, options);
  Query query{std::move(options), {shown.begin(), shown.end()}};
  Query copy = query;
  GatherStreams(sources, std::move(query),
                [&sources, query = std::move(copy), shown = std::move(shown),
                 done = std::make_shared<PageDone>(std::move(done))](const Answer& all) {
                  std::move (*done)(Compose(sources, query, shown, all));
                });
}

void MakeAccountJsz(PageSources& sources, JszOptions options, PageDone done) {
  if (!sources.jetstream_on()) {
    std::move(done)(Unavailable("jetstream not enabled"));
    return;
  }
  const Account* account = sources.context.accounts.FindByName(options.account);
  if (account == nullptr || !account->jetstream_limits) {
    std::move(done)(NotFound(Cat("account ", Quoted(options.account),
                                 account == nullptr ? " not found" : " not jetstream enabled")));
    return;
  }
  GatherStreams(sources, Query{std::move(options), {account->id()}},
                [&sources, id = account->id(), done = std::make_shared<PageDone>(std::move(done))](
                    const Answer& all) { std::move (*done)(AccountDetail(sources, id, all)); });
}

}  // namespace weir::server
