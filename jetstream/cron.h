#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/time/time.h"

namespace weir::jetstream {

// The first second after `after` that a pattern of six fields names (second, minute, hour, day of
// the month, month, day of the week; numbers, names, lists, ranges, steps), as seen in `zone`.
// nullopt: no such pattern, or nothing within five years.
std::optional<absl::Time> NextCron(std::string_view pattern, absl::TimeZone zone, absl::Time after);

}  // namespace weir::jetstream
