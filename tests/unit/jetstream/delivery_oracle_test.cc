// Random consumers against a model (support/delivery_model.h): after every step what each client
// received, and what each consumer has delivered, in flight, waiting and done, must be equal, over
// restarts and crashes. Time stops wherever something is due. A failure names its seed;
// WEIR_ORACLE_SEED runs that one alone.

#include <cstdlib>
#include <memory>
#include <set>

#include <gtest/gtest.h>

#include "jetstream/consumer.h"
#include "jetstream/js_subjects.h"
#include "jetstream/stream.h"
#include "protocol/base/json.h"
#include "protocol/headers.h"
#include "tests/support/delivery_model.h"
#include "tests/support/disk_home.h"

namespace weir::jetstream {
namespace {

using testing::ConsumerModel;
using testing::DeliveryModel;
using testing::StreamModel;

constexpr int64_t kSecond = 1'000'000'000;
constexpr uint64_t kFirstSeed = 1;
constexpr int kStreams = 100;
constexpr int kStepsPerStream = 100;
constexpr std::string_view kGivenUp = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.";

// One stream with its consumers and their clients.
class Episode {
 public:
  Episode(testing::DiskHome& home, uint64_t seed)
      : home_(home), random_(seed), name_(Cat("S", seed)) {
    StreamConfig& config = stream_.config;
    config.name = name_;
    config.subjects = {Cat(name_, ".>")};
    config.retention = static_cast<RetentionPolicy>(random_.Below(3));
    config.num_replicas = 1;
    config.max_msgs = config.max_bytes = config.max_msgs_per_subject = config.max_consumers = -1;
    JsonWriter out;
    WriteStreamConfig(out, config);
    EXPECT_EQ(home_.Ask(Cat("$JS.API.STREAM.CREATE.", name_), out.text()).find("\"error\""),
              std::string::npos);
    ListenForAdvisories();
    size_t count = config.retention == RetentionPolicy::kWorkQueue ? 1 : 1 + random_.Below(2);
    for (size_t i = 0; i < count; ++i) {
      AddConsumer();
    }
  }
  ~Episode() { home_.Ask(Cat("$JS.API.STREAM.DELETE.", name_)); }

  void Step() {
    static constexpr struct {
      uint64_t weight;
      void (Episode::*step)();
      const char* name;
    } kSteps[] = {
        {22, &Episode::Publish, "publish"},
        {4, &Episode::PublishMany, "publish many"},
        {26, &Episode::Pull, "pull"},
        {18, &Episode::Ack, "ack"},
        {5, &Episode::Next, "ack and pull"},
        {6, &Episode::Nak, "nak"},
        {5, &Episode::NakLater, "nak with a delay"},
        {3, &Episode::Progress, "in progress"},
        {3, &Episode::Term, "term"},
        {3, &Episode::AckOld, "ack once more"},
        {22, &Episode::PassTime, "pass time"},
        {4, &Episode::ClientLeaves, "client leaves"},
        {3, &Episode::Delete, "delete"},
        {2, &Episode::Purge, "purge"},
        {3, &Episode::Pause, "pause"},
        {2, &Episode::Unpin, "unpin"},
        {2, &Episode::Reset, "reset"},
        {3, &Episode::Update, "update"},
        {2, &Episode::Restart, "restart"},
        {2, &Episode::Crash, "crash"},
    };
    uint64_t sum = 0;
    for (const auto& step : kSteps) {
      sum += step.weight;
    }
    uint64_t pick = random_.Below(sum);
    for (const auto& step : kSteps) {
      if (pick < step.weight) {
        done_.emplace_back(step.name);
        (this->*step.step)();
        break;
      }
      pick -= step.weight;
    }
    Compare();
  }

  // The last steps, for a failure.
  std::string History() const {
    size_t from = done_.size() > 12 ? done_.size() - 12 : 0;
    return Join(std::vector<std::string>(done_.begin() + static_cast<ptrdiff_t>(from), done_.end()),
                "; ");
  }

 private:
  bool Sometimes(uint64_t one_in) { return random_.Below(one_in) == 0; }
  // A time that no other is equal to.
  int64_t Between(int64_t from, int64_t to) {
    return from + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(to - from)));
  }
  int64_t now() const { return home_.clock.wall_ns(); }

  // ---- consumers ----

  void ListenForAdvisories() { home_.router().interest.push_back(Cat(kGivenUp, name_, ".*")); }

