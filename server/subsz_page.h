#pragma once

#include <string>

#include "server/pages.h"

namespace weir::server {

// What /subsz and its services may be asked (monitoring.md 5).
struct SubszOptions {
  int64_t offset = 0;
  int64_t limit = 0;  // 0 and below: 1024
  bool subscriptions = false;
  std::string account;
  std::string test;
};

void MakeSubsz(PageSources& sources, SubszOptions options, PageDone done);

// The numbers of one account's subscriptions, as an object.
void WriteSubscriptionStats(JsonWriter& out, const SubscriptionIndex& index);

}  // namespace weir::server
