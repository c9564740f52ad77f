#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/message_lookup.h"
#include "storage/stream_store.h"

namespace weir::jetstream {

class Stream;

// A direct get of several messages (jetstream-api.md 7): a run from `start`, or the last message of
// each subject in `multi_last`.
struct BatchQuery {
  MessageQuery start;
  int64_t size = 0;       // 0: not asked for
  int64_t max_bytes = 0;  // 0: kMaxBatchBytes
  std::vector<std::string> multi_last;
  StreamSeq up_to_seq = 0;
  std::optional<int64_t> up_to_time_ns;  // Unix
};

inline constexpr int64_t kMaxBatchBytes = 64 << 20;

// Sends the messages and the end of the batch to `reply`, all of it as of what is committed at the
// stream's home when this is called. In pieces, with a turn of the home between them; ends early
// when the stream goes.
void AnswerBatchGet(Stream& stream, BatchQuery query, std::string reply);

// The stored headers with where the message comes from behind them, and `more` lines behind that.
std::string DirectGetHeaders(const Stream& stream, const storage::MessageView& message,
                             std::string_view more = {});

}  // namespace weir::jetstream
