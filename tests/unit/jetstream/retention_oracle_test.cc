// Random streams and consumers against a model (support/stream_model.h): after every step the
// content, the counters and what each consumer has delivered, in flight and done must be equal,
// over restarts and crashes. A failure names its seed (support/random_steps.h).

#include <gtest/gtest.h>

#include "jetstream/consumer.h"
#include "jetstream/consumer_state.h"
#include "jetstream/js_subjects.h"
#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "tests/support/disk_home.h"
#include "tests/support/random_steps.h"
#include "tests/support/stream_model.h"

namespace weir::jetstream {
namespace {

using testing::ConsumerModel;
using testing::StreamModel;

constexpr int64_t kSecond = 1'000'000'000;
constexpr uint64_t kFirstSeed = 1;
constexpr int kStreams = 100;
constexpr int kStepsPerStream = 100;

// One stream and everything that happens to it.
class Episode {
 public:
  Episode(testing::DiskHome& home, uint64_t seed)
      : home_(home), random_(seed), name_(Cat("S", seed)) {
    MakeConfig();
    WriteConfig("CREATE");
  }
  ~Episode() { home_.Ask(Cat("$JS.API.STREAM.DELETE.", name_)); }

  void Step() {
    steps_.TakeOne(*this, random_);
    Compare();
  }
  std::string History() const { return steps_.LastOnes(); }

 private:
  // ---- configurations ----

  int64_t Sometimes(int64_t value) { return random_.Below(3) == 0 ? value : -1; }
  void MakeConfig() {
    StreamConfig& config = model_.config;
    config.name = name_;
    config.subjects = {Cat(name_, ".>")};
    config.retention = static_cast<RetentionPolicy>(random_.Below(3));
    config.discard = static_cast<DiscardPolicy>(random_.Below(2));
    config.max_age_ns = random_.Below(4) == 0 ? 20 * kSecond : 0;
    MakeLimits();
    config.discard_new_per_subject = config.discard == DiscardPolicy::kNew &&
                                     config.max_msgs_per_subject > 0 && random_.Below(2) == 0;
  }
  void MakeLimits() {
    StreamConfig& config = model_.config;
    config.max_msgs = Sometimes(static_cast<int64_t>(5 + random_.Below(20)));
    config.max_bytes = Sometimes(static_cast<int64_t>(300 + random_.Below(1500)));
    config.max_msgs_per_subject = Sometimes(static_cast<int64_t>(1 + random_.Below(5)));
  }
  void WriteConfig(std::string_view verb) {
    JsonWriter out;
    StreamConfig config = model_.config;
    config.num_replicas = 1;
    config.max_consumers = -1;
    WriteStreamConfig(out, config);
    std::string answer = home_.Ask(Cat("$JS.API.STREAM.", verb, ".", name_), out.text());
    ASSERT_EQ(answer.find("\"error\""), std::string::npos) << answer;
  }
  void ChangeLimits() {
    if (model_.config.discard_new_per_subject) {
      return;  // which needs its limit
    }
    MakeLimits();
    WriteConfig("UPDATE");
    model_.EnforceAll();
  }

  // ---- messages ----

  std::string Subject() {
    return Cat(name_, ".", std::string(1, static_cast<char>('a' + random_.Below(3))), ".",
               1 + random_.Below(2));
  }
  std::string Filter() {
    static constexpr const char* kTails[] = {">", "*.1", "a.>", "a.2", "b.*", "*.*", "c.1"};
    return Cat(name_, ".", kTails[random_.Below(std::size(kTails))]);
  }
  std::string Payload() { return std::string(random_.Below(80), 'x'); }