  void Limits(ConsumerConfig& config) {
    config.ack_wait_ns = Between(kSecond, 8 * kSecond);
    config.max_deliver = Sometimes(3) ? 2 + static_cast<int64_t>(random_.Below(3)) : -1;
    config.backoff_ns.clear();
    if (Sometimes(3)) {
      for (uint64_t steps = 1 + random_.Below(2); steps > 0; --steps) {
        config.backoff_ns.push_back(Between(kSecond, 6 * kSecond));
      }
      config.ack_wait_ns = config.backoff_ns.front();
    }
    config.max_ack_pending = Sometimes(2) ? 1 + static_cast<int64_t>(random_.Below(4)) : 1000;
    config.max_batch = Sometimes(8) ? 3 : 0;
    config.max_bytes = Sometimes(8) ? 300 : 0;
    config.headers_only = Sometimes(6);
  }
  ConsumerConfig NewConfig() {
    ConsumerConfig config;
    config.durable_name = config.name = Cat("c", ++last_consumer_);
    config.ack_policy = AckPolicy::kExplicit;
    if (stream_.config.retention != RetentionPolicy::kWorkQueue && Sometimes(4)) {
      config.ack_policy = Sometimes(2) ? AckPolicy::kAll : AckPolicy::kNone;
    }
    config.max_waiting = Sometimes(3) ? 2 : 512;
    Limits(config);
    if (config.ack_policy == AckPolicy::kNone) {
      config.max_ack_pending = 0;
      config.max_deliver = -1;
      config.backoff_ns.clear();
    }
    if (Sometimes(3)) {
      config.filter_subject = Cat(name_, ".", Sometimes(2) ? "a.*" : "*.1");
    }
    if (Sometimes(2)) {
      config.priority_policy = static_cast<PriorityPolicy>(1 + random_.Below(3));
      config.priority_groups = {"g"};
    }
    if (config.priority_policy == PriorityPolicy::kPinnedClient) {
      config.priority_timeout_ns = Between(2 * kSecond, 10 * kSecond);
    }
    return config;
  }
  std::string WriteConsumer(const ConsumerConfig& config) {
    JsonWriter body;
    body.OpenObject().Field("stream_name", name_).Key("config");
    WriteConsumerConfig(body, config);
    body.CloseObject();
    return home_.Ask(Cat("$JS.API.CONSUMER.CREATE.", name_, ".", config.name), body.text());
  }
  void AddConsumer() {
    ConsumerConfig config = NewConfig();
    ConsumerModel model;
    model.name = config.name;
    model.policy = config.ack_policy;
    model.filters = config.Filters();
    stream_.AddConsumer(std::move(model), false);
    std::string answer = WriteConsumer(config);
    EXPECT_EQ(answer.find("\"error\""), std::string::npos) << answer;
    models_.push_back(std::make_unique<DeliveryModel>(stream_, config.name, config));
  }
  void Update() {
    DeliveryModel& model = Pick();
    ConsumerConfig config = model.config();
    if (config.ack_policy == AckPolicy::kNone) {
      return;
    }
    Limits(config);
    std::string answer = WriteConsumer(config);
    EXPECT_EQ(answer.find("\"error\""), std::string::npos) << answer;
    model.Update(config);
  }
  DeliveryModel& Pick() { return *models_[random_.Below(models_.size())]; }
  Consumer& RealOf(const DeliveryModel& model) {
    Stream* stream = home_.stream(name_);
    WEIR_CHECK(stream != nullptr);
    Consumer* consumer = stream->FindConsumer(model.config().name);
    WEIR_CHECK(consumer != nullptr);
    return *consumer;
  }

  // ---- messages ----

  std::string Subject() {
    return Cat(name_, ".", Sometimes(2) ? "a" : "b", ".", 1 + random_.Below(2));
  }
  void PublishMany() { PublishSome(2 + random_.Below(6)); }
  void Publish() { PublishSome(1); }
  void PublishSome(uint64_t count) {
    for (; count > 0; --count) {
      std::string subject = Subject();
      std::string payload(random_.Below(80), 'x');
      stream_.Publish(subject, payload, now());
      home_.Send(subject, {}, payload);
    }
    home_.RunTurns();
  }
  void Delete() {
    StreamSeq seq = 1 + random_.Below(stream_.last_seq + 1);
    stream_.Delete(seq);
    home_.Send(Cat("$JS.API.STREAM.MSG.DELETE.", name_), "_R_", Cat("{\"seq\":", seq, "}"));
    home_.RunTurns();
  }
  void Purge() {
    StreamSeq below = 1 + random_.Below(stream_.last_seq + 2);
    stream_.Purge({}, below, 0);
    home_.Send(Cat("$JS.API.STREAM.PURGE.", name_), "_R_", Cat("{\"seq\":", below, "}"));
    home_.RunTurns();
  }

