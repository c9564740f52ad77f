#include "ingest/time_text.h"

#include <algorithm>
#include <chrono>

namespace weir::ingest {
namespace {

void WriteDigits(char* to, int64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    to[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

int64_t FloorDiv(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

}  // namespace

std::string_view TimeText::FromNanoseconds(int64_t unix_ns) {
  return FromMicroseconds(FloorDiv(unix_ns, 1000));
}

std::string_view TimeText::FromMicroseconds(int64_t unix_us) {
  int64_t second = FloorDiv(unix_us, 1'000'000);
  if (second != second_) {
    WriteSecond(second);
    second_ = second;
  }
  int64_t rest = unix_us % 1'000'000;
  WriteDigits(buffer_ + 20, rest < 0 ? rest + 1'000'000 : rest, 6);
  return {buffer_, kSize};
}

void TimeText::WriteSecond(int64_t second) {
  using namespace std::chrono;
  constexpr int64_t kFirst = -62'167'219'200;  // year 0
  constexpr int64_t kLast = 253'402'300'799;   // end of 9999
  int64_t clamped = std::clamp(second, kFirst, kLast);
  int64_t day = FloorDiv(clamped, 86'400);
  int64_t rest = clamped - day * 86'400;
  year_month_day date{sys_days{days{day}}};
  WriteDigits(buffer_, static_cast<int>(date.year()), 4);
  WriteDigits(buffer_ + 5, static_cast<unsigned>(date.month()), 2);
  WriteDigits(buffer_ + 8, static_cast<unsigned>(date.day()), 2);
  WriteDigits(buffer_ + 11, rest / 3600, 2);
  WriteDigits(buffer_ + 14, rest / 60 % 60, 2);
  WriteDigits(buffer_ + 17, rest % 60, 2);
  buffer_[4] = buffer_[7] = '-';
  buffer_[10] = 'T';
  buffer_[13] = buffer_[16] = ':';
  buffer_[19] = '.';
  buffer_[26] = 'Z';
}

}  // namespace weir::ingest
