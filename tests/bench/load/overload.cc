#include <cstdio>
#include <memory>
#include <vector>

#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/bench/load/client.h"
#include "tests/bench/load/loads.h"

namespace weir::load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTick{20};
constexpr size_t kMore = 64 * 1024;

}  // namespace

void RunOverload(const Settings& settings) {
  rlimit files = {};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);

  Loop loop;
  Client& publisher = loop.Add(std::make_unique<Client>(settings.port));
  std::vector<Client*> readers;
  std::vector<Client*> sleepers;
  uint64_t received = 0;
  uint64_t cut = 0;
  for (size_t i = 0; i < settings.conns; ++i) {
    Client& client = loop.Add(std::make_unique<Client>(settings.port));
    client.out() += "SUB " + settings.subject + " 1\r\n";
    if (i % (settings.conns / settings.sleepers) == 0 && sleepers.size() < settings.sleepers) {
      const int small = 256 * 1024;  // what the kernel keeps for them is not the server's
      ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
      client.out() += "SUB " + settings.subject + ".more 2\r\n";
      sleepers.push_back(&client);
    } else {
      client.on_message = [&received](const Message&) {
        ++received;
      };
      readers.push_back(&client);
    }
  }
  loop.Barrier(settings.limit);

  // What fills the sleepers' buffers sooner than ordinary messages would.
  const std::string more = "PUB " + settings.subject + ".more " + std::to_string(kMore) + "\r\n" +
                           std::string(kMore, 'x') + "\r\n";
  // The same number of messages each tick; sleepers that have fallen asleep are not looked at.
  const std::string one = "PUB " + settings.subject + " " + std::to_string(settings.size) + "\r\n" +
                          std::string(settings.size, 'x') + "\r\n";
  const auto publish_for = [&](std::chrono::milliseconds time) {
    const auto began = Clock::now();
    const auto end = began + time;
    auto due = began;
    uint64_t sent = 0;
    const uint64_t before = received;
    loop.Run(
        [&] {
          const auto now = Clock::now();
          for (; due <= now && due < end; due += kTick) {
            for (uint64_t i = 0; i < settings.window; ++i) {
              publisher.out() += one;
            }
            publisher.out() += more;
            sent += settings.window;
            publisher.Flush();
          }
          return now >= end && received - before >= sent * readers.size();
        },
        settings.limit);
    const std::chrono::duration<double> took = Clock::now() - began;
    return static_cast<double>(received - before) / static_cast<double>(readers.size()) /
           took.count();
  };

  const std::chrono::milliseconds phase = std::chrono::milliseconds(settings.count);
  publish_for(phase / 4);  // until buffers have their sizes
  const double alone = publish_for(phase);
  for (Client* client : sleepers) {
    loop.Ignore(*client);
    client->on_closed = [&cut] {
      ++cut;
    };
  }
  const double beside = publish_for(phase);
  for (Client* client : sleepers) {
    loop.Listen(*client);
  }
  loop.Run([&] { return cut == sleepers.size(); }, settings.limit);
  std::printf(
      "{\"load\": \"overload\", \"rate_alone\": %.1f, \"rate_beside\": %.1f, \"cut\": %llu}\n",
      alone, beside, static_cast<unsigned long long>(cut));
}

}  // namespace weir::load
