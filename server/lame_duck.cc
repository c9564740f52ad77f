#include "server/lame_duck.h"

#include <algorithm>
#include <utility>

namespace weir::server {

namespace {

constexpr int64_t kMaxIntervalNs = 1'000'000'000;

}  // namespace

LameDuck::LameDuck(ServerContext& context, const std::vector<std::unique_ptr<Worker>>& workers,
                   std::function<void()> done)
    : context_(context), workers_(workers), done_(std::move(done)) {}

int64_t LameDuck::Connected() const {
  int64_t total = 0;
  for (const auto& worker : workers_) {
    total += worker->connections();
  }
  return total;
}

void LameDuck::Start() {
  if (Connected() == 0) {
    done_();
    return;
  }
  for (const auto& worker : workers_) {
    worker->Post([w = worker.get()] {
      w->ForEachConnection([](Connection& connection) { connection.SendLameDuckInfo(); });
    });
  }
  Worker& home = *workers_.front();
  const LameDuckOptions& options = context_.options.lame_duck;
  home.timers().Schedule(home.now_ns() + options.grace_period_ns, [this, &options] {
    int64_t left = Connected();
    if (left == 0) {
      done_();
      return;
    }
    context_.log.Info("Closing existing clients");
    int64_t spread = options.duration_ns - options.grace_period_ns;
    CloseNext(std::min(spread / left, kMaxIntervalNs));
  });
}

void LameDuck::CloseNext(int64_t interval_ns) {
  if (Connected() == 0) {
    done_();
    return;
  }
  const auto& fullest = *std::max_element(
      workers_.begin(), workers_.end(),
      [](const auto& a, const auto& b) { return a->connections() < b->connections(); });
  fullest->Post([w = fullest.get()] { w->CloseOne(CloseReason::kServerShutdown); });
  Worker& home = *workers_.front();
  auto half = static_cast<uint64_t>(std::max<int64_t>(interval_ns / 2, 1));
  int64_t wait = static_cast<int64_t>(half + home.random().Below(half));
  home.timers().Schedule(home.now_ns() + wait, [this, interval_ns] { CloseNext(interval_ns); });
}

}  // namespace weir::server
