#include "jetstream/direct_get.h"

#include <memory>
#include <utility>

#include "jetstream/api_request.h"
#include "jetstream/batch_get.h"
#include "jetstream/required_level.h"
#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "protocol/headers.h"
#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

constexpr std::string_view kPrefix = "$JS.API.DIRECT.GET.";

// Everything a request may ask for.
struct Body {
  MessageQuery query;
  BatchQuery batch;

  bool IsEmpty() const { return query.empty() && batch.multi_last.empty(); }
};

StatusOr<Body> ReadRequest(std::string_view payload) {
  Body body;
  WEIR_ASSIGN_OR_RETURN(auto value, ParseJson(payload));
  if (value.is_null()) {
    return body;
  }
  if (!value.is_object()) {
    return InvalidArgument("not an object");
  }
  JsonReader in(value.get_object());
  ReadMessageQuery(in, body.query);
  in.Read("batch", body.batch.size);
  in.Read("max_bytes", body.batch.max_bytes);
  in.Read("multi_last", body.batch.multi_last);
  in.Read("up_to_seq", body.batch.up_to_seq);
  if (in.Find("up_to_time") != nullptr) {
    in.ReadTime("up_to_time", body.batch.up_to_time_ns.emplace(0));
  }
  WEIR_RETURN_IF_ERROR(in.Finish(/*strict=*/false));
  return body;
}

bool Conflicts(const Body& body) {
  const MessageQuery& query = body.query;
  const BatchQuery& batch = body.batch;
  bool last = !query.last_by_subject.empty();
  bool next = !query.next_by_subject.empty();
  bool multi = !batch.multi_last.empty();
  return (query.seq > 0 && (last || query.start_time_ns)) || (query.start_time_ns && last) ||
         (last && (next || batch.size > 0 || multi)) || (next && multi) ||
         (batch.up_to_seq > 0 && batch.up_to_time_ns);
}

}  // namespace

DirectGet::DirectGet(Stream& stream) : stream_(stream) {
  Router& router = stream.env().router;
  std::string subject = Cat(kPrefix, stream.name());
  subscriptions_[0] = router.Subscribe(stream.account(), subject, "_sys_", *this);
  subscriptions_[1] = router.Subscribe(stream.account(), Cat(subject, ".>"), "_sys_", *this);
}

DirectGet::~DirectGet() {
  for (auto subscription : subscriptions_) {
    stream_.env().router.Unsubscribe(subscription);
  }
}

void DirectGet::OnMessage(const Inbound& message) {
  if (message.reply.empty()) {
    return;
  }
  if (!MeetsRequiredLevel(message.headers)) {
    Answer(message.reply, 412, "Required Api Level");
    return;
  }
  Body body;
  if (!message.payload.empty()) {
    auto read = ReadRequest(message.payload);
    if (!read.ok()) {
      Answer(message.reply, 408, "Malformed Request");
      return;
    }
    body = *std::move(read);
  }
  bool by_subject = message.subject.size() > kPrefix.size() + stream_.name().size();
  if (by_subject) {
    const BatchQuery& batch = body.batch;
    if (!body.IsEmpty() || batch.size != 0 || batch.up_to_seq != 0 || batch.up_to_time_ns) {
      Answer(message.reply, 408, "Bad Request");
      return;
    }
    body.query.last_by_subject = message.subject.substr(kPrefix.size() + stream_.name().size() + 1);
  } else if (body.IsEmpty()) {
    Answer(message.reply, 408, "Empty Request");
    return;
  } else if (Conflicts(body)) {
    Answer(message.reply, 408, "Bad Request");
    return;
  }
  if (body.batch.size != 0 || !body.batch.multi_last.empty()) {
    body.batch.start = std::move(body.query);
    AnswerBatchGet(stream_, std::move(body.batch), std::string(message.reply));
    return;
  }
  Find(std::move(body.query), message.reply);
}

void DirectGet::Find(MessageQuery query, std::string_view reply) {
  bool no_headers = query.no_headers;
  FindMessage(stream_, std::move(query),
              [&shard = stream_.shard(), id = stream_.id(), reply = std::string(reply),
               no_headers](const StatusOr<storage::StoredMessage>& found) {
                Stream* stream = shard.Find(id);
                if (stream == nullptr) {
                  return;
                }
                Outbound out{reply, {}, {}, {}};
                std::string headers;
                if (found.ok()) {
                  headers = no_headers ? std::string() : DirectGetHeaders(*stream, found->view);
                  out.payload = found->view.payload;
                } else if (found.status().code() == StatusCode::kNotFound) {
                  headers = protocol::HeaderBuilder(404, "Message Not Found").Take();
                } else {
                  headers = protocol::HeaderBuilder(500, Message(found.status())).Take();
                }
                out.headers = headers;
                stream->env().router.Publish(stream->account(), out);
              });
}

void DirectGet::Answer(std::string_view reply, int status, std::string_view text) {
  std::string headers = protocol::HeaderBuilder(status, text).Take();
  stream_.env().router.Publish(stream_.account(), {reply, {}, headers, {}});
}

}  // namespace weir::jetstream
