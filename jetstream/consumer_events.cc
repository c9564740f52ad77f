#include "jetstream/consumer_events.h"

#include <utility>

#include "jetstream/js_subjects.h"
#include "protocol/base/nuid.h"

namespace weir::jetstream {

ConsumerEvents::ConsumerEvents(Environment& env, AccountId account, std::string stream,
                               std::string consumer)
    : env_(env), account_(account), stream_(std::move(stream)), consumer_(std::move(consumer)) {}

void ConsumerEvents::PublishAll(std::string_view subject, std::string_view type, Fields fields) {
  if (!env_.router.HasInterest(account_, subject)) {
    return;
  }
  JsonWriter out;
  out.OpenObject().Field("type", Cat("io.nats.jetstream.", type));
  out.Field("id", Nuid(env_.random)).Key("timestamp").Time(env_.clock.wall_ns());
  fields(out);
  out.CloseObject();
  env_.router.Publish(account_, Outbound{subject, {}, {}, out.text()});
}

void ConsumerEvents::Publish(std::string_view subject, std::string_view type, Fields fields) {
  PublishAll(subject, type, [&](JsonWriter& out) {
    out.Field("stream", stream_).Field("consumer", consumer_);
    fields(out);
    out.Optional("domain", env_.options.domain);
  });
}

void ConsumerEvents::PublishPin(std::string_view event, std::string_view type,
                                std::string_view group, Fields last) {
  PublishAll(ConsumerAdvisorySubject(event, stream_, consumer_), Cat("advisory.v1.", type),
             [&](JsonWriter& out) {
               out.Field("account", env_.accounts.NameOf(account_));
               out.Field("stream", stream_).Field("consumer", consumer_);
               out.Optional("domain", env_.options.domain).Field("group", group);
               last(out);
             });
}

void ConsumerEvents::Pinned(std::string_view group, std::string_view pin_id) {
  PublishPin("PINNED", "consumer_group_pinned", group,
             [pin_id](JsonWriter& out) { out.Field("pinned_id", pin_id); });
}

void ConsumerEvents::Unpinned(std::string_view group, std::string_view reason) {
  PublishPin("UNPINNED", "consumer_group_unpinned", group,
             [reason](JsonWriter& out) { out.Field("reason", reason); });
}

void ConsumerEvents::PublishAdvisory(std::string_view event, std::string_view type, Fields fields) {
  Publish(ConsumerAdvisorySubject(event, stream_, consumer_), Cat("advisory.v1.", type), fields);
}

void ConsumerEvents::Action(std::string_view event, std::string_view action) {
  PublishAdvisory(event, "consumer_action",
                  [action](JsonWriter& out) { out.Field("action", action); });
}

void ConsumerEvents::Paused(bool paused, int64_t until_ns) {
  PublishAdvisory("PAUSE", "consumer_pause", [=](JsonWriter& out) {
    out.Field("paused", paused).Key("pause_until").Time(until_ns);
  });
}

void ConsumerEvents::Exceeded(StreamSeq seq, uint64_t deliveries) {
  PublishAdvisory("MAX_DELIVERIES", "max_deliver", [=](JsonWriter& out) {
    out.Field("stream_seq", seq).Field("deliveries", deliveries);
  });
}

void ConsumerEvents::Naked(const SequencePair& at, uint64_t deliveries) {
  PublishAdvisory("MSG_NAKED", "nak", [&](JsonWriter& out) {
    out.Field("consumer_seq", at.consumer).Field("stream_seq", at.stream);
    out.Field("deliveries", deliveries);
  });
}

void ConsumerEvents::Terminated(const SequencePair& at, uint64_t deliveries,
                                std::string_view reason) {
  PublishAdvisory("MSG_TERMINATED", "terminated", [&](JsonWriter& out) {
    out.Field("consumer_seq", at.consumer).Field("stream_seq", at.stream);
    out.Field("deliveries", deliveries).Optional("reason", reason);
  });
}

void ConsumerEvents::AckSampled(const SequencePair& at, uint64_t deliveries, int64_t ack_time_ns) {
  Publish(AckMetricSubject(stream_, consumer_), "metric.v1.consumer_ack", [&](JsonWriter& out) {
    out.Field("consumer_seq", at.consumer).Field("stream_seq", at.stream);
    out.Field("ack_time", ack_time_ns).Field("deliveries", deliveries);
  });
}

}  // namespace weir::jetstream
