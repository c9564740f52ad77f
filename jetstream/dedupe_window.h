#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_set.h"

#include "jetstream/string_fifo.h"
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
  explicit DedupeWindow(int64_t window_ns) : index_(0, Hash{}, Equal{this}) {
    set_window(window_ns);
  }
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
    std::string_view id;
    uint64_t hash;
    StreamSeq seq;
    int64_t time_ns;
  };
  // The index holds entry numbers, which go up for ever (entries_[number - first_] is the entry),
  // with the hashes of their ids: growing it touches no entry.
  struct Slot {
    uint64_t hash;
    uint64_t number;
  };
  struct Key {
    uint64_t hash;
    std::string_view id;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(const Slot& slot) const { return slot.hash; }
    size_t operator()(const Key& key) const { return key.hash; }
  };
  struct Equal {
    using is_transparent = void;
    const DedupeWindow* window;
    bool operator()(const Slot& a, const Slot& b) const { return a.number == b.number; }
    bool operator()(const Slot& a, const Key& key) const {
      return a.hash == key.hash && window->at(a.number).id == key.id;
    }
    bool operator()(const Key& key, const Slot& a) const { return (*this)(a, key); }
  };

  const Entry& at(uint64_t number) const { return entries_[number - first_]; }

  int64_t window_ns_ = 0;
  uint64_t first_ = 0;
  std::deque<Entry> entries_;
  StringFifo ids_;
  absl::flat_hash_set<Slot, Hash, Equal> index_;
  std::string last_id_;
};

}  // namespace weir::jetstream
