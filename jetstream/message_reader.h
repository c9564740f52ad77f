#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/ids.h"
#include "protocol/base/status.h"
#include "storage/stream_store.h"

namespace weir::jetstream {

// A consumer's way through a stream: the next committed message that matches its filters, and how
// many of them are still to come.
//
// The position is the caller's (the ledger has it); the reader keeps what makes answers cheap: a
// list of sequences for "last per subject", and the count of pending messages, which it carries
// along instead of asking the store for every message. Confined to the consumer's home.
class MessageReader {
 public:
  enum class Outcome : uint8_t {
    kMessage,
    kCaughtUp,  // nothing committed that matches
    kLoading,   // on disk; `loaded` runs when it has arrived
    kGone,      // Get() only: deleted, or lost to damage
  };

  // `loaded` runs at the home after a load. It may outlive the reader: it must find out for itself
  // whether anybody is left, and then call OnLoaded().
  MessageReader(storage::StreamStore& store, std::function<void(const Status&)> loaded);
  MessageReader(const MessageReader&) = delete;
  MessageReader& operator=(const MessageReader&) = delete;

  // Empty: everything.
  void SetFilters(std::vector<std::string> filters);
  const std::vector<std::string>& filters() const { return filters_.patterns(); }
  const protocol::SubjectFilters& subject_filters() const { return filters_; }
  bool Matches(std::string_view subject) const { return filters_.Match(subject); }

  // Reads only the last message of each subject up to the present end, then everything. Returns the
  // first of them; 0 when there is none.
  StreamSeq StartAtLastPerSubject(StreamSeq from);
  // Where "last per subject" ends; 0 once it is done.
  StreamSeq resume_seq() const { return skip_to_; }
  // The same again after a restart: what was the last of its subject then and still is.
  void RestoreLastPerSubject(StreamSeq resume_seq, StreamSeq from);

  // The first message at or above `from`, not above `committed`. The caller then calls Advance(),
  // or the same again.
  Outcome Next(StreamSeq from, StreamSeq committed, storage::StoredMessage& out);
  // This message, whatever the filters say: a redelivery.
  Outcome Get(StreamSeq seq, storage::StoredMessage& out);
  // The message that Next() found was delivered.
  void Advance(StreamSeq seq);

  // How many messages at or above `from` and not above `committed` Next() would still find.
  uint64_t Pending(StreamSeq from, StreamSeq committed);
  // A message was deleted; an empty subject means that nobody knows which.
  void OnRemoved(StreamSeq seq, StreamSeq from, std::string_view subject);
  // Count anew: the stream was trimmed, or the position moved.
  void Invalidate();
  // Messages were purged: the same, wherever they were.
  void OnPurged();

  void OnLoaded() { loading_ = false; }

 private:
  // How one look into the list of what is ahead ends.
  enum class Listed : uint8_t {
    kNothing,  // no list for this position: search
    kDone,     // the outcome is known
    kPassed,   // go on behind the list
  };

  bool skipping() const { return skip_to_ != 0; }
  void CollectLast(StreamSeq from, StreamSeq upto);
  Outcome NextSkipping(StreamSeq committed, storage::StoredMessage& out);
  Listed NextListed(StreamSeq& from, StreamSeq committed, storage::StoredMessage& out,
                    Outcome& outcome);
  // A search went from `from` to `found`: with many that went far it is time for a list.
  void NoteSparse(StreamSeq from, StreamSeq found);
  void MakeList(StreamSeq from);
  Outcome Load(StreamSeq seq);
  void NoteSearched(StreamSeq from, StreamSeq upto);
  uint64_t CountFrom(StreamSeq from);

  storage::StreamStore& store_;
  std::function<void(const Status&)> loaded_;
  protocol::SubjectFilters filters_;

  std::vector<StreamSeq> skips_;  // falling: the next one is at the back
  StreamSeq skip_to_ = 0;

  // Nothing matches from searched_from_ up to and including searched_upto_: where filters are rare,
  // a search goes on where the one before ended. 0: not known.
  StreamSeq searched_from_ = 0;
  StreamSeq searched_upto_ = 0;

  // What comes next where matches are far apart, from ahead_from_ on; `upto` 0: no list.
  storage::StreamStore::Ahead ahead_;
  StreamSeq ahead_from_ = 0;
  uint64_t passed_ = 0;  // messages that searches went over since the last try to make a list
  uint64_t patience_ = 1;

  bool counted_ = false;
  uint64_t count_ = 0;          // matches from the position up to counted_upto_
  StreamSeq counted_upto_ = 0;  // committed then
  bool loading_ = false;
};

}  // namespace weir::jetstream
