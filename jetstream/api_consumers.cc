#include "jetstream/api_consumers.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <boost/json/serialize.hpp>

#include "jetstream/consumer.h"
#include "jetstream/consumer_events.h"
#include "jetstream/consumer_rules.h"
#include "jetstream/js_subjects.h"
#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "protocol/base/json_syntax.h"
#include "protocol/base/nuid.h"
#include "protocol/headers.h"
#include "protocol/subject.h"

namespace weir::jetstream {

ConsumerRules RulesFor(Stream& stream, const AccountLimits& limits) {
  const StreamConfig& config = stream.config();
  const JetStreamOptions& options = stream.env().options;
  ConsumerRules rules;
  switch (config.retention) {
    case RetentionPolicy::kLimits:
      rules.retention = ConsumerRules::Retention::kLimits;
      break;
    case RetentionPolicy::kInterest:
      rules.retention = ConsumerRules::Retention::kInterest;
      break;
    case RetentionPolicy::kWorkQueue:
      rules.retention = ConsumerRules::Retention::kWorkQueue;
      break;
  }
  rules.stream_replicas = config.num_replicas;
  rules.stream_subjects = config.subjects;
  rules.stream_max_ack_pending = config.consumer_limits.max_ack_pending;
  rules.stream_inactive_threshold_ns = config.consumer_limits.inactive_threshold_ns;
  rules.server_max_ack_pending = options.max_ack_pending;
  rules.server_max_request_batch = options.max_request_batch;
  rules.account_max_ack_pending = limits.max_ack_pending;
  return rules;
}

namespace {

constexpr size_t kNamesLimit = 1024;
constexpr size_t kListLimit = 256;
constexpr size_t kAutoNameSize = 8;
constexpr std::string_view kCreateResponse = "consumer_create_response";
constexpr std::string_view kIdentity = "Nats-Stream-Identity";

enum class Action : uint8_t { kAny, kCreate, kUpdate };

// The body of a create request and what its subject says.
struct CreateRequest {
  std::string stream_name;
  ConsumerConfig config;
  Action action = Action::kAny;
  bool pedantic = false;
};

// Any other value, null too, is named as it was written.
Status ReadAction(JsonReader& in, const boost::json::object& object, Action& out) {
  in.Find("action");
  const auto* value = object.if_contains("action");
  if (value == nullptr) {
    return OkStatus();
  }
  const auto* text = value->if_string();
  if (text != nullptr && (text->empty() || *text == "create" || *text == "update")) {
    out = text->empty() ? Action::kAny : *text == "create" ? Action::kCreate : Action::kUpdate;
    return OkStatus();
  }
  return InvalidArgument(Cat("unknown consumer action: ", boost::json::serialize(*value)));
}

StatusOr<CreateRequest> ReadCreate(const ApiRequest& request, bool strict) {
  WEIR_ASSIGN_OR_RETURN(auto object, ReadBody(request, "CreateConsumerRequest"));
  CreateRequest out;
  JsonReader in(object, "CreateConsumerRequest");
  in.Read("stream_name", out.stream_name);
  if (const auto* config = in.Object("config", "server.ConsumerConfig")) {
    WEIR_ASSIGN_OR_RETURN(out.config, ReadConsumerConfig(*config, strict));
  }
  in.Read("pedantic", out.pedantic);
  WEIR_RETURN_IF_ERROR(ReadAction(in, object, out.action));
  WEIR_RETURN_IF_ERROR(in.Finish(strict));
  return out;
}

// What the subject asks for, checked against the body (jetstream-api.md 9.2, forms).
ApiError CheckSubject(const ApiRequest& request, CreateRequest& create) {
  ConsumerConfig& config = create.config;
  size_t tokens = protocol::TokenCount(request.subject);
  bool legacy_ephemeral = tokens == 5;
  bool legacy_durable = !legacy_ephemeral && request.token(3) == "DURABLE";
  if (legacy_durable && tokens != 7) {
    return MakeError(10016);
  }
  std::string_view stream = request.token(legacy_durable ? 5 : 4);
  std::string name(legacy_ephemeral ? config.name : request.token(legacy_durable ? 6 : 5));
  std::string_view filter;
  if (!legacy_ephemeral && !legacy_durable && tokens > 6) {
    filter = request.subject;
    for (int skipped = 0; skipped < 6; ++skipped) {
      filter.remove_prefix(filter.find('.') + 1);
    }
  }
  if (stream != create.stream_name) {
    return MakeError(10056);
  }
  if (name.find_first_of("\\/") != std::string::npos) {
    return MakeError(10127);
  }
  if (legacy_durable && config.durable_name.empty()) {
    return MakeError(10018);
  }
  if (!legacy_ephemeral) {
    if (!config.durable_name.empty() && name != config.durable_name) {
      return MakeError(10017);
    }
    config.name = name;
  } else if (!config.durable_name.empty()) {
    return MakeError(10020);
  }
  if (!filter.empty() && !config.filter_subjects.empty()) {
    return MakeError(10137);
  }
  if (!filter.empty() && config.filter_subject != filter) {
    return MakeError(10131);
  }
  return config.num_replicas > 1 ? MakeError(10074) : ApiError{};
}

bool IsInternal(const Consumer& consumer) {
  return consumer.config().direct || consumer.config().sourcing;
}

size_t CountPublic(Stream& stream) {
  auto& consumers = stream.consumers();
  return static_cast<size_t>(
      std::count_if(consumers.begin(), consumers.end(),
                    [](const auto& entry) { return !IsInternal(*entry.second); }));
}

// Does no other consumer want what these filters select?
bool IsPartition(Stream& stream, std::string_view name, const std::vector<std::string>& filters) {
  for (const auto& [other_name, other] : stream.consumers()) {
    if (other_name == name || IsInternal(*other)) {
      continue;
    }
    std::vector<std::string> theirs = other->config().Filters();
    for (const std::string& filter : filters) {
      if (theirs.empty() ||
          std::any_of(theirs.begin(), theirs.end(),
                      [&](const std::string& their) { return protocol::Overlap(filter, their); })) {
        return false;
      }
    }
  }
  return true;
}

ApiError CheckConsumerCount(Stream& stream, const AccountLimits& limits) {
  int64_t most = stream.config().max_consumers;
  if (most <= 0 || (limits.max_consumers > 0 && limits.max_consumers < most)) {
    most = limits.max_consumers;
  }
  int64_t fallback = stream.env().options.default_max_consumers;
  if (most <= 0 && fallback > 0) {
    most = fallback;
  }
  bool full = most > 0 && CountPublic(stream) >= static_cast<size_t>(most);
  return full ? MakeError(10026) : ApiError{};
}

ApiError CheckWorkQueue(Stream& stream, const ConsumerConfig& config) {
  if (stream.config().retention != RetentionPolicy::kWorkQueue || config.direct ||
      config.sourcing) {
    return {};
  }
  if (config.ack_policy != AckPolicy::kExplicit && config.ack_policy != AckPolicy::kFlowControl) {
    return MakeError(10098);
  }
  if (config.deliver_policy != DeliverPolicy::kAll) {
    return MakeError(10101);
  }
  if (CountPublic(stream) > 0) {
    std::vector<std::string> filters = config.Filters();
    if (filters.empty()) {
      return MakeError(10099);
    }
    if (!IsPartition(stream, config.name, filters)) {
      return MakeError(10100);
    }
  }
  return {};
}

std::string IdentityHeaders(const Stream& stream) {
  return protocol::HeaderBuilder().Add(kIdentity, StreamIdentity(stream.created_ns())).Take();
}

void RespondInfo(Stream& stream, const ApiRequest& request, std::string_view type,
                 Consumer& consumer) {
  JsonWriter out = StartResponse(type);
  consumer.WriteInfo(out);
  out.CloseObject();
  Respond(stream.env(), request, out.text());
}

// What a create or delete of this consumer waits for: a durable one is promised, an ephemeral one
// only has to be on its way.
enum class Promise : uint8_t { kNothing, kStaged, kDurable };

Promise PromiseFor(const Consumer& consumer) {
  if (!consumer.persistent()) {
    return Promise::kNothing;
  }
  return consumer.config().is_durable() ? Promise::kDurable : Promise::kStaged;
}

void RespondAfter(Stream& stream, Promise promise, const ApiRequest& request, std::string_view type,
                  std::string json, const std::string& headers = {}) {
  if (promise == Promise::kNothing) {
    Respond(stream.env(), request, json, false, headers);
    return;
  }
  auto answer = [&env = stream.env(), request, type = std::string(type), json = std::move(json),
                 headers](const Status& status) {
    if (status.ok()) {
      Respond(env, request, json, false, headers);
    } else {
      RespondError(env, request, type, MakeError(10104, Message(status)));
    }
  };
  if (promise == Promise::kDurable) {
    stream.WhenDurable(std::move(answer));
  } else {
    stream.shard().WhenCommitted(std::move(answer));
  }
}

void RespondCreated(Stream& stream, const ApiRequest& request, Consumer& consumer) {
  JsonWriter out = StartResponse(kCreateResponse);
  consumer.WriteInfo(out);
  out.CloseObject();
  const ConsumerConfig& config = consumer.config();
  RespondAfter(stream, PromiseFor(consumer), request, kCreateResponse, out.Take(),
               config.direct || config.sourcing ? IdentityHeaders(stream) : std::string());
}

// A consumer through which another stream follows this one is made with a name that is always the
// same. Where messages are kept until they are acknowledged it becomes a durable one that
// acknowledges by flow control; elsewhere each has a name of its own.
void SettleFollower(Stream& stream, ConsumerConfig& config) {
  if (!config.direct || !config.sourcing || config.name.empty()) {
    return;
  }
  if (stream.config().retention == RetentionPolicy::kLimits) {
    CatTo(config.name, "-", RandomName(stream.env().random, kAutoNameSize));
    return;
  }
  config.direct = false;
  config.durable_name = config.name;
  config.ack_policy = AckPolicy::kFlowControl;
  config.ack_wait_ns = 0;
  config.max_deliver = 0;
  config.inactive_threshold_ns = 0;
}

// Whoever follows the stream may say which one it means.
ApiError CheckIdentity(Stream& stream, const ApiRequest& request, const ConsumerConfig& config) {
  auto wanted = protocol::FindHeader(request.headers, kIdentity);
  if ((!config.direct && !config.sourcing) || !wanted || wanted->empty()) {
    return {};
  }
  std::string identity = StreamIdentity(stream.created_ns());
  return *wanted == identity ? ApiError{} : MakeError(10225, identity);
}

// The consumer exists: the request is an update, or a repetition.
ApiError UpdateExisting(Stream& stream, Consumer& consumer, const CreateRequest& create) {
  const ConsumerConfig& config = create.config;
  const ConsumerConfig& old = consumer.config();
  if (create.action == Action::kCreate && config != old) {
    return MakeError(10148);
  }
  if (stream.config().retention == RetentionPolicy::kWorkQueue &&
      !IsPartition(stream, consumer.name(), config.Filters())) {
    return MakeError(10100);
  }
  if (config == old) {
    return {};
  }
  if (ApiError error = CheckConsumerUpdate(old, config)) {
    return error;
  }
  if (config.deliver_subject != old.deliver_subject &&
      stream.env().router.HasInterest(stream.account(), old.deliver_subject)) {
    return MakeError(10013);
  }
  consumer.Update(config);
  if (config.sourcing) {
    // Whoever follows has lost what was under way.
    return consumer.Reset(0).ok() ? ApiError{} : MakeError(10012, "consumer closed");
  }
  return {};
}

ApiError CreateNew(Stream& stream, CreateRequest& create, const AccountLimits& limits,
                   Consumer*& out) {
  ConsumerConfig& config = create.config;
  if (create.action == Action::kUpdate) {
    return MakeError(10149);
  }
  if (!config.direct && !config.sourcing) {
    if (ApiError error = CheckConsumerCount(stream, limits)) {
      return error;
    }
  }
  if (ApiError error = CheckWorkQueue(stream, config)) {
    return error;
  }
  if (ApiError error = CheckNameLength(config)) {
    return error;
  }
  while (config.name.empty()) {
    std::string name = RandomName(stream.env().random, kAutoNameSize);
    if (stream.FindConsumer(name) == nullptr) {
      config.name = std::move(name);
      config.auto_named = true;
    }
  }
  out =
      &stream.AddConsumer(std::move(config), stream.NextConsumerId(), stream.env().clock.wall_ns());
  return {};
}

ApiError Create(Stream& stream, const ApiRequest& request, CreateRequest& create, Consumer*& out) {
  if (ApiError error = CheckSubject(request, create)) {
    return error;
  }
  ConsumerConfig& config = create.config;
  SettleFollower(stream, config);
  if (ApiError error = CheckIdentity(stream, request, config)) {
    return error;
  }
  Consumer* existing = config.name.empty() ? nullptr : stream.FindConsumer(config.name);
  if (existing != nullptr) {
    const ConsumerConfig& old = existing->config();
    config.pause_until_ns = old.pause_until_ns;
    if (config.sourcing && config.is_durable()) {
      config.deliver_policy = old.deliver_policy;
      config.opt_start_seq = old.opt_start_seq;
      config.opt_start_time_ns = old.opt_start_time_ns;
    }
  }
  StampConsumerMetadata(config);
  AccountLimits limits =
      stream.env().accounts.JetStreamLimits(stream.account()).value_or(AccountLimits{});
  ConsumerRules rules = RulesFor(stream, limits);
  if (ApiError error = ApplyConsumerDefaults(config, rules, create.pedantic)) {
    return error;
  }
  if (ApiError error = CheckConsumerConfig(config, rules)) {
    return error;
  }
  if (existing != nullptr) {
    out = existing;
    return UpdateExisting(stream, *existing, create);
  }
  return CreateNew(stream, create, limits, out);
}

std::vector<Consumer*> PublicByName(Stream& stream) {
  std::vector<Consumer*> out;
  for (const auto& [name, consumer] : stream.consumers()) {
    if (!consumer->config().direct) {
      out.push_back(consumer.get());
    }
  }
  std::sort(out.begin(), out.end(),
            [](const Consumer* a, const Consumer* b) { return a->name() < b->name(); });
  return out;
}

void WritePage(JsonWriter& out, size_t total, size_t offset, size_t limit) {
  out.Field("total", total).Field("offset", offset).Field("limit", limit);
}

// Names and lists: a page of the consumers by name, each written by `write`.
void RespondPage(Stream& stream, const ApiRequest& request, std::string_view type, size_t limit,
                 void (*write)(JsonWriter&, Consumer&)) {
  Environment& env = stream.env();
  int64_t asked = 0;
  Status status;
  auto body = ReadOptionalBody(request, "JSApiConsumersRequest");
  if (body.ok()) {
    JsonReader in(*body, "JSApiConsumersRequest.ApiPagedRequest");
    in.Read("offset", asked, "int");
    status = in.Finish(env.options.strict);
  } else {
    status = body.status();
  }
  JsonWriter out = StartResponse(type);
  if (!status.ok()) {
    InvalidJson(status).WriteTo(out);
    WritePage(out, 0, 0, 0);
    out.Key("consumers").OpenArray().CloseArray().CloseObject();
    Respond(env, request, out.text(), true);
    return;
  }
  std::vector<Consumer*> all = PublicByName(stream);
  size_t offset = std::min(all.size(), static_cast<size_t>(std::max<int64_t>(asked, 0)));
  size_t end = std::min(all.size(), offset + limit);
  WritePage(out, all.size(), offset, limit);
  out.Key("consumers").OpenArray();
  for (size_t i = offset; i < end; ++i) {
    write(out, *all[i]);
  }
  out.CloseArray().CloseObject();
  Respond(env, request, out.text());
}

// The consumer that the subject names; answers 10014 when there is none.
Consumer* FindOrRespond(Stream& stream, const ApiRequest& request, std::string_view type) {
  Consumer* consumer = stream.FindConsumer(request.token(5));
  if (consumer == nullptr) {
    RespondError(stream.env(), request, type, MakeError(10014));
  }
  return consumer;
}

// Where the reference does not use its strict decoder, it does not say where the mistake is.
ApiError InvalidPlainJson(const Status& status) {
  return MakeError(10025, WithoutJsonOffset(Message(status)));
}

ApiError ReadUnpin(const ApiRequest& request, std::string& group) {
  auto body = ReadBody(request);
  Status status =
      request.payload.empty() ? InvalidArgument("unexpected end of JSON input") : body.status();
  if (body.ok()) {
    JsonReader in(*body, "JSApiConsumerUnpinRequest");
    in.Read("group", group);
    status = status.ok() ? in.Finish(false) : status;
  }
  if (status.ok() && group.empty()) {
    status = InvalidArgument("consumer group not specified");
  }
  if (!status.ok()) {
    return InvalidPlainJson(status);
  }
  return IsValidPriorityGroup(group) ? ApiError{} : MakeError(10162);
}

}  // namespace

ApiError CheckConsumerCreate(Environment& env, const ApiRequest& request) {
  StatusOr<CreateRequest> create = ReadCreate(request, env.options.strict);
  return create.ok() ? CheckSubject(request, *create) : InvalidJson(create.status());
}

ApiError CheckConsumerNoBody(Environment& /*env*/, const ApiRequest& request) {
  return IsEmptyBody(request.payload) ? ApiError{} : MakeError(10038);
}

ApiError CheckConsumerUnpin(Environment& /*env*/, const ApiRequest& request) {
  std::string group;
  return ReadUnpin(request, group);
}

void HandleConsumerCreate(Stream& stream, const ApiRequest& request) {
  Environment& env = stream.env();
  StatusOr<CreateRequest> create = ReadCreate(request, env.options.strict);
  if (!create.ok()) {
    RespondError(env, request, kCreateResponse, InvalidJson(create.status()));
    return;
  }
  size_t before = stream.consumers().size();
  Consumer* consumer = nullptr;
  ApiError error = Create(stream, request, *create, consumer);
  if (error) {
    RespondError(env, request, kCreateResponse, error);
    return;
  }
  if (stream.consumers().size() > before) {
    consumer->AnnounceCreated();
  } else if (consumer->paused()) {
    // Said again with each request that finds it so.
    ConsumerEvents(env, stream.account(), stream.name(), consumer->name())
        .Paused(true, *consumer->config().pause_until_ns);
  }
  RespondCreated(stream, request, *consumer);
}

void HandleConsumerNames(Stream& stream, const ApiRequest& request) {
  RespondPage(stream, request, "consumer_names_response", kNamesLimit,
              [](JsonWriter& out, Consumer& consumer) { out.Value(consumer.name()); });
}

void HandleConsumerList(Stream& stream, const ApiRequest& request) {
  RespondPage(stream, request, "consumer_list_response", kListLimit,
              [](JsonWriter& out, Consumer& consumer) {
                out.OpenObject();
                consumer.WriteInfo(out, Consumer::InfoStyle::kListed);
                out.CloseObject();
              });
}

void HandleConsumerInfo(Stream& stream, const ApiRequest& request) {
  constexpr std::string_view kType = "consumer_info_response";
  if (ApiError error = CheckConsumerNoBody(stream.env(), request)) {
    RespondError(stream.env(), request, kType, error);
    return;
  }
  if (Consumer* consumer = FindOrRespond(stream, request, kType)) {
    RespondInfo(stream, request, kType, *consumer);
  }
}

void HandleConsumerDelete(Stream& stream, const ApiRequest& request) {
  constexpr std::string_view kType = "consumer_delete_response";
  if (ApiError error = CheckConsumerNoBody(stream.env(), request)) {
    RespondError(stream.env(), request, kType, error);
    return;
  }
  Consumer* consumer = FindOrRespond(stream, request, kType);
  if (consumer == nullptr) {
    return;
  }
  Promise promise = PromiseFor(*consumer);
  consumer->Delete();
  JsonWriter out = StartResponse(kType);
  out.Field("success", true).CloseObject();
  RespondAfter(stream, promise, request, kType, out.Take());
}

void HandleConsumerPause(Stream& stream, const ApiRequest& request) {
  constexpr std::string_view kType = "consumer_pause_response";
  Environment& env = stream.env();
  int64_t until = kZeroTime;
  auto body = ReadOptionalBody(request);
  Status status = body.status();
  if (body.ok()) {
    JsonReader in(*body, "JSApiConsumerPauseRequest");
    in.ReadTime("pause_until", until);
    status = in.Finish(env.options.strict);
  }
  JsonWriter out = StartResponse(kType);
  ApiError error = status.ok() ? ApiError{} : InvalidJson(status);
  Consumer* consumer = stream.FindConsumer(request.token(5));
  if (!error && consumer == nullptr) {
    error = MakeError(10014);
  }
  if (error) {
    error.WriteTo(out);
    out.Field("paused", false).Key("pause_until").Time(kZeroTime).CloseObject();
    Respond(env, request, out.text(), true);
    return;
  }
  ConsumerConfig config = consumer->config();
  config.pause_until_ns = until == kZeroTime ? std::nullopt : std::optional(until);
  StampConsumerMetadata(config);
  consumer->Update(std::move(config));
  out.Field("paused", consumer->paused()).Key("pause_until").Time(until);
  if (consumer->paused()) {
    out.Field("pause_remaining", until - env.clock.wall_ns());
  }
  out.CloseObject();
  RespondAfter(stream, PromiseFor(*consumer), request, kType, out.Take());
}

void HandleConsumerUnpin(Stream& stream, const ApiRequest& request) {
  constexpr std::string_view kType = "consumer_unpin_response";
  Environment& env = stream.env();
  std::string group;
  if (ApiError error = ReadUnpin(request, group)) {
    RespondError(env, request, kType, error);
    return;
  }
  Consumer* consumer = FindOrRespond(stream, request, kType);
  if (consumer == nullptr) {
    return;
  }
  const auto& groups = consumer->config().priority_groups;
  if (std::find(groups.begin(), groups.end(), group) == groups.end()) {
    RespondError(env, request, kType, MakeError(10160));
    return;
  }
  consumer->Unpin();
  JsonWriter out = StartResponse(kType);
  out.CloseObject();
  Respond(env, request, out.text());
}

void HandleConsumerReset(Stream& stream, const ApiRequest& request) {
  constexpr std::string_view kType = "consumer_reset_response";
  Environment& env = stream.env();
  if (request.reply.empty()) {
    return;
  }
  uint64_t seq = 0;
  auto body = ReadBody(request, "JSApiConsumerResetRequest");
  Status status = body.status();
  if (body.ok()) {
    JsonReader in(*body, "JSApiConsumerResetRequest");
    in.Read("seq", seq);
    status = in.Finish(false);
  }
  ApiError error = status.ok() ? ApiError{} : InvalidPlainJson(status);
  Consumer* consumer = stream.FindConsumer(request.token(5));
  if (consumer == nullptr) {
    return;  // as in the reference, where the consumer itself would answer
  }
  StreamSeq begins = 0;
  if (!error) {
    StatusOr<StreamSeq> reset = consumer->Reset(seq);
    if (reset.ok()) {
      begins = *reset;
    } else {
      error = MakeError(10204, Message(reset.status()));
    }
  }
  JsonWriter out = StartResponse(kType);
  if (error) {
    error.WriteTo(out);
  } else {
    consumer->WriteInfo(out);
  }
  out.Field("reset_seq", begins).CloseObject();
  bool asks = !error && protocol::FindHeader(request.headers, kIdentity).has_value();
  std::string headers = asks ? IdentityHeaders(stream) : std::string();
  if (error) {
    Respond(env, request, out.text(), true);
  } else {
    RespondAfter(stream, PromiseFor(*consumer), request, kType, out.Take(), headers);
  }
}

}  // namespace weir::jetstream