  // ---- requests ----

  DeliveryModel::Request RandomRequest(const DeliveryModel& model) {
    DeliveryModel::Request request;
    request.inbox = Cat("_INBOX.", name_, ".", ++last_inbox_);
    request.batch = 1 + static_cast<int64_t>(random_.Below(5));
    request.plain = Sometimes(8);
    if (request.plain) {
      return request;
    }
    request.no_wait = Sometimes(4);
    request.expires_ns = Sometimes(4) ? 0 : Between(kSecond, 20 * kSecond);
    if (request.expires_ns > 0 && Sometimes(3)) {
      request.heartbeat_ns = Between(kSecond / 4, request.expires_ns / 2);
    }
    request.max_bytes = Sometimes(5) ? static_cast<int64_t>(60 + random_.Below(400)) : 0;
    PriorityPolicy policy = model.config().priority_policy;
    request.group = policy != PriorityPolicy::kNone && !Sometimes(16) ? "g" : "";
    if (policy == PriorityPolicy::kOverflow || Sometimes(40)) {
      request.min_pending = Sometimes(2) ? static_cast<int64_t>(random_.Below(6)) : 0;
      request.min_ack_pending = Sometimes(3) ? static_cast<int64_t>(random_.Below(4)) : 0;
    } else if (policy == PriorityPolicy::kPrioritized) {
      request.priority = static_cast<int64_t>(random_.Below(4));
    } else if (policy == PriorityPolicy::kPinnedClient && model.pins() > 0 && Sometimes(2)) {
      request.pin = Sometimes(4)
                        ? 1 + static_cast<int>(random_.Below(static_cast<uint64_t>(model.pins())))
                        : model.pins();
    }
    return request;
  }
  std::string BodyOf(const DeliveryModel& model, const DeliveryModel::Request& request) {
    if (request.plain) {
      return request.batch == 1 && Sometimes(2) ? std::string() : Cat(request.batch);
    }
    JsonWriter body;
    body.OpenObject().Field("batch", request.batch).Optional("max_bytes", request.max_bytes);
    body.Optional("expires", request.expires_ns).Optional("idle_heartbeat", request.heartbeat_ns);
    body.Optional("no_wait", request.no_wait).Optional("group", request.group);
    body.Optional("min_pending", request.min_pending);
    body.Optional("min_ack_pending", request.min_ack_pending);
    body.Optional("priority", request.priority);
    if (request.pin != 0) {
      body.Field("id", pin_ids_.at({model.config().name, request.pin}));
    }
    body.CloseObject();
    return body.Take();
  }
  void Pull() {
    DeliveryModel& model = Pick();
    RealOf(model).num_waiting();  // looks for clients that have left
    DeliveryModel::Request request = RandomRequest(model);
    home_.Send(Cat("$JS.API.CONSUMER.MSG.NEXT.", name_, ".", model.config().name), request.inbox,
               BodyOf(model, request));
    home_.RunTurns();
    model.Pull(std::move(request), now());
  }
  void ClientLeaves() {
    DeliveryModel& model = Pick();
    if (model.waiting().empty()) {
      return;
    }
    auto at = model.waiting().begin();
    std::advance(at, static_cast<ptrdiff_t>(random_.Below(model.waiting().size())));
    std::string inbox = at->inbox;
    home_.router().no_interest.insert(inbox);
    model.ClientGone(inbox);
    if (Sometimes(2)) {
      Publish();
    }
  }

  // ---- answers ----

