#include "jetstream/api_messages.h"

#include <utility>

#include "jetstream/message_lookup.h"
#include "jetstream/required_level.h"
#include "jetstream/stream.h"

namespace weir::jetstream {

namespace {

constexpr std::string_view kGet = "stream_msg_get_response";
constexpr std::string_view kDelete = "stream_msg_delete_response";
constexpr std::string_view kAccount = "account_info_response";

struct GetRequest {
  MessageQuery query;
  ApiError error;
};

GetRequest ReadGet(Environment& env, const ApiRequest& request) {
  GetRequest out;
  auto body = ReadBody(request, "JSApiMsgGetRequest");
  if (!body.ok()) {
    out.error = InvalidJson(body.status());
    return out;
  }
  MessageQuery& query = out.query;
  int64_t batch = 0;
  int64_t max_bytes = 0;
  Status status = ReadFields(env, request, [&](bool strict) {
    JsonReader in(*body, "JSApiMsgGetRequest");
    ReadMessageQuery(in, query);
    in.Read("batch", batch, "int");
    in.Read("max_bytes", max_bytes, "int");
    // Of batched gets: taken and not looked at.
    std::vector<std::string> multi_last;
    StreamSeq up_to_seq = 0;
    int64_t up_to_time = 0;
    in.Read("multi_last", multi_last);
    in.Read("up_to_seq", up_to_seq);
    in.ReadTime("up_to_time", up_to_time);
    return in.Finish(strict);
  });
  if (!status.ok()) {
    out.error = InvalidJson(status);
    return out;
  }
  bool last = !query.last_by_subject.empty();
  bool next = !query.next_by_subject.empty();
  if (query.empty() || batch > 0 || max_bytes > 0 || (last && (query.seq > 0 || next)) ||
      (query.start_time_ns && (query.seq > 0 || last))) {
    out.error = MakeError(10003);
  }
  return out;
}

struct DeleteRequest {
  StreamSeq seq = 0;
  bool no_erase = false;
  ApiError error;
};

DeleteRequest ReadDelete(Environment& env, const ApiRequest& request) {
  DeleteRequest out;
  auto body = ReadBody(request);
  if (!body.ok()) {
    out.error = InvalidJson(body.status());
  } else if (body->empty()) {
    out.error = MakeError(10003);
  } else {
    Status status = ReadFields(env, request, [&](bool strict) {
      JsonReader in(*body, "JSApiMsgDeleteRequest");
      in.Read("seq", out.seq);
      in.Read("no_erase", out.no_erase);
      return in.Finish(strict);
    });
    out.error = status.ok() ? ApiError{} : InvalidJson(status);
  }
  return out;
}

std::string MessageJson(const storage::MessageView& message, bool no_headers) {
  JsonWriter out = StartResponse(kGet);
  out.Key("message").OpenObject();
  out.Field("subject", message.subject).Field("seq", message.seq);
  if (!no_headers && !message.headers.empty()) {
    out.Field("hdrs", Base64Encode(message.headers));
  }
  if (!message.payload.empty()) {
    out.Field("data", Base64Encode(message.payload));
  }
  out.Key("time").Time(message.time_ns);
  out.CloseObject().CloseObject();
  return out.Take();
}

void WriteLimits(JsonWriter& out, const AccountLimits& limits) {
  out.Key("limits").OpenObject();
  out.Field("max_memory", limits.max_memory).Field("max_storage", limits.max_storage);
  out.Field("max_streams", limits.max_streams).Field("max_consumers", limits.max_consumers);
  out.Field("max_ack_pending", limits.max_ack_pending);
  out.Field("memory_max_stream_bytes", limits.memory_max_stream_bytes);
  out.Field("storage_max_stream_bytes", limits.storage_max_stream_bytes);
  out.Field("max_bytes_required", limits.max_bytes_required).CloseObject();
}

ApiError CheckDeletePermitted(const Stream& stream) {
  if (stream.config().sealed) {
    return MakeError(10109);
  }
  return stream.config().deny_delete ? MakeError(10057, "message delete not permitted")
                                     : ApiError{};
}

ApiError DeleteNow(Stream& stream, StreamSeq seq, bool erase) {
  const auto& state = stream.store().state();
  if (seq == 0 || (stream.persistent() && seq < state.first_seq)) {
    return MakeError(10057, "no message found");
  }
  if (stream.persistent() && seq > state.last_seq) {
    return MakeError(10057, "stream store EOF");
  }
  return stream.RemoveMessage(seq, erase) ? ApiError{} : MakeError(10043, Cat(seq));
}

}  // namespace

ApiError CheckMessageGet(Environment& env, const ApiRequest& request) {
  return ReadGet(env, request).error;
}

ApiError CheckMessageDelete(Environment& env, const ApiRequest& request) {
  return ReadDelete(env, request).error;
}

void HandleMessageGet(Stream& stream, const ApiRequest& request) {
  GetRequest get = ReadGet(stream.env(), request);
  if (get.error) {
    RespondError(stream.env(), request, kGet, get.error);
    return;
  }
  bool no_headers = get.query.no_headers;
  FindMessage(
      stream, std::move(get.query),
      [&env = stream.env(), request, no_headers](const StatusOr<storage::StoredMessage>& found) {
        if (found.ok()) {
          // A message that was found is neither counted nor audited (jetstream-api.md 1).
          if (!request.reply.empty()) {
            env.router.Publish(request.account,
                               {request.reply, {}, {}, MessageJson(found->view, no_headers)});
          }
        } else if (found.status().code() == StatusCode::kNotFound) {
          RespondError(env, request, kGet, MakeError(10037));
        } else {
          RespondError(env, request, kGet, MakeError(10077, Message(found.status())));
        }
      });
}

void HandleMessageDelete(Stream& stream, const ApiRequest& request) {
  Environment& env = stream.env();
  DeleteRequest wanted = ReadDelete(env, request);
  ApiError error = wanted.error ? wanted.error : CheckDeletePermitted(stream);
  if (error) {
    RespondError(env, request, kDelete, error);
    return;
  }
  // What the store says does not count as an error of the API.
  if (ApiError failed = DeleteNow(stream, wanted.seq, !wanted.no_erase)) {
    RespondError(env, request, kDelete, failed, /*counted=*/false);
    return;
  }
  stream.shard().WhenDurable([&env, request](const Status& status) {
    if (status.ok()) {
      RespondSuccess(env, request, kDelete);
    } else {
      RespondError(env, request, kDelete, MakeError(10057, Message(status)));
    }
  });
}

void HandleAccountInfo(Catalog& catalog, ApiRequest request) {
  AccountUsage& usage = catalog.usage(request.account);
  AccountLimits limits = catalog.limits_of(request.account);
  JsonWriter out = StartResponse(kAccount);
  out.Field("memory", usage.memory.load()).Field("storage", usage.storage.load());
  out.Field("reserved_memory", catalog.reserved(request.account, StorageType::kMemory));
  out.Field("reserved_storage", catalog.reserved(request.account, StorageType::kFile));
  out.Field("streams", catalog.List(request.account, {}).size());
  out.Field("consumers", usage.consumers.load());
  WriteLimits(out, limits);
  out.Optional("domain", catalog.env().options.domain);
  out.Key("api").OpenObject().Field("level", kApiLevel);
  out.Field("total", usage.api_total.load()).Field("errors", usage.api_errors.load());
  out.CloseObject().CloseObject();
  Respond(catalog.env(), request, out.text());
}

}  // namespace weir::jetstream
