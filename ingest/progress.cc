#include "ingest/progress.h"

#include <algorithm>
#include <cmath>

#include <boost/json/serialize.hpp>
#include <unistd.h>

#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kWindow = 5 * kSecond;     // that rates are taken over
constexpr int64_t kLineEvery = 2 * kSecond;  // without a terminal
constexpr size_t kBarWidth = 24;

std::string Seconds(double seconds) {
  if (seconds < 10) {
    return Cat(std::round(seconds * 10) / 10, "s");
  }
  auto whole = static_cast<int64_t>(seconds);
  if (whole < 120) {
    return Cat(whole, "s");
  }
  if (whole < 7200) {
    return Cat(whole / 60, "m", whole % 60, "s");
  }
  return Cat(whole / 3600, "h", whole / 60 % 60, "m");
}

std::string Rate(double per_second) {
  return Cat(Grouped(static_cast<uint64_t>(per_second)), " rows/s");
}

// 0 to 1; negative when the end is open.
double Share(const PipelineStatus& status) {
  if (status.target_seq == 0) {
    return -1;
  }
  if (status.target_seq <= status.start_seq) {
    return 1;
  }
  double all = static_cast<double>(status.target_seq - status.start_seq);
  double done = static_cast<double>(status.position - std::min(status.position, status.start_seq));
  return std::min(1.0, done / all);
}

}  // namespace

std::string Grouped(uint64_t number) {
  std::string digits = Cat(number);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

Progress::Mode Progress::ModeFor(std::FILE* out) {
  return isatty(fileno(out)) == 1 ? Mode::kBar : Mode::kLines;
}

double Progress::rows_per_second() const {
  if (samples_.size() < 2 || samples_.back().at_ns <= samples_.front().at_ns) {
    return 0;
  }
  return static_cast<double>(samples_.back().rows - samples_.front().rows) * 1e9 /
         static_cast<double>(samples_.back().at_ns - samples_.front().at_ns);
}

double Progress::PositionsPerSecond() const {
  if (samples_.size() < 2 || samples_.back().at_ns <= samples_.front().at_ns) {
    return 0;
  }
  return static_cast<double>(samples_.back().position - samples_.front().position) * 1e9 /
         static_cast<double>(samples_.back().at_ns - samples_.front().at_ns);
}

std::string Progress::Bar(const PipelineStatus& status) const {
  double share = Share(status);
  if (share < 0) {
    return {};
  }
  auto full = static_cast<size_t>(share * kBarWidth);
  std::string bar(full, '#');
  bar.append(kBarWidth - full, '.');
  return Cat("[", bar, "] ", static_cast<int>(share * 100), "%  ");
}

std::string Progress::Line(const PipelineStatus& status) const {
  std::string line = Cat(status.name, "  ", mode_ == Mode::kBar ? Bar(status) : std::string());
  if (status.state != PipelineState::kRunning) {
    CatTo(line, PipelineStateName(status.state), "  ");
  }
  CatTo(line, Grouped(status.rows), " rows  ", Rate(rows_per_second()));
  double speed = PositionsPerSecond();
  if (status.target_seq > status.position && speed > 0) {
    CatTo(line, "  ETA ",
          Seconds(static_cast<double>(status.target_seq - status.position) / speed));
  }
  CatTo(line, "  lag ", Grouped(status.lag()));
  if (status.bad_rows > 0) {
    CatTo(line, "  bad ", Grouped(status.bad_rows));
  }
  if (!status.error.empty()) {
    CatTo(line, "  (", status.error, ")");
  }
  return line;
}

void Progress::Update(const PipelineStatus& status, int64_t now_ns) {
  if (!samples_.empty() &&
      (status.rows < samples_.back().rows || status.position < samples_.back().position)) {
    samples_.clear();  // another run of the same export
  }
  samples_.push_back({now_ns, status.rows, status.position});
  while (samples_.size() > 2 && samples_.front().at_ns < now_ns - kWindow) {
    samples_.pop_front();
  }
  switch (mode_) {
    case Mode::kNone:
      return;
    case Mode::kJson:
      std::fprintf(out_, "%s\n", boost::json::serialize(StatusToJson(status)).c_str());
      std::fflush(out_);
      return;
    case Mode::kBar:
      std::fprintf(out_, "\r\x1b[K%s", Line(status).c_str());
      std::fflush(out_);
      bar_shown_ = true;
      return;
    case Mode::kLines:
      if (last_line_ns_ == 0) {
        last_line_ns_ = now_ns;  // a run that ends at once needs no line but the last
      }
      if (now_ns - last_line_ns_ >= kLineEvery) {
        std::fprintf(out_, "%s\n", Line(status).c_str());
        std::fflush(out_);
        last_line_ns_ = now_ns;
      }
      return;
  }
}

void Progress::ClearBar() {
  if (bar_shown_) {
    std::fprintf(out_, "\r\x1b[K");
    bar_shown_ = false;
  }
}

void Progress::Say(std::string_view text) {
  ClearBar();
  std::fprintf(out_, "%.*s\n", static_cast<int>(text.size()), text.data());
  std::fflush(out_);
}

std::string Progress::Summary(const PipelineStatus& status) {
  double seconds =
      static_cast<double>(std::max<int64_t>(0, status.ended_ns - status.started_ns)) / 1e9;
  std::string out = Cat(status.name, ": ", PipelineStateName(status.state), ": ",
                        Grouped(status.rows), " rows into ", status.table, " of ", status.sink);
  if (seconds > 0 && status.ended_ns != 0) {
    CatTo(out, " in ", Seconds(seconds));
    if (status.rows > 0) {
      CatTo(out, " (", Rate(static_cast<double>(status.rows) / seconds), ")");
    }
  }
  CatTo(out, ", position ", status.position, ", lag ", Grouped(status.lag()));
  if (status.bad_rows > 0) {
    CatTo(out, ", ", Grouped(status.bad_rows), " bad rows (", status.last_bad_row, ")");
  }
  for (const Gap& gap : status.gaps) {
    CatTo(out, ", gap ", gap.from, "-", gap.to, " ", gap.reason);
  }
  if (!status.error.empty()) {
    CatTo(out, ": ", status.error);
  }
  return out;
}

void Progress::Finish(const PipelineStatus& status) {
  ClearBar();
  if (mode_ == Mode::kJson) {
    std::fprintf(out_, "%s\n", boost::json::serialize(StatusToJson(status)).c_str());
  } else {
    std::fprintf(out_, "%s\n", Summary(status).c_str());
  }
  std::fflush(out_);
}

}  // namespace weir::ingest
