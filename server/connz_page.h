#pragma once

#include <string>

#include "server/closed_connections.h"
#include "server/pages.h"

namespace weir::server {

// What /connz and its services may be asked (monitoring.md 3).
struct ConnzOptions {
  enum class State : uint8_t { kOpen, kClosed, kAll };

  std::string sort;
  bool auth = false;
  bool subscriptions = false;
  bool subscriptions_detail = false;
  int64_t offset = 0;
  int64_t limit = 0;  // 0 and below: 1024
  uint64_t cid = 0;
  std::string mqtt_client;
  State state = State::kOpen;
  std::string user;
  std::string account;
  std::string filter_subject;
};

// Open connections are sorted and cut at their workers, so that an answer costs what it shows.
void MakeConnz(PageSources& sources, ConnzOptions options, PageDone done);

}  // namespace weir::server
