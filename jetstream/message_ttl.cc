#include "jetstream/message_ttl.h"

#include "protocol/base/strings.h"
#include "protocol/headers.h"

namespace weir::jetstream {

namespace {

constexpr int64_t kSecond = 1'000'000'000;

}  // namespace

std::optional<MessageTtl> ParseMessageTtl(std::string_view text) {
  if (EqualsIgnoreCase(text, "never")) {
    return MessageTtl{.never = true};
  }
  if (auto seconds = ParseNumber<int64_t>(text)) {
    if (*seconds < 1 || *seconds > INT64_MAX / kSecond) {
      return std::nullopt;
    }
    return MessageTtl{.ns = *seconds * kSecond};
  }
  auto duration = ParseDuration(text);
  if (!duration || *duration < kSecond) {
    return std::nullopt;
  }
  return MessageTtl{.ns = *duration};
}

std::string WithMessageTtl(std::string_view headers, int64_t ttl_ns) {
  constexpr std::string_view kTtl = "Nats-TTL";
  return protocol::WithHeader(protocol::WithoutHeader(headers, kTtl), kTtl, Cat(ttl_ns / kSecond));
}

}  // namespace weir::jetstream
