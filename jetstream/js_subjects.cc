#include "jetstream/js_subjects.h"

#include <array>
#include <charconv>

#include "jetstream/environment.h"
#include "protocol/base/strings.h"
#include "protocol/subject.h"
#include "protocol/subject_transform.h"

namespace weir::jetstream {

namespace {

constexpr size_t kShortTokens = 9;
constexpr size_t kLongTokens = 11;
// Five decimal numbers of 64 bits and the dots between them.
constexpr size_t kNumbersSize = 5 * 20 + 4;

// The reference reads a token that is not a number as -1; as a sequence that is never in flight.
uint64_t NumberOf(std::string_view token) {
  return ParseNumber<uint64_t>(token).value_or(UINT64_MAX);
}

}  // namespace

std::string LongScope(const Environment& env, AccountId account) {
  std::string_view domain = env.options.domain;
  return Cat(domain.empty() ? "_" : domain, '.', env.accounts.HashOf(account), '.');
}

std::string SentScope(const Environment& env, AccountId account) {
  return env.options.long_ack_subjects ? LongScope(env, account) : std::string();
}

AckSubjectBuilder::AckSubjectBuilder(std::string_view stream, std::string_view consumer,
                                     std::string_view scope)
    : buffer_(Cat("$JS.ACK.", scope, stream, '.', consumer, '.')), prefix_size_(buffer_.size()) {
  buffer_.resize(prefix_size_ + kNumbersSize);
}

std::string_view AckSubjectBuilder::Build(const AckInfo& info) {
  char* at = buffer_.data() + prefix_size_;
  char* end = buffer_.data() + buffer_.size();
  at = std::to_chars(at, end, info.deliveries).ptr;
  *at++ = '.';
  at = std::to_chars(at, end, info.stream_seq).ptr;
  *at++ = '.';
  at = std::to_chars(at, end, info.consumer_seq).ptr;
  *at++ = '.';
  at = std::to_chars(at, end, info.time_ns).ptr;
  *at++ = '.';
  at = std::to_chars(at, end, info.pending).ptr;
  return {buffer_.data(), static_cast<size_t>(at - buffer_.data())};
}

std::optional<AckInfo> ParseAckSubject(std::string_view subject) {
  std::array<std::string_view, kLongTokens> tokens;
  size_t count = 0;
  for (protocol::TokenCursor cursor(subject); cursor.Next(); ++count) {
    if (count < tokens.size()) {
      tokens[count] = cursor.token();
    }
  }
  if ((count != kShortTokens && count < kLongTokens) || tokens[0] != "$JS" || tokens[1] != "ACK") {
    return std::nullopt;
  }
  size_t first = count == kShortTokens ? 4 : 6;
  AckInfo info;
  info.deliveries = NumberOf(tokens[first]);
  info.stream_seq = NumberOf(tokens[first + 1]);
  info.consumer_seq = NumberOf(tokens[first + 2]);
  info.time_ns = ParseNumber<int64_t>(tokens[first + 3]).value_or(-1);
  info.pending = NumberOf(tokens[first + 4]);
  return info;
}

// More tokens than there are numbers may follow in the longer format.
std::string AckPattern(std::string_view stream, std::string_view consumer, std::string_view scope) {
  return Cat("$JS.ACK.", scope, stream, '.', consumer, scope.empty() ? ".*.*.*.*.*" : ".*.*.*.*.>");
}

std::string PullSubject(std::string_view stream, std::string_view consumer) {
  return Cat("$JS.API.CONSUMER.MSG.NEXT.", stream, '.', consumer);
}

std::string ResetSubject(std::string_view stream, std::string_view consumer) {
  return Cat("$JS.API.CONSUMER.RESET.", stream, '.', consumer);
}

std::string FlowControlPrefix(std::string_view stream, std::string_view consumer,
                              std::string_view scope) {
  return Cat("$JS.FC.", scope, stream, '.', consumer, '.');
}

std::string ConsumerAdvisorySubject(std::string_view event, std::string_view stream,
                                    std::string_view consumer) {
  return Cat("$JS.EVENT.ADVISORY.CONSUMER.", event, '.', stream, '.', consumer);
}

std::string AckMetricSubject(std::string_view stream, std::string_view consumer) {
  return Cat("$JS.EVENT.METRIC.CONSUMER.ACK.", stream, '.', consumer);
}

std::string StableName(std::string_view text) {
  constexpr std::string_view kDigits =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr size_t kSize = 8;
  uint32_t low = protocol::Fnv1a(text);
  uint64_t hash = (static_cast<uint64_t>(protocol::Fnv1a(text, low)) << 32) | low;
  std::string out;
  for (size_t i = 0; i < kSize; ++i) {
    out.push_back(kDigits[hash % kDigits.size()]);
    hash /= kDigits.size();
  }
  return out;
}

std::string StreamIdentity(int64_t created_ns) {
  return StableName(Cat(created_ns));
}

}  // namespace weir::jetstream
