// How fast messages become rows: decode, settle, and SQLite with its commits, on one thread, for
// 300,000 flights of about 400 bytes and 19 fields. Prints rows a second for each part.
//
//   bench_ingest [rows] [batch rows] [directory]

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "ingest/decoder.h"
#include "ingest/sqlite_sink.h"
#include "ingest/table_schema.h"
#include "protocol/base/nuid.h"
#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

class SystemClock : public Clock {
 public:
  int64_t steady_ns() const override {
    return std::chrono::steady_clock::now().time_since_epoch().count();
  }
  int64_t wall_ns() const override {
    return std::chrono::system_clock::now().time_since_epoch().count();
  }
};

std::string Flight(Random& random, uint64_t n) {
  auto below = [&](uint64_t bound) {
    return random.Below(bound);
  };
  bool flown = below(40) != 0;
  auto maybe = [&](uint64_t value) {
    return flown ? Cat(value, ".0") : std::string("null");
  };
  return Cat("{\"year\": 2013, \"month\": ", 1 + n / 28000, ", \"day\": ", 1 + below(28),
             ", \"dep_time\": ", maybe(below(2400)), ", \"sched_dep_time\": ", below(2400),
             ", \"dep_delay\": ", maybe(below(100)), ", \"arr_time\": ", maybe(below(2400)),
             ", \"sched_arr_time\": ", below(2400), ", \"arr_delay\": ", maybe(below(100)),
             ", \"carrier\": \"UA\", \"flight\": ", below(6000), ", \"tailnum\": \"N", below(90000),
             "\", \"origin\": \"EWR\", \"dest\": \"IAH\", \"air_time\": ", maybe(below(400)),
             ", \"distance\": ", below(3000), ", \"hour\": ", below(24),
             ", \"minute\": ", below(60), ", \"time_hour\": \"2013-01-01T10:00:00Z\"}");
}

std::vector<storage::StoredMessage> Messages(size_t count) {
  Random random(7);
  std::vector<storage::StoredMessage> out;
  out.reserve(count);
  constexpr std::string_view kSubject = "flights.EWR";
  while (out.size() < count) {
    std::string block(kSubject);
    std::vector<std::pair<size_t, size_t>> places;
    while (block.size() < 60'000 && out.size() + places.size() < count) {
      std::string flight = Flight(random, out.size() + places.size());
      places.emplace_back(block.size(), flight.size());
      block.append(flight);
    }
    SharedBytes bytes = SharedBytes::Copy(block);
    for (auto [at, size] : places) {
      storage::StoredMessage message;
      message.keep = bytes;
      message.view.seq = out.size() + 1;
      message.view.time_ns = 1'700'000'000'000'000'000 + static_cast<int64_t>(out.size()) * 3'000;
      message.view.subject = bytes.view().substr(0, kSubject.size());
      message.view.payload = bytes.view().substr(at, size);
      out.push_back(std::move(message));
    }
  }
  return out;
}

class Watch {
 public:
  double Lap() {
    auto now = std::chrono::steady_clock::now();
    double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

int Fail(const Status& status) {
  std::fprintf(stderr, "%s\n", std::string(Message(status)).c_str());
  return 1;
}

int Main(size_t count, size_t batch_rows, const std::string& directory) {
  std::vector<storage::StoredMessage> messages = Messages(count);
  size_t payload = 0;
  for (const auto& message : messages) {
    payload += message.view.payload.size();
  }
  std::string path = directory + "/ingest_bench.db";
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::remove(path + suffix);
  }
  ExportSpec spec;
  spec.name = "bench";
  spec.stream = "FLIGHTS";
  spec.table = "flights";
  SystemClock clock;
  SqliteSink sink(path, spec, clock);
  if (auto opened = sink.Open({"1:1", 0}); !opened.ok()) {
    return Fail(opened.status());
  }
  FieldTable fields;
  Decoder decoder(Layout::kColumns, fields, 500);
  TableSchema schema({}, sink.traits(), fields);
  RowBatch batch;
  double decode = 0;
  double settle = 0;
  double write = 0;
  StreamSeq previous = 0;
  const std::vector<Gap> gaps;
  Watch watch;
  for (size_t at = 0; at < count;) {
    batch.Clear();
    size_t end = std::min(count, at + batch_rows);
    for (; at < end; ++at) {
      decoder.Decode(messages[at], batch);
    }
    batch.Pad();
    batch.SetInterval(previous + 1, end);
    decode += watch.Lap();
    auto plan = schema.Settle(batch);
    if (!plan.ok()) {
      return Fail(plan.status());
    }
    settle += watch.Lap();
    auto written = sink.Write({batch, *plan, previous, end, gaps});
    if (!written.ok()) {
      return Fail(written.status());
    }
    write += watch.Lap();
    previous = end;
  }
  sink.Close();
  write += watch.Lap();
  auto rate = [&](double seconds) {
    return static_cast<double>(count) / seconds / 1000;
  };
  std::printf("%zu rows of %zu bytes, batches of %zu\n", count, payload / count, batch_rows);
  std::printf("decode  %8.0f k rows/s\nsettle  %8.0f k rows/s\nwrite   %8.0f k rows/s\n",
              rate(decode), rate(settle), rate(write));
  std::printf("all     %8.0f k rows/s on one thread\n", rate(decode + settle + write));
  return 0;
}

}  // namespace
}  // namespace weir::ingest

int main(int argc, char** argv) {
  size_t rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 300'000;
  size_t batch = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20'000;
  std::string directory = argc > 3 ? argv[3] : std::filesystem::temp_directory_path().string();
  return weir::ingest::Main(rows, batch, directory);
}
