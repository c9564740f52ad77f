#pragma once

#include <string>

#include "server/pages.h"

namespace weir::server {

// What /ipqueuesz and its service may be asked (monitoring.md 12).
struct IpqueueszOptions {
  bool all = false;    // also queues with nothing in them
  std::string filter;  // part of a queue's name
};

// The queues between the parts of the reference, under its names. Here a request or an ack is
// handled when it arrives, so nothing ever waits in one; only the request that asks is under way
// (`system_request`).
void MakeIpqueuesz(PageSources& sources, IpqueueszOptions options, bool system_request,
                   PageDone done);

}  // namespace weir::server
