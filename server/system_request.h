#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "jetstream/environment.h"
#include "protocol/base/json.h"
#include "server/account_pages.h"
#include "server/connz_page.h"
#include "server/healthz_page.h"
#include "server/jsz_page.h"
#include "server/queues_page.h"
#include "server/subsz_page.h"

namespace weir::server {

// A request to a service of the system account (monitoring.md 13): a copy of the message and its
// body read.
struct SystemRequest {
  AccountId account;
  std::string subject;
  std::string reply;
  std::string accept_encoding;
  boost::json::object body;  // empty without a payload
  Status read;               // an error: the payload is no JSON object

  static SystemRequest Copy(const jetstream::Inbound& message);

  // The token at this place of the subject; empty when there are fewer.
  std::string_view token(size_t index) const;
};

// Whether this server is meant: by its name, host, cluster, tags and domain. An error: a filter is
// mistyped.
StatusOr<bool> PassesFilter(const SystemRequest& request, const Options& options,
                            std::string_view server_name);

// The options of a page, read from the body.
StatusOr<ConnzOptions> ReadConnzOptions(const boost::json::object& body);
StatusOr<SubszOptions> ReadSubszOptions(const boost::json::object& body);
StatusOr<JszOptions> ReadJszOptions(const boost::json::object& body);
StatusOr<HealthzOptions> ReadHealthzOptions(const boost::json::object& body);
StatusOr<AccountStatzOptions> ReadAccountStatzOptions(const boost::json::object& body);
StatusOr<IpqueueszOptions> ReadIpqueueszOptions(const boost::json::object& body);
// One text of the body.
StatusOr<std::string> ReadText(const boost::json::object& body, std::string_view name);
// "cid" of a request about one client.
StatusOr<uint64_t> ReadClientId(const boost::json::object& body);

}  // namespace weir::server
