#pragma once

#include <cstdint>
#include <string>

namespace weir {

// A fast pseudo-random generator (xoshiro256**), seeded by the operating system unless a seed is
// given. Not for secrets. Not thread-safe: one per home.
class Random {
 public:
  Random();
  explicit Random(uint64_t seed);
  uint64_t Next();
  // Uniform in [0, bound); bound > 0.
  uint64_t Below(uint64_t bound);

 private:
  uint64_t state_[4];
};

// `length` characters of 0-9A-Za-z.
std::string RandomName(Random& random, size_t length);

// A NUID: 22 characters, unique in practice; used for ids on the wire (advisories, pins, inboxes).
inline std::string Nuid(Random& random) {
  return RandomName(random, 22);
}

}  // namespace weir
