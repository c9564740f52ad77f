#include "jetstream/api_queue.h"

#include <cstdint>
#include <utility>

#include "jetstream/advisory.h"

namespace weir::jetstream {

namespace {

constexpr size_t kAtOnce = 64;
constexpr std::string_view kLimitReached = "$JS.EVENT.ADVISORY.API.LIMIT_REACHED";

}  // namespace

ApiQueue::ApiQueue(Environment& env) : env_(env) {}

void ApiQueue::Push(bool only_asks, Work work) {
  std::deque<Work>& queue = only_asks ? infos_ : requests_;
  int64_t limit = only_asks ? env_.options.info_queue_limit : env_.options.request_queue_limit;
  queue.push_back(std::move(work));
  if (static_cast<int64_t>(queue.size()) >= limit) {
    Drop(queue, only_asks ? "JetStream API info queue" : "JetStream API queue");
  } else {
    RunLater();
  }
}

void ApiQueue::Drop(std::deque<Work>& queue, std::string_view name) {
  size_t dropped = queue.size();
  queue.clear();
  env_.log.Warn(name, " limit reached, dropping ", dropped, " requests");
  if (!env_.router.HasInterest(kSystemAccount, kLimitReached)) {
    return;
  }
  JsonWriter out = StartAdvisory(env_, "api_limit_reached");
  out.Field("server", env_.server.name).Optional("domain", env_.options.domain);
  out.Field("dropped", dropped);
  PublishAdvisory(env_, kSystemAccount, kLimitReached, out);
}

void ApiQueue::RunLater() {
  if (!std::exchange(posted_, true)) {
    env_.executor.Post([this] { Run(); });
  }
}

void ApiQueue::Run() {
  posted_ = false;
  for (size_t i = 0; i < kAtOnce; ++i) {
    std::deque<Work>& queue = requests_.empty() ? infos_ : requests_;
    if (queue.empty()) {
      return;
    }
    Work work = std::move(queue.front());
    queue.pop_front();
    std::move(work)();
  }
  RunLater();
}

}  // namespace weir::jetstream
