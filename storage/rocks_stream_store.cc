#include "storage/rocks_stream_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "rocksdb/convenience.h"
#include "rocksdb/db.h"
#include <malloc.h>

#include "protocol/base/strings.h"
#include "storage/ends_file.h"
#include "storage/keys.h"

namespace weir::storage {

namespace {

// A trim walks over what it deletes in pieces of this size.
constexpr size_t kWalkBytes = 512 * 1024;
// Who wants a single message gets so much around it.
constexpr size_t kPieceBytes = 16 * 1024;
// The position is written at least after so many messages.
constexpr StreamSeq kPositionEvery = 1024;
// After trimming so much it is worth asking for whole files to be dropped.
constexpr uint64_t kReclaimBytes = 64 << 20;
// After giving back so much it is worth asking the heap to do the same.
constexpr size_t kHeapBytes = 1 << 20;

// By a thread of the pool: it may take some milliseconds. For all stores at once.
void GiveBackHeap(BlockingPool& pool) {
  static std::atomic<bool> asked{false};
  if (!asked.exchange(true)) {
    pool.Run([] {
      asked.store(false);
      ::malloc_trim(0);
    });
  }
}

}  // namespace

BlockBuilder::Sealed RocksStreamStore::AsSealed(const LoadedBlock& block) {
  return {block.reader.first(), block.reader.last(), block.bytes, 0,
          static_cast<uint32_t>(block.bytes.size())};
}

RocksStreamStore::RocksStreamStore(const Context& context, StreamId id, StreamSeq first_seq)
    : IndexedStreamStore(first_seq),
      context_(context),
      id_(id),
      source_(*context.db, id),
      builder_(id),
      tail_(context.tail_bytes),
      loaded_(context.loaded_bytes),
      ahead_(context.loaded_bytes / 3),
      sparse_(context.sparse_patience_bytes) {
  marks_->stream = id;
}

std::unique_ptr<RocksStreamStore> RocksStreamStore::Create(const Context& context, StreamId id,
                                                           StreamSeq first_seq) {
  std::unique_ptr<RocksStreamStore> store(new RocksStreamStore(context, id, first_seq));
  if (first_seq > 1) {
    store->position_dirty_ = true;
    store->dirty_ = true;
  }
  context.db->retention().Watch(id, store->marks_);
  return store;
}

// ---- changes ----

void RocksStreamStore::Append(const MessageView& message) {
  if (builder_.open() && !builder_.Fits(message)) {
    SealOpenBlock(nullptr);
  }
  builder_.Add(message, raw_state().last_seq);
  NoteAppended(message);
  appended_bytes_ += FileMessageBytes(message);
  dirty_ = used_ = true;
}

void RocksStreamStore::SealOpenBlock(const BlockCounters* counters) {
  sealed_.push_back(builder_.Seal(counters));
  tail_.Push(sealed_.back());
}

void RocksStreamStore::OnRemoved(const MessageView& message, bool erase) {
  NoteDeletedNumber(message.seq, FileMessageBytes(message));
  if (fetched_first_ != 0 && fetched_first_ <= message.seq && message.seq <= fetched_last_) {
    if (NoteDeadIn({fetched_first_, fetched_last_}, fetched_previous_)) {
      return;
    }
  } else {
    counted_ = {};  // of which block it was nobody knows
  }
  if (erase) {
    EraseBytes(message.seq);
  }
}

void RocksStreamStore::OnTrimmed(StreamSeq first) {
  dirty_ = true;
  position_dirty_ = true;
  tail_.DropBelow(first);
  loaded_.DropBelow(first);
}

void RocksStreamStore::OnDamaged(StreamSeq seq) {
  context_.db->damage().Add(Cat("stream ", id_.value(), ": message ", seq, " cannot be read"));
}

void RocksStreamStore::EraseBytes(StreamSeq seq) {
  if (builder_.open() && seq >= builder_.first()) {
    builder_.Erase(seq);
    return;
  }
  Fetched fetched;
  if (Fetch(seq, Wait::kYes, fetched) != ReadOutcome::kFound) {
    return;
  }
  // Readers elsewhere may hold the old bytes, so a copy is changed and takes their place.
  const BlockBuilder::Sealed* in_tail = tail_.Find(seq);
  const LoadedBlock* in_stage = staged_.Find(seq);
  BlockBuilder::Sealed sealed =
      in_tail != nullptr ? *in_tail
                         : AsSealed(in_stage != nullptr ? *in_stage : *loaded_.Find(seq));
  LoadedBlock copy;
  copy.bytes = SharedBytes::Copy(sealed.bytes());
  copy.reader = BlockReader(id_, sealed.first, copy.bytes.view());
  auto [offset, size] = copy.reader.Extent(static_cast<uint32_t>(seq - sealed.first));
  record::Erase(copy.bytes.mutable_data() + offset, size, seq);
  sealed.buffer = copy.bytes;
  sealed.offset = 0;
  tail_.Replace(sealed);
  loaded_.Drop(sealed.first);
  staged_.Put(std::move(copy), flushes_ + 1);
  rewritten_.push_back(std::move(sealed));
}

void RocksStreamStore::Flush(StagedBatch& batch) {
  if (!dirty_) {
    return;
  }
  const StoreState& state = raw_state();
  // Where the stream ends must not hang on its last block alone; and what it has is said by each
  // commit, by its last block if there is one.
  position_dirty_ =
      position_dirty_ || !builder_.open() || state.last_seq - position_last_ >= kPositionEvery;
  if (builder_.open()) {
    BlockCounters counters{state.first_seq, state.messages, state.bytes, index().num_subjects()};
    SealOpenBlock(&counters);
  }
  FlushBlocks(batch);
  FlushDeletes(batch);
  FlushPosition(batch);
  batch.MoveMarks(marks_, state.last_seq, state.first_seq);
  ++flushes_;
  dirty_ = false;
  tail_.Evict(marks_->last.load(std::memory_order_acquire));
  staged_.Release(marks_->moves.load(std::memory_order_acquire));
  ReclaimFiles();
  RewriteSparse();
  ReclaimDeleted();
}

void RocksStreamStore::FlushBlocks(StagedBatch& batch) {
  const ValueSealer& sealer = context_.db->sealer();
  StreamSeq first = raw_state().first_seq;
  for (const auto* blocks : {&sealed_, &rewritten_}) {
    for (const BlockBuilder::Sealed& sealed : *blocks) {
      if (sealed.last >= first) {
        BlockKey key(id_, sealed.first);
        if (sealer.packs(context_.compress)) {
          batch.Put(Family::kBlocks, key, sealer.PackBlock(key, sealed.bytes(), context_.compress));
        } else {
          batch.Put(Family::kBlocks, key, sealed.bytes());
        }
        batch.CountMessages(sealed.last - sealed.first + 1);
      }
    }
  }
  for (StreamSeq dead : dead_blocks_) {
    batch.Delete(Family::kBlocks, BlockKey(id_, dead));
  }
  sealed_.clear();
  rewritten_.clear();
  dead_blocks_.clear();
}

void RocksStreamStore::FlushDeletes(StagedBatch& batch) {
  StreamSeq first_page = SequenceSet::PageOf(raw_state().first_seq);
  while (!stored_pages_.empty() && *stored_pages_.begin() < first_page) {
    batch.Delete(Family::kState, DeletesKey(id_, *stored_pages_.begin()));
    stored_pages_.erase(stored_pages_.begin());
  }
  for (StreamSeq page : dirty_pages_) {
    std::string key = DeletesKey(id_, page);
    std::string content = page < first_page ? std::string() : deleted().EncodePage(page);
    if (!content.empty()) {
      batch.Put(Family::kState, key, context_.db->sealer().Seal(key, content));
      stored_pages_.insert(page);
    } else if (stored_pages_.erase(page) > 0) {
      batch.Delete(Family::kState, key);
    }
  }
  dirty_pages_.clear();
  dirtied_page_ = UINT64_MAX;
}

void RocksStreamStore::FlushPosition(StagedBatch& batch) {
  if (!position_dirty_) {
    return;
  }
  position_dirty_ = false;
  const StoreState& state = raw_state();
  position_last_ = state.last_seq;
  StreamPosition position{.first_seq = state.first_seq,
                          .last_seq = state.last_seq,
                          .last_time_ns = state.last_time_ns,
                          .counted = true,
                          .messages = state.messages,
                          .bytes = state.bytes,
                          .subjects = index().num_subjects(),
                          .lost_messages = holes().size(),
                          .lost_bytes = state.lost_bytes};
  std::string key = StreamKey(id_, RecordKind::kStreamPosition);
  std::string value = context_.db->sealer().Seal(key, EncodePosition(position));
  batch.Put(Family::kMeta, key, value);
  batch.Put(Family::kState, key, value);
}

void RocksStreamStore::TrimCaches() {
  if (std::exchange(used_, false)) {
    return;
  }
  const size_t before = tail_.bytes() + loaded_.bytes();
  tail_.EvictAll(marks_->last.load(std::memory_order_acquire));
  loaded_.Clear();
  if (!builder_.open()) {
    builder_.DropBuffer();
  }
  if (before - tail_.bytes() - loaded_.bytes() >= kHeapBytes) {
    GiveBackHeap(*context_.pool);
  }
}

void RocksStreamStore::Destroy(StagedBatch& batch) {
  std::string begin = StreamPrefix(id_);
  std::string end = StreamPrefix(StreamId(id_.value() + 1));
  batch.DeleteRange(Family::kBlocks, begin, end);
  batch.DeleteRange(Family::kState, begin, end);
  batch.Delete(Family::kMeta, StreamKey(id_, RecordKind::kStreamPosition));
  batch.MoveMarks(marks_, raw_state().last_seq, UINT64_MAX);
  tail_.Clear();
  loaded_.Clear();
  staged_.Clear();
  sparse_.Clear();
  sealed_.clear();
  dirty_ = false;
  self_.reset();  // what is under way must not bring anything back
}

// Compaction drops single blocks; files that hold nothing but dropped ones can go at once.
void RocksStreamStore::ReclaimFiles() {
  StreamSeq first = marks_->first.load(std::memory_order_acquire);
  uint64_t deleted_bytes = appended_bytes_ - raw_state().bytes;
  if (deleted_bytes - reclaimed_bytes_ < kReclaimBytes || first <= reclaimed_below_) {
    return;
  }
  reclaimed_bytes_ = deleted_bytes;
  reclaimed_below_ = first;
  context_.pool->Run([db = context_.db, id = id_, first] {
    if (!db->db().SyncWAL().ok()) {
      return;  // what says that the files may go must be safe before they do
    }
    BlockKey begin(id, 0);
    BlockKey end(id, first);
    rocksdb::Slice from(begin.view().data(), begin.view().size());
    rocksdb::Slice to(end.view().data(), end.view().size());
    // The block that holds `first` begins below it.
    IgnoreError(
        Database::FromRocks(rocksdb::DeleteFilesInRange(&db->db(), db->family(Family::kBlocks),
                                                        &from, &to, /*include_end=*/false),
                            "drop files"),
        "what stays is dropped by compaction");
  });
}

// ---- reads ----

ReadOutcome RocksStreamStore::FetchFrom(const LoadedBlock& block, StreamSeq seq, Fetched& out) {
  fetched_first_ = block.reader.first();
  fetched_last_ = block.reader.last();
  fetched_previous_ = block.reader.previous();
  out.keep = &block.bytes;
  auto position = static_cast<uint32_t>(seq - block.reader.first());
  return block.reader.Record(position, /*verify=*/true, out.view) == record::State::kGood
             ? ReadOutcome::kFound
             : ReadOutcome::kDamaged;
}

StatusOr<std::vector<LoadedBlock>> RocksStreamStore::ReadAround(StreamSeq seq, Wait wait) {
  switch (wait) {
    case Wait::kCached:
      break;
    case Wait::kNo:
      return source_.Read(seq, seq, BlockSource::Tier::kMemory, 1, 1);
    case Wait::kYes:
      return source_.Read(seq, UINT64_MAX, BlockSource::Tier::kDisk, ReadAhead::kFirst,
                          kPieceBytes);
    case Wait::kWalk:
      return source_.Read(seq, UINT64_MAX, BlockSource::Tier::kWalk, SIZE_MAX, kWalkBytes);
  }
  return Unavailable("not in the caches");
}

// What was read before a rewriting was committed must not hide what takes its place.
void RocksStreamStore::AddLoaded(std::vector<LoadedBlock> blocks) {
  if (!staged_.empty()) {
    std::erase_if(blocks, [this](const LoadedBlock& block) {
      return block.reader.count() > 0 &&
             staged_.Overlaps(block.reader.first(), block.reader.last());
    });
  }
  loaded_.Add(std::move(blocks));
}

ReadOutcome RocksStreamStore::Fetch(StreamSeq seq, Wait wait, Fetched& out) {
  used_ = true;
  if (builder_.open() && seq >= builder_.first()) {
    fetched_first_ = 0;
    out.keep = &builder_.buffer();
    return builder_.Get(seq, out.view);
  }
  if (const BlockBuilder::Sealed* sealed = tail_.Find(seq); sealed != nullptr) {
    fetched_first_ = sealed->first;
    fetched_last_ = sealed->last;
    out.keep = &sealed->buffer;
    BlockReader reader = BlockReader::Trusted(sealed->first, sealed->bytes());
    fetched_previous_ = reader.previous();
    auto position = static_cast<uint32_t>(seq - sealed->first);
    return reader.Record(position, /*verify=*/false, out.view) == record::State::kGood
               ? ReadOutcome::kFound
               : ReadOutcome::kDamaged;
  }
  fetched_first_ = 0;
  if (const LoadedBlock* staged = staged_.Find(seq); staged != nullptr) {
    return FetchFrom(*staged, seq, out);
  }
  if (const LoadedBlock* loaded = loaded_.Find(seq); loaded != nullptr) {
    if (ahead_.Due(loaded->reader.first())) [[unlikely]] {
      LoadEarly();
    }
    return FetchFrom(*loaded, seq, out);
  }
  if (!unreadable_.empty() && unreadable_.Contains(seq)) {
    return ReadOutcome::kDamaged;
  }
  auto read = ReadAround(seq, wait);
  if (!read.ok()) {
    return read.status().code() == StatusCode::kUnavailable && wait <= Wait::kNo
               ? ReadOutcome::kWouldBlock
               : ReadOutcome::kDamaged;
  }
  AddLoaded(std::move(*read));
  const LoadedBlock* loaded = loaded_.Find(seq);
  return loaded == nullptr ? ReadOutcome::kDamaged : FetchFrom(*loaded, seq, out);
}

void RocksStreamStore::Load(StreamSeq seq, absl::AnyInvocable<void(Status) &&> done) {
  if ((builder_.open() && seq >= builder_.first()) || tail_.Find(seq) != nullptr) {
    // A search only wanted to pause here; the database may not have the message yet.
    context_.home->Post([done = std::move(done)]() mutable { std::move(done)(OkStatus()); });
    return;
  }
  if (ahead_.Expects(seq)) {
    early_waiters_->emplace_back(seq, std::move(done));
    return;
  }
  auto waiters = std::make_shared<LoadWaiters>();
  waiters->emplace_back(seq, std::move(done));
  StartLoad(ahead_.Begin(seq), std::move(waiters));
}

void RocksStreamStore::LoadEarly() {
  ReadAhead::Plan plan = ahead_.BeginEarly();
  if (plan.from >= std::min(tail_.covers_from(), raw_state().last_seq + 1)) {
    ahead_.Loaded(plan, {});
    return;
  }
  early_waiters_ = std::make_shared<LoadWaiters>();
  StartLoad(plan, early_waiters_);
}

void RocksStreamStore::StartLoad(const ReadAhead::Plan& plan,
                                 std::shared_ptr<LoadWaiters> waiters) {
  uint64_t load = staged_.BeginLoad(marks_->moves.load(std::memory_order_acquire));
  context_.pool->Run([source = source_, plan, load, home = context_.home,
                      self = std::weak_ptr<RocksStreamStore*>(self_),
                      waiters = std::move(waiters)]() mutable {
    // What is read from end to end would only push out of the cache what is read twice.
    auto tier = plan.sequential() ? BlockSource::Tier::kWalk : BlockSource::Tier::kDisk;
    auto blocks = source.Read(plan.from, UINT64_MAX, tier, plan.messages, ReadAhead::kBytes);
    home->Post([blocks = std::move(blocks), plan, load, self = std::move(self),
                waiters = std::move(waiters)]() mutable {
      Status status;
      if (auto store = self.lock(); store == nullptr) {
        status = Cancelled("the stream is gone");
      } else {
        (*store)->staged_.EndLoad(load);
        status = (*store)->TakeLoaded(plan, std::move(blocks), *waiters);
      }
      for (auto& [seq, done] : *waiters) {
        std::move(done)(status);
      }
    });
  });
}

Status RocksStreamStore::TakeLoaded(const ReadAhead::Plan& plan,
                                    StatusOr<std::vector<LoadedBlock>> blocks,
                                    const LoadWaiters& waiters) {
  if (!blocks.ok() && blocks.status().code() != StatusCode::kDataLoss) {
    ahead_.Loaded(plan, {});
    return blocks.status();
  }
  if (!blocks.ok()) {
    blocks = std::vector<LoadedBlock>();
  }
  ahead_.Loaded(plan, *blocks);
  AddLoaded(std::move(*blocks));
  for (const auto& [seq, done] : waiters) {
    if (seq == plan.from && loaded_.Find(seq) == nullptr && staged_.Find(seq) == nullptr) {
      // Else the reader would ask for it again and again.
      unreadable_.Insert(seq);
    }
  }
  return OkStatus();
}

namespace {

// Adds the living messages of a block to a run; false when the run is full.
class RunFiller {
 public:
  RunFiller(MessageRun& run, const SequenceSet& deleted, StreamSeq upto, size_t max_messages,
            size_t max_bytes)
      : run_(run),
        deleted_(deleted),
        upto_(upto),
        max_messages_(max_messages),
        max_bytes_(max_bytes) {}

