// Random consumers against a model (support/delivery_model.h): after every step what each client
// received, and what each consumer has delivered, in flight, waiting and done, must be equal, over
// restarts and crashes. Time stops wherever something is due. A failure names its seed
// (support/random_steps.h).

#include <algorithm>
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
#include "tests/support/random_steps.h"
#include "tests/support/sent_lines.h"

namespace weir::jetstream {
namespace {

using testing::ConsumerModel;
using testing::DeliveryModel;
using testing::StreamModel;

constexpr int64_t kSecond = 1'000'000'000;
constexpr uint64_t kFirstSeed = 1;
constexpr int kStreams = 100;
constexpr int kStepsPerStream = 100;
// Flow control begins with messages that are large; where any stream may have such, few have.
constexpr size_t kSmall = 80;
constexpr size_t kLarge = 400'000;

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
    largest_ = Sometimes(8) ? kLarge : kSmall;
    // Also what a rate limit lets through at once.
    config.max_msg_size = Sometimes(2) ? static_cast<int32_t>(largest_) : -1;
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
  ~Episode() {
    home_.Ask(Cat("$JS.API.STREAM.DELETE.", name_));
    home_.router().interest = {"_INBOX.>"};
    home_.router().no_interest.clear();
  }

  void Step() {
    steps_.TakeOne(*this, random_);
    Compare();
  }
  std::string History() const { return steps_.LastOnes(); }

