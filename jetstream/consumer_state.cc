#include "jetstream/consumer_state.h"

#include <algorithm>

#include "protocol/base/varint.h"

namespace weir::jetstream {

namespace {

constexpr char kVersion = 1;

void Put(std::string& out, const SequencePair& pair) {
  AppendVarint(out, pair.consumer);
  AppendVarint(out, pair.stream);
}

SequencePair NextPair(VarintReader& in) {
  SequencePair pair;
  pair.consumer = in.Next();
  pair.stream = in.Next();
  return pair;
}

}  // namespace

std::string EncodeConsumerState(const ConsumerState& state, int64_t offset_ns) {
  const AckLedger::Snapshot& ledger = state.ledger;
  std::string out(1, kVersion);
  out.reserve(64 + ledger.pending.size() * 20);
  Put(out, ledger.delivered);
  Put(out, ledger.floor);
  AppendVarint(out, state.last_per_subject_end);
  AppendVarint(out, ledger.pending.size());
  SequencePair before;
  for (const AckLedger::Entry& entry : ledger.pending) {
    AppendVarint(out, entry.stream_seq - before.stream);
    AppendVarint(out, entry.consumer_seq - before.consumer);
    AppendVarint(out, static_cast<uint64_t>(entry.delivered_ns + offset_ns));
    AppendVarint(
        out, static_cast<uint64_t>(std::max<int64_t>(entry.deadline_ns - entry.delivered_ns, 0)));
    AppendVarint(out, entry.deliveries);
    before = {entry.consumer_seq, entry.stream_seq};
  }
  AppendVarint(out, ledger.given_up.size());
  StreamSeq last = 0;
  for (const auto& [seq, deliveries] : ledger.given_up) {
    AppendVarint(out, seq - last);
    AppendVarint(out, deliveries);
    last = seq;
  }
  return out;
}

StatusOr<ConsumerState> DecodeConsumerState(std::string_view bytes, int64_t offset_ns) {
  if (bytes.empty() || bytes.front() != kVersion) {
    return DataLoss("consumer state of an unknown version");
  }
  VarintReader in(bytes.substr(1));
  ConsumerState state;
  AckLedger::Snapshot& ledger = state.ledger;
  ledger.delivered = NextPair(in);
  ledger.floor = NextPair(in);
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
  if (!in.ok() || !in.rest().empty()) {
    return DataLoss("consumer state is damaged");
  }
  return state;
}

}  // namespace weir::jetstream
