#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/base/nuid.h"
#include "protocol/base/strings.h"
#include "tests/support/disk_home.h"

namespace weir::testing {

// One kind of thing that happens to an Episode, and how often it does beside the others.
template <typename Episode>
struct RandomStep {
  uint64_t weight;
  void (Episode::*step)();
  const char* name;
};

// Takes steps at random and remembers their names, for a failure.
template <typename Episode>
class RandomSteps {
 public:
  explicit RandomSteps(std::vector<RandomStep<Episode>> steps) : steps_(std::move(steps)) {}

  void TakeOne(Episode& episode, Random& random) {
    uint64_t sum = 0;
    for (const auto& step : steps_) {
      sum += step.weight;
    }
    uint64_t pick = random.Below(sum);
    for (const auto& step : steps_) {
      if (pick < step.weight) {
        done_.emplace_back(step.name);
        (episode.*step.step)();
        return;
      }
      pick -= step.weight;
    }
  }
  std::string LastOnes() const {
    size_t from = done_.size() > 12 ? done_.size() - 12 : 0;
    return Join(std::vector<std::string>(done_.begin() + static_cast<ptrdiff_t>(from), done_.end()),
                "; ");
  }

 private:
  const std::vector<RandomStep<Episode>> steps_;
  std::vector<std::string> done_;
};

// An Episode is a stream of its own with everything that happens to it: made of a DiskHome and a
// seed, it has Step() and History(). Ends at the first failure, which names its seed;
// WEIR_ORACLE_SEED runs that one alone.
template <typename Episode>
void RunEpisodes(uint64_t first_seed, int episodes, int steps_each) {
  const char* only = std::getenv("WEIR_ORACLE_SEED");
  uint64_t first = only == nullptr ? first_seed : std::strtoull(only, nullptr, 10);
  uint64_t end = first + (only == nullptr ? static_cast<uint64_t>(episodes) : 1);
  std::printf("seeds %llu to %llu\n", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(end - 1));
  DiskHome home;
  for (uint64_t seed = first; seed < end; ++seed) {
    Episode episode(home, seed);
    for (int step = 1; step <= steps_each; ++step) {
      episode.Step();
      ASSERT_FALSE(::testing::Test::HasFailure())
          << "seed " << seed << ", step " << step << ": " << episode.History();
    }
  }
}

}  // namespace weir::testing
