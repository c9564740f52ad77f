#include "jetstream/consumer_state.h"

#include <algorithm>

namespace weir::jetstream {

namespace {

constexpr char kVersion = 1;

void Put(std::string& out, uint64_t number) {
  while (number >= 0x80) {
    out.push_back(static_cast<char>(number | 0x80));
    number >>= 7;
  }
  out.push_back(static_cast<char>(number));
}

void Put(std::string& out, const SequencePair& pair) {
  Put(out, pair.consumer);
  Put(out, pair.stream);
}

// Reads numbers until they run out; then everything is 0 and ok() is false.
class NumberReader {
 public:
  explicit NumberReader(std::string_view bytes) : rest_(bytes) {}

  uint64_t Next() {
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) {
        ok_ = false;
        return 0;
      }
      auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      number |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        return number;
      }
    }
    ok_ = false;
    return 0;
  }

  SequencePair NextPair() {
    SequencePair pair;
    pair.consumer = Next();
    pair.stream = Next();
    return pair;
  }

  // A count of things that take at least `size` bytes each.
  uint64_t NextCount(size_t size) {
    uint64_t count = Next();
    if (count > rest_.size() / size) {
      ok_ = false;
      return 0;
    }
    return count;
  }

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

std::string EncodeConsumerState(const ConsumerState& state, int64_t offset_ns) {
  const AckLedger::Snapshot& ledger = state.ledger;
  std::string out(1, kVersion);
  out.reserve(64 + ledger.pending.size() * 20);
  Put(out, ledger.delivered);
  Put(out, ledger.floor);
  Put(out, state.last_per_subject_end);
  Put(out, ledger.pending.size());
  SequencePair before;
  for (const AckLedger::Entry& entry : ledger.pending) {
    Put(out, entry.stream_seq - before.stream);
    Put(out, entry.consumer_seq - before.consumer);
    Put(out, static_cast<uint64_t>(entry.delivered_ns + offset_ns));
    Put(out, static_cast<uint64_t>(std::max<int64_t>(entry.deadline_ns - entry.delivered_ns, 0)));
    Put(out, entry.deliveries);
    before = {entry.consumer_seq, entry.stream_seq};
  }
  Put(out, ledger.given_up.size());
  StreamSeq last = 0;
  for (const auto& [seq, deliveries] : ledger.given_up) {
    Put(out, seq - last);
    Put(out, deliveries);
    last = seq;
  }
  return out;
}

StatusOr<ConsumerState> DecodeConsumerState(std::string_view bytes, int64_t offset_ns) {
  if (bytes.empty() || bytes.front() != kVersion) {
    return DataLoss("consumer state of an unknown version");
  }
  NumberReader in(bytes.substr(1));
  ConsumerState state;
  AckLedger::Snapshot& ledger = state.ledger;
  ledger.delivered = in.NextPair();
  ledger.floor = in.NextPair();
  state.last_per_subject_end = in.Next();
  ledger.pending.resize(in.NextCount(5));
  SequencePair before;
  for (AckLedger::Entry& entry : ledger.pending) {
    entry.stream_seq = before.stream + in.Next();
    entry.consumer_seq = before.consumer + in.Next();
    entry.delivered_ns = static_cast<int64_t>(in.Next()) - offset_ns;
    entry.deadline_ns = entry.delivered_ns + static_cast<int64_t>(in.Next());
    entry.deliveries = static_cast<uint32_t>(in.Next());
    before = {entry.consumer_seq, entry.stream_seq};
  }
  ledger.given_up.resize(in.NextCount(2));
  StreamSeq last = 0;
  for (auto& [seq, deliveries] : ledger.given_up) {
    seq = last + in.Next();
    deliveries = static_cast<uint32_t>(in.Next());
    last = seq;
  }
  if (!in.ok() || !in.at_end()) {
    return DataLoss("consumer state is damaged");
  }
  return state;
}

}  // namespace weir::jetstream
