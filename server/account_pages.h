#pragma once

#include <string>
#include <vector>

#include "server/pages.h"

namespace weir::server {

// The names of all accounts, or one in detail (monitoring.md 6).
void MakeAccountz(PageSources& sources, std::string account, PageDone done);
// One account's details alone, for its service.
void MakeAccountInfo(PageSources& sources, std::string account, PageDone done);

// Connections and traffic by account (monitoring.md 7).
struct AccountStatzOptions {
  std::vector<std::string> accounts;  // empty: all
  bool include_unused = false;
};

// What one account's clients make up to now.
struct AccountTraffic {
  size_t connections = 0;
  TrafficTotals traffic;
};

// Of every account, by its id.
void GatherAccounts(const PageSources& sources,
                    std::function<void(const std::vector<AccountTraffic>&)> done);

// The members of an account's statistics into an open object.
void WriteAccountStat(JsonWriter& out, const Account& account, const AccountTraffic& traffic);

// `count` tells how many accounts the page shows.
void MakeAccountStatz(PageSources& sources, AccountStatzOptions options,
                      std::function<void(std::string json, size_t count)> done);

}  // namespace weir::server
