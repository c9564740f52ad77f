#include "server/account_pages.h"

#include <algorithm>
#include <map>
#include <utility>

#include "server/gather.h"
#include "server/subsz_page.h"

namespace weir::server {

namespace {

// A service of the system account that every account may ask: what clients say, and what the
// request is mapped to, with the account's name in the middle.
struct SystemImport {
  std::string_view local;
  std::string_view before;
  std::string_view after;
  bool share = false;
};

constexpr SystemImport kSystemImports[] = {
    {"$SYS.REQ.ACCOUNT.PING.CONNZ", "$SYS.REQ.ACCOUNT.", ".CONNZ"},
    {"$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.ACCOUNT.", ".CONNZ"},
    {"$SYS.REQ.ACCOUNT.PING.STATZ", "$SYS.REQ.ACCOUNT.", ".STATZ"},
    {"$SYS.REQ.USER.INFO", "$SYS.REQ.USER.", ".INFO", true},
};

struct SystemExport {
  std::string_view subject;
  std::string_view response;
};

constexpr SystemExport kSystemExports[] = {
    {"$SYS.REQ.ACCOUNT.*.CONNZ", "Streamed"},
    {"$SYS.REQ.ACCOUNT.*.STATZ", "Streamed"},
    {"$SYS.DEBUG.SUBSCRIBERS", "Singleton"},
    {"$SYS.REQ.USER.*.INFO", "Singleton"},
};

constexpr std::string_view kJetStreamApi = "$JS.API.>";

void WriteMappings(JsonWriter& out, const std::vector<SubjectMapping>& mappings) {
  if (mappings.empty()) {
    return;
  }
  std::map<std::string, const SubjectMapping*> sorted;
  for (const SubjectMapping& each : mappings) {
    sorted[each.source] = &each;
  }
  out.Key("mappings").OpenObject();
  for (const auto& [source, mapping] : sorted) {
    out.Key(source).OpenArray();
    for (const MappingDestination& each : mapping->destinations) {
      out.OpenObject().Field("subject", each.subject).Field("weight", each.weight);
      out.Optional("cluster", each.cluster).CloseObject();
    }
    out.CloseArray();
  }
  out.CloseObject();
}

void WriteImport(JsonWriter& out, std::string_view subject, std::string_view account,
                 std::string_view local, bool share) {
  out.OpenObject().Field("subject", subject).Field("account", account).Field("to", local);
  out.Field("local_subject", local).Field("type", "service").Field("invalid", false);
  out.Field("share", share).Field("tracking", false).CloseObject();
}

void WriteExports(JsonWriter& out, bool jetstream) {
  out.Key("exports").OpenArray();
  auto write = [&out](std::string_view subject, std::string_view response) {
    out.OpenObject().Field("subject", subject).Field("type", "service");
    out.Field("response_type", response).CloseObject();
  };
  for (const SystemExport& each : kSystemExports) {
    write(each.subject, each.response);
  }
  if (jetstream) {
    write(kJetStreamApi, "Singleton");
  }
  out.CloseArray();
}

void WriteImports(JsonWriter& out, const PageSources& sources, const Account& account) {
  const std::string& system = sources.context.accounts.Get(kSystemAccount).name();
  out.Key("imports").OpenArray();
  for (const SystemImport& each : kSystemImports) {
    if (!account.is_system() || each.share) {
      WriteImport(out, Cat(each.before, account.name(), each.after), system, each.local,
                  each.share);
    }
  }
  if (sources.jetstream_on() && !account.is_system()) {
    WriteImport(out, kJetStreamApi, system, kJetStreamApi, /*share=*/true);
  }
  out.CloseArray();
}

const std::vector<SubjectMapping>& MappingsOf(const Options& options, const Account& account) {
  for (const AccountOptions& each : options.accounts) {
    if (each.name == account.name()) {
      return each.mappings;
    }
  }
  static const std::vector<SubjectMapping> kNone;
  return account.id() == kGlobalAccount ? options.mappings : kNone;
}

std::string DetailJson(const PageSources& sources, const Account& account, size_t clients) {
  const ServerContext& context = sources.context;
  JsonWriter out;
  out.OpenObject().Field("account_name", account.name());
  out.Key("update_time").Time(context.config_loaded_wall_ns.load());
  out.Optional("is_system", account.is_system());
  out.Field("expired", false).Field("complete", true);
  out.Field("jetstream_enabled", sources.jetstream_on() && account.jetstream_limits.has_value());
  out.Field("leafnode_connections", 0).Field("client_connections", clients);
  out.Field("subscriptions", account.subscriptions().size());
  WriteMappings(out, MappingsOf(context.options, account));
  if (account.is_system()) {
    WriteExports(out, sources.jetstream_on());
  }
  if (!context.options.no_system_account) {
    WriteImports(out, sources, account);
  }
  out.Field("name_tag", account.name()).Key("sublist_stats");
  WriteSubscriptionStats(out, account.subscriptions());
  out.CloseObject();
  return out.Take();
}

void WriteDataStats(JsonWriter& out, std::string_view name, uint64_t msgs, uint64_t bytes) {
  out.Key(name).OpenObject().Field("msgs", msgs).Field("bytes", bytes);
  for (const char* kind : {"gateways", "routes", "leafs"}) {
    out.Key(kind).OpenObject().Field("msgs", 0).Field("bytes", 0).CloseObject();
  }
  out.CloseObject();
}

Status NoAccount(std::string_view name) {
  return InvalidArgument(Cat("Account ", name, " does not exist"));
}

}  // namespace

void GatherAccounts(const PageSources& sources,
                    std::function<void(const std::vector<AccountTraffic>&)> done) {
  size_t count = 0;
  sources.context.accounts.ForEach([&count](const Account&) { ++count; });
  Gather(
      sources.workers,
      [count](Worker& worker) {
        std::vector<AccountTraffic> out(count);
        worker.ForEachConnection([&out](Connection& connection) {
          const Account* account = connection.session().account();
          if (account != nullptr && account->id().value() < out.size()) {
            AccountTraffic& entry = out[account->id().value()];
            ++entry.connections;
            entry.traffic.Add(connection);
          }
        });
        return out;
      },
      [&sources, count,
       done = std::move(done)](const std::vector<std::vector<AccountTraffic>>& answers) {
        std::vector<AccountTraffic> all(count);
        sources.context.accounts.ForEach([&all](const Account& account) {
          if (account.id().value() >= all.size()) {
            return;
          }
          TrafficTotals& traffic = all[account.id().value()].traffic;
          traffic.in_msgs = account.gone.in_msgs.load(std::memory_order_relaxed);
          traffic.in_bytes = account.gone.in_bytes.load(std::memory_order_relaxed);
          traffic.out_msgs = account.gone.out_msgs.load(std::memory_order_relaxed);
          traffic.out_bytes = account.gone.out_bytes.load(std::memory_order_relaxed);
        });
        for (const auto& worker : answers) {
          for (size_t i = 0; i < worker.size(); ++i) {
            all[i].connections += worker[i].connections;
            all[i].traffic.Add(worker[i].traffic);
          }
        }
        done(all);
      });
}

void MakeAccountInfo(PageSources& sources, std::string name, PageDone done) {
  const Account* account = sources.context.accounts.FindByName(name);
  if (account == nullptr) {
    std::move(done)(NoAccount(name));
    return;
  }
  GatherAccounts(sources, [&sources, account, done = std::make_shared<PageDone>(std::move(done))](
                              const std::vector<AccountTraffic>& all) {
    std::move (*done)(DetailJson(sources, *account, all[account->id().value()].connections));
  });
}

void MakeAccountz(PageSources& sources, std::string name, PageDone done) {
  JsonWriter out;
  out.OpenObject();
  WritePageHead(out, sources.context);
  if (!sources.options().no_system_account) {
    out.Field("system_account", sources.context.accounts.Get(kSystemAccount).name());
  }
  if (name.empty()) {
    out.Key("accounts").OpenArray();
    sources.context.accounts.ForEach([&out](const Account& account) { out.Value(account.name()); });
    out.CloseArray().CloseObject();
    std::move(done)(out.Take());
    return;
  }
  MakeAccountInfo(
      sources, std::move(name),
      [out = std::move(out), done = std::move(done)](StatusOr<std::string> detail) mutable {
        if (detail.ok()) {
          out.Key("account_detail").Raw(*detail).CloseObject();
          detail = out.Take();
        }
        std::move(done)(std::move(detail));
      });
}

void WriteAccountStat(JsonWriter& out, const Account& account, const AccountTraffic& traffic) {
  out.Field("acc", account.name()).Field("name", account.name());
  out.Field("conns", traffic.connections).Field("leafnodes", 0);
  out.Field("total_conns", traffic.connections);
  out.Field("num_subscriptions", account.subscriptions().size());
  WriteDataStats(out, "sent", traffic.traffic.out_msgs, traffic.traffic.out_bytes);
  WriteDataStats(out, "received", traffic.traffic.in_msgs, traffic.traffic.in_bytes);
  out.Field("slow_consumers", account.gone.slow_consumers.load(std::memory_order_relaxed));
}

void MakeAccountStatz(PageSources& sources, AccountStatzOptions options,
                      std::function<void(std::string json, size_t count)> done) {
  GatherAccounts(sources, [&sources, options = std::move(options),
                           done = std::move(done)](const std::vector<AccountTraffic>& all) {
    size_t count = 0;
    JsonWriter out;
    out.OpenObject();
    WritePageHead(out, sources.context);
    out.Key("account_statz").OpenArray();
    auto write = [&](const Account& account) {
      const AccountTraffic& traffic = all[account.id().value()];
      if (options.include_unused || traffic.connections > 0) {
        out.OpenObject();
        WriteAccountStat(out, account, traffic);
        out.CloseObject();
        ++count;
      }
    };
    if (options.accounts.empty()) {
      sources.context.accounts.ForEach(write);
    }
    for (const std::string& name : options.accounts) {
      if (const Account* account = sources.context.accounts.FindByName(name)) {
        write(*account);
      }
    }
    out.CloseArray().CloseObject();
    done(out.Take(), count);
  });
}

}  // namespace weir::server