  // A message in flight of this consumer, as its last delivery.
  bool PickFlying(DeliveryModel& model, StreamSeq& seq, ConsumerModel::InFlight& entry) {
    const auto& flying = model.model().in_flight;
    if (flying.empty()) {
      return false;
    }
    auto at = flying.begin();
    std::advance(at, static_cast<ptrdiff_t>(random_.Below(flying.size())));
    seq = at->first;
    entry = at->second;
    return true;
  }
  void Answer(const DeliveryModel& model, StreamSeq seq, const ConsumerModel::InFlight& entry,
              std::string_view word, std::string_view reply) {
    home_.Send(Cat("$JS.ACK.", name_, ".", model.config().name, ".", entry.deliveries, ".", seq,
                   ".", entry.last_seq, ".0.0"),
               reply, word);
    home_.RunTurns();
  }
  void Finish(std::string_view word) {
    DeliveryModel& model = Pick();
    StreamSeq seq = 0;
    ConsumerModel::InFlight entry;
    if (!PickFlying(model, seq, entry)) {
      return;
    }
    bool wait = Sometimes(2);
    Answer(model, seq, entry, word, wait ? "_R_" : "");
    model.Ack(seq, entry.last_seq);
    if (wait && !model.model().in_flight.contains(seq)) {
      model.model().done_for_good.insert(seq);
    }
  }
  void Ack() { Finish(Sometimes(2) ? "+ACK" : ""); }
  void Term() { Finish(Sometimes(2) ? "+TERM" : "+TERM no use"); }
  void Next() {
    DeliveryModel& model = Pick();
    StreamSeq seq = 0;
    ConsumerModel::InFlight entry;
    if (!PickFlying(model, seq, entry)) {
      return;
    }
    RealOf(model).num_waiting();
    DeliveryModel::Request request = RandomRequest(model);
    Answer(model, seq, entry, Cat("+NXT ", BodyOf(model, request)), request.inbox);
    model.Ack(seq, entry.last_seq);
    model.Deliver(now());
    model.Pull(std::move(request), now());
  }
  void Nak() {
    DeliveryModel& model = Pick();
    StreamSeq seq = 0;
    ConsumerModel::InFlight entry;
    if (PickFlying(model, seq, entry)) {
      Answer(model, seq, entry, Sometimes(4) ? "-NAK nonsense" : "-NAK", {});
      model.Nak(seq, entry.last_seq, 0, now());
    }
  }
  void NakLater() {
    DeliveryModel& model = Pick();
    StreamSeq seq = 0;
    ConsumerModel::InFlight entry;
    if (PickFlying(model, seq, entry)) {
      int64_t delay = Between(kSecond / 2, 10 * kSecond);
      Answer(model, seq, entry,
             Sometimes(2) ? Cat("-NAK {\"delay\":", delay, "}") : Cat("-NAK ", delay, "ns"), {});
      model.Nak(seq, entry.last_seq, delay, now());
    }
  }
  void Progress() {
    DeliveryModel& model = Pick();
    StreamSeq seq = 0;
    ConsumerModel::InFlight entry;
    if (PickFlying(model, seq, entry)) {
      Answer(model, seq, entry, "+WPI", {});
      model.Progress(seq, now());
    }
  }
  // For a message that is done, was given up, or has not been delivered yet.
  void AckOld() {
    DeliveryModel& model = Pick();
    StreamSeq seq = 1 + random_.Below(stream_.last_seq + 2);
    auto message = stream_.messages.find(seq);
    if (model.model().in_flight.contains(seq) ||
        (message != stream_.messages.end() && !model.model().Wants(message->second.subject))) {
      return;
    }
    ConsumerModel::InFlight entry;
    entry.last_seq = 1 + random_.Below(model.model().delivered.consumer + 1);
    static constexpr std::string_view kWords[] = {"+ACK", "-NAK", "+WPI", "+TERM", "what?"};
    std::string_view word = kWords[random_.Below(std::size(kWords))];
    Answer(model, seq, entry, word, "_R_");
    if (word == "+ACK" || word == "+TERM") {
      model.Ack(seq, entry.last_seq);
    }
  }

  // ---- what administrators do ----

