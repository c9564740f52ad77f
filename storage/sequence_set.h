#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"

#include "protocol/base/ids.h"

namespace weir::storage {

// A compact set of sequences: the interior deletes of a stream. Sequences are grouped in pages of
// 1,024; a page that is partly in the set costs a bitmap of 128 bytes, and a run of whole pages
// costs one entry, however long it is. Searches step from page to page.
//
// Not thread-safe; copyable, so that a reader elsewhere can have the part that it needs.
class SequenceSet {
 public:
  static constexpr StreamSeq kPageSize = 1024;
  using Run = std::pair<StreamSeq, StreamSeq>;  // inclusive

  SequenceSet() = default;
  SequenceSet(const SequenceSet& other) { *this = other; }
  SequenceSet& operator=(const SequenceSet& other);
  SequenceSet(SequenceSet&&) = default;
  SequenceSet& operator=(SequenceSet&&) = default;

  // False when it was there already.
  bool Insert(StreamSeq seq) { return InsertRange(seq, seq) == 1; }
  // Inclusive; returns how many are new.
  uint64_t InsertRange(StreamSeq first, StreamSeq last);
  // Forgets everything below `seq`.
  void EraseBelow(StreamSeq seq);
  void Clear();

  bool Contains(StreamSeq seq) const;
  uint64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // How many of the closed interval are in the set.
  uint64_t CountIn(StreamSeq first, StreamSeq last) const;
  // The first sequence at or above `from` that is not in the set.
  StreamSeq NextAbsent(StreamSeq from) const;
  // The highest member; 0 when empty.
  StreamSeq Last() const;
  // The last sequence at or below `from` that is not in the set; 0 when there is none.
  StreamSeq PreviousAbsent(StreamSeq from) const;
  // The n-th (from 1) sequence at or above `from` that is not in the set.
  StreamSeq NthAbsent(StreamSeq from, uint64_t n) const;
  // What of the set lies in the closed interval.
  SequenceSet Slice(StreamSeq first, StreamSeq last) const;
  // Maximal runs in order, at most `limit`.
  std::vector<Run> Runs(size_t limit) const;

  // One page as bytes, for the disk (FORMAT.md): a form byte, then nothing (the whole page), a list
  // of 16-bit positions or a bitmap. Empty when nothing of the page is in the set.
  static StreamSeq PageOf(StreamSeq seq) { return seq / kPageSize; }
  std::string EncodePage(StreamSeq page) const;
  // Adds an encoded page. False when the bytes make no sense; the set is unchanged then.
  bool MergePage(StreamSeq page, std::string_view bytes);

 private:
  static constexpr size_t kWords = kPageSize / 64;
  struct Page {
    uint64_t words[kWords] = {};
    uint32_t count = 0;
  };

  uint64_t InsertInPage(StreamSeq page, uint32_t from, uint32_t to);
  uint64_t InsertWholePages(StreamSeq first, StreamSeq last);
  // The end (exclusive) of the run of whole pages that holds `page`, 0 when it is in none.
  StreamSeq WholeRunEnd(StreamSeq page) const;
  void MarkWhole(StreamSeq first, StreamSeq end);
  const Page* FindPage(StreamSeq page) const;

  absl::btree_map<StreamSeq, StreamSeq> whole_;                // first page → end page, exclusive
  absl::btree_map<StreamSeq, std::unique_ptr<Page>> partial_;  // never empty, never whole
  uint64_t size_ = 0;
};

}  // namespace weir::storage
