#pragma once

#include <string>

#include "server/pages.h"

namespace weir::server {

// What /jsz and its services may be asked (monitoring.md 10).
struct JszOptions {
  std::string account;
  bool accounts = false;
  bool streams = false;
  bool consumers = false;
  bool direct_consumers = false;
  bool config = false;
  bool leader_only = false;         // a server that is alone leads
  bool stream_leader_only = false;  // ... its streams, too
  bool raft = false;
  int64_t offset = 0;
  int64_t limit = 0;  // 0: 1024; below: no accounts are left out
};

// All of JetStream.
void MakeJsz(PageSources& sources, JszOptions options, PageDone done);
// One account's part. The error is the reference's for an account that is not there or has no
// JetStream.
void MakeAccountJsz(PageSources& sources, JszOptions options, PageDone done);

}  // namespace weir::server
