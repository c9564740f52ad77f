#include "jetstream/api_system.h"

#include <algorithm>
#include <utility>

#include "jetstream/api_streams.h"

namespace weir::jetstream {

namespace {

constexpr std::string_view kPurge = "$JS.API.ACCOUNT.PURGE.";
constexpr size_t kAccountToken = 4;
// What operators of clusters ask for, ACCOUNT apart.
constexpr std::string_view kOperatorRequests[] = {
    "$JS.API.META.LEADER.STEPDOWN",
    "$JS.API.META.RESCUE",
    "$JS.API.SERVER.REMOVE",
    "$JS.API.SERVER.EVACUATE",
};

bool IsForOperators(std::string_view subject) {
  return subject.starts_with("$JS.API.ACCOUNT.") ||
         std::find(std::begin(kOperatorRequests), std::end(kOperatorRequests), subject) !=
             std::end(kOperatorRequests);
}

void PurgeAccount(Catalog& catalog, const ApiRequest& request) {
  std::string_view name = request.token(kAccountToken);
  auto account = catalog.env().accounts.Find(name);
  std::vector<std::string> streams;
  if (account) {
    for (const auto* entry : catalog.List(*account, {})) {
      streams.push_back(entry->config.name);
    }
  }
  catalog.env().log.Info("Purge request for account ", name, " (streams: ", streams.size(),
                         ", hasAccount: ", account ? "true" : "false", ")");
  for (const std::string& stream : streams) {
    ApiRequest deletion;
    deletion.account = *account;
    deletion.subject = Cat("$JS.API.STREAM.DELETE.", stream);
    HandleStreamDelete(catalog, std::move(deletion));
  }
  JsonWriter out = StartResponse("account_purge_response");
  out.Field("initiated", true).CloseObject();
  Respond(catalog.env(), request, out.text());
}

}  // namespace

void AnswerSystemAccount(Catalog& catalog, const ApiRequest& request) {
  if (request.subject.starts_with(kPurge)) {
    PurgeAccount(catalog, request);
  } else if (!IsForOperators(request.subject)) {
    bool info = request.subject == "$JS.API.INFO";
    RespondError(catalog.env(), request, info ? "account_info_response" : "system_response",
                 MakeError(10039));
  }
}

}  // namespace weir::jetstream
