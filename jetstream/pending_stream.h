#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"

#include "jetstream/consumer_config.h"
#include "jetstream/environment.h"
#include "jetstream/owned_message.h"
#include "jetstream/stream.h"

namespace weir::jetstream {

class Catalog;
class Shard;

// A stream of the disk whose messages are still being read, so that the server is there before its
// streams are (architecture 7.6). What is known is shown: the configuration, the consumers' number
// and, as a rule, the counters. What needs more waits here in the order in which it came, publishes
// and requests alike, and goes on when the stream is there.
//
// What waits is bounded as what a stream has staged is (max_buffered_msgs, max_buffered_size);
// publishers beyond it get 429.
//
// Confined to the stream's home; owned by its shard until the stream takes its place.
class PendingStream {
 public:
  struct KnownConsumer {
    ConsumerConfig config;
    uint32_t id = 0;
    int64_t created_ns = 0;
    std::string state;
  };
  struct Spec {
    StreamSpec stream;
    std::string record;  // as the meta store has it
    std::vector<KnownConsumer> consumers;
    std::optional<storage::PeekedState> state;  // nullopt: only reading tells
  };
  // Of the stream that has come; nullptr when it could not be loaded.
  using Handler = absl::AnyInvocable<void(Stream*) &&>;

  PendingStream(Catalog& catalog, Shard& home, Spec spec);
  ~PendingStream();
  PendingStream(const PendingStream&) = delete;
  PendingStream& operator=(const PendingStream&) = delete;

  // Subscribes, and has the stream read where reading may block.
  void Start();
  // Runs `handler` behind everything that waits already.
  void WhenReady(Handler handler);
  // Takes no more messages, and the stream will not: a deletion waits.
  void Close();

  Environment& env();
  StreamId id() const { return spec_.stream.id; }
  AccountId account() const { return spec_.stream.account; }
  const StreamConfig& config() const { return spec_.stream.config; }
  int64_t created_ns() const { return spec_.stream.created_ns; }
  // As they will be when the stream has come; nullopt: wait for it.
  const std::optional<storage::PeekedState>& state() const { return spec_.state; }
  // Those that clients see.
  size_t num_consumers() const;

 private:
  // Whom a message is for.
  enum class Target : uint8_t { kStream, kDirectGet, kConsumer };
  class Intake;
  struct Message {
    const Intake* intake;
    OwnedMessage message;
  };
  // What comes back from the reading thread.
  struct Loaded;
  class Counted;

  void Subscribe(Target target, std::string consumer, const std::string& pattern,
                 std::string_view queue);
  void Take(const Intake& intake, const Inbound& message);
  void Refuse(const Intake& intake, const Inbound& message);
  void Unsubscribe();
  static Loaded Load(Shard& home, Spec spec, Counted& counted);
  void OnLoaded(Loaded loaded);
  void Adopt(std::unique_ptr<Stream> stream);
  void GiveUp(const Status& why);
  void Forward(Stream& stream, const Message& waiting);

  Catalog& catalog_;
  Shard& home_;
  Spec spec_;
  const std::shared_ptr<Counted> counted_;
  std::vector<std::unique_ptr<Intake>> intakes_;
  std::deque<std::variant<Message, Handler>> waiting_;
  bool closed_ = false;
  size_t waiting_messages_ = 0;
  size_t waiting_bytes_ = 0;
  int64_t began_ns_ = 0;
};

// The ids within the duplicate window, the id of the last message, and with messages that have
// lives of their own, or schedules, these: `stream` is told of each. Blocks.
Status ReadHeaders(Stream& stream);

}  // namespace weir::jetstream
