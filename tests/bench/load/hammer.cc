#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>
#include <vector>

#include "tests/bench/load/client.h"
#include "tests/bench/load/loads.h"

namespace weir::load {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kWriters = 3;
constexpr size_t kReaders = 2;
constexpr size_t kNoisyClients = 8;
constexpr size_t kNoiseBytes = 60'000;
constexpr std::chrono::seconds kStuckAfter{20};

// Three writers and two readers on connections of their own, with subjects of their own, that play
// rounds of
//
//   a reader subscribes and pings       after its PONG whoever publishes reaches it;
//   the writers publish and ping        after their PONGs the messages are on their way;
//   the readers ping (or unsubscribe)   before that PONG they come, each once and in order;
//   the writers publish once more       after an UNSUB and its PONG nothing comes.
//
// In some rounds the subscription ends by itself after so many messages, and in some both readers
// are one queue group which one of them leaves meanwhile.
class Cell {
 public:
  Cell(Loop& loop, const Settings& settings, size_t number)
      : name_("hammer." + std::to_string(number)), random_(number) {
    for (size_t i = 0; i < kWriters + kReaders; ++i) {
      clients_.push_back(&loop.Add(std::make_unique<Client>(settings.port)));
      waiting_.push_back(0);
    }
    received_.resize(kReaders);
    for (size_t reader = 0; reader < kReaders; ++reader) {
      clients_[kWriters + reader]->on_message = [this, reader](const Message& message) {
        received_[reader].emplace_back(message.payload);
      };
    }
  }

  // Takes the next step when all PONGs that it waits for have come.
  void Advance() {
    if (!problem_.empty()) {
      Wait();
      return;
    }
    const auto now = Clock::now();
    for (size_t i = 0; i < clients_.size(); ++i) {
      if (clients_[i]->pongs() < waiting_[i]) {
        if (now - last_step_ > kStuckAfter) {
          Fail(name_ + ": no PONG came");
        }
        MakeNoise();
        return;
      }
    }
    last_step_ = now;
    Step();
  }

  uint64_t rounds() const { return round_; }
  uint64_t messages() const { return messages_; }

 private:
  enum class Kind { kPlain, kLimited, kGroup };
  enum class State {
    kSubscribe,
    kPublish,
    kCollect,
    kCollectRest,
    kCheck,
    kPublishLate,
    kLate,
    kEnd
  };

  size_t Below(size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(random_);
  }
  std::string& Out(size_t client) { return clients_[client]->out(); }
  std::string& ReaderOut(size_t reader) { return Out(kWriters + reader); }
  void Ping(size_t client) {
    Out(client) += "PING\r\n";
    ++waiting_[client];
    clients_[client]->Flush();
  }
  // A reader whose worker has something of it to read all the time: so its PING may be read in one
  // go with what was queued before the mail that must come before its PONG.
  void MakeNoise() {
    for (size_t i = kWriters; i < clients_.size(); ++i) {
      if (clients_[i]->unsent() == 0) {
        Out(i) += "PUB noise 0\r\n\r\n";
        clients_[i]->Flush();
      }
    }
  }
  void PingReader(size_t reader) { Ping(kWriters + reader); }

  void Step() {
    switch (state_) {
      case State::kSubscribe:
        Subscribe();
        state_ = State::kPublish;
        return;
      case State::kPublish:
        Publish(count_);
        if (kind_ == Kind::kGroup) {  // while the messages are under way
          ReaderOut(1) += "UNSUB " + sid_ + "\r\n";
          clients_[kWriters + 1]->Flush();
        }
        state_ = State::kCollect;
        return;
      case State::kCollect:
        // What the leaving member's worker passed on is on its way after this PONG.
        if (kind_ == Kind::kGroup) {
          PingReader(1);
        } else if (leaves_at_once_) {
          ReaderOut(0) += "UNSUB " + sid_ + "\r\n";
        }
        state_ = kind_ == Kind::kGroup ? State::kCollectRest : State::kCheck;
        if (kind_ != Kind::kGroup) {
          PingReader(0);
        }
        return;
      case State::kCollectRest:
        PingReader(0);
        state_ = State::kCheck;
        return;
      case State::kCheck:
        Check();
        if (!problem_.empty()) {
          return;
        }
        ReaderOut(0) += "UNSUB " + sid_ + "\r\n";
        PingReader(0);
        state_ = State::kPublishLate;
        return;
      case State::kPublishLate:
        Publish(1);
        state_ = State::kLate;
        return;
      case State::kLate:
        PingReader(0);
        PingReader(1);
        state_ = State::kEnd;
        return;
      case State::kEnd:
        for (const auto& received : received_) {
          if (!received.empty()) {
            Fail(Where() + ": '" + received[0] + "' came after UNSUB and PONG");
          }
        }
        ++round_;
        state_ = State::kSubscribe;
        return;
    }
  }

