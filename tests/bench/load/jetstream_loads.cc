#include <algorithm>
#include <charconv>
#include <memory>
#include <vector>

#include "tests/bench/load/client.h"
#include "tests/bench/load/loads.h"

namespace weir::load {
namespace {

using Clock = std::chrono::steady_clock;

// The number behind `key` in a flat JSON text; fails the program when there is none.
uint64_t NumberOf(std::string_view json, std::string_view key) {
  const size_t at = json.find(key);
  uint64_t value = 0;
  if (at == std::string_view::npos) {
    Fail("no " + std::string(key) + " in " + std::string(json));
  }
  size_t from = at + key.size();
  while (from < json.size() && (json[from] == ' ' || json[from] == ':')) {
    ++from;
  }
  const auto [end, error] = std::from_chars(json.data() + from, json.data() + json.size(), value);
  if (error != std::errc()) {
    Fail("no number behind " + std::string(key) + " in " + std::string(json));
  }
  return value;
}

uint64_t MessagesOf(Loop& loop, const Settings& settings) {
  return NumberOf(loop.Request("$JS.API.STREAM.INFO." + settings.stream, ""), "\"messages\"");
}

void CreateStream(Loop& loop, const Settings& settings) {
  loop.Request("$JS.API.STREAM.CREATE." + settings.stream,
               "{\"name\":\"" + settings.stream + "\",\"subjects\":[\"" + settings.subject +
                   (settings.subjects > 1 ? ".*" : "") +
                   "\"],\"retention\":\"limits\",\"max_consumers\":-1,\"max_msgs\":-1,"
                   "\"max_bytes\":-1,\"max_age\":0,\"storage\":\"" +
                   settings.storage + "\",\"discard\":\"old\",\"num_replicas\":1}");
}

// One publishing connection: each publish has a reply subject of its own under one wildcard, as the
// official clients do it, and every acknowledgement is checked against what is outstanding.
class Publisher {
 public:
  Publisher(Loop& loop, const Settings& settings, size_t number, uint64_t count)
      : client_(loop.Add(std::make_unique<Client>(settings.port))),
        window_(settings.window),
        count_(count),
        subjects_(settings.subjects),
        acked_(count, false) {
    inbox_ = "_INBOX.load" + std::to_string(number) + ".";
    head_ = "PUB " + settings.subject;
    tail_ = " " + std::to_string(settings.size) + "\r\n" + std::string(settings.size, 'x') + "\r\n";
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
        out.append(".").append(std::to_string(sent_ % subjects_));
      }
      out.append(" ").append(inbox_).append(std::to_string(sent_)).append(tail_);
      ++sent_;
    }
    client_.Flush();
  }

 private:
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
  std::vector<bool> acked_;
  std::string inbox_;
  std::string head_;
  std::string tail_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  uint64_t highest_ = 0;
};

// Counts the messages of a consumer and checks that their stream sequences have no gap.
class Reader {
 public:
  explicit Reader(uint64_t wanted) : wanted_(wanted) {}

  bool done() const { return received_ >= wanted_; }
  uint64_t received() const { return received_; }

  // $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>
  void OnMessage(const Message& message) {
    size_t at = 0;
    for (int dots = 0; dots < 5 && at != std::string_view::npos; ++dots) {
      at = message.reply.find('.', at == 0 ? 0 : at + 1);
    }
    if (at == std::string_view::npos) {
      Fail("a delivery without an ack subject: " + std::string(message.reply));
    }
    uint64_t seq = 0;
    std::from_chars(message.reply.data() + at + 1, message.reply.data() + message.reply.size(),
                    seq);
    if (seq != last_ + 1) {
      Fail("a gap in the sequences: " + std::string(message.reply));
    }
    last_ = seq;
    ++received_;
  }

 private:
  const uint64_t wanted_;
  uint64_t received_ = 0;
  uint64_t last_ = 0;
};

}  // namespace

void RunStreamPublish(const Settings& settings) {
  Loop loop;
  loop.Add(std::make_unique<Client>(settings.port));
  CreateStream(loop, settings);
  const uint64_t before = MessagesOf(loop, settings);
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
  const uint64_t after = MessagesOf(loop, settings);
  if (after != before + each * settings.conns) {
    Fail("the stream holds " + std::to_string(after) + " messages");
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
