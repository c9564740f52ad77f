#include "jetstream/log_cursor.h"

#include <optional>
#include <utility>

#include "absl/functional/any_invocable.h"

#include "jetstream/catalog.h"
#include "jetstream/consumer_rules.h"
#include "jetstream/pending_stream.h"
#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "protocol/base/mutex.h"

namespace weir::jetstream {

namespace {

// What the calls of one cursor wait on.
struct Signal {
  Mutex mu;
  std::condition_variable changed;
  bool cancelled ABSL_GUARDED_BY(mu) = false;
};

template <typename T>
using Slot = std::optional<StatusOr<T>>;  // guarded by the signal's lock

// The answer to a call, given at the home. A promise that is destroyed without an answer, since the
// home does not run any more, says so.
template <typename T>
class Promise {
 public:
  Promise(std::shared_ptr<Signal> signal, std::shared_ptr<Slot<T>> slot)
      : signal_(std::move(signal)), slot_(std::move(slot)) {}
  Promise(Promise&&) noexcept = default;
  Promise& operator=(Promise&&) = delete;
  Promise(const Promise&) = delete;
  ~Promise() { Set(Cancelled("the server is stopping")); }

  void Set(StatusOr<T> value) {
    if (slot_ == nullptr) {
      return;
    }
    {
      MutexLock lock(signal_->mu);
      *slot_ = std::move(value);
    }
    slot_.reset();
    signal_->changed.notify_all();
  }

 private:
  std::shared_ptr<Signal> signal_;
  std::shared_ptr<Slot<T>> slot_;  // null: answered
};

// Posts `work` to `home` and waits until it has answered; nullopt after `timeout`.
template <typename T>
Slot<T> CallFor(const std::shared_ptr<Signal>& signal, Executor& home,
                std::optional<std::chrono::milliseconds> timeout,
                absl::AnyInvocable<void(Promise<T>) &&> work) {
  auto slot = std::make_shared<Slot<T>>();
  home.Post([promise = Promise<T>(signal, slot), work = std::move(work)]() mutable {
    std::move(work)(std::move(promise));
  });
  auto deadline = std::chrono::steady_clock::now() +
                  timeout.value_or(std::chrono::duration_cast<std::chrono::milliseconds>(
                      std::chrono::hours(24 * 365)));
  MutexLock lock(signal->mu);
  while (!slot->has_value() && !signal->cancelled) {
    auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) {
      return std::nullopt;
    }
    lock.WaitFor(signal->changed, left);
  }
  return slot->has_value() ? std::move(*slot) : Slot<T>(Cancelled("the export was cancelled"));
}

template <typename T>
StatusOr<T> Call(const std::shared_ptr<Signal>& signal, Executor& home,
                 absl::AnyInvocable<void(Promise<T>) &&> work) {
  return *CallFor<T>(signal, home, std::nullopt, std::move(work));
}

struct Nothing {};
// The part of a read that may block.
using RunReader = absl::AnyInvocable<StatusOr<storage::MessageRun>() &&>;

// What finds a stream again at its home.
struct Place {
  Shard* home = nullptr;
  StreamId id;

  Stream* Resolve() const {
    Stream* stream = home->Find(id);
    return stream == nullptr || stream->stopped() ? nullptr : stream;
  }
};

Status StreamGone() {
  return NotFound("the stream has been deleted");
}

ConsumerConfig ExportConsumer(const LogCursor::Options& options) {
  ConsumerConfig config;
  config.durable_name = Cat("exp_", options.name);
  config.name = config.durable_name;
  config.description = Cat("the position of export ", Quoted(options.name));
  config.ack_policy = AckPolicy::kExplicit;
  config.max_ack_pending = -1;
  config.max_deliver = -1;
  if (options.start > 1) {
    config.deliver_policy = DeliverPolicy::kByStartSequence;
    config.opt_start_seq = options.start;
  }
  if (options.filters.size() == 1) {
    config.filter_subject = options.filters[0];
  } else {
    config.filter_subjects = options.filters;
  }
  config.metadata["_export"] = "true";
  return config;
}

// Finds or makes the export's consumer.
Status EnsureConsumer(Stream& stream, const LogCursor::Options& options) {
  ConsumerConfig config = ExportConsumer(options);
  if (ApiError error = ApplyConsumerDefaults(config, ConsumerRules{}, /*pedantic=*/false)) {
    return InvalidArgument(error.description);
  }
  if (Consumer* existing = stream.FindConsumer(config.name)) {
    if (existing->config().Filters() != config.Filters()) {
      ConsumerConfig updated = existing->config();
      updated.filter_subject = config.filter_subject;
      updated.filter_subjects = config.filter_subjects;
      existing->Update(std::move(updated));
    }
    return OkStatus();
  }
  if (stream.config().retention == RetentionPolicy::kWorkQueue && !stream.consumers().empty()) {
    return FailedPrecondition(
        Cat("stream '", stream.name(), "' is a work queue that already has a consumer"));
  }
  if (ApiError error = CheckConsumerConfig(config, ConsumerRules{})) {
    return InvalidArgument(error.description);
  }
  uint32_t id = stream.NextConsumerId();
  Consumer& made = stream.AddConsumer(std::move(config), id, stream.env().clock.wall_ns());
  made.AnnounceCreated();
  return OkStatus();
}

// Answers with the reader of the next run as soon as there is something at `from`. What waits is
// woken by the commit that brings it, or by the end of the stream.
void PrepareRead(const Place& place, StreamSeq from, StreamSeq upto, size_t max_messages,
                 size_t max_bytes, uint64_t key, Promise<RunReader> promise) {
  Stream* stream = place.Resolve();
  if (stream == nullptr) {
    promise.Set(StreamGone());
    return;
  }
  StreamSeq committed = stream->committed_seq();
  if (from > committed) {
    stream->WhenReached(key, from, [=, promise = std::move(promise)]() mutable {
      PrepareRead(place, from, upto, max_messages, max_bytes, key, std::move(promise));
    });
    return;
  }
  StreamSeq last = upto == 0 || upto > committed ? committed : upto;
  promise.Set(stream->store().PrepareRun(from, last, max_messages, max_bytes));
}

// A stream that is still being read is waited for.
void WhenThere(const Place& place, const LogCursor::Options& options,
               Promise<LogCursor::Identity> promise) {
  if (PendingStream* pending = place.home->FindPending(place.id)) {
    pending->WhenReady([place, options, promise = std::move(promise)](Stream*) mutable {
      WhenThere(place, options, std::move(promise));
    });
    return;
  }
  Stream* stream = place.Resolve();
  Status status = stream ? EnsureConsumer(*stream, options) : StreamGone();
  if (status.ok()) {
    promise.Set(LogCursor::Identity{stream->id(), stream->created_ns()});
  } else {
    promise.Set(status);
  }
}

class LocalLogCursor : public LogCursor {
 public:
  LocalLogCursor(Place place, Identity identity, std::string consumer,
                 std::shared_ptr<Signal> signal)
      : place_(place),
        identity_(identity),
        consumer_(std::move(consumer)),
        signal_(std::move(signal)) {}

