#pragma once

#include <cstdint>

#include "absl/functional/any_invocable.h"

namespace weir {

using Task = absl::AnyInvocable<void() &&>;

// The way to run something at an object's home (a worker, or a test's manual queue). Thread-safe.
// Tasks posted from one thread run in the order in which they were posted. A task posted from the
// home itself runs after the current event, never inside Post().
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void Post(Task task) = 0;
};

// Time, so that tests can move it by hand. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t steady_ns() const = 0;  // for intervals and timers
  virtual int64_t wall_ns() const = 0;    // Unix time, for what users see
};

}  // namespace weir
