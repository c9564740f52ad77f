#include "jetstream/api_request.h"

#include "jetstream/account_usage.h"
#include "jetstream/advisory.h"
#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

// Members that the reference writes behind an error because its structs always have them.
struct Tail {
  std::string_view type;
  std::string_view members;
};
constexpr Tail kTails[] = {
    {"stream_info_response", R"(,"total":0,"offset":0,"limit":0)"},
    {"stream_names_response", R"(,"total":0,"offset":0,"limit":0,"streams":null)"},
    {"stream_list_response", R"(,"total":0,"offset":0,"limit":0,"streams":[])"},
    {"stream_purge_response", R"(,"purged":0)"},
    {"stream_restore_response", R"(,"deliver_subject":"")"},
    {"consumer_names_response", R"(,"total":0,"offset":0,"limit":0,"consumers":[])"},
    {"consumer_list_response", R"(,"total":0,"offset":0,"limit":0,"consumers":[])"},
    {"consumer_pause_response", R"(,"paused":false,"pause_until":"0001-01-01T00:00:00Z")"},
};

}  // namespace

ApiRequest ApiRequest::Copy(const Inbound& message) {
  ApiRequest out;
  out.account = message.account;
  out.subject = message.subject;
  out.reply = message.reply;
  out.headers = message.headers;
  out.payload = message.payload;
  out.client = message.client;
  return out;
}

std::string_view ApiRequest::token(size_t index) const {
  return protocol::TokenAt(subject, index);
}

StatusOr<boost::json::object> ReadBody(const ApiRequest& request, std::string_view go_struct) {
  if (request.payload.empty()) {
    return boost::json::object{};
  }
  WEIR_ASSIGN_OR_RETURN(auto value, ParseJson(request.payload));
  if (auto* object = value.if_object()) {
    return std::move(*object);
  }
  if (value.is_null()) {
    return boost::json::object{};
  }
  return InvalidArgument(Cat("json: cannot unmarshal ", JsonKindName(value),
                             " into Go value of type server.", go_struct));
}

StatusOr<boost::json::object> ReadOptionalBody(const ApiRequest& request,
                                               std::string_view go_struct) {
  if (!LooksLikeJson(request.payload)) {
    return boost::json::object{};
  }
  return ReadBody(request, go_struct);
}

void WarnOfRequest(Environment& env, const ApiRequest& request, const Status& problem) {
  env.log.Warn("Invalid JetStream request '", env.accounts.NameOf(request.account), " > ",
               request.subject, "': ", Message(problem));
}

bool IsEmptyBody(std::string_view payload) {
  if (payload.empty()) {
    return true;
  }
  auto value = ParseJson(payload);
  return value.ok() && value->is_object() && value->get_object().empty();
}

ApiError InvalidJson(const Status& status) {
  return MakeError(10025, Message(status));
}

JsonWriter StartResponse(std::string_view type) {
  JsonWriter out;
  out.OpenObject().Field("type", Cat("io.nats.jetstream.api.v1.", type));
  return out;
}

void Respond(Environment& env, const ApiRequest& request, std::string_view json, bool error,
             std::string_view headers) {
  if (request.usage != nullptr) {
    request.usage->api_total.fetch_add(1, std::memory_order_relaxed);
    request.usage->api_errors.fetch_add(error ? 1 : 0, std::memory_order_relaxed);
  }
  if (!request.reply.empty()) {
    env.router.Publish(request.account, {request.reply, {}, headers, json});
  }
  AuditRequest(env, request, json);
}

void RespondError(Environment& env, const ApiRequest& request, std::string_view type,
                  const ApiError& error, bool counted) {
  JsonWriter out = StartResponse(type);
  error.WriteTo(out);
  std::string json = out.Take();
  for (const auto& tail : kTails) {
    if (tail.type == type) {
      json.append(tail.members);
    }
  }
  json.push_back('}');
  Respond(env, request, json, counted);
}

void RespondSuccess(Environment& env, const ApiRequest& request, std::string_view type) {
  JsonWriter out = StartResponse(type);
  out.Field("success", true).CloseObject();
  Respond(env, request, out.text());
}

}  // namespace weir::jetstream
