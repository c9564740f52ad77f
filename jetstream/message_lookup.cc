#include "jetstream/message_lookup.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "jetstream/shard.h"
#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

using storage::ReadOutcome;
using storage::StoredMessage;

StreamSeq LastSequence(const storage::StreamStore& store, std::string_view filter) {
  if (!protocol::HasWildcard(filter)) {
    auto state = store.LastOf(filter);
    return state ? state->last : 0;
  }
  StreamSeq last = 0;
  store.ForEachSubject(filter, [&](std::string_view, const storage::SubjectState& state) {
    last = std::max(last, state.last);
    return true;
  });
  return last;
}

// On kWouldBlock, `load_from` is where to start loading.
ReadOutcome Look(storage::StreamStore& store, const MessageQuery& query, StoredMessage& out,
                 StreamSeq& load_from) {
  bool by_number = query.next_by_subject.empty() && !query.start_time_ns;
  if (by_number) {
    load_from =
        query.last_by_subject.empty() ? query.seq : LastSequence(store, query.last_by_subject);
    return load_from == 0 ? ReadOutcome::kMissing : store.Get(load_from, out);
  }
  StreamSeq from = std::max<StreamSeq>(1, query.seq);
  if (query.start_time_ns) {
    from = store.SeqAtTime(*query.start_time_ns);
  }
  protocol::SubjectFilters filters;
  if (!query.next_by_subject.empty()) {
    filters = {query.next_by_subject};
  }
  ReadOutcome outcome = store.Next(from, filters, out);
  load_from = out.view.seq;
  return outcome;
}

void Hand(Stream& stream, StoredMessage message, MessageFound found) {
  if (message.view.seq <= stream.committed_seq()) {
    std::move(found)(std::move(message));
    return;
  }
  if (message.keep.empty()) {
    // Views end with the next change of the store; this one has to last until the commit.
    SharedBytes keep = SharedBytes::Uninitialized(
        message.view.subject.size() + message.view.headers.size() + message.view.payload.size());
    char* at = keep.mutable_data();
    auto copy = [&at](std::string_view& text) {
      std::copy(text.begin(), text.end(), at);
      text = {at, text.size()};
      at += text.size();
    };
    copy(message.view.subject);
    copy(message.view.headers);
    copy(message.view.payload);
    message.keep = std::move(keep);
  }
  stream.shard().WhenCommitted(
      [message = std::move(message), found = std::move(found)](const Status& status) mutable {
        if (status.ok()) {
          std::move(found)(std::move(message));
        } else {
          std::move(found)(status);
        }
      });
}

}  // namespace

void ReadMessageQuery(JsonReader& in, MessageQuery& query) {
  in.Read("seq", query.seq);
  in.Read("last_by_subj", query.last_by_subject);
  in.Read("next_by_subj", query.next_by_subject);
  if (in.Find("start_time") != nullptr) {
    in.ReadTime("start_time", query.start_time_ns.emplace(0));
  }
  in.Read("no_hdr", query.no_headers);
}

void FindMessage(Stream& stream, MessageQuery query, MessageFound found) {
  StoredMessage message;
  StreamSeq load_from = 0;
  switch (Look(stream.store(), query, message, load_from)) {
    case ReadOutcome::kFound:
      Hand(stream, std::move(message), std::move(found));
      return;
    case ReadOutcome::kMissing:
      std::move(found)(NotFound("no message found"));
      return;
    case ReadOutcome::kDamaged:
      std::move(found)(DataLoss("the message is damaged on disk"));
      return;
    case ReadOutcome::kWouldBlock:
      break;
  }
  Shard& shard = stream.shard();
  stream.store().Load(load_from, [&shard, id = stream.id(), query = std::move(query),
                                  found = std::move(found)](const Status& status) mutable {
    Stream* again = shard.Find(id);
    if (!status.ok()) {
      std::move(found)(status);
    } else if (again != nullptr && !again->stopped()) {
      FindMessage(*again, std::move(query), std::move(found));
    }
  });
}

}  // namespace weir::jetstream