  void Pause() {
    DeliveryModel& model = Pick();
    ConsumerConfig config = model.config();
    bool resume = model.Paused(now()) && Sometimes(2);
    config.pause_until_ns.reset();
    JsonWriter body;
    body.OpenObject();
    if (!resume) {
      config.pause_until_ns = now() + Between(kSecond, 20 * kSecond);
      body.Key("pause_until").Time(*config.pause_until_ns);
    }
    body.CloseObject();
    home_.Send(Cat("$JS.API.CONSUMER.PAUSE.", name_, ".", config.name), "_R_", body.text());
    home_.RunTurns();
    model.Update(config);
  }
  void Unpin() {
    DeliveryModel& model = Pick();
    if (model.config().priority_groups.empty()) {
      return;
    }
    home_.Send(Cat("$JS.API.CONSUMER.UNPIN.", name_, ".", model.config().name), "_R_",
               "{\"group\":\"g\"}");
    home_.RunTurns();
    model.Unpin();
  }
  void Reset() {
    DeliveryModel& model = Pick();
    if (stream_.config.retention == RetentionPolicy::kWorkQueue) {
      return;
    }
    StreamSeq seq = Sometimes(2) ? 0 : 1 + random_.Below(stream_.last_seq + 1);
    home_.Send(Cat("$JS.API.CONSUMER.RESET.", name_, ".", model.config().name), "_R_",
               Cat("{\"seq\":", seq, "}"));
    home_.RunTurns();
    model.Reset(seq == 0 ? model.model().floor.stream + 1 : seq);
    model.model().done_for_good.clear();
    stream_.DropUnneeded();
  }

  // ---- time and ends ----

  void PassTime() {
    int64_t end = now() + Between(kSecond / 10, 8 * kSecond);
    while (true) {
      int64_t next = end;
      for (const auto& model : models_) {
        next = std::min(next, model->NextEvent(now()));
      }
      home_.Advance(std::max<int64_t>(next - now(), 0));
      for (const auto& model : models_) {
        model->OnTime(now());
        model->Deliver(now());
      }
      if (next == end) {
        return;
      }
    }
  }
  void Restart() {
    home_.Restart();
    for (const auto& model : models_) {
      model->Restart(now());
    }
    Forget();
  }
  // What the consumers know now is an earlier state; of what was promised nothing is missing, and
  // nothing is in it that never was.
  void Crash() {
    home_.Crash();
    for (const auto& model : models_) {
      Adopt(*model);
    }
    Forget();
  }
  void Forget() {
    for (const auto& model : models_) {
      model->sent.clear();
    }
    ListenForAdvisories();
  }
  void Adopt(DeliveryModel& delivery) {
    ConsumerModel& model = delivery.model();
    auto ledger = RealOf(delivery).state().ledger;
    EXPECT_LE(ledger.delivered.consumer, model.delivered.consumer);
    EXPECT_LE(ledger.floor.stream, model.delivered.stream);
    model.delivered = ledger.delivered;
    model.floor = ledger.floor;
    model.in_flight.clear();
    model.given_up.clear();
    for (const auto& entry : ledger.pending) {
      EXPECT_FALSE(model.done_for_good.contains(entry.stream_seq)) << entry.stream_seq;
      EXPECT_TRUE(stream_.messages.contains(entry.stream_seq)) << entry.stream_seq;
      model.in_flight[entry.stream_seq] = {entry.consumer_seq, entry.deliveries, entry.consumer_seq,
                                           entry.deadline_ns + home_.wall_minus_steady()};
    }
    for (const auto& [seq, deliveries] : ledger.given_up) {
      model.given_up.insert(seq);
    }
    delivery.Restart(now());
  }

  // ---- what must be equal ----

