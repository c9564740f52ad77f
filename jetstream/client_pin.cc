#include "jetstream/client_pin.h"

#include <utility>

#include "protocol/base/nuid.h"
#include "protocol/base/strings.h"

namespace weir::jetstream {

ClientPin::ClientPin(Environment& env, std::function<void(std::string_view)> changed)
    : env_(env), changed_(std::move(changed)), since_ns_(kZeroTime) {}

ClientPin::~ClientPin() {
  env_.timers.Cancel(timer_);
}

void ClientPin::Assign() {
  id_ = Nuid(env_.random);
  since_ns_ = env_.clock.wall_ns();
  Touch();
  changed_({});
}

void ClientPin::Touch() {
  env_.timers.Cancel(timer_);
  timer_ = env_.timers.Schedule(env_.clock.steady_ns() + timeout_ns_, [this] {
    timer_ = {};
    Release("timeout");
  });
}

void ClientPin::Release(std::string_view reason) {
  env_.timers.Cancel(timer_);
  id_.clear();
  since_ns_ = kZeroTime;
  changed_(reason);
}

}  // namespace weir::jetstream
