#pragma once

// What a backup says of a stream and its consumers (jetstream-api.md 8), and its reader.

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "jetstream/consumer_config.h"
#include "jetstream/consumer_state.h"
#include "jetstream/stream_archive.h"
#include "protocol/base/json.h"
#include "protocol/base/status.h"
#include "storage/s2_stream.h"
#include "storage/stream_store.h"

namespace weir::jetstream {

// "state.json", as far as it matters for a restore.
struct BackupState {
  uint64_t messages = 0;
  uint64_t bytes = 0;
  StreamSeq first_seq = 0;
  StreamSeq last_seq = 0;
  int64_t consumers = 0;
};

struct BackupConsumer {
  ConsumerConfig config;
  ConsumerState state;  // times are Unix
};

// Reads the fields of a state; for those that a request carries as well.
Status ReadBackupState(const boost::json::object& object, bool strict, BackupState& out);

// `state` has Unix times. Nothing beyond `last_seq` is written: it is not in the backup.
std::string WriteBackupConsumer(const ConsumerConfig& config, const ConsumerState& state,
                                StreamSeq last_seq);
// The state's deadlines follow from the configuration.
StatusOr<BackupConsumer> ReadBackupConsumer(std::string_view name, std::string_view json);

// Takes the bytes of a backup as they arrive and gives out what is in them, checked: first the
// state, then as many consumers as it says, the messages with rising sequences, and the end.
// The texts of errors are the reference's.
class BackupReader {
 public:
  explicit BackupReader(uint64_t max_message) : archive_(max_message) {}

  void Feed(std::string_view bytes);
  // No more will come.
  void End() { ended_ = true; }

  enum class Item : uint8_t { kNeedInput, kState, kConsumer, kMessage, kEnd };
  // Errors are final. What comes behind kEnd is ignored, as in the reference.
  StatusOr<Item> Next();

  const BackupState& state() const { return state_; }
  BackupConsumer& consumer() { return consumer_; }
  // Lives until the next call.
  const storage::MessageView& message() const { return message_; }

 private:
  StatusOr<Item> ReadItem();
  Status Fill();
  StatusOr<Item> ReadState();
  StatusOr<Item> ReadConsumer();
  StatusOr<Item> ReadMessage();

  storage::S2Reader chunks_;
  ArchiveReader archive_;
  uint64_t fed_ = 0;
  bool ended_ = false;
  bool done_ = false;
  bool has_state_ = false;
  int64_t consumers_left_ = 0;
  StreamSeq last_ = 0;
  Status status_;
  BackupState state_;
  BackupConsumer consumer_;
  storage::MessageView message_;
};

}  // namespace weir::jetstream