 private:
  bool Sometimes(uint64_t one_in) { return random_.Below(one_in) == 0; }
  // A time that no other is equal to.
  int64_t Between(int64_t from, int64_t to) {
    return from + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(to - from)));
  }
  int64_t now() const { return home_.clock.wall_ns(); }

  // ---- consumers ----

  void ListenForAdvisories() {
    home_.router().interest.push_back(Cat(testing::SentLines::kGivenUp, name_, ".*"));
  }

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
    config.inactive_threshold_ns = Sometimes(5) ? Between(3 * kSecond, 12 * kSecond) : 0;
    config.filter_subject = Sometimes(3) ? Cat(name_, ".", Sometimes(2) ? "a.*" : "*.1") : "";
    if (config.is_push()) {
      PushLimits(config);
    } else if (config.ack_policy == AckPolicy::kNone) {
      NoAcks(config);
    }
  }
  static void NoAcks(ConsumerConfig& config) {
    config.max_ack_pending = 0;
    config.max_deliver = -1;
    config.backoff_ns.clear();
  }
  void PushLimits(ConsumerConfig& config) {
    config.max_batch = config.max_bytes = config.max_waiting = 0;
    config.rate_limit_bps = Sometimes(3) ? 400 + random_.Below(largest_ * 16) : 0;
    if (config.ack_policy == AckPolicy::kNone) {
      NoAcks(config);
    } else if (config.ack_policy == AckPolicy::kFlowControl) {
      config.ack_wait_ns = 0;
      config.backoff_ns.clear();
      config.max_deliver = -1;
    }
  }
  std::string DeliverSubject() { return Cat("push.", name_, ".", ++last_inbox_); }
  void MakePush(ConsumerConfig& config) {
    config.deliver_subject = DeliverSubject();
    config.deliver_group = Sometimes(3) ? "g" : "";
    config.flow_control = Sometimes(2);
    if (config.flow_control || Sometimes(2)) {
      config.idle_heartbeat_ns = Between(kSecond / 2, 5 * kSecond);
    }
    if (config.flow_control && stream_.config.retention != RetentionPolicy::kWorkQueue &&
        Sometimes(3)) {
      config.ack_policy = AckPolicy::kFlowControl;
      config.idle_heartbeat_ns = kSecond;
    }
  }
  ConsumerConfig NewConfig() {
    ConsumerConfig config;
    config.durable_name = config.name = Cat("c", ++last_consumer_);
    config.ack_policy = AckPolicy::kExplicit;
    if (stream_.config.retention != RetentionPolicy::kWorkQueue && Sometimes(4)) {
      config.ack_policy = Sometimes(2) ? AckPolicy::kAll : AckPolicy::kNone;
    }
    config.max_waiting = Sometimes(3) ? 2 : 512;
    config.replay_policy = Sometimes(5) ? ReplayPolicy::kOriginal : ReplayPolicy::kInstant;
    if (Sometimes(3) || largest_ == kLarge) {
      MakePush(config);
    }
    Limits(config);
    if (!config.is_push() && Sometimes(2)) {
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
    bool only_new = stream_.config.retention != RetentionPolicy::kWorkQueue && Sometimes(4);
    config.deliver_policy = only_new ? DeliverPolicy::kNew : DeliverPolicy::kAll;
    stream_.AddConsumer(std::move(model), only_new);
    std::string answer = WriteConsumer(config);
    EXPECT_EQ(answer.find("\"error\""), std::string::npos) << answer;
    models_.push_back(std::make_unique<DeliveryModel>(stream_, config, now()));
  }
  void Update() {
    DeliveryModel& model = Pick();
    ConsumerConfig config = model.config();
    Limits(config);
    Apply(model, std::move(config));
  }
  void AddOneMore() {
    if (models_.size() < 2 && stream_.config.retention != RetentionPolicy::kWorkQueue) {
      AddConsumer();
    }
  }
  void Apply(DeliveryModel& model, ConsumerConfig config) {
    if (config == model.config()) {
      return;
    }
    std::string answer = WriteConsumer(config);
    EXPECT_EQ(answer.find("\"error\""), std::string::npos) << answer;
    bool there = config.is_push() && SomebodyListens(config);
    model.Update(std::move(config), there, now());
  }

  // ---- listeners of push consumers ----

  static std::string Subscription(const ConsumerConfig& config) {
    return config.deliver_group.empty() ? config.deliver_subject
                                        : Cat(config.deliver_subject, " ", config.deliver_group);
  }
  void Listen() {
    DeliveryModel& model = Pick();
    if (!model.push()) {
      return;
    }
    const ConsumerConfig& config = model.config();
    auto& interest = home_.router().interest;
    if (!model.reachable()) {
      home_.router().no_interest.erase(config.deliver_subject);
      std::erase(interest, Subscription(config));
      // Others who listen there, too, but not as it should be, count for nothing.
      interest.push_back(Sometimes(6) ? Cat(config.deliver_subject, " other")
                                      : Subscription(config));
    }
    TellWatchers();
  }
  void StopListening() {
    DeliveryModel& model = Pick();
    if (!model.push() || !model.reachable()) {
      return;
    }
    const ConsumerConfig& config = model.config();
    if (Sometimes(2)) {
      home_.router().no_interest.insert(config.deliver_subject);
      model.Listen(false, false, now());
    } else {
      std::erase(home_.router().interest, Subscription(config));
      TellWatchers();
    }
  }
  void TellWatchers() {
    home_.router().TellWatchers();
    home_.RunTurns();
    for (const auto& model : models_) {
      if (model->push()) {
        model->Listen(SomebodyListens(model->config()), true, now());
      }
    }
  }
  bool SomebodyListens(const ConsumerConfig& config) {
    return home_.router().IsSubscribed({}, config.deliver_subject, config.deliver_group);
  }
  // To another subject, where somebody may listen already.
  void Move() {
    DeliveryModel& model = Pick();
    if (!model.push()) {
      return;
    }
    ConsumerConfig config = model.config();
    config.deliver_subject = DeliverSubject();
    if (home_.router().HasInterest({}, model.config().deliver_subject)) {
      EXPECT_NE(WriteConsumer(config).find("10013"), std::string::npos);
      return;
    }
    if (Sometimes(2)) {
      home_.router().interest.push_back(Subscription(config));
    }
    Apply(model, std::move(config));
  }
  void AnswerFlowControl() {
    DeliveryModel& model = Pick();
    if (!model.push() || model.push()->open_request() == 0) {
      return;
    }
    std::string id = sent_.FlowControlId(model.config().name, model.push()->open_request());
    if (Sometimes(6)) {
      id.back() = id.back() == 'x' ? 'y' : 'x';  // an answer to none
      home_.Send(id, {});
      home_.RunTurns();
      return;
    }
    StreamSeq seq = 0;
    ConsumerModel::InFlight entry;
    if (!PickFlying(model, seq, entry)) {
      seq = model.model().delivered.stream;
      entry.last_seq = model.model().delivered.consumer;
    }
    home_.Send(id, {}, {},
               Cat("NATS/1.0\r\nNats-Last-Consumer: ", entry.last_seq,
                   "\r\nNats-Last-Stream: ", seq, "\r\n\r\n"));
    home_.RunTurns();
    model.Confirm(seq, entry.last_seq);
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
      std::string payload(random_.Below(largest_), 'x');
      stream_.Publish(subject, payload, now());
      home_.Send(subject, {}, payload);
    }
    home_.RunTurns();
  }
  void Delete() {
    StreamSeq seq = 1 + random_.Below(stream_.last_seq + 1);
    if (std::any_of(models_.begin(), models_.end(),
                    [&](const auto& model) { return model->HoldsBack(seq, now()); })) {
      return;  // what is behind it may go at once then, or when its time has come
    }
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
      body.Field("id", sent_.PinId(model.config().name, request.pin));
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
  void Answer(DeliveryModel& model, StreamSeq seq, const ConsumerModel::InFlight& entry,
              std::string_view word, std::string_view reply) {
    home_.Send(Cat("$JS.ACK.", name_, ".", model.config().name, ".", entry.deliveries, ".", seq,
                   ".", entry.last_seq, ".0.0"),
               reply, word);
    home_.RunTurns();
    model.Touch(now());
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
    model.Pause(config.pause_until_ns, now());
    if (model.push()) {
      model.Listen(SomebodyListens(config), true, now());
    }
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
    std::string subject = Cat("$JS.API.CONSUMER.RESET.", name_, ".", model.config().name);
    bool refused = seq != 0 && model.config().deliver_policy != DeliverPolicy::kAll;
    home_.Send(subject, "_R_", Cat("{\"seq\":", seq, "}"));
    home_.RunTurns();
    if (refused) {
      EXPECT_NE(home_.router().PayloadsTo("_R_").back().find("10204"), std::string::npos);
      return;
    }
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
      DropGone();
      for (const auto& model : models_) {
        model->OnTime(now());
        model->Deliver(now());
      }
      if (next == end || ::testing::Test::HasFailure()) {
        return;
      }
    }
  }
  // Consumers that nobody used for too long.
  void DropGone() {
    std::erase_if(models_, [this](const auto& model) {
      const std::string& name = model->config().name;
      bool gone = home_.stream(name_)->FindConsumer(name) == nullptr;
      if (gone) {
        EXPECT_GE(now(), model->GoesAt()) << name;
        stream_.RemoveConsumer(name);
      } else {
        EXPECT_LT(now(), model->GoneAt()) << name;
      }
      return gone;
    });
    if (models_.empty()) {
      AddConsumer();
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
    DropGone();
    DeliveryModel::Sent expected;
    for (const auto& model : models_) {
      model->Deliver(now());
      for (auto& [inbox, lines] : std::exchange(model->sent, {})) {
        expected[inbox].insert(expected[inbox].end(), lines.begin(), lines.end());
      }
    }
    testing::SentLines::SortGivenUp(expected);
    EXPECT_EQ(sent_.Take(home_.router()), expected);
    EXPECT_EQ(home_.stream(name_)->store().state().messages, stream_.messages.size());
    for (const auto& model : models_) {
      CompareConsumer(*model);
    }
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
    CompareInfo(delivery, consumer);
    EXPECT_EQ(consumer.num_waiting(), delivery.num_waiting()) << model.name;
    for (const auto& entry : consumer.state().ledger.pending) {
      auto at = model.in_flight.find(entry.stream_seq);
      ASSERT_NE(at, model.in_flight.end()) << model.name << " " << entry.stream_seq;
      EXPECT_EQ(entry.deliveries, at->second.deliveries) << model.name;
      EXPECT_EQ(entry.consumer_seq, at->second.first_seq) << model.name;
      if (!delivery.Queued(entry.stream_seq) &&
          delivery.config().ack_policy != AckPolicy::kFlowControl) {
        EXPECT_EQ(entry.deadline_ns + home_.wall_minus_steady(), at->second.due_ns) << model.name;
      }
    }
  }

  void CompareInfo(const DeliveryModel& delivery, Consumer& consumer) {
    JsonWriter info;
    info.OpenObject();
    consumer.WriteInfo(info);
    info.CloseObject();
    auto says = [&info](std::string_view what) {
      return info.text().find(what) != std::string::npos;
    };
    std::string id =
        delivery.pinned() ? sent_.PinId(delivery.config().name, delivery.pin()) : std::string();
    EXPECT_EQ(says("pinned_client_id"), delivery.pinned()) << info.text();
    EXPECT_TRUE(says(id)) << info.text();
    bool bound = delivery.push() && delivery.push()->active();
    EXPECT_EQ(says(R"("push_bound":true)"), bound) << info.text();
  }

  testing::DiskHome& home_;
  Random random_;
  const std::string name_;
  size_t largest_ = kSmall;  // payload of a message
  StreamModel stream_;
  std::vector<std::unique_ptr<DeliveryModel>> models_;
  testing::SentLines sent_;
  int last_consumer_ = 0;
  int last_inbox_ = 0;
  testing::RandomSteps<Episode> steps_{{
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
      {16, &Episode::Listen, "listen"},
      {5, &Episode::StopListening, "stop listening"},
      {14, &Episode::AnswerFlowControl, "answer flow control"},
      {3, &Episode::Move, "move to another subject"},
      {3, &Episode::Delete, "delete"},
      {2, &Episode::Purge, "purge"},
      {3, &Episode::Pause, "pause"},
      {2, &Episode::Unpin, "unpin"},
      {2, &Episode::Reset, "reset"},
      {5, &Episode::Update, "update"},
      {1, &Episode::AddOneMore, "add a consumer"},
      {2, &Episode::Restart, "restart"},
      {2, &Episode::Crash, "crash"},
  }};
};

TEST(DeliveryOracleTest, RandomConsumersAreAsTheModel) {
  testing::RunEpisodes<Episode>(kFirstSeed, kStreams, kStepsPerStream);
}

}  // namespace
}  // namespace weir::jetstream
