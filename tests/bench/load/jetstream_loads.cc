#include <algorithm>
#include <charconv>
#include <memory>
#include <vector>

#include "tests/bench/load/client.h"
#include "tests/bench/load/loads.h"
#include "tests/bench/load/stream_helpers.h"

namespace weir::load {
namespace {

using Clock = std::chrono::steady_clock;

// One publishing connection: each publish has a reply subject of its own under one wildcard, as the
// official clients do it, and every acknowledgement is checked against what is outstanding.
class Publisher {
 public:
  Publisher(Loop& loop, const Settings& settings, size_t number, uint64_t count)
      : client_(loop.Add(std::make_unique<Client>(settings.port))),
        window_(settings.window),
        count_(count),
        subjects_(settings.subjects),
        first_(settings.first),
        width_(settings.width),
        size_(settings.size),
        header_(settings.header),
        acked_(count, false) {
    inbox_ = "_INBOX.load" + std::to_string(number) + ".";
    head_ = (header_.empty() ? "PUB " : "HPUB ") + settings.subject;
    payload_ = std::string(settings.size, 'x') + "\r\n";
    tail_ = " " + std::to_string(settings.size) + "\r\n" + payload_;
    client_.out() += "SUB " + inbox_ + "* 2\r\n";
    client_.on_message = [this](const Message& message) {
      OnAck(message);
    };
  }

  bool done() const { return received_ == count_; }
  uint64_t highest() const { return highest_; }

  // Called at the start of each pass of the loop: keeps the window full.
  void Fill() {
    if (sent_ == count_ || sent_ - received_ > window_ - window_ / 4) {
      return;
    }
    std::string& out = client_.out();
    while (sent_ < count_ && sent_ - received_ < window_) {
      out.append(head_);
      if (subjects_ > 1) {
        const uint64_t number = (first_ + sent_) % subjects_;
        out.append(".").append(std::to_string(width_ > 0 ? number % width_ : number));
        if (width_ > 0) {
          out.append(".").append(std::to_string(number / width_));
        }
      }
      out.append(" ").append(inbox_).append(std::to_string(sent_));
      if (header_.empty()) {
        out.append(tail_);
      } else {
        AddHeader(out);
      }
      ++sent_;
    }
    client_.Flush();
  }

 private:
  void AddHeader(std::string& out) {
    std::string number = std::to_string(sent_);
    number.insert(0, 20 - number.size(), '0');
    const std::string block = "NATS/1.0\r\n" + header_ + ": " + number + "\r\n\r\n";
    out.append(" ").append(std::to_string(block.size()));
    out.append(" ").append(std::to_string(block.size() + size_)).append("\r\n");
    out.append(block).append(payload_);
  }

  void OnAck(const Message& message) {
    if (!message.subject.starts_with(inbox_)) {
      Fail("an unexpected message on " + std::string(message.subject));
    }
    if (!message.headers.empty() || message.payload.find("\"error\"") != std::string_view::npos ||
        message.payload.find("\"duplicate\"") != std::string_view::npos) {
      Fail("not an acknowledgement: " + std::string(message.headers) +
           std::string(message.payload));
    }
    const std::string_view token = message.subject.substr(inbox_.size());
    uint64_t number = 0;
    std::from_chars(token.data(), token.data() + token.size(), number);
    if (number >= sent_ || acked_[number]) {
      Fail("acknowledged twice or never sent: " + std::string(message.subject));
    }
    acked_[number] = true;
    const uint64_t seq = NumberOf(message.payload, "\"seq\"");
    if (seq <= highest_) {
      Fail("acknowledgements of one connection out of order");
    }
    highest_ = seq;
    ++received_;
  }

