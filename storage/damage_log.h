#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/log.h"
#include "protocol/base/mutex.h"

namespace weir::storage {

// What was found wrong with a store, one line each.
struct Findings {
  std::vector<std::string> mended;  // and nothing was lost
  std::vector<std::string> damage;  // something may be lost
};

// What is known to be damaged in a store since it was opened: for the log at once, for health pages
// and metrics when they ask. Thread-safe.
class DamageLog {
 public:
  explicit DamageLog(Log* log) : log_(log) {}

  // Something is lost or may be.
  void Add(std::string_view line);
  // Something was wrong and is right again.
  void AddMended(std::string_view line);
  void Add(const Findings& findings);

  uint64_t damaged() const;
  uint64_t mended() const;
  // The first ones; a store that is wholly broken must not fill the memory.
  std::vector<std::string> lines() const;

 private:
  static constexpr size_t kMaxLines = 100;

  Log* const log_;
  mutable Mutex mu_;
  uint64_t damaged_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t mended_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

}  // namespace weir::storage
