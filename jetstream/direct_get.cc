#include "jetstream/direct_get.h"

#include <memory>
#include <utility>

#include "jetstream/api_request.h"
#include "jetstream/required_level.h"
#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "protocol/headers.h"
#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

constexpr std::string_view kPrefix = "$JS.API.DIRECT.GET.";

// The stored headers with where the message comes from behind them.
std::string AnswerHeaders(const Stream& stream, const storage::MessageView& message) {
  std::string_view own = message.headers;
  std::string out;
  if (own.size() > protocol::kHeaderLine.size() + 2) {
    out.assign(own.substr(0, own.size() - 2));
  } else {
    out.assign(protocol::kHeaderLine);
  }
  CatTo(out, "Nats-Stream: ", stream.name(), "\r\nNats-Subject: ", message.subject,
        "\r\nNats-Sequence: ", message.seq, "\r\nNats-Time-Stamp: ", FormatTime(message.time_ns),
        "\r\n\r\n");
  return out;
}

struct Body {
  MessageQuery query;
  bool batched = false;
};

StatusOr<Body> ReadRequest(std::string_view payload) {
  Body body;
  WEIR_ASSIGN_OR_RETURN(auto value, ParseJson(payload));
  if (!value.is_object()) {
    return InvalidArgument("not an object");
  }
  JsonReader in(value.get_object());
  in.Read("seq", body.query.seq);
  in.Read("last_by_subj", body.query.last_by_subject);
  in.Read("next_by_subj", body.query.next_by_subject);
  if (in.Find("start_time") != nullptr) {
    in.ReadTime("start_time", body.query.start_time_ns.emplace(0));
  }
  in.Read("no_hdr", body.query.no_headers);
  int64_t batch = 0;
  std::vector<std::string> multi_last;
  in.Read("batch", batch);
  in.Read("multi_last", multi_last);
  body.batched = batch > 0 || !multi_last.empty();
  WEIR_RETURN_IF_ERROR(in.Finish(/*strict=*/false));
  return body;
}

bool Conflicts(const MessageQuery& query) {
  bool last = !query.last_by_subject.empty();
  return (query.seq > 0 && (last || query.start_time_ns)) || (query.start_time_ns && last) ||
         (last && !query.next_by_subject.empty());
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
  bool by_subject = message.subject.size() > kPrefix.size() + stream_.name().size();
  if (!message.payload.empty()) {
    auto read = ReadRequest(message.payload);
    if (!read.ok()) {
      Answer(message.reply, 408, "Malformed Request");
      return;
    }
    body = *std::move(read);
  }
  if (by_subject) {
    body.query.last_by_subject = message.subject.substr(kPrefix.size() + stream_.name().size() + 1);
  } else if (body.query.empty() && !body.batched) {
    Answer(message.reply, 408, "Empty Request");
    return;
  }
  if (body.batched || Conflicts(body.query)) {
    Answer(message.reply, 408, "Bad Request");
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
                  headers = no_headers ? std::string() : AnswerHeaders(*stream, found->view);
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
