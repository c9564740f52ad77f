#include "jetstream/message_reader.h"

#include <algorithm>
#include <utility>

namespace weir::jetstream {

namespace {

// Matches that are so far apart are sparse; with so many messages between them a list is tried.
constexpr uint64_t kFarApart = 32;
constexpr uint64_t kLeastPassed = 1024;
// Where no list could be made one is tried more and more seldom.
constexpr uint64_t kMostPatience = 1024;
constexpr size_t kMostListed = 512;

}  // namespace

using storage::ReadOutcome;
using storage::StoredMessage;

MessageReader::MessageReader(storage::StreamStore& store, std::function<void(const Status&)> loaded)
    : store_(store), loaded_(std::move(loaded)) {}

void MessageReader::SetFilters(std::vector<std::string> filters) {
  filters_ = protocol::SubjectFilters(std::move(filters));
  counted_ = false;
  searched_from_ = searched_upto_ = 0;
  ahead_ = {};
  passed_ = 0;
  patience_ = 1;
}

void MessageReader::CollectLast(StreamSeq from, StreamSeq upto) {
  skips_.clear();
  auto visit = [&](std::string_view subject, const storage::SubjectState& state) {
    if (state.last >= from && state.last <= upto && Matches(subject)) {
      skips_.push_back(state.last);
    }
    return true;
  };
  store_.ForEachSubject(filters_.size() == 1 ? std::string_view(filters()[0]) : ">", visit);
  std::sort(skips_.begin(), skips_.end(), std::greater<>());
  skip_to_ = skips_.empty() ? 0 : upto;
  counted_ = false;
}

StreamSeq MessageReader::StartAtLastPerSubject(StreamSeq from) {
  CollectLast(from, store_.state().last_seq);
  return skips_.empty() ? 0 : skips_.back();
}

void MessageReader::RestoreLastPerSubject(StreamSeq resume_seq, StreamSeq from) {
  if (resume_seq != 0) {
    CollectLast(from, resume_seq);
    // Without any left the messages between are still not to be read.
    skip_to_ = resume_seq;
  }
}

MessageReader::Outcome MessageReader::Load(StreamSeq seq) {
  if (!loading_) {
    loading_ = true;
    store_.Load(seq, [loaded = loaded_](const Status& status) { loaded(status); });
  }
  return Outcome::kLoading;
}

MessageReader::Outcome MessageReader::Next(StreamSeq from, StreamSeq committed,
                                           StoredMessage& out) {
  if (skipping()) {
    Outcome outcome = NextSkipping(committed, out);
    if (outcome != Outcome::kGone) {
      return outcome;
    }
    from = std::max(from, skip_to_ + 1);
  }
  while (from <= committed) {
    const StreamSeq start =
        from >= searched_from_ && from <= searched_upto_ ? searched_upto_ + 1 : from;
    if (StreamSeq at = start; ahead_.upto != 0) {
      Outcome outcome = Outcome::kMessage;
      const Listed listed = NextListed(at, committed, out, outcome);
      if (listed == Listed::kDone) {
        return outcome;
      }
      if (listed == Listed::kPassed) {
        NoteSearched(from, at - 1);
        continue;
      }
    }
    switch (start <= committed ? store_.Next(start, filters_, out) : ReadOutcome::kMissing) {
      case ReadOutcome::kFound:
        NoteSearched(from, std::min(committed, out.view.seq - 1));
        NoteSparse(start, out.view.seq);
        return out.view.seq <= committed ? Outcome::kMessage : Outcome::kCaughtUp;
      case ReadOutcome::kMissing:
        NoteSearched(from, committed);
        return Outcome::kCaughtUp;
      case ReadOutcome::kWouldBlock:
        NoteSearched(from, out.view.seq - 1);
        NoteSparse(start, out.view.seq);
        return Load(out.view.seq);
      case ReadOutcome::kDamaged:
        from = std::max(from, out.view.seq) + 1;
        counted_ = false;
        break;
    }
  }
  return Outcome::kCaughtUp;
}

MessageReader::Listed MessageReader::NextListed(StreamSeq& from, StreamSeq committed,
                                                StoredMessage& out, Outcome& outcome) {
  if (from < ahead_from_) {
    ahead_ = {};  // the consumer was moved back
    return Listed::kNothing;
  }
  outcome = Outcome::kCaughtUp;
  auto at = std::lower_bound(ahead_.seqs.begin(), ahead_.seqs.end(), from);
  for (; at != ahead_.seqs.end() && *at <= committed; ++at) {
    switch (store_.Get(*at, out)) {
      case ReadOutcome::kFound:
        outcome = Outcome::kMessage;
        return Listed::kDone;
      case ReadOutcome::kWouldBlock:
        outcome = Load(*at);
        return Listed::kDone;
      case ReadOutcome::kMissing:
        break;
      case ReadOutcome::kDamaged:
        counted_ = false;
        break;
    }
  }
  if (at != ahead_.seqs.end() || committed <= ahead_.upto) {
    return Listed::kDone;
  }
  from = ahead_.upto + 1;
  const bool full = ahead_.seqs.size() == kMostListed;
  ahead_ = {};
  if (full) {
    MakeList(from);
  }
  return Listed::kPassed;
}

void MessageReader::NoteSparse(StreamSeq from, StreamSeq found) {
  if (filters_.covers_all() || found - from < kFarApart) {
    return;
  }
  passed_ += found - from;
  // Making the list costs about as much as reading so many.
  const uint64_t subjects = filters_.literal() ? 0 : store_.state().num_subjects;
  if (passed_ / patience_ < std::max(kLeastPassed, filters_.size() * (1 + subjects / 8))) {
    return;
  }
  passed_ = 0;
  MakeList(found);
}

void MessageReader::MakeList(StreamSeq from) {
  if (auto ahead = store_.ListAhead(from, filters_, kMostListed)) {
    ahead_ = *std::move(ahead);
    ahead_from_ = from;
  } else {
    patience_ = std::min<uint64_t>(patience_ * 2, kMostPatience);
  }
}

void MessageReader::NoteSearched(StreamSeq from, StreamSeq upto) {
  if (!filters_.covers_all() && upto >= from) {
    const bool goes_on = from >= searched_from_ && from <= searched_upto_;
    searched_from_ = goes_on ? searched_from_ : from;
    searched_upto_ = goes_on ? std::max(searched_upto_, upto) : upto;
  }
}

// kGone: the list is at its end.
MessageReader::Outcome MessageReader::NextSkipping(StreamSeq committed, StoredMessage& out) {
  while (!skips_.empty()) {
    if (skips_.back() > committed) {
      return Outcome::kCaughtUp;
    }
    Outcome outcome = Get(skips_.back(), out);
    if (outcome != Outcome::kGone) {
      return outcome;
    }
    skips_.pop_back();
  }
  return Outcome::kGone;
}

MessageReader::Outcome MessageReader::Get(StreamSeq seq, StoredMessage& out) {
  switch (store_.Get(seq, out)) {
    case ReadOutcome::kFound:
      return Outcome::kMessage;
    case ReadOutcome::kWouldBlock:
      return Load(seq);
    case ReadOutcome::kMissing:
    case ReadOutcome::kDamaged:
      break;
  }
  return Outcome::kGone;
}

void MessageReader::Advance(StreamSeq seq) {
  if (skipping()) {
    if (!skips_.empty() && skips_.back() == seq) {
      skips_.pop_back();
      return;
    }
    if (seq > skip_to_) {
      skip_to_ = 0;
    }
  }
  if (counted_ && seq <= counted_upto_ && count_ > 0) {
    --count_;
  }
}

uint64_t MessageReader::CountFrom(StreamSeq from) {
  return from > store_.state().last_seq ? 0 : store_.CountFrom(from, filters_);
}

uint64_t MessageReader::Pending(StreamSeq from, StreamSeq committed) {
  uint64_t skipped = skips_.size();
  if (skipping()) {
    from = std::max(from, skip_to_ + 1);
  }
  const storage::StoreState& state = store_.state();
  if (filters_.covers_all() && state.num_deleted == 0) {
    StreamSeq first = std::max(from, state.first_seq);
    return skipped + (committed >= first && state.messages > 0 ? committed - first + 1 : 0);
  }
  if (!counted_) {
    counted_ = true;
    counted_upto_ = committed;
    count_ = CountFrom(from) - CountFrom(std::max(from, committed + 1));
  } else if (committed > counted_upto_) {
    count_ +=
        CountFrom(std::max(from, counted_upto_ + 1)) - CountFrom(std::max(from, committed + 1));
    counted_upto_ = committed;
  }
  return skipped + count_;
}

void MessageReader::Invalidate() {
  counted_ = false;
  while (!skips_.empty() && skips_.back() < store_.state().first_seq) {
    skips_.pop_back();
  }
}

void MessageReader::OnPurged() {
  counted_ = false;
  StoredMessage message;
  std::erase_if(skips_,
                [&](StreamSeq seq) { return store_.Get(seq, message) == ReadOutcome::kMissing; });
}

void MessageReader::OnRemoved(StreamSeq seq, StreamSeq from, std::string_view subject) {
  if (skipping() && seq <= skip_to_) {
    auto at = std::lower_bound(skips_.begin(), skips_.end(), seq, std::greater<>());
    if (at != skips_.end() && *at == seq) {
      skips_.erase(at);
    }
    return;
  }
  if (!counted_ || seq < from || seq > counted_upto_) {
    return;
  }
  if (!filters_.covers_all() && subject.empty()) {
    counted_ = false;
  } else if (Matches(subject) && count_ > 0) {
    --count_;
  }
}

}  // namespace weir::jetstream
