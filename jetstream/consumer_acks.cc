// What a consumer does with an answer to a delivery (jetstream-api.md 9.7).

#include <utility>

#include "jetstream/consumer.h"
#include "jetstream/js_subjects.h"
#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "protocol/base/json.h"
#include "protocol/base/strings.h"
#include "protocol/headers.h"

namespace weir::jetstream {

namespace {

// The delay of "-NAK <argument>": `{"delay": <ns>}` or a Go duration; 0 without one; nullopt for
// what cannot be read.
std::optional<int64_t> NakDelay(std::string_view argument) {
  argument = TrimSpace(argument);
  if (argument.empty()) {
    return 0;
  }
  if (argument.front() != '{') {
    return ParseDuration(argument);
  }
  auto value = ParseJson(argument);
  if (!value.ok() || !value->is_object()) {
    return std::nullopt;
  }
  int64_t delay = 0;
  JsonReader in(value->get_object());
  in.Read("delay", delay);
  return in.Finish(false).ok() ? std::optional(delay) : std::nullopt;
}

}  // namespace

void Consumer::OnAck(const Inbound& message) {
  std::optional<AckInfo> info = ParseAckSubject(message.subject);
  if (!info) {
    return;
  }
  // As in the reference: what was never delivered gets no answer to +ACK and +TERM, and a sequence
  // that is none only to +ACK.
  bool answers = info->stream_seq != 0;
  int64_t now = stream_.env().clock.steady_ns();
  pull_.NoteActivity(now);
  std::string_view body = message.payload;
  bool changes = false;
  if (body.empty() || body == "+ACK" || body == "+OK") {
    answers = changes = Acknowledge(*info, now, true);
  } else if (body.starts_with("+NXT")) {
    Acknowledge(*info, now, true);
    OnPull(message.reply, body.substr(4));
    return;
  } else if (body.starts_with("-NAK")) {
    Nak(*info, now, body.substr(4));
  } else if (body == "+WPI") {
    if (ledger_.Progress(info->stream_seq, now)) {
      MarkDirty();
      delivery_.Run();  // a long delay may have become a short wait
    }
  } else if (body.starts_with("+TERM")) {
    changes = answers && info->stream_seq <= ledger_.delivered().stream;
    if (Terminate(*info, now, TrimSpace(body.substr(5)), message.reply)) {
      return;
    }
    answers = changes;
  }
  if (answers && !message.reply.empty()) {
    AnswerAck(message.reply, changes);
  }
}

void Consumer::OnFlowControlAck(std::string_view headers) {
  auto number = [headers](std::string_view key) {
    auto text = protocol::FindHeader(headers, key);
    return text ? ParseNumber<uint64_t>(*text).value_or(0) : 0;
  };
  AckInfo info;
  info.stream_seq = number("Nats-Last-Stream");
  info.consumer_seq = number("Nats-Last-Consumer");
  if (info.stream_seq > 0) {
    Acknowledge(info, stream_.env().clock.steady_ns(), false);
  }
}

// Whether the ack was for something delivered; only then there is something to wait for.
bool Consumer::Acknowledge(const AckInfo& info, int64_t now_ns, bool sample) {
  StreamSeq seq = info.stream_seq;
  if (seq > ledger_.delivered().stream) {
    return false;
  }
  bool was_full = !ledger_.HasRoom();
  if (config_.ack_policy == AckPolicy::kExplicit) {
    if (sample && sample_percent_ > 0) {
      const AckLedger::Entry* entry = ledger_.Find(seq);
      Environment& env = stream_.env();
      if (entry != nullptr && env.random.Below(100) < static_cast<uint64_t>(sample_percent_)) {
        events_.AckSampled({info.consumer_seq, seq}, info.deliveries, now_ns - entry->delivered_ns);
      }
    }
    ledger_.Ack(seq);
    MessageDone(seq);
  } else {
    bool moved =
        ledger_.AckAll(seq, info.consumer_seq, [this](StreamSeq covered) { MessageDone(covered); });
    if (!moved) {
      return true;
    }
    MessageDone(seq);
  }
  last_acked_ns_ = now_ns;
  MarkDirty();
  if (was_full) {
    delivery_.Run();
  }
  return true;
}

void Consumer::MessageDone(StreamSeq seq) {
  if (retains_) {
    stream_.MessageDone(*this, seq);
  }
}

void Consumer::Nak(const AckInfo& info, int64_t now_ns, std::string_view argument) {
  Environment& env = stream_.env();
  std::optional<int64_t> delay = NakDelay(argument);
  if (!delay) {
    env.log.Warn("JetStream consumer '", stream_.name(), " > ", name_,
                 "' bad NAK delay value: ", Quoted(TrimSpace(argument)));
  }
  if (ledger_.Nak(info.stream_seq, info.consumer_seq, delay.value_or(0), now_ns)) {
    MarkDirty();
    events_.Naked({info.consumer_seq, info.stream_seq}, info.deliveries);
    delivery_.Run();
  }
}

bool Consumer::Terminate(const AckInfo& info, int64_t now_ns, std::string_view reason,
                         std::string_view reply) {
  const AckLedger::Entry* entry = ledger_.Find(info.stream_seq);
  bool letter = dead_letters_ != nullptr && entry != nullptr;
  if (letter) {
    uint32_t deliveries = entry->deliveries;
    ledger_.Hold(info.stream_seq);
    MarkDirty();
    dead_letters_->Send(info.stream_seq, {deliveries, DeadReason::kTerminated, std::string(reason),
                                          std::string(reply)});
  } else {
    Acknowledge(info, now_ns, false);
  }
  events_.Terminated({info.consumer_seq, info.stream_seq}, info.deliveries, reason);
  return letter;
}

void Consumer::OnDeadLetterDone(StreamSeq seq, const DeadLetter& letter) {
  bool was_full = !ledger_.HasRoom();
  ledger_.Ack(seq);
  MessageDone(seq);
  MarkDirty();
  if (!letter.reply.empty()) {
    AnswerAck(letter.reply, true);
  }
  if (was_full) {
    delivery_.Run();
  }
}

// An answered ack must survive a restart, so the answer waits for the state to be durable.
void Consumer::AnswerAck(std::string_view reply, bool when_durable) {
  Environment& env = stream_.env();
  if (!when_durable || !persistent_) {
    env.router.Publish(stream_.account(), Outbound{reply, {}, {}, {}});
    return;
  }
  FlushSoon();
  auto answer = [&router = env.router, account = stream_.account(),
                 to = std::string(reply)](const Status& status) {
    if (status.ok()) {
      router.Publish(account, Outbound{to, {}, {}, {}});
    }
  };
  if (env.options.sync_always) {
    stream_.WhenDurable(std::move(answer));
  } else {
    stream_.shard().WhenCommitted(std::move(answer));
  }
}

}  // namespace weir::jetstream
