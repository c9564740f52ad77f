#include "jetstream/api_router.h"

#include <algorithm>
#include <utility>

#include "jetstream/api_backup.h"
#include "jetstream/api_consumers.h"
#include "jetstream/api_messages.h"
#include "jetstream/api_streams.h"
#include "jetstream/api_system.h"
#include "jetstream/required_level.h"
#include "protocol/headers.h"
#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

constexpr std::string_view kApi = "$JS.API.";
constexpr size_t kStreamToken = 4;  // of CONSUMER requests

using MetaHandler = void (*)(Catalog&, ApiRequest);
using HomeHandler = void (*)(Stream&, const ApiRequest&);
using Check = ApiError (*)(Environment&, const ApiRequest&);

// One kind of request. Exactly one of the handlers is set, or none for what only a cluster can do.
struct Row {
  std::string_view verb;  // behind "$JS.API."
  size_t tokens;          // behind the verb
  bool more_tokens;       // or more
  std::string_view type;  // of the answer
  MetaHandler meta;
  HomeHandler home;
  Check check = nullptr;  // what the handler would say before it asks for the stream
};

constexpr Row kRows[] = {
    {"INFO", 0, false, "account_info_response", HandleAccountInfo, nullptr},
    {"STREAM.CREATE", 1, false, "stream_create_response", HandleStreamCreate, nullptr},
    {"STREAM.UPDATE", 1, false, "stream_update_response", HandleStreamUpdate, nullptr},
    {"STREAM.NAMES", 0, false, "stream_names_response", HandleStreamNames, nullptr},
    {"STREAM.LIST", 0, false, "stream_list_response", HandleStreamList, nullptr},
    {"STREAM.INFO", 1, false, "stream_info_response", HandleStreamInfo, nullptr},
    {"STREAM.DELETE", 1, false, "stream_delete_response", HandleStreamDelete, nullptr},
    {"STREAM.PURGE", 1, false, "stream_purge_response", nullptr, HandleStreamPurge,
     CheckStreamPurge},
    {"STREAM.MSG.GET", 1, false, "stream_msg_get_response", nullptr, HandleMessageGet,
     CheckMessageGet},
    {"STREAM.MSG.DELETE", 1, false, "stream_msg_delete_response", nullptr, HandleMessageDelete,
     CheckMessageDelete},
    {"CONSUMER.CREATE", 1, true, "consumer_create_response", nullptr, HandleConsumerCreate,
     CheckConsumerCreate},
    {"CONSUMER.DURABLE.CREATE", 2, false, "consumer_create_response", nullptr, HandleConsumerCreate,
     CheckConsumerCreate},
    {"CONSUMER.NAMES", 1, false, "consumer_names_response", nullptr, HandleConsumerNames},
    {"CONSUMER.LIST", 1, false, "consumer_list_response", nullptr, HandleConsumerList},
    {"CONSUMER.INFO", 2, false, "consumer_info_response", nullptr, HandleConsumerInfo,
     CheckConsumerNoBody},
    {"CONSUMER.DELETE", 2, false, "consumer_delete_response", nullptr, HandleConsumerDelete,
     CheckConsumerNoBody},
    {"CONSUMER.PAUSE", 2, false, "consumer_pause_response", nullptr, HandleConsumerPause},
    {"CONSUMER.UNPIN", 2, false, "consumer_unpin_response", nullptr, HandleConsumerUnpin,
     CheckConsumerUnpin},
    {"CONSUMER.RESET", 2, false, "consumer_reset_response", nullptr, HandleConsumerReset},
    {"STREAM.SNAPSHOT", 1, false, "stream_snapshot_response", HandleStreamSnapshot, nullptr},
    {"STREAM.RESTORE", 1, false, "stream_restore_response", HandleStreamRestore, nullptr},
    {"STREAM.PEER.REMOVE", 1, false, "stream_remove_peer_response", nullptr, nullptr},
    {"STREAM.PEER.EVACUATE", 1, false, "stream_evacuate_peer_response", nullptr, nullptr},
    {"STREAM.CANCEL_MOVE", 1, false, "stream_cancel_move_response", nullptr, nullptr},
    {"STREAM.LEADER.STEPDOWN", 1, false, "stream_leader_stepdown_response", nullptr, nullptr},
    {"CONSUMER.LEADER.STEPDOWN", 2, false, "consumer_leader_stepdown_response", nullptr, nullptr},
    {"CONSUMER.PEER.REMOVE", 2, false, "consumer_remove_peer_response", nullptr, nullptr},
    {"CONSUMER.PEER.EVACUATE", 2, false, "consumer_evacuate_peer_response", nullptr, nullptr},
};

// What is subscribed below "$JS.API." in an account: everything in the table, but not what homes
// subscribe themselves, so that an unknown consumer gives "no responders". One token: the
// reference takes unknown requests without answering them.
constexpr std::string_view kPatterns[] = {
    "*",
    "STREAM.>",
    "CONSUMER.CREATE.>",
    "CONSUMER.DURABLE.>",
    "CONSUMER.NAMES.>",
    "CONSUMER.LIST.>",
    "CONSUMER.INFO.>",
    "CONSUMER.DELETE.>",
    "CONSUMER.PAUSE.>",
    "CONSUMER.UNPIN.>",
    "CONSUMER.RESET.>",
    "CONSUMER.LEADER.>",
    "CONSUMER.PEER.>",
    "META.>",
    "SERVER.>",
    "ACCOUNT.>",
};