  bool Add(const BlockReader& reader, const SharedBytes& keep, bool verify) {
    if (reader.count() == 0) {
      return true;
    }
    for (StreamSeq seq = std::max(next_, reader.first()); seq <= std::min(upto_, reader.last());
         ++seq) {
      if (run_.messages.size() >= max_messages_ || bytes_ >= max_bytes_) {
        return false;
      }
      next_ = seq + 1;
      if (deleted_.Contains(seq)) {
        continue;
      }
      StoredMessage message;
      auto position = static_cast<uint32_t>(seq - reader.first());
      if (reader.Record(position, verify, message.view) == record::State::kGood) {
        bytes_ += FileMessageBytes(message.view);
        message.keep = keep;
        run_.messages.push_back(std::move(message));
      }
    }
    return bytes_ < max_bytes_ && run_.messages.size() < max_messages_;
  }

  void StartAt(StreamSeq seq) { next_ = seq; }
  StreamSeq next() const { return next_; }

 private:
  MessageRun& run_;
  const SequenceSet& deleted_;
  const StreamSeq upto_;
  const size_t max_messages_;
  const size_t max_bytes_;
  StreamSeq next_ = 0;
  size_t bytes_ = 0;
};

struct RunPlan {
  BlockSource source;
  StreamSeq from;   // of the run's interval
  StreamSeq start;  // first existing message
  StreamSeq upto;
  StreamSeq pinned_from;  // what is below must be read
  std::vector<BlockBuilder::Sealed> pinned;
  SequenceSet deleted;
  size_t max_messages;
  size_t max_bytes;
};

StatusOr<MessageRun> ReadRun(const RunPlan& plan) {
  MessageRun run;
  run.first = plan.from;
  RunFiller filler(run, plan.deleted, plan.upto, plan.max_messages, plan.max_bytes);
  filler.StartAt(plan.start);
  bool full = false;
  StreamSeq disk_end = std::min(plan.upto, plan.pinned_from == 0 ? 0 : plan.pinned_from - 1);
  for (StreamSeq at = plan.start; !full && at <= disk_end;) {
    auto blocks = plan.source.Read(at, disk_end, BlockSource::Tier::kWalk, plan.max_messages,
                                   std::min<size_t>(plan.max_bytes, 1 << 20));
    if (!blocks.ok()) {
      return blocks.status();
    }
    if (blocks->empty() || blocks->front().reader.first() > disk_end) {
      break;
    }
    for (const LoadedBlock& block : *blocks) {
      full = full || !filler.Add(block.reader, block.bytes, /*verify=*/true);
    }
    at = std::max(blocks->back().reader.first(), blocks->back().reader.last()) + 1;
  }
  for (const BlockBuilder::Sealed& sealed : plan.pinned) {
    full = full || !filler.Add(BlockReader::Trusted(sealed.first, sealed.bytes()), sealed.buffer,
                               /*verify=*/false);
  }
  run.last = full ? filler.next() - 1 : plan.upto;
  return run;
}

}  // namespace

absl::AnyInvocable<StatusOr<MessageRun>() &&> RocksStreamStore::PrepareRun(StreamSeq from,
                                                                           StreamSeq upto,
                                                                           size_t max_messages,
                                                                           size_t max_bytes) {
  // What is not sealed is not committed either.
  upto = std::min(upto, builder_.open() ? builder_.first() - 1 : raw_state().last_seq);
  max_messages = std::max<size_t>(max_messages, 1);
  max_bytes = std::max<size_t>(max_bytes, 1);
  if (from > upto) {
    return [] {
      return StatusOr<MessageRun>(MessageRun{});
    };
  }
  StreamSeq start = NextExisting(from);
  if (start > upto) {
    MessageRun nothing;
    nothing.first = from;
    nothing.last = upto;
    return [nothing]() -> StatusOr<MessageRun> {
      return nothing;
    };
  }
  upto = std::min(upto, deleted().NthAbsent(start, max_messages));
  StreamSeq pinned_from = std::max(tail_.covers_from(), start);
  RunPlan plan{source_,
               from,
               start,
               upto,
               tail_.covers_from() <= start ? start : pinned_from,
               {},
               deleted().Slice(start, upto),
               max_messages,
               max_bytes};
  if (pinned_from <= upto) {
    plan.pinned = tail_.Overlapping(pinned_from, upto, max_bytes);
    if (!plan.pinned.empty()) {
      plan.upto = std::min(plan.upto, std::max(plan.pinned.back().last, start));
    }
  }
  return [plan = std::move(plan)]() {
    return ReadRun(plan);
  };
}

// ---- opening ----

StatusOr<std::unique_ptr<RocksStreamStore>> RocksStreamStore::Open(
    const Context& context, StreamId id, std::vector<std::string>& damage,
    const std::atomic<bool>* cancel) {
  std::unique_ptr<RocksStreamStore> store(new RocksStreamStore(context, id, 0));
  store->expected_ = ReadPosition(*context.db, id, damage);
  if (store->expected_) {
    // As for an empty stream; the blocks fill it.
    StoreState& state = store->mutable_state();
    state.first_seq = store->expected_->first_seq;
    state.last_seq = store->expected_->last_seq;
    state.last_time_ns = store->expected_->last_time_ns;
    state.lost_bytes = store->expected_->lost_bytes;
  }
  WEIR_RETURN_IF_ERROR(store->ReadDeletes(damage));
  WEIR_RETURN_IF_ERROR(store->ReadBlocks(damage, cancel));
  store->CompareCounters(damage);
  store->appended_bytes_ = store->raw_state().bytes;
  store->marks_->last.store(store->raw_state().last_seq);
  store->marks_->first.store(store->raw_state().first_seq);
  context.db->retention().Watch(id, store->marks_);
  return store;
}

Status RocksStreamStore::ReadDeletes(std::vector<std::string>& damage) {
  std::string begin = DeletesKey(id_, SequenceSet::PageOf(raw_state().first_seq));
  std::string end = StreamKey(id_, RecordKind::kIds);  // the kind behind kDeletes
  rocksdb::Slice upper(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  std::unique_ptr<rocksdb::Iterator> at(
      context_.db->db().NewIterator(options, context_.db->family(Family::kState)));
  for (at->Seek(begin); at->Valid(); at->Next()) {
    std::string_view bytes(at->key().data(), at->key().size());
    auto key = ParseRecordKey(bytes);
    if (!key.has_value() || key->kind != RecordKind::kDeletes) {
      continue;
    }
    auto content = context_.db->sealer().Open(bytes, {at->value().data(), at->value().size()});
    if (content.has_value() && deleted().MergePage(key->page, *content)) {
      stored_pages_.insert(key->page);
    } else {
      damage.push_back(Cat("stream ", id_.value(), ": the record of deletes from sequence ",
                           key->page * SequenceSet::kPageSize,
                           " on is damaged; what it deleted is back"));
    }
  }
  if (!at->status().ok()) {
    damage.push_back(Cat("stream ", id_.value(), ": ",
                         Message(Database::FromRocks(at->status(), "read deletes"))));
  }
  return OkStatus();
}

// Numbers that nothing has used up and no block has: their block is lost.
void RocksStreamStore::NoteLost(StreamSeq first, StreamSeq last, std::vector<std::string>& damage) {
  if (first > last || deleted().CountIn(first, last) == last - first + 1) {
    return;
  }
  uint64_t lost = 0;
  StreamSeq at = first;
  for (const auto& [begin, end] : deleted().Slice(first, last).Runs(SIZE_MAX)) {
    lost += begin > at ? holes().InsertRange(at, begin - 1) : 0;
    at = end + 1;
  }
  lost += at <= last ? holes().InsertRange(at, last) : 0;
  if (lost > 0) {
    damage.push_back(Cat("stream ", id_.value(), ": ", lost, " messages between ", first, " and ",
                         last, " are lost"));
  }
}

void RocksStreamStore::TakeBlock(const BlockReader& reader, StreamSeq expected,
                                 std::vector<std::string>& damage) {
  StoreState& state = mutable_state();
  if (!reader.intact()) {
    damage.push_back(Cat("stream ", id_.value(), ": the block of sequence ", reader.first(),
                         " is damaged; ", reader.count(), " messages of it can be read"));
  }
  NoteLost(expected, reader.previous(), damage);
  if (!expected_ || reader.last() > expected_->last_seq) {
    auto counters = reader.counters().value_or(BlockCounters{});
    expected_ = StreamPosition{.last_seq = reader.last(),
                               .counted = reader.counters().has_value(),
                               .messages = counters.messages,
                               .bytes = counters.bytes,
                               .subjects = counters.subjects};
  }
  for (uint32_t position = 0; position < reader.count(); ++position) {
    StreamSeq seq = reader.first() + position;
    if (seq <= state.last_seq || deleted().Contains(seq)) {
      continue;
    }
    MessageView message;
    record::State found = reader.Record(position, /*verify=*/true, message);
    if (found == record::State::kGood) {
      NoteAppended(message);
    } else if (found == record::State::kDamaged) {
      damage.push_back(Cat("stream ", id_.value(), ": message ", seq, " is damaged"));
      holes().Insert(seq);
    }
  }
}

Status RocksStreamStore::ReadBlocks(std::vector<std::string>& damage,
                                    const std::atomic<bool>* cancel) {
  // The position record counts as an empty stream that ends below its first sequence, so that the
  // blocks are appended to it.
  StoreState& state = mutable_state();
  position_last_ = state.last_seq;
  // Numbers that were handed out are never handed out again, whatever has been cut off.
  StreamSeq known_last = std::max(state.last_seq, context_.db->ends().Of(id_));
  int64_t known_time = state.last_time_ns;
  StreamSeq first = std::max<StreamSeq>(state.first_seq, 1);
  state.last_seq = first - 1;
  StreamSeq expected = first;
  Status status = source_.Visit(
      first, BlockSource::Tier::kScan, [&](const BlockReader& reader, std::string_view) {
        TakeBlock(reader, expected, damage);
        expected = std::max({expected, reader.first(), reader.last() + 1});
        return cancel == nullptr || !cancel->load(std::memory_order_relaxed);
      });
  if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
    return Cancelled("the server stops");
  }
  if (status.code() == StatusCode::kDataLoss) {
    damage.push_back(Cat("stream ", id_.value(), ": ", Message(status)));
  } else if (!status.ok()) {
    return status;
  }
  NoteLost(expected, known_last, damage);
  StreamSeq last = std::max({known_last, deleted().Last(), holes().Last()});
  if (last > state.last_seq) {
    NoteGap(state.last_seq + 1, last);
    state.last_time_ns = known_time != 0 ? known_time : state.last_time_ns;
  }
  if (state.messages == 0) {
    bool never_used = state.last_seq == 0;
    state.first_seq = never_used ? 0 : state.last_seq + 1;
    deleted().Clear();
  } else {
    deleted().EraseBelow(state.first_seq);
  }
  return OkStatus();
}

// What the newest of position and blocks says must be what has been found. Where less is found, the
// difference is what damage has cost.
void RocksStreamStore::CompareCounters(std::vector<std::string>& damage) {
  StoreState& state = mutable_state();
  std::optional<StreamPosition> said = std::exchange(expected_, std::nullopt);
  if (said && said->counted && said->last_seq == state.last_seq) {
    if (said->bytes > state.bytes) {
      state.lost_bytes += said->bytes - state.bytes;
    }
    if (damage.empty() && (said->messages != state.messages || said->bytes != state.bytes ||
                           said->subjects != index().num_subjects())) {
      damage.push_back(Cat("stream ", id_.value(), ": of ", said->messages, " messages with ",
                           said->bytes, " bytes and ", said->subjects, " subjects there are ",
                           state.messages, " with ", state.bytes, " and ", index().num_subjects()));
    }
  }
  if (holes().empty()) {
    state.lost_bytes = 0;
  }
  position_dirty_ = !holes().empty();
}

}  // namespace weir::storage
