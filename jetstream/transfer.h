#pragma once

#include <cstdint>

#include "jetstream/environment.h"

namespace weir::jetstream {

// A backup or a restore: something that receives messages for many turns and that nobody else
// keeps. Belongs to its shard, which gives it a number to find it by; gives back subscriptions and
// timers when it is destroyed.
class Transfer : public Sink {
 public:
  using Id = uint64_t;
};

}  // namespace weir::jetstream
