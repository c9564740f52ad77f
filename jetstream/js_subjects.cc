#include "jetstream/js_subjects.h"

#include <array>
#include <charconv>

#include "protocol/base/strings.h"
#include "protocol/subject.h"

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

AckSubjectBuilder::AckSubjectBuilder(std::string_view stream, std::string_view consumer)
    : buffer_(Cat("$JS.ACK.", stream, '.', consumer, '.')), prefix_size_(buffer_.size()) {
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

std::string AckPattern(std::string_view stream, std::string_view consumer) {
  return Cat("$JS.ACK.", stream, '.', consumer, ".*.*.*.*.*");
}

std::string PullSubject(std::string_view stream, std::string_view consumer) {
  return Cat("$JS.API.CONSUMER.MSG.NEXT.", stream, '.', consumer);
}

std::string ResetSubject(std::string_view stream, std::string_view consumer) {
  return Cat("$JS.API.CONSUMER.RESET.", stream, '.', consumer);
}

std::string FlowControlPrefix(std::string_view stream, std::string_view consumer) {
  return Cat("$JS.FC.", stream, '.', consumer, '.');
}

std::string ConsumerAdvisorySubject(std::string_view event, std::string_view stream,
                                    std::string_view consumer) {
  return Cat("$JS.EVENT.ADVISORY.CONSUMER.", event, '.', stream, '.', consumer);
}

std::string AckMetricSubject(std::string_view stream, std::string_view consumer) {
  return Cat("$JS.EVENT.METRIC.CONSUMER.ACK.", stream, '.', consumer);
}

}  // namespace weir::jetstream
