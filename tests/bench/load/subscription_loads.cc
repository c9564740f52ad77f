#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>
#include <vector>

#include <unistd.h>

#include "tests/bench/load/client.h"
#include "tests/bench/load/loads.h"

namespace weir::load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kGroups = 1'000;        // literal subjects are spread over so many second tokens
constexpr uint64_t kWarmSubjects = 1'000;  // as many as fit into every cache

std::string Subject(uint64_t number) {
  return "load." + std::to_string(number % kGroups) + ".subject-" + std::to_string(number);
}

// Waits until whoever measures writes a line; ends the program when they have gone.
void AwaitLine() {
  std::fflush(stdout);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) == 1) {
    if (byte == '\n') {
      return;
    }
  }
  std::_Exit(0);
}

}  // namespace

void RunSubscriptions(const Settings& settings) {
  Loop loop;
  std::vector<Client*> readers;
  uint64_t received = 0;
  for (size_t i = 0; i < settings.conns; ++i) {
    readers.push_back(&loop.Add(std::make_unique<Client>(settings.port)));
    readers.back()->on_message = [&received](const Message&) {
      ++received;
    };
  }
  Client& publisher = loop.Add(std::make_unique<Client>(settings.port));
  loop.Barrier(settings.limit);
  const auto subscribe = [&](uint64_t count, uint64_t first_sid, const auto& pattern) {
    const auto began = Clock::now();
    for (uint64_t i = 0; i < count; ++i) {
      readers[i % readers.size()]->out() +=
          "SUB " + pattern(i) + " " + std::to_string(first_sid + i) + "\r\n";
    }
    loop.Barrier(settings.limit);
    Report("subscribe", count, began);
    AwaitLine();
  };
  // Literal ones, then wildcards that cover each of them once.
  AwaitLine();
  subscribe(settings.subjects, 1, Subject);
  subscribe(kGroups, settings.subjects + 1,
            [](uint64_t i) { return "load." + std::to_string(i) + ".*"; });

  const auto publish = [&](const char* what, const std::vector<uint64_t>& numbers) {
    constexpr size_t kAhead = 64 * 1024;  // bytes
    const std::string tail =
        " " + std::to_string(settings.size) + "\r\n" + std::string(settings.size, 'x') + "\r\n";
    const auto began = Clock::now();
    const uint64_t before = received;
    size_t next = 0;
    loop.Run(
        [&] {
          while (next < numbers.size() && publisher.unsent() < kAhead &&
                 2 * next < received - before + 20'000) {
            publisher.out() += "PUB " + Subject(numbers[next++]) + tail;
          }
          publisher.Flush();
          return received - before == 2 * numbers.size();
        },
        settings.limit);
    Report(what, numbers.size(), began);
    AwaitLine();
  };
  std::vector<uint64_t> each(settings.subjects);
  for (uint64_t i = 0; i < each.size(); ++i) {
    each[i] = i;
  }
  std::shuffle(each.begin(), each.end(), std::mt19937_64(1));
  publish("cold", each);
  std::vector<uint64_t> few(settings.count);
  for (uint64_t i = 0; i < few.size(); ++i) {
    few[i] = each[(i * 7919) % std::min<uint64_t>(kWarmSubjects, each.size())];
  }
  publish("warm", few);
}

}  // namespace weir::load
