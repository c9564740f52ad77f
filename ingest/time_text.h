#pragma once

#include <cstdint>
#include <string_view>

namespace weir::ingest {

// "2026-11-21T14:35:51.123456Z": UTC, always six digits (nanoseconds are cut), so that texts sort
// as times do. Remembers the last second: consecutive messages usually share it. Not thread-safe.
class TimeText {
 public:
  static constexpr size_t kSize = 27;

  // The view lives until the next call. Times outside the years 0 to 9999 are clamped.
  std::string_view FromNanoseconds(int64_t unix_ns);
  std::string_view FromMicroseconds(int64_t unix_us);

 private:
  void WriteSecond(int64_t second);

  int64_t second_ = INT64_MIN;
  char buffer_[kSize] = {};
};

}  // namespace weir::ingest