  const Identity& identity() const override { return identity_; }

  StatusOr<Bounds> bounds() override {
    return Call<Bounds>(
        signal_, home(), [place = place_, name = consumer_](Promise<Bounds> promise) {
          Stream* stream = place.Resolve();
          if (stream == nullptr) {
            promise.Set(StreamGone());
            return;
          }
          const auto& state = stream->store().state();
          Consumer* consumer = stream->FindConsumer(name);
          promise.Set(Bounds{state.first_seq, stream->committed_seq(), state.messages,
                             consumer ? consumer->ack_floor().stream : 0});
        });
  }

  StatusOr<storage::MessageRun> Read(StreamSeq from, StreamSeq upto, size_t max_messages,
                                     size_t max_bytes, std::chrono::milliseconds wait) override {
    if (upto != 0 && from > upto) {
      return storage::MessageRun{};
    }
    auto key = reinterpret_cast<uint64_t>(signal_.get());
    auto reader =
        CallFor<RunReader>(signal_, home(), wait, [=, place = place_](Promise<RunReader> promise) {
          PrepareRead(place, from, upto, max_messages, max_bytes, key, std::move(promise));
        });
    if (!reader) {
      return storage::MessageRun{};
    }
    WEIR_RETURN_IF_ERROR(reader->status());
    return std::move(**reader)();
  }

  Status MoveFloor(StreamSeq seq) override {
    return Call<Nothing>(
               signal_, home(),
               [place = place_, name = consumer_, seq](Promise<Nothing> promise) {
                 Stream* stream = place.Resolve();
                 Consumer* consumer = stream ? stream->FindConsumer(name) : nullptr;
                 if (consumer == nullptr) {
                   promise.Set(stream ? NotFound("the export's consumer is gone") : StreamGone());
                   return;
                 }
                 consumer->MoveFloor(seq);
                 promise.Set(Nothing{});
               })
        .status();
  }

  void Cancel() override {
    {
      MutexLock lock(signal_->mu);
      signal_->cancelled = true;
    }
    signal_->changed.notify_all();
  }

 private:
  Executor& home() { return place_.home->env().executor; }

  const Place place_;
  const Identity identity_;
  const std::string consumer_;
  const std::shared_ptr<Signal> signal_;
};

}  // namespace

StatusOr<std::unique_ptr<LogCursor>> LogCursor::Open(Catalog& catalog, const Options& options) {
  auto signal = std::make_shared<Signal>();
  WEIR_ASSIGN_OR_RETURN(
      Place place,
      Call<Place>(signal, catalog.executor(), [&catalog, options](Promise<Place> promise) {
        const auto* entry = catalog.Find(options.account, options.stream);
        if (entry == nullptr) {
          promise.Set(NotFound(Cat("there is no stream '", options.stream, "'")));
          return;
        }
        promise.Set(Place{&catalog.home_of(*entry), entry->id});
      }));
  WEIR_ASSIGN_OR_RETURN(Identity identity,
                        Call<Identity>(signal, place.home->env().executor,
                                       [place, options](Promise<Identity> promise) {
                                         WhenThere(place, options, std::move(promise));
                                       }));
  return std::make_unique<LocalLogCursor>(place, identity, Cat("exp_", options.name), signal);
}

}  // namespace weir::jetstream
