#pragma once

// What a Nats-Schedule header says (jetstream-api.md 5.8). Times are Unix nanoseconds.

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/time/time.h"

namespace weir::jetstream {

struct Firing {
  int64_t at_ns = 0;
  bool repeats = false;
};

// The first firing after `from_ns` of "@at <time>", "@every <duration>", a cron pattern or one of
// its names; what would have to be made up for is skipped. `zone` only goes with cron patterns.
// nullopt: no such pattern.
std::optional<Firing> NextFiring(std::string_view pattern, std::optional<absl::TimeZone> zone,
                                 int64_t from_ns, int64_t now_ns);

// By IANA's name. nullopt: there is none.
std::optional<absl::TimeZone> FindZone(std::string_view name);

}  // namespace weir::jetstream
