#pragma once

#include "jetstream/api_request.h"
#include "jetstream/catalog.h"

namespace weir::jetstream {

// Answers a request of the system account, which has no JetStream of its own: 10039, whatever it
// asks for, but for ACCOUNT.PURGE.<account>, which deletes all streams of that account. The other
// requests of operators concern clusters and get no answer. On the meta shard.
void AnswerSystemAccount(Catalog& catalog, const ApiRequest& request);

}  // namespace weir::jetstream
