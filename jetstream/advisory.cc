#include "jetstream/advisory.h"

namespace weir::jetstream {

namespace {

constexpr std::string_view kPrefix = "$JS.EVENT.ADVISORY.";
constexpr std::string_view kAudit = "$JS.EVENT.ADVISORY.API";

// The reference does not know who asks in the system account.
void WriteClient(Environment& env, const ApiRequest& request, JsonWriter& out) {
  out.Key("client");
  if (request.account == kSystemAccount) {
    out.Null();
  } else if (!request.client.empty()) {
    out.Raw(request.client);
  } else {
    out.OpenObject().Field("acc", env.accounts.NameOf(request.account)).CloseObject();
  }
}

}  // namespace

JsonWriter StartAdvisory(Environment& env, std::string_view type) {
  JsonWriter out;
  out.OpenObject().Field("type", Cat("io.nats.jetstream.advisory.v1.", type));
  out.Field("id", Nuid(env.random));
  out.Key("timestamp").Time(env.clock.wall_ns());
  return out;
}

void PublishAdvisory(Environment& env, AccountId account, std::string_view subject,
                     JsonWriter& advisory) {
  advisory.CloseObject();
  env.router.Publish(account, {subject, {}, {}, advisory.text()});
}

void AdviseStream(Environment& env, AccountId account, std::string_view stream,
                  std::string_view event, std::string_view action) {
  std::string subject = Cat(kPrefix, "STREAM.", event, '.', stream);
  if (!env.router.HasInterest(account, subject)) {
    return;
  }
  JsonWriter out = StartAdvisory(env, "stream_action");
  out.Field("stream", stream).Field("action", action);
  out.Optional("domain", env.options.domain);
  PublishAdvisory(env, account, subject, out);
}

void AdviseConsumer(Environment& env, AccountId account, std::string_view stream,
                    std::string_view consumer, std::string_view event, std::string_view action) {
  std::string subject = Cat(kPrefix, "CONSUMER.", event, '.', stream, '.', consumer);
  if (!env.router.HasInterest(account, subject)) {
    return;
  }
  JsonWriter out = StartAdvisory(env, "consumer_action");
  out.Field("stream", stream).Field("consumer", consumer).Field("action", action);
  out.Optional("domain", env.options.domain);
  PublishAdvisory(env, account, subject, out);
}

void AuditRequest(Environment& env, const ApiRequest& request, std::string_view response) {
  bool for_consumer = request.subject.starts_with("$JS.API.CONSUMER.RESET.");
  if (for_consumer || !env.router.HasInterest(request.account, kAudit)) {
    return;
  }
  bool message_get = request.subject.starts_with("$JS.API.STREAM.MSG.GET.");
  if (message_get && response.find("\"error\":{") == std::string_view::npos) {
    return;
  }
  JsonWriter out = StartAdvisory(env, "api_audit");
  out.Field("server", env.server.name);
  WriteClient(env, request, out);
  out.Field("subject", request.subject).Optional("request", request.payload);
  out.Field("response", response).Optional("domain", env.options.domain);
  PublishAdvisory(env, request.account, kAudit, out);
}

}  // namespace weir::jetstream
