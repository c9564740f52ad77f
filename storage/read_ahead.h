#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocol/base/ids.h"
#include "storage/block_source.h"

namespace weir::storage {

// How much the loads of a stream bring, and when the next one is begun before anybody asks for it.
//
// A load brings little at first. One that goes on where the one before has ended brings more, up to
// a limit, and then the next is begun as soon as a reader is in the second half of what is there,
// so that neither the reader nor the disk waits for the other. One place is followed at a time:
// with more readers than that, each load brings little. Confined to the stream's home.
class ReadAhead {
 public:
  // Messages of a load that nobody has announced, and of the largest.
  static constexpr size_t kFirst = 256;
  static constexpr size_t kMost = 4096;
  static constexpr size_t kBytes = 256 * 1024;  // of any load

  // Nothing is begun early behind a load of more than `most_bytes`: it would push out what is being
  // read.
  explicit ReadAhead(size_t most_bytes) : most_bytes_(most_bytes) {}

  struct Plan {
    StreamSeq from = 0;
    size_t messages = kFirst;

    bool sequential() const { return messages > kFirst; }
  };

  // Somebody needs `seq`: what to load.
  Plan Begin(StreamSeq seq);
  // A load has come.
  void Loaded(const Plan& plan, const std::vector<LoadedBlock>& blocks);

  // Is a reader that is in the block beginning with `first` so far that the next load should begin?
  bool Due(StreamSeq first) const { return first >= due_from_ && first < next_; }
  // The load that is due; nobody waits for it yet. Due() is false from here on.
  Plan BeginEarly();
  // Is `seq` probably among what the load begun early will bring? Then it is worth waiting for.
  bool Expects(StreamSeq seq) const {
    return early_.from != 0 && seq >= early_.from && seq - early_.from < early_.messages;
  }

 private:
  const size_t most_bytes_;
  StreamSeq next_ = 0;   // behind the latest load
  size_t messages_ = 0;  // of the latest load
  StreamSeq due_from_ = UINT64_MAX;
  Plan early_{0, 0};  // under way; from 0: none
};

}  // namespace weir::storage