  void Compare() {
    DeliveryModel::Sent expected;
    for (const auto& model : models_) {
      model->Deliver(now());
      for (auto& [inbox, lines] : std::exchange(model->sent, {})) {
        expected[inbox].insert(expected[inbox].end(), lines.begin(), lines.end());
      }
    }
    SortGivenUp(expected);
    EXPECT_EQ(TakeSent(), expected);
    EXPECT_EQ(home_.stream(name_)->store().state().messages, stream_.messages.size());
    for (const auto& model : models_) {
      CompareConsumer(*model);
    }
  }
  DeliveryModel::Sent TakeSent() {
    DeliveryModel::Sent out;
    for (const auto& sent : home_.router().Take()) {
      if (home_.router().no_interest.contains(sent.inbox)) {
        continue;  // whether the one who has left is told so is all the same
      }
      if (sent.inbox.starts_with("_INBOX.")) {
        out[sent.inbox].push_back(LineOf(sent));
      } else if (sent.inbox.starts_with(kGivenUp)) {
        out["MAX_DELIVERIES"].push_back(GivenUpLine(sent.payload));
      }
    }
    SortGivenUp(out);
    return out;
  }
  // They come from several consumers, in no order.
  static void SortGivenUp(DeliveryModel::Sent& sent) {
    if (auto at = sent.find("MAX_DELIVERIES"); at != sent.end()) {
      std::sort(at->second.begin(), at->second.end());
    }
  }
  static std::string GivenUpLine(std::string_view advisory) {
    auto value = ParseJson(advisory);
    WEIR_CHECK(value.ok());
    const auto& object = value->as_object();
    return Cat(std::string_view(object.at("consumer").as_string()), " ",
               object.at("stream_seq").to_number<uint64_t>(), " ",
               object.at("deliveries").to_number<uint64_t>());
  }
  std::string LineOf(const testing::FakeRouter::Sent& sent) {
    std::string headers = sent.headers;
    if (sent.reply.empty()) {
      return headers;
    }
    if (auto id = protocol::FindHeader(headers, "Nats-Pin-Id")) {
      // Ids are random: they are told by the order in which they appear.
      std::string consumer(protocol::TokenAt(sent.reply, 3));
      auto [at, is_new] = pin_numbers_.try_emplace(std::string(*id), pins_[consumer] + 1);
      if (is_new) {
        pin_ids_[{consumer, ++pins_[consumer]}] = at->first;
      }
      headers = protocol::WithHeader(headers, "Nats-Pin-Id", Cat(at->second));
    }
    return DeliveryModel::Line(sent.subject, sent.reply, headers, sent.payload);
  }
  void CompareConsumer(DeliveryModel& delivery) {
    const ConsumerModel& model = delivery.model();
    Consumer& consumer = RealOf(delivery);
    EXPECT_EQ(consumer.delivered(), model.delivered) << model.name;
    EXPECT_EQ(consumer.ack_floor(), model.floor) << model.name;
    EXPECT_EQ(consumer.num_ack_pending(), model.in_flight.size()) << model.name;
    EXPECT_EQ(consumer.num_redelivered(), model.Redelivered()) << model.name;
    EXPECT_EQ(consumer.num_pending(), stream_.num_pending(model)) << model.name;
    EXPECT_EQ(consumer.paused(), delivery.Paused(now())) << model.name;
    if (!delivery.config().priority_groups.empty()) {
      JsonWriter info;
      info.OpenObject();
      consumer.WriteInfo(info);
      info.CloseObject();
      std::string id = delivery.pinned() ? pin_ids_[{model.name, delivery.pin()}] : "";
      EXPECT_EQ(info.text().find("pinned_client_id") != std::string::npos, delivery.pinned());
      EXPECT_NE(info.text().find(id), std::string::npos) << info.text();
    }
    EXPECT_EQ(consumer.num_waiting(), delivery.num_waiting()) << model.name;
    for (const auto& entry : consumer.state().ledger.pending) {
      auto at = model.in_flight.find(entry.stream_seq);
      ASSERT_NE(at, model.in_flight.end()) << model.name << " " << entry.stream_seq;
      EXPECT_EQ(entry.deliveries, at->second.deliveries) << model.name;
      EXPECT_EQ(entry.consumer_seq, at->second.first_seq) << model.name;
      if (!delivery.Queued(entry.stream_seq)) {
        EXPECT_EQ(entry.deadline_ns + home_.wall_minus_steady(), at->second.due_ns) << model.name;
      }
    }
  }

  testing::DiskHome& home_;
  Random random_;
  const std::string name_;
  StreamModel stream_;
  std::vector<std::unique_ptr<DeliveryModel>> models_;
  std::map<std::string, int> pin_numbers_;                      // by id
  std::map<std::pair<std::string, int>, std::string> pin_ids_;  // by consumer and number
  std::map<std::string, int> pins_;                             // by consumer
  int last_consumer_ = 0;
  int last_inbox_ = 0;
  std::vector<std::string> done_;
};

TEST(DeliveryOracleTest, RandomConsumersAreAsTheModel) {
  const char* only = std::getenv("WEIR_ORACLE_SEED");
  uint64_t first = only == nullptr ? kFirstSeed : std::strtoull(only, nullptr, 10);
  int streams = only == nullptr ? kStreams : 1;
  std::printf("seeds %llu to %llu\n", static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(first + static_cast<uint64_t>(streams) - 1));
  testing::DiskHome home;
  for (uint64_t seed = first; seed < first + static_cast<uint64_t>(streams); ++seed) {
    Episode episode(home, seed);
    for (int step = 1; step <= kStepsPerStream; ++step) {
      episode.Step();
      ASSERT_FALSE(::testing::Test::HasFailure())
          << "seed " << seed << ", step " << step << ": " << episode.History();
    }
  }
}

}  // namespace
}  // namespace weir::jetstream
