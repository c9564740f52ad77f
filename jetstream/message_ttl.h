#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::jetstream {

// How long a message lives by its own wish (jetstream-api.md 5.10).
struct MessageTtl {
  bool never = false;  // exempt from max_age
  int64_t ns = 0;
};

// The value of a Nats-TTL header: whole seconds, a Go duration of at least a second, or "never".
// nullopt: invalid.
std::optional<MessageTtl> ParseMessageTtl(std::string_view text);

// The header block with a Nats-TTL of so many whole seconds, behind the other lines, as the
// reference stores a message that wanted to live shorter than the stream's delete markers.
std::string WithMessageTtl(std::string_view headers, int64_t ttl_ns);

}  // namespace weir::jetstream