  void Publish() {
    std::string subject = Subject();
    std::string payload = Payload();
    StreamSeq expected = model_.Publish(subject, payload, home_.clock.wall_ns());
    std::string answer = home_.Ask(subject, payload);
    if (expected == 0) {
      EXPECT_NE(answer.find("10077"), std::string::npos) << answer;
    } else {
      EXPECT_EQ(answer, Cat("{\"stream\":\"", name_, "\",\"seq\":", expected, "}"));
    }
  }
  // In one turn: limits are applied at its end.
  void PublishMany() {
    for (uint64_t i = 2 + random_.Below(6); i > 0; --i) {
      std::string subject = Subject();
      std::string payload = Payload();
      model_.Publish(subject, payload, home_.clock.wall_ns());
      home_.Send(subject, {}, payload);
    }
    home_.RunTurns();
  }
  void Delete() {
    StreamSeq seq = 1 + random_.Below(model_.last_seq + 2);
    bool there = model_.Delete(seq);
    std::string answer =
        home_.Ask(Cat("$JS.API.STREAM.MSG.DELETE.", name_), Cat("{\"seq\":", seq, "}"));
    EXPECT_EQ(answer.find("\"success\":true") != std::string::npos, there) << answer;
  }
  void Purge() {
    std::string filter = random_.Below(3) == 0 ? std::string() : Filter();
    StreamSeq below = random_.Below(3) == 0 ? 1 + random_.Below(model_.last_seq + 3) : 0;
    uint64_t keep = below == 0 && random_.Below(2) == 0 ? random_.Below(4) : 0;
    JsonWriter body;
    body.OpenObject().Optional("filter", filter).Optional("seq", below);
    body.Optional("keep", keep).CloseObject();
    uint64_t purged = model_.Purge(filter, below, keep);
    std::string answer = home_.Ask(Cat("$JS.API.STREAM.PURGE.", name_), body.text());
    EXPECT_NE(answer.find(Cat("\"purged\":", purged, "}")), std::string::npos)
        << body.text() << answer;
  }
  void PassTime() {
    home_.Advance(static_cast<int64_t>(random_.Below(8'000)) * kSecond / 1000);
    model_.Grow(home_.clock.wall_ns());
  }

  // ---- consumers ----

  ConsumerModel* Pick() {
    if (model_.consumers.empty()) {
      return nullptr;
    }
    auto at = model_.consumers.begin();
    std::advance(at, static_cast<ptrdiff_t>(random_.Below(model_.consumers.size())));
    return &at->second;
  }
  void AddConsumer() {
    ConsumerModel consumer;
    consumer.name = Cat("c", ++last_consumer_);
    bool queue = model_.config.retention == RetentionPolicy::kWorkQueue;
    if (!queue) {
      static constexpr AckPolicy kPolicies[] = {AckPolicy::kExplicit, AckPolicy::kExplicit,
                                                AckPolicy::kAll, AckPolicy::kNone};
      consumer.policy = kPolicies[random_.Below(4)];
    }
    if (random_.Below(2) == 0) {
      consumer.filters = {Filter()};
    }
    bool only_new = !queue && random_.Below(3) == 0;
    bool fits = model_.consumers.size() < 4 && (!queue || IsPartition(consumer.filters));
    static constexpr const char* kNames[] = {"none", "all", "explicit"};
    JsonWriter body;
    body.OpenObject().Field("stream_name", name_).Key("config").OpenObject();
    body.Field("durable_name", consumer.name).Field("ack_wait", 3600 * kSecond);
    body.Field("ack_policy", kNames[static_cast<size_t>(consumer.policy)]);
    body.Field("deliver_policy", only_new ? "new" : "all")
        .Strings("filter_subjects", consumer.filters);
    body.CloseObject().CloseObject();
    if (!fits && !queue) {
      return;
    }
    std::string answer =
        home_.Ask(Cat("$JS.API.CONSUMER.CREATE.", name_, ".", consumer.name), body.text());
    EXPECT_EQ(answer.find("\"error\"") == std::string::npos, fits) << answer;
    if (fits) {
      model_.AddConsumer(std::move(consumer), only_new);
    }
  }
  bool IsPartition(const std::vector<std::string>& filters) const {
    for (const auto& [name, other] : model_.consumers) {
      if (filters.empty() || other.filters.empty() ||
          protocol::Overlap(filters.front(), other.filters.front())) {
        return false;
      }
    }
    return true;
  }
  void RemoveConsumer() {
    if (ConsumerModel* consumer = Pick()) {
      std::string name = consumer->name;
      home_.Ask(Cat("$JS.API.CONSUMER.DELETE.", name_, ".", name));
      model_.RemoveConsumer(name);
    }
  }
  void Pull() {
    ConsumerModel* consumer = Pick();
    if (consumer == nullptr) {
      return;
    }
    size_t count = 1 + random_.Below(6);
    home_.router().Take();
    home_.Send(Cat("$JS.API.CONSUMER.MSG.NEXT.", name_, ".", consumer->name), "_INBOX.p",
               Cat("{\"no_wait\":true,\"batch\":", count, "}"));
    home_.RunTurns();
    std::vector<StreamSeq> got;
    for (const auto& sent : home_.router().Take()) {
      if (auto info = ParseAckSubject(sent.reply); info && sent.inbox == "_INBOX.p") {
        got.push_back(info->stream_seq);
      }
    }
    EXPECT_EQ(got, model_.Pull(*consumer, count)) << consumer->name;
  }

  // A message in flight of some consumer.
  bool PickFlying(ConsumerModel*& consumer, StreamSeq& seq) {
    consumer = Pick();
    if (consumer == nullptr || consumer->in_flight.empty()) {
      return false;
    }
    auto at = consumer->in_flight.begin();
    std::advance(at, static_cast<ptrdiff_t>(random_.Below(consumer->in_flight.size())));
    seq = at->first;
    return true;
  }
  void Answer(const ConsumerModel& consumer, StreamSeq seq, std::string_view word, bool wait) {
    const auto& entry = consumer.in_flight.at(seq);
    std::string subject = Cat("$JS.ACK.", name_, ".", consumer.name, ".", entry.deliveries, ".",
                              seq, ".", entry.last_seq, ".0.0");
    home_.Send(subject, wait ? "_R_" : "", word);
    home_.RunTurns();
  }
  void Finish(std::string_view word) {
    ConsumerModel* consumer = nullptr;
    StreamSeq seq = 0;
    if (!PickFlying(consumer, seq)) {
      return;
    }
    bool wait = random_.Below(2) == 0;
    Answer(*consumer, seq, word, wait);
    model_.Ack(*consumer, seq, consumer->in_flight.at(seq).last_seq);
    if (wait && !consumer->in_flight.contains(seq)) {
      consumer->done_for_good.insert(seq);
    }
  }
  void Ack() { Finish("+ACK"); }
  void Term() { Finish("+TERM"); }
  void Nak() {
    ConsumerModel* consumer = nullptr;
    StreamSeq seq = 0;
    if (PickFlying(consumer, seq)) {
      Answer(*consumer, seq, "-NAK", false);
      StreamModel::Nak(*consumer, seq);
    }
  }

  // ---- ends ----

  void Restart() {
    home_.Restart();
    for (auto& [name, consumer] : model_.consumers) {
      consumer.again.clear();  // they wait for their time now
    }
  }
  void Crash() {
    home_.Crash();
    AdoptStates();
  }
  // What nobody was told of may be lost, and is when no turn has ended.
  void CrashInside() {
    home_.Send(Subject(), "_R_", Payload());
    home_.Crash();
    AdoptStates();
  }
  // Consumers write what they know now and then. What they have is an earlier state; of what was
  // promised nothing is missing, and nothing is in it that never was.
  void AdoptStates() {
    auto contents = home_.meta().Load();
    ASSERT_TRUE(contents.ok());
    for (auto& [name, model] : model_.consumers) {
      const Consumer* consumer = stream().FindConsumer(name);
      ASSERT_NE(consumer, nullptr);
      for (const auto& stored : contents->consumers) {
        if (stored.stream == stream().id() && stored.consumer_id == consumer->id()) {
          Adopt(model, stored.state);
        }
      }
    }
  }
  void Adopt(ConsumerModel& model, std::string_view bytes) {
    auto state = DecodeConsumerState(bytes, home_.wall_minus_steady());
    ASSERT_TRUE(state.ok());
    const auto& ledger = state->ledger;
    EXPECT_LE(ledger.delivered.consumer, model.delivered.consumer);
    EXPECT_LE(ledger.floor.stream, model.floor.stream);
    model.delivered = ledger.delivered;
    model.floor = ledger.floor;
    model.in_flight.clear();
    model.again.clear();
    std::vector<StreamSeq> gone;
    for (const auto& entry : ledger.pending) {
      EXPECT_FALSE(model.done_for_good.contains(entry.stream_seq)) << entry.stream_seq;
      model.in_flight[entry.stream_seq] = {entry.consumer_seq, entry.deliveries,
                                           entry.consumer_seq};
      if (!model_.messages.contains(entry.stream_seq)) {
        gone.push_back(entry.stream_seq);
      }
    }
    for (StreamSeq seq : model.done_for_good) {
      EXPECT_LE(seq, ledger.delivered.stream);
    }
    for (StreamSeq seq : gone) {
      model.Leave(seq);
    }
  }

  // ---- what must be equal ----

  Stream& stream() {
    Stream* found = home_.stream(name_);
    WEIR_CHECK(found != nullptr);
    return *found;
  }

  void Compare() {
    auto& store = stream().store();
    const auto& state = store.state();
    EXPECT_EQ(state.messages, model_.messages.size());
    EXPECT_EQ(state.bytes, model_.bytes());
    EXPECT_EQ(state.first_seq, model_.first_seq());
    EXPECT_EQ(state.last_seq, model_.last_seq);
    StreamSeq span = model_.messages.empty() ? 0 : model_.last_seq - model_.first_seq() + 1;
    EXPECT_EQ(state.num_deleted, span - model_.messages.size());
    std::set<std::string> subjects;
    for (const auto& [seq, message] : model_.messages) {
      CompareMessage(seq, message);
      subjects.insert(message.subject);
    }
    EXPECT_EQ(state.num_subjects, subjects.size());
    for (const auto& subject : subjects) {
      EXPECT_EQ(store.LastOf(subject).value_or(storage::SubjectState{}).messages,
                model_.CountOf(subject));
    }
    EXPECT_EQ(stream().consumers().size(), model_.consumers.size());
    for (const auto& [name, model] : model_.consumers) {
      CompareConsumer(model);
    }
  }
  void CompareMessage(StreamSeq seq, const StreamModel::Message& message) {
    storage::StoredMessage found;
    auto& store = stream().store();
    auto outcome = store.Get(seq, found);
    if (outcome == storage::ReadOutcome::kWouldBlock) {
      bool loaded = false;
      store.Load(seq, [&](const Status& status) {
        loaded = status.ok();
        outcome = store.Get(seq, found);
        EXPECT_EQ(found.view.payload, message.payload);
      });
      home_.RunTurns();
      EXPECT_TRUE(loaded);
      EXPECT_EQ(outcome, storage::ReadOutcome::kFound) << seq;
      return;
    }
    ASSERT_EQ(outcome, storage::ReadOutcome::kFound) << seq;
    EXPECT_EQ(found.view.subject, message.subject);
    EXPECT_EQ(found.view.payload, message.payload);
    EXPECT_EQ(found.view.time_ns, message.time_ns);
  }
  void CompareConsumer(const ConsumerModel& model) {
    Consumer* consumer = stream().FindConsumer(model.name);
    ASSERT_NE(consumer, nullptr) << model.name;
    EXPECT_EQ(consumer->delivered(), model.delivered) << model.name;
    EXPECT_EQ(consumer->ack_floor().stream, model.floor.stream) << model.name;
    EXPECT_EQ(consumer->ack_floor().consumer, model.floor.consumer) << model.name;
    EXPECT_EQ(consumer->num_ack_pending(), model.in_flight.size()) << model.name;
    EXPECT_EQ(consumer->num_redelivered(), model.Redelivered()) << model.name;
    EXPECT_EQ(consumer->num_pending(), model_.num_pending(model)) << model.name;
  }

  testing::DiskHome& home_;
  Random random_;
  const std::string name_;
  StreamModel model_;
  int last_consumer_ = 0;
  testing::RandomSteps<Episode> steps_{{
      {26, &Episode::Publish, "publish"},
      {5, &Episode::PublishMany, "publish many"},
      {18, &Episode::Pull, "pull"},
      {16, &Episode::Ack, "ack"},
      {5, &Episode::Nak, "nak"},
      {4, &Episode::Term, "term"},
      {4, &Episode::Purge, "purge"},
      {5, &Episode::Delete, "delete"},
      {6, &Episode::AddConsumer, "add consumer"},
      {2, &Episode::RemoveConsumer, "remove consumer"},
      {4, &Episode::PassTime, "pass time"},
      {2, &Episode::ChangeLimits, "change limits"},
      {1, &Episode::Restart, "restart"},
      {1, &Episode::Crash, "crash"},
      {1, &Episode::CrashInside, "crash in a turn"},
  }};
};

TEST(RetentionOracleTest, RandomStreamsAreAsTheModel) {
  testing::RunEpisodes<Episode>(kFirstSeed, kStreams, kStepsPerStream);
}

}  // namespace
}  // namespace weir::jetstream
