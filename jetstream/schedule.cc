#include "jetstream/schedule.h"

#include <string>
#include <utility>

#include "jetstream/cron.h"
#include "protocol/base/strings.h"

namespace weir::jetstream {

namespace {

constexpr int64_t kSecond = 1'000'000'000;

int64_t ToWholeSecond(int64_t ns) {
  return (ns + kSecond / 2) / kSecond * kSecond;
}

constexpr std::pair<std::string_view, std::string_view> kNames[] = {
    {"@yearly", "0 0 0 1 1 *"}, {"@annually", "0 0 0 1 1 *"}, {"@monthly", "0 0 0 1 * *"},
    {"@weekly", "0 0 0 * * 0"}, {"@daily", "0 0 0 * * *"},    {"@midnight", "0 0 0 * * *"},
    {"@hourly", "0 0 * * * *"},
};

}  // namespace

std::optional<Firing> NextFiring(std::string_view pattern, std::optional<absl::TimeZone> zone,
                                 int64_t from_ns, int64_t now_ns) {
  constexpr std::string_view kAt = "@at ";
  constexpr std::string_view kEvery = "@every ";
  if (pattern.starts_with(kAt)) {
    auto time = zone ? std::nullopt : ParseTime(pattern.substr(kAt.size()));
    return time ? std::optional(Firing{*time, false}) : std::nullopt;
  }
  if (pattern.starts_with(kEvery)) {
    auto every = zone ? std::nullopt : ParseDuration(pattern.substr(kEvery.size()));
    if (!every || *every < kSecond) {
      return std::nullopt;
    }
    int64_t next = ToWholeSecond(from_ns) + *every;
    return Firing{next < now_ns ? ToWholeSecond(now_ns) + *every : next, true};
  }
  for (const auto& [name, meaning] : kNames) {
    if (pattern == name) {
      pattern = meaning;
    }
  }
  absl::TimeZone where = zone.value_or(absl::UTCTimeZone());
  auto next = NextCron(pattern, where, absl::FromUnixNanos(from_ns));
  if (next && absl::ToUnixNanos(*next) < now_ns) {
    next = NextCron(pattern, where, absl::FromUnixNanos(ToWholeSecond(now_ns)));
  }
  return next ? std::optional(Firing{absl::ToUnixNanos(*next), true}) : std::nullopt;
}

std::optional<absl::TimeZone> FindZone(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.front() == '\\' ||
      name.find("..") != std::string_view::npos) {
    return std::nullopt;
  }
  absl::TimeZone zone;
  return absl::LoadTimeZone(std::string(name), &zone) ? std::optional(zone) : std::nullopt;
}

}  // namespace weir::jetstream
