#include "jetstream/cron.h"

#include <array>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"

#include "protocol/base/strings.h"

namespace weir::jetstream {

namespace {

struct Bounds {
  unsigned low;
  unsigned high;
  std::string_view names;  // three letters each, the first one is `low`
};

constexpr std::array<Bounds, 6> kBounds{{
    {0, 59, {}},
    {0, 59, {}},
    {0, 23, {}},
    {1, 31, {}},
    {1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    {0, 6, "sunmontuewedthufrisat"},
}};

// A field: a bit for each number, and whether it leaves the choice to the other field of days.
struct Field {
  uint64_t bits = 0;
  bool any = false;

  bool Has(int64_t number) const { return (bits >> static_cast<unsigned>(number) & 1) != 0; }
};

std::optional<unsigned> ReadNumber(std::string_view text, const Bounds& bounds) {
  if (text.size() == 3) {
    size_t at = bounds.names.find(ToLower(text));
    if (at != std::string_view::npos && at % 3 == 0) {
      return bounds.low + static_cast<unsigned>(at / 3);
    }
  }
  return ParseNumber<unsigned>(text);
}

// "*", "5", "5-9", "*/2", "5/2", "5-9/2".
bool ReadRange(std::string_view text, const Bounds& bounds, Field& field) {
  auto halves = Split(text, '/');
  auto ends = Split(halves[0], '-');
  if (halves.size() > 2 || ends.size() > 2) {
    return false;
  }
  bool any = ends[0] == "*" || ends[0] == "?";
  unsigned low = bounds.low;
  unsigned high = bounds.high;
  if (!any) {
    auto first = ReadNumber(ends[0], bounds);
    auto last = ReadNumber(ends.back(), bounds);
    if (!first || !last) {
      return false;
    }
    low = *first;
    high = *last;
  }
  unsigned step = 1;
  if (halves.size() == 2) {
    auto wanted = ParseNumber<unsigned>(halves[1]);
    if (!wanted || *wanted == 0) {
      return false;
    }
    step = *wanted;
    high = ends.size() == 1 ? bounds.high : high;
  }
  if (low < bounds.low || high > bounds.high || low > high) {
    return false;
  }
  for (unsigned i = low; i <= high; i += step) {
    field.bits |= 1ULL << i;
  }
  field.any = field.any || (any && step == 1);
  return true;
}

std::optional<std::array<Field, 6>> ReadPattern(std::string_view pattern) {
  std::array<Field, 6> fields;
  size_t count = 0;
  for (std::string_view text : Split(pattern, ' ')) {
    if (text.empty()) {
      continue;
    }
    if (count == fields.size()) {
      return std::nullopt;
    }
    for (std::string_view range : Split(text, ',')) {
      if (!range.empty() && !ReadRange(range, kBounds[count], fields[count])) {
        return std::nullopt;
      }
    }
    ++count;
  }
  return count == fields.size() ? std::optional(fields) : std::nullopt;
}

bool DayMatches(const Field& of_month, const Field& of_week, absl::CivilDay day) {
  int weekday = (static_cast<int>(absl::GetWeekday(day)) + 1) % 7;  // Monday is absl's first
  bool month = of_month.Has(day.day());
  bool week = of_week.Has(weekday);
  return of_month.any || of_week.any ? month && week : month || week;
}

}  // namespace

std::optional<absl::Time> NextCron(std::string_view pattern, absl::TimeZone zone,
                                   absl::Time after) {
  auto fields = ReadPattern(pattern);
  if (!fields) {
    return std::nullopt;
  }
  const auto& [second, minute, hour, of_month, month, of_week] = *fields;
  absl::Time next = absl::FromUnixSeconds(absl::ToUnixSeconds(after)) + absl::Seconds(1);
  auto civil = [&] {
    return zone.At(next).cs;
  };
  auto last_year = civil().year() + 5;
  // Each step goes to the start of the next unit that may match; a carry starts over.
  while (civil().year() <= last_year) {
    absl::CivilSecond at = civil();
    if (!month.Has(at.month())) {
      next = absl::FromCivil(absl::CivilMonth(at) + 1, zone);
    } else if (!DayMatches(of_month, of_week, absl::CivilDay(at))) {
      next = absl::FromCivil(absl::CivilDay(at) + 1, zone);
    } else if (!hour.Has(at.hour())) {
      // Along the clock's seconds, so that an hour that exists twice is passed twice.
      next += absl::Seconds(3600 - at.minute() * 60 - at.second());
    } else if (!minute.Has(at.minute())) {
      next += absl::Seconds(60 - at.second());
    } else if (!second.Has(at.second())) {
      next += absl::Seconds(1);
    } else {
      return next;
    }
  }
  return std::nullopt;
}

}  // namespace weir::jetstream
