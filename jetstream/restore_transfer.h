#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jetstream/account_usage.h"
#include "jetstream/catalog.h"
#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "jetstream/stream_backup.h"
#include "jetstream/transfer.h"
#include "protocol/base/timer_queue.h"

namespace weir::jetstream {

// What STREAM.RESTORE has been granted: a checked configuration and a home.
struct RestoreSpec {
  AccountId account;
  StreamConfig config;
  AccountUsage* usage = nullptr;
  size_t home = 0;
};

// Makes a stream of a backup that arrives in chunks (jetstream-api.md 8), at the stream's home.
//
// When the backup's state has been read, the catalog is asked for the name. From then on messages
// go into the store as they come; nobody sees the stream until the last chunk, an empty one, has
// come and all of it is durable. A backup that turns out bad leaves nothing: what was stored is
// destroyed, the name is given back, and the last chunk is answered with 10062. Every other chunk
// is answered with an empty message when it has been stored, also behind an error, as in the
// reference. After a restart the stream's record says that it is not complete, and it is destroyed.
class RestoreTransfer : public Transfer {
 public:
  // Where the catalog stands when a restore is over.
  struct Outcome {
    AccountId account;
    std::string reply;
    std::string json;
  };

  RestoreTransfer(Catalog& catalog, Shard& shard, RestoreSpec spec);
  ~RestoreTransfer() override;

  // Subscribes; returns where the chunks are to be sent.
  std::string Start(Id id);

  void OnMessage(const Inbound& message) override;  // a chunk

 private:
  enum class Phase : uint8_t {
    kReading,    // until the state is known
    kReserving,  // the catalog is being asked for the name
    kStoring,    // there is a stream
    kRead,       // the end of the backup has been read
    kFailed,
    kOver,
  };

  void Process();
  Status Take(BackupReader::Item item);
  void Reserve();
  // On the meta shard. The error is one of the API, or a text for 10062.
  static void ReserveName(Catalog& catalog, Id id, const RestoreSpec& spec, uint64_t bytes);
  void OnReserved(StreamId stream, int64_t created_ns);
  Status OpenStream(StreamId stream, int64_t created_ns);
  Status AddConsumer(BackupConsumer& consumer);
  Status AddMessage(const storage::MessageView& message);
  bool HasOutlived(const storage::MessageView& message) const;
  Status CheckRoom(uint64_t bytes);
  // Behind the last message, so that no number is given out twice.
  void PadEnd();
  void Fail(const ApiError& error);
  void GiveUp();
  void Complete();
  void Finish();
  void Answer(const std::string& json);
  void WatchStall();
  void Advise(bool complete);
  std::string Label() const;

  Catalog& catalog_;
  Shard& shard_;
  RestoreSpec spec_;
  BackupReader reader_;
  Phase phase_ = Phase::kReading;
  ApiError error_;

  Id id_ = 0;
  Router::SubscriptionId subscription_ = 0;
  TimerQueue::TimerId stall_timer_;
  int64_t started_ns_ = 0;  // Unix
  uint64_t received_ = 0;
  uint64_t waiting_bytes_ = 0;  // received while the catalog is being asked
  bool ended_ = false;
  std::string last_reply_;

  std::unique_ptr<Stream> stream_;                            // until it is the shard's
  std::vector<std::pair<Consumer*, std::string>> consumers_;  // with their states
  uint64_t unflushed_ = 0;
  int64_t last_time_ns_ = 0;
};

}  // namespace weir::jetstream