constexpr std::string_view kDomainPatterns[] = {
    "INFO",     "STREAM.>",  "CONSUMER.>", "DIRECT.>", "META.>",
    "SERVER.>", "ACCOUNT.>", "$KV.>",      "$OBJ.>",
};

// `rest` is the subject behind "$JS.API.".
const Row* FindRow(std::string_view rest) {
  for (const auto& row : kRows) {
    if (!rest.starts_with(row.verb)) {
      continue;
    }
    std::string_view arguments = rest.substr(row.verb.size());
    if (!arguments.empty() && arguments.front() != '.') {
      continue;
    }
    auto count = static_cast<size_t>(std::count(arguments.begin(), arguments.end(), '.'));
    if (count == row.tokens || (row.more_tokens && count > row.tokens)) {
      return &row;
    }
  }
  return nullptr;
}

// What waits in the queue of infos.
bool OnlyAsks(std::string_view verb) {
  return verb.ends_with("INFO") || verb.ends_with(".NAMES") || verb.ends_with(".LIST");
}

void Serve(Catalog& catalog, const Row& row, bool meets_level, ApiRequest request) {
  bool enabled = catalog.env().accounts.JetStreamLimits(request.account).has_value();
  bool for_clusters = row.meta == nullptr && row.home == nullptr;
  bool for_consumer = row.home == HandleConsumerReset;  // in the reference it answers by itself
  request.usage = enabled && !for_consumer ? &catalog.usage(request.account) : nullptr;
  if (for_consumer &&
      (!enabled || catalog.Find(request.account, request.token(kStreamToken)) == nullptr)) {
    return;
  }
  if (!meets_level) {
    RespondError(catalog.env(), request, row.type, MakeError(10185));
  } else if (!enabled && !for_clusters) {
    RespondError(catalog.env(), request, row.type, MakeError(10039));
  } else if (row.meta != nullptr) {
    row.meta(catalog, std::move(request));
  } else if (row.home != nullptr) {
    // The stream's name is the first token behind the verb.
    std::string stream(request.token(2 + protocol::TokenCount(row.verb)));
    if (row.check != nullptr && catalog.Find(request.account, stream) == nullptr) {
      if (ApiError error = row.check(catalog.env(), request)) {
        RespondError(catalog.env(), request, row.type, error);
        return;
      }
    }
    catalog.Forward(std::move(request), stream, row.type, row.home);
  } else {
    RespondError(catalog.env(), request, row.type, MakeError(10010));
  }
}

}  // namespace

ApiRouter::ApiRouter(Catalog& catalog)
    : catalog_(catalog), queue_(catalog.env()), domain_(catalog.env()) {}

ApiRouter::~ApiRouter() {
  for (const auto& [account, ids] : subscriptions_) {
    for (auto id : ids) {
      catalog_.env().router.Unsubscribe(id);
    }
  }
}

std::vector<Router::SubscriptionId> ApiRouter::SubscribeAccount(AccountId account) {
  Environment& env = catalog_.env();
  std::vector<Router::SubscriptionId> ids;
  if (account == kSystemAccount) {
    ids.push_back(env.router.Subscribe(account, Cat(kApi, '>'), {}, *this));
  } else {
    for (auto pattern : kPatterns) {
      ids.push_back(env.router.Subscribe(account, Cat(kApi, pattern), {}, *this));
    }
  }
  if (!env.options.domain.empty()) {
    for (auto pattern : kDomainPatterns) {
      ids.push_back(env.router.Subscribe(account, Cat(domain_.prefix(), pattern), {}, domain_));
    }
  }
  return ids;
}

void ApiRouter::Subscribe() {
  for (AccountId account : catalog_.env().accounts.AllAccounts()) {
    if (!subscriptions_.contains(account)) {
      subscriptions_[account] = SubscribeAccount(account);
    }
  }
}

void ApiRouter::OnMessage(const Inbound& message) {
  if (message.trace != nullptr && message.trace->only()) {
    return;  // asked what would happen, not for it to happen
  }
  if (!message.subject.starts_with(kApi)) {
    return;
  }
  if (message.account == kSystemAccount) {
    AnswerSystemAccount(catalog_, ApiRequest::Copy(message));
    return;
  }
  const Row* row = FindRow(message.subject.substr(kApi.size()));
  if (row == nullptr) {
    return;
  }
  bool meets_level = MeetsRequiredLevel(message.headers);
  queue_.Push(OnlyAsks(row->verb), [&catalog = catalog_, row, meets_level,
                                    request = ApiRequest::Copy(message)]() mutable {
    Serve(catalog, *row, meets_level, std::move(request));
  });
}

ApiRouter::DomainSink::DomainSink(Environment& env)
    : env_(env), prefix_(Cat("$JS.", env.options.domain, ".API.")) {}

void ApiRouter::DomainSink::OnMessage(const Inbound& message) {
  std::string_view rest = message.subject.substr(prefix_.size());
  bool mapped = rest.starts_with("$KV.") || rest.starts_with("$OBJ.");
  std::string subject = mapped ? std::string(rest) : Cat(kApi, rest);
  if (!message.reply.empty() && !env_.router.HasInterest(message.account, subject)) {
    // The publisher has been told that this sink takes it, so it has to say that nobody does.
    std::string headers = protocol::HeaderBuilder(503, {}).Add("Nats-Subject", subject).Take();
    env_.router.Publish(message.account, {message.reply, {}, headers, {}});
    return;
  }
  env_.router.Publish(message.account,
                      {subject, message.reply, message.headers, message.payload, message.client});
}

}  // namespace weir::jetstream
