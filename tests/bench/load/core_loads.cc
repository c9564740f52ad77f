#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include "tests/bench/load/client.h"
#include "tests/bench/load/loads.h"

namespace weir::load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kChunkBytes = 64 * 1024;

// As many copies of one PUB as fit into a chunk, at least one.
struct Chunk {
  Chunk(const std::string& subject, size_t size) {
    one = "PUB " + subject + " " + std::to_string(size) + "\r\n" + std::string(size, 'x') + "\r\n";
    count = std::max<uint64_t>(1, kChunkBytes / one.size());
    for (uint64_t i = 0; i < count; ++i) {
      text += one;
    }
  }
  // Appends up to `left` messages; how many.
  uint64_t AppendTo(std::string& out, uint64_t left) const {
    if (left >= count) {
      out += text;
      return count;
    }
    for (uint64_t i = 0; i < left; ++i) {
      out += one;
    }
    return left;
  }

  std::string one;
  std::string text;
  uint64_t count = 0;
};

}  // namespace

void RunPublish(const Settings& settings) {
  Loop loop;
  const Chunk chunk(settings.subject, settings.size);
  std::vector<uint64_t> left;
  std::vector<Client*> clients;
  for (size_t i = 0; i < settings.conns; ++i) {
    clients.push_back(&loop.Add(std::make_unique<Client>(settings.port)));
    left.push_back(settings.count / settings.conns);
  }
  const auto began = Clock::now();
  for (size_t i = 0; i < clients.size(); ++i) {
    Client* client = clients[i];
    client->on_writable = [&, client, i] {
      // The socket took the last chunk whole: go on until it is full.
      while (left[i] > 0 && !client->wants_write()) {
        left[i] -= chunk.AppendTo(client->out(), left[i]);
        client->Flush();
      }
    };
    client->on_writable();
  }
  loop.Run([&] { return std::all_of(left.begin(), left.end(), [](uint64_t n) { return n == 0; }); },
           settings.limit);
  loop.Barrier(settings.limit);
  Report("publish", settings.count / settings.conns * settings.conns, began);
}

void RunFanOut(const Settings& settings) {
  // Unread messages between publisher and slowest subscriber; far below the server's limit for
  // slow consumers.
  constexpr uint64_t kMaxAheadBytes = 4 << 20;
  Loop loop;
  Client& publisher = loop.Add(std::make_unique<Client>(settings.port));
  std::vector<uint64_t> received(settings.conns, 0);
  for (size_t i = 0; i < settings.conns; ++i) {
    Client& subscriber = loop.Add(std::make_unique<Client>(settings.port));
    subscriber.out() += "SUB " + settings.subject + " 1\r\n";
    subscriber.on_message = [&received, &settings, i](const Message& message) {
      if (message.payload.size() != settings.size) {
        Fail("a message of the wrong size");
      }
      ++received[i];
    };
  }
  loop.Barrier(settings.limit);

  const Chunk chunk(settings.subject, settings.size);
  const uint64_t max_ahead = std::max<uint64_t>(2 * chunk.count, kMaxAheadBytes / chunk.one.size());
  const auto began = Clock::now();
  uint64_t sent = 0;
  loop.Run(
      [&] {
        const uint64_t slowest = *std::min_element(received.begin(), received.end());
        while (sent < settings.count && !publisher.wants_write() && sent - slowest < max_ahead) {
          sent += chunk.AppendTo(publisher.out(), settings.count - sent);
          publisher.Flush();
        }
        return slowest >= settings.count;
      },
      settings.limit);
  loop.Barrier(settings.limit);
  for (const uint64_t n : received) {
    if (n != settings.count) {
      Fail("a subscriber got more messages than were sent");
    }
  }
  Report("fan_out", settings.count, began);
}

void RunRequestReply(const Settings& settings) {
  Loop loop;
  Client& responder = loop.Add(std::make_unique<Client>(settings.port));
  responder.out() += "SUB " + settings.subject + " 1\r\n";
  responder.on_message = [&](const Message& message) {
    responder.out().append("PUB ").append(message.reply).append(" ");
    responder.out().append(std::to_string(message.payload.size())).append("\r\n");
    responder.out().append(message.payload).append("\r\n");
  };
  uint64_t started = 0;
  uint64_t answered = 0;
  std::vector<Client*> requesters;
  const std::string payload(settings.size, 'x');
  const auto ask = [&](Client& client, size_t i) {
    const uint64_t number = started++;
    client.out() += "PUB " + settings.subject + " _INBOX.load" + std::to_string(i) + "." +
                    std::to_string(number) + " " + std::to_string(payload.size()) + "\r\n" +
                    payload + "\r\n";
  };
  for (size_t i = 0; i < settings.conns; ++i) {
    Client& client = loop.Add(std::make_unique<Client>(settings.port));
    client.out() += "SUB _INBOX.load" + std::to_string(i) + ".* 1\r\n";
    client.on_message = [&, i](const Message& message) {
      if (!message.headers.empty() || message.payload.size() != settings.size) {
        Fail("a request without its answer");
      }
      ++answered;
      if (started < settings.count) {
        ask(*requesters[i], i);
      }
    };
    requesters.push_back(&client);
  }
  loop.Barrier(settings.limit);
  const auto began = Clock::now();
  for (size_t i = 0; i < requesters.size() && started < settings.count; ++i) {
    ask(*requesters[i], i);
  }
  loop.Run([&] { return answered == settings.count; }, settings.limit);
  Report("request", answered, began);
}

void RunIdle(const Settings& settings) {
  rlimit limit = {};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const auto began = Clock::now();
  Loop loop;
  for (size_t i = 0; i < settings.conns; ++i) {
    Client& client = loop.Add(std::make_unique<Client>(settings.port));
    client.out() += "SUB idle." + std::to_string(i) + " 1\r\n";
    client.Flush();
  }
  loop.Barrier(settings.limit);
  Report("idle", settings.conns, began);
  std::fflush(stdout);
  // Held until whoever measures closes our input, or for the limit.
  char byte = 0;
  ::alarm(static_cast<unsigned>(settings.limit.count()));
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

}  // namespace weir::load
