#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>
#include <string_view>

#include "ingest/pipeline_status.h"

namespace weir::ingest {

// Shows how an export advances: one line that redraws itself on a terminal, a plain line every few
// seconds otherwise, or one JSON object per change. One export at a time, one thread.
class Progress {
 public:
  enum class Mode : uint8_t { kBar, kLines, kJson, kNone };

  Progress(Mode mode, std::FILE* out) : mode_(mode), out_(out) {}

  // A bar when `out` is a terminal, else lines.
  static Mode ModeFor(std::FILE* out);

  void Update(const PipelineStatus& status, int64_t now_ns);
  // The last words: what was done, or why not. Ends the bar's line.
  void Finish(const PipelineStatus& status);
  // A remark in between ("the server is gone, trying again").
  void Say(std::string_view text);

  // Pieces, for tests and for `status`.
  static std::string Summary(const PipelineStatus& status);
  std::string Line(const PipelineStatus& status) const;
  double rows_per_second() const;

 private:
  struct Sample {
    int64_t at_ns;
    uint64_t rows;
    StreamSeq position;
  };
  double PositionsPerSecond() const;
  std::string Bar(const PipelineStatus& status) const;
  void ClearBar();

  const Mode mode_;
  std::FILE* const out_;
  std::deque<Sample> samples_;  // of the last seconds
  int64_t last_line_ns_ = 0;
  bool bar_shown_ = false;
};

// "336,776".
std::string Grouped(uint64_t number);

}  // namespace weir::ingest
