#pragma once

// The subjects that JetStream makes up: acks, pull requests, flow control, advisories
// (jetstream-api.md 2, 9.6, 9.8, 11).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/ids.h"

namespace weir::jetstream {

struct Environment;

// What an ack subject says of the delivery that it answers.
struct AckInfo {
  uint64_t deliveries = 0;
  StreamSeq stream_seq = 0;
  ConsumerSeq consumer_seq = 0;
  int64_t time_ns = 0;  // of the message
  uint64_t pending = 0;
};

// Subjects of acks and of flow control have two formats: the longer one has a scope in front of the
// stream, "<domain or _>.<hash of the account>.", the shorter one none. A consumer listens to both.
std::string LongScope(const Environment& env, AccountId account);
// The scope of what is sent: of the format that the options ask for.
std::string SentScope(const Environment& env, AccountId account);

// Builds the reply subject of a delivery,
// "$JS.ACK.<scope><stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>",
// into a buffer of its own: the prefix is written once per consumer, numbers are appended per
// message.
class AckSubjectBuilder {
 public:
  AckSubjectBuilder(std::string_view stream, std::string_view consumer,
                    std::string_view scope = {});
  // Valid until the next call.
  std::string_view Build(const AckInfo& info);

 private:
  std::string buffer_;
  size_t prefix_size_;
};

// Parses both ack subject formats, 9 tokens and 11 or more; nullopt on anything else.
std::optional<AckInfo> ParseAckSubject(std::string_view subject);

// What a consumer subscribes to.
std::string AckPattern(std::string_view stream, std::string_view consumer,
                       std::string_view scope = {});
std::string PullSubject(std::string_view stream, std::string_view consumer);
std::string ResetSubject(std::string_view stream, std::string_view consumer);
// With the trailing dot: "$JS.FC.<scope><stream>.<consumer>.".
std::string FlowControlPrefix(std::string_view stream, std::string_view consumer,
                              std::string_view scope = {});

// Eight letters and digits that are always the same for the same text.
std::string StableName(std::string_view text);
// What tells a stream from another one of the same name: made from the time of its creation.
std::string StreamIdentity(int64_t created_ns);

// "$JS.EVENT.ADVISORY.CONSUMER.<event>.<stream>.<consumer>".
std::string ConsumerAdvisorySubject(std::string_view event, std::string_view stream,
                                    std::string_view consumer);
// "$JS.EVENT.METRIC.CONSUMER.ACK.<stream>.<consumer>".
std::string AckMetricSubject(std::string_view stream, std::string_view consumer);

}  // namespace weir::jetstream
