#pragma once

// The loads that weir_load can make. Each runs once, checks what came back, and prints one line of
// JSON: what was done, in how many seconds.

#include <chrono>
#include <cstdint>
#include <string>

namespace weir::load {

struct Settings {
  uint16_t port = 4222;
  std::string subject = "load.subject";
  uint64_t count = 100'000;  // messages in all
  size_t size = 128;         // payload bytes
  uint64_t subjects = 1;     // of stream publishes: above 1, `subject`.0, `subject`.1, ...
  uint64_t first = 0;        // the subject to begin with
  uint64_t width = 0;        // above 0: subject i is `subject`.<i % width>.<i / width>
  std::string header;        // of stream publishes: its name; the value is a number of 20 digits
  uint64_t max_bytes = 0;    // of the stream that is made; 0: no limit
  size_t conns = 1;          // publishers, subscribers, requesters or idle connections
  size_t window = 1'000;     // unacknowledged publishes, or messages asked for at once
  std::string stream = "LOAD";
  std::string storage = "file";
  std::string ack = "none";     // of a pull consumer: none or explicit
  std::string deliver = "all";  // policy of a filtered read
  uint64_t filters = 0;         // of a consumer
  std::string filter;           // its only one, as it is
  size_t sleepers = 10;         // of the connections of an overload: how many never read
  std::chrono::seconds limit{60};
};

// Plain publishes that nobody listens to, over `conns` connections.
void RunPublish(const Settings& settings);
// One publisher, `conns` subscribers, each of which must get every message.
void RunFanOut(const Settings& settings);
// `conns` requesters, one request at a time each, answered by one responder.
void RunRequestReply(const Settings& settings);
// `conns` connections with one subscription each, held until standard input ends.
void RunIdle(const Settings& settings);

// Checks for the time limit that PING and PONG are the barrier that THREADING.md 4 promises, with
// `conns` groups of five connections.
void RunHammer(const Settings& settings);
// `conns` subscribers get `window` messages each 20 ms for `count` ms, and again while `sleepers`
// of them do not read; prints the rates that the others saw, and how many sleepers were cut.
void RunOverload(const Settings& settings);
// Holds `subjects` literal subscriptions and 1,000 wildcards on `conns` connections, then publishes
// on each subject once, then `count` messages on 1,000 of them. Prints a line for each step and
// waits for one on standard input before the next.
void RunSubscriptions(const Settings& settings);

// JetStream publishes over `conns` connections, at most `window` unacknowledged on each. Creates
// the stream unless it exists. Every acknowledgement is checked.
void RunStreamPublish(const Settings& settings);
// Reads the whole stream through an ordered (push, flow-controlled) consumer.
void RunOrderedRead(const Settings& settings);
// Reads the whole stream through a durable pull consumer, `window` messages asked for at once.
void RunPullRead(const Settings& settings);

// Creates `count` durable pull consumers, `window` requests at once; each on `subject`.<number>
// when `filters` is above 0, else without a filter.
void RunCreateConsumers(const Settings& settings);
// Reads what the first `filters` subjects of the stream hold through a pull consumer with that many
// filters, or the one `filter`; `deliver` is its deliver policy. Prints also when the first message
// was there and how long the consumer's info took.
void RunFilteredRead(const Settings& settings);

// The line of JSON.
void Report(const char* what, uint64_t messages, std::chrono::steady_clock::time_point began);

}  // namespace weir::load