  Client& client_;
  const uint64_t window_;
  const uint64_t count_;
  const uint64_t subjects_;
  const uint64_t first_;
  const uint64_t width_;
  const size_t size_;
  const std::string header_;
  std::vector<bool> acked_;
  std::string inbox_;
  std::string head_;
  std::string payload_;
  std::string tail_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  uint64_t highest_ = 0;
};

}  // namespace

void RunStreamPublish(const Settings& settings) {
  Loop loop;
  loop.Add(std::make_unique<Client>(settings.port));
  CreateStream(loop, settings);
  const uint64_t before = LastOf(loop, settings);
  const uint64_t each = settings.count / settings.conns;
  std::vector<std::unique_ptr<Publisher>> publishers;
  for (size_t i = 0; i < settings.conns; ++i) {
    publishers.push_back(std::make_unique<Publisher>(loop, settings, i, each));
  }
  loop.Barrier(settings.limit);
  const auto began = Clock::now();
  loop.Run(
      [&] {
        bool done = true;
        for (const auto& publisher : publishers) {
          publisher->Fill();
          done = done && publisher->done();
        }
        return done;
      },
      settings.limit);
  Report("stream_publish", each * settings.conns, began);
  const uint64_t after = LastOf(loop, settings);
  if (after != before + each * settings.conns) {
    Fail("the last message of the stream is " + std::to_string(after));
  }
}

void RunOrderedRead(const Settings& settings) {
  Loop loop;
  Client& client = loop.Add(std::make_unique<Client>(settings.port));
  const uint64_t wanted = MessagesOf(loop, settings);
  Reader reader(wanted);
  client.out() += "SUB _INBOX.load.ordered 2\r\n";
  client.on_message = [&](const Message& message) {
    if (message.headers.empty() || !message.headers.starts_with("NATS/1.0 100")) {
      reader.OnMessage(message);
    } else if (!message.reply.empty()) {  // flow control wants an answer
      client.out().append("PUB ").append(message.reply).append(" 0\r\n\r\n");
    }
  };
  const auto began = Clock::now();
  loop.Request("$JS.API.CONSUMER.CREATE." + settings.stream + ".load_ordered",
               "{\"stream_name\":\"" + settings.stream +
                   "\",\"config\":{\"name\":\"load_ordered\",\"deliver_subject\":"
                   "\"_INBOX.load.ordered\",\"deliver_policy\":\"all\",\"ack_policy\":\"none\","
                   "\"max_deliver\":1,\"replay_policy\":\"instant\",\"flow_control\":true,"
                   "\"idle_heartbeat\":5000000000,\"num_replicas\":1,\"mem_storage\":true}}");
  loop.Run([&] { return reader.done(); }, settings.limit);
  Report("ordered_read", reader.received(), began);
  loop.Request("$JS.API.CONSUMER.DELETE." + settings.stream + ".load_ordered", "");
}

void RunPullRead(const Settings& settings) {
  Loop loop;
  Client& client = loop.Add(std::make_unique<Client>(settings.port));
  const uint64_t wanted = MessagesOf(loop, settings);
  const bool acks = settings.ack == "explicit";
  Reader reader(wanted);
  loop.Request("$JS.API.CONSUMER.CREATE." + settings.stream + ".load_pull",
               "{\"stream_name\":\"" + settings.stream +
                   "\",\"config\":{\"name\":\"load_pull\",\"durable_name\":\"load_pull\","
                   "\"deliver_policy\":\"all\",\"ack_policy\":\"" +
                   settings.ack +
                   "\",\"max_ack_pending\":-1,\"replay_policy\":\"instant\","
                   "\"num_replicas\":1}}");
  uint64_t asked = 0;
  const auto ask = [&] {
    const uint64_t batch = std::min<uint64_t>(settings.window, wanted - asked);
    const std::string body = "{\"batch\":" + std::to_string(batch) + ",\"expires\":30000000000}";
    client.out() += "PUB $JS.API.CONSUMER.MSG.NEXT." + settings.stream +
                    ".load_pull _INBOX.load.pull " + std::to_string(body.size()) + "\r\n" + body +
                    "\r\n";
    asked += batch;
  };
  client.out() += "SUB _INBOX.load.pull 2\r\n";
  client.on_message = [&](const Message& message) {
    if (message.headers.starts_with("NATS/1.0 ")) {
      Fail("a status instead of a message: " + std::string(message.headers));
    }
    reader.OnMessage(message);
    if (acks) {
      client.out().append("PUB ").append(message.reply).append(" 4\r\n+ACK\r\n");
    }
    if (asked < wanted && asked - reader.received() <= settings.window / 2) {
      ask();
    }
  };
  const auto began = Clock::now();
  ask();
  loop.Run([&] { return reader.done(); }, settings.limit);
  loop.Barrier(settings.limit);
  Report(acks ? "pull_read_acked" : "pull_read", reader.received(), began);
  const std::string info =
      loop.Request("$JS.API.CONSUMER.INFO." + settings.stream + ".load_pull", "");
  if (acks && NumberOf(info, "\"num_ack_pending\"") != 0) {
    Fail("acknowledgements are missing: " + info);
  }
  loop.Request("$JS.API.CONSUMER.DELETE." + settings.stream + ".load_pull", "");
}

}  // namespace weir::load
