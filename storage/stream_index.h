#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "protocol/base/id_index.h"
#include "protocol/base/ids.h"
#include "protocol/pattern_matcher.h"
#include "storage/subject_text.h"

namespace weir::storage {

// What is known of every subject of a stream without reading a message: first and last sequence and
// the number of messages. About 45 bytes a subject beside the subject's own bytes; a subject with 3
// to 64 messages also has a list of its sequences, so that per-subject limits never have to search.
//
// Removing the first or last of a subject with more messages than that leaves a bound that is only
// a limit ("at or above first"): the store, which can read, finds the true one when somebody asks
// and tells it by SetFirst() or SetLast().
//
// Not thread-safe.
class StreamIndex {
 public:
  using SubjectId = uint32_t;  // re-used after the subject's last message is gone
  static constexpr SubjectId kNoSubject = UINT32_MAX;

  struct Bounds {
    StreamSeq first = 0;
    StreamSeq last = 0;
    uint64_t messages = 0;
    bool first_exact = true;  // false: the first message is at `first` or above
    bool last_exact = true;   // false: the last message is at `last` or below
  };

  StreamIndex() = default;
  StreamIndex(const StreamIndex&) = delete;
  StreamIndex& operator=(const StreamIndex&) = delete;

  // A message at the end of the stream, and what it counts for.
  SubjectId Add(std::string_view subject, StreamSeq seq, uint64_t bytes = 0);
  // A message that was added before is gone.
  void Remove(std::string_view subject, StreamSeq seq);
  void Remove(SubjectId id, StreamSeq seq);
  void Clear();

  SubjectId FindId(std::string_view subject) const;
  std::optional<Bounds> Find(std::string_view subject) const;
  Bounds bounds(SubjectId id) const;
  std::string_view text(SubjectId id) const { return texts_.At(entries_[id].text); }
  size_t num_subjects() const { return ids_.size(); }

  // What this message counts for, when it is the subject's first and the index knows; else 0.
  uint64_t BytesOfFirst(SubjectId id, StreamSeq seq) const;

  void SetFirst(SubjectId id, StreamSeq first);
  void SetLast(SubjectId id, StreamSeq last);

  // The subject's first message at or above `from`, when the index alone can tell: 0 for none,
  // nullopt when only reading tells.
  std::optional<StreamSeq> NextOf(SubjectId id, StreamSeq from) const;

  // One message of a subject.
  struct Listed {
    StreamSeq seq;
    SubjectId id;
  };
  // All messages of these subjects in order of sequence; nullopt when only reading tells.
  std::optional<std::vector<Listed>> List(const std::vector<SubjectId>& ids) const;

  // Calls visit(seq) for the subject's messages at or above `from` in order until it returns false;
  // false when only reading tells.
  template <typename F>
  bool VisitFrom(SubjectId id, StreamSeq from, F&& visit) const;

  // Every subject that matches, in no order, until `visit` returns false. No change in between. A
  // pattern that few of many subjects match costs about 5 ns a subject.
  void ForEach(std::string_view pattern, const std::function<bool(SubjectId)>& visit) const;

  size_t memory_bytes() const;

 private:
  static constexpr size_t kMaxListed = 64;

  // The sequences between first and last, as distances from `base`.
  struct Middle {
    StreamSeq base = 0;
    std::vector<uint32_t> distances;
  };
  struct Entry {
    StreamSeq first = 0;
    StreamSeq last = 0;
    uint64_t messages : 40 = 0;
    uint64_t first_bytes : 20 = 0;  // what the first message counts for; 0: not known
    uint64_t first_exact : 1 = 1;
    uint64_t last_exact : 1 = 1;
    uint64_t listed : 1 = 1;      // all sequences are known
    uint64_t has_middle : 1 = 0;  // … of them some in middles_
    uint32_t tag = 0;             // see IdIndex
    SubjectText::Ref text = 0;
  };
  SubjectId Find(std::string_view subject, uint32_t tag) const;
  // Do so many match that it is best to look at all entries?
  bool ManyMatch(const protocol::PatternMatcher& matcher) const;
  SubjectId NewSubject(std::string_view subject, uint32_t tag, StreamSeq seq);
  void Forget(SubjectId id);
  void CompactTexts();
  void Grow(SubjectId id, StreamSeq seq);
  void NoteMiddle(SubjectId id, StreamSeq seq);
  void Shrink(SubjectId id, StreamSeq seq);
  void ShrinkListed(SubjectId id, StreamSeq seq);
  Middle* MiddleOf(SubjectId id);
  void DropMiddle(SubjectId id);

  std::deque<Entry> entries_;  // by id; free ones have no messages
  std::vector<SubjectId> free_;
  // Most subjects have one or two messages, or very many: the lists are kept apart.
  absl::flat_hash_map<SubjectId, std::unique_ptr<Middle>> middles_;
  SubjectText texts_;
  IdIndex ids_;
  SubjectId latest_ = kNoSubject;  // of the last Add(): the next one is often the same
  StreamSeq latest_seq_ = 0;       // the message of the last Add()
  uint64_t latest_bytes_ = 0;
};

template <typename F>
bool StreamIndex::VisitFrom(SubjectId id, StreamSeq from, F&& visit) const {
  const Entry& entry = entries_[id];
  if (from > entry.last) {
    return true;
  }
  if (entry.listed == 0) {
    return false;
  }
  if (from <= entry.first && !visit(entry.first)) {
    return true;
  }
  if (entry.has_middle != 0) {
    const Middle& middle = *middles_.find(id)->second;
    for (uint32_t distance : middle.distances) {
      const StreamSeq seq = middle.base + distance;
      if (seq >= from && !visit(seq)) {
        return true;
      }
    }
  }
  if (entry.last != entry.first) {
    visit(entry.last);
  }
  return true;
}

}  // namespace weir::storage