  void Subscribe() {
    kind_ = static_cast<Kind>(Below(3));
    leaves_at_once_ = Below(2) == 0;
    count_ = 1 + Below(20);
    limit_ = 1 + Below(2 * kWriters * count_);
    sid_ = std::to_string(round_ + 1);
    subject_ = name_ + "." + std::to_string(Below(4));
    const std::string patterns[] = {subject_, name_ + ".*", name_ + ".>", "*" + subject_.substr(6)};
    const std::string subscribe = "SUB " + patterns[Below(4)] + " ";
    if (kind_ == Kind::kGroup) {
      ReaderOut(1) += "SUB " + subject_ + " group " + sid_ + "\r\n";
      PingReader(1);
    }
    ReaderOut(0) += subscribe + (kind_ == Kind::kGroup ? "group " : "") + sid_ + "\r\n";
    if (kind_ == Kind::kLimited) {
      ReaderOut(0) += "UNSUB " + sid_ + " " + std::to_string(limit_) + "\r\n";
    }
    PingReader(0);
  }

  void Publish(size_t count) {
    for (size_t writer = 0; writer < kWriters; ++writer) {
      for (size_t i = 0; i < count; ++i) {
        const std::string payload = sid_ + " " + std::to_string(writer) + " " + std::to_string(i);
        Out(writer) +=
            "PUB " + subject_ + " " + std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
      }
      messages_ += count;
      Ping(writer);
    }
  }

  void Check() {
    std::vector<std::vector<bool>> seen(kWriters, std::vector<bool>(count_, false));
    size_t total = 0;
    for (auto& received : received_) {
      std::vector<int64_t> last(kWriters, -1);
      for (const std::string& payload : received) {
        size_t writer = 0;
        size_t number = 0;
        if (std::sscanf(payload.c_str(), "%*u %zu %zu", &writer, &number) != 2 ||
            !payload.starts_with(sid_ + " ") || writer >= kWriters || number >= count_) {
          Fail(Where() + ": '" + payload + "' is not of this round");
        }
        if (seen[writer][number]) {
          Fail(Where() + ": '" + payload + "' came twice");
        }
        if (static_cast<int64_t>(number) <= last[writer] && kind_ != Kind::kGroup) {
          Fail(Where() + ": '" + payload + "' came out of order");
        }
        last[writer] = static_cast<int64_t>(number);
        seen[writer][number] = true;
        ++total;
      }
      received.clear();
    }
    const size_t all = kWriters * count_;
    const size_t wanted = kind_ == Kind::kLimited ? std::min(limit_, all) : all;
    if (total != wanted) {
      problem_ = Where() + ": " + std::to_string(total) + " messages came before the PONG, not " +
                 std::to_string(wanted);
      for (const auto& writer : seen) {
        problem_ += writer == std::vector<bool>(count_, false) ? ", none" : ", some";
      }
    }
  }

  // What is missing may be late or lost: tells which.
  void Wait() {
    if (Clock::now() - last_step_ > std::chrono::milliseconds(300)) {
      Fail(problem_ + "; later came " + std::to_string(received_[0].size() + received_[1].size()));
    }
  }

  std::string Where() const {
    const char* const kinds[] = {"plain", "limited", "group"};
    return name_ + " round " + std::to_string(round_) + " (" + kinds[static_cast<size_t>(kind_)] +
           ")";
  }

  const std::string name_;
  std::mt19937_64 random_;
  std::vector<Client*> clients_;   // writers, then readers
  std::vector<uint64_t> waiting_;  // PONGs that each must have had before the next step
  std::vector<std::vector<std::string>> received_;  // payloads, by reader
  Clock::time_point last_step_ = Clock::now();
  State state_ = State::kSubscribe;
  uint64_t round_ = 0;
  uint64_t messages_ = 0;

  // Of the round.
  Kind kind_ = Kind::kPlain;
  bool leaves_at_once_ = false;
  size_t count_ = 0;  // messages of each writer
  size_t limit_ = 0;
  std::string sid_;
  std::string subject_;
  std::string problem_;  // found, and not yet told
};

}  // namespace

void RunHammer(const Settings& settings) {
  Loop loop;
  // Publishers that nobody hears keep every worker busy for as long as a round trip takes, so that
  // what is to be ordered meets in its queue.
  std::string noise;
  while (noise.size() < kNoiseBytes) {
    noise += "PUB noise 1\r\nx\r\n";
  }
  std::vector<Client*> noisy;
  for (size_t i = 0; i < kNoisyClients; ++i) {
    noisy.push_back(&loop.Add(std::make_unique<Client>(settings.port)));
  }
  std::vector<std::unique_ptr<Cell>> cells;
  for (size_t i = 0; i < settings.conns; ++i) {
    cells.push_back(std::make_unique<Cell>(loop, settings, i));
  }
  const auto began = Clock::now();
  const auto end = began + settings.limit;
  loop.Run(
      [&] {
        for (const auto& cell : cells) {
          cell->Advance();
        }
        for (Client* client : noisy) {
          if (client->unsent() == 0) {
            client->out() += noise;
            client->Flush();
          }
        }
        return Clock::now() >= end;
      },
      settings.limit + kStuckAfter);
  uint64_t messages = 0;
  uint64_t rounds = 0;
  for (const auto& cell : cells) {
    messages += cell->messages();
    rounds += cell->rounds();
    if (cell->rounds() == 0) {
      Fail("a cell has not finished one round");
    }
  }
  std::fprintf(stderr, "%llu rounds\n", static_cast<unsigned long long>(rounds));
  Report("hammer", messages, began);
}

}  // namespace weir::load
