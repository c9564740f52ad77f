#include "server/pages.h"

#include <utility>

#include "server/gather.h"
#include "server/jetstream_part.h"

namespace weir::server {

bool PageSources::jetstream_on() const {
  return jetstream != nullptr && jetstream->running();
}

void WritePageHead(JsonWriter& out, const ServerContext& context) {
  out.Field("server_id", context.identity.id);
  out.Key("now").Time(context.clock.wall_ns());
}

std::string ShortDuration(int64_t nanoseconds) {
  constexpr int64_t kMinute = 60;
  constexpr int64_t kHour = 60 * kMinute;
  constexpr int64_t kDay = 24 * kHour;
  constexpr int64_t kYear = 365 * kDay;
  int64_t seconds = std::max<int64_t>(nanoseconds, 0) / 1'000'000'000;
  std::string out;
  bool started = false;
  for (auto [unit, letter] : {std::pair{kYear, 'y'}, {kDay, 'd'}, {kHour, 'h'}, {kMinute, 'm'}}) {
    started |= seconds >= unit;
    if (started) {
      CatTo(out, seconds / unit, letter);
      seconds %= unit;
    }
  }
  CatTo(out, seconds, 's');
  return out;
}

void GatherTraffic(const PageSources& sources, std::function<void(const TrafficTotals&)> done) {
  Gather(
      sources.workers,
      [](Worker& worker) {
        TrafficTotals totals;
        worker.ForEachConnection([&totals](const Connection& each) { totals.Add(each); });
        return totals;
      },
      [&counters = sources.context.counters,
       done = std::move(done)](const std::vector<TrafficTotals>& answers) {
        TrafficTotals all{.in_msgs = counters.in_msgs.load(std::memory_order_relaxed),
                          .in_bytes = counters.in_bytes.load(std::memory_order_relaxed),
                          .out_msgs = counters.out_msgs.load(std::memory_order_relaxed),
                          .out_bytes = counters.out_bytes.load(std::memory_order_relaxed),
                          .stalls = counters.stalls.load(std::memory_order_relaxed)};
        for (const TrafficTotals& each : answers) {
          all.Add(each);
        }
        done(all);
      });
}

size_t CountSubscriptions(const ServerContext& context) {
  size_t total = 0;
  context.accounts.ForEach(
      [&total](const Account& account) { total += account.subscriptions().size(); });
  return total;
}

}  // namespace weir::server
