#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "jetstream/string_fifo.h"
#include "protocol/base/id_index.h"
#include "protocol/base/ids.h"
#include "protocol/base/strings.h"

namespace weir::jetstream {

// The message ids that a stream has taken within its duplicate window (jetstream-api.md 5.5), with
// the sequences they got. It knows staged messages as well as committed ones: what a publish is
// checked against is the assigned state.
//
// Ids are added in time order; old ones fall out as new ones are looked up or added.
class DedupeWindow {
 public:
  explicit DedupeWindow(int64_t window_ns) { set_window(window_ns); }
  DedupeWindow(const DedupeWindow&) = delete;
  DedupeWindow& operator=(const DedupeWindow&) = delete;

  // 0: nothing is remembered but the last id.
  void set_window(int64_t window_ns) { window_ns_ = window_ns; }
  int64_t window_ns() const { return window_ns_; }

  // The sequence that this id got within the window.
  std::optional<StreamSeq> Find(std::string_view id, int64_t now_ns);
  // Remembers an id that Find() did not know. A second one with the same id replaces nothing.
  void Add(std::string_view id, StreamSeq seq, int64_t time_ns);
  // For a stored message without an id: the last message has none.
  void ForgetLast() { last_id_.clear(); }

  // The id of the last message, empty when it had none (Nats-Expected-Last-Msg-Id).
  const std::string& last_id() const { return last_id_; }
  size_t size() const { return entries_.size(); }

  void Expire(int64_t now_ns);

 private:
  struct Entry {
    const char* id;
    uint32_t size;
    uint32_t tag;
    StreamSeq seq;
    int64_t time_ns;
  };

  const Entry* FindEntry(std::string_view id, uint32_t tag) const;

  int64_t window_ns_ = 0;
  uint32_t first_ = 0;         // number of the oldest entry; numbers go up for ever and wrap around
  std::deque<Entry> entries_;  // by number
  StringFifo ids_;
  IdIndex index_;
  std::string last_id_;
};

}  // namespace weir::jetstream
