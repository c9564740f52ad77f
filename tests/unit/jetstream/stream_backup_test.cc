#include "jetstream/stream_backup.h"

#include <gtest/gtest.h>

#include "tests/support/backup_world.h"

namespace weir::jetstream {
namespace {

using testing::BackupWorld;
using Item = BackupReader::Item;

// What is in it, and how it ended.
std::string Describe(std::string_view bytes, size_t piece = SIZE_MAX) {
  BackupReader reader(/*max_message=*/1000);
  std::string out;
  bool ended = false;
  while (true) {
    auto item = reader.Next();
    if (!item.ok()) {
      return Cat(out, Message(item.status()));
    }
    switch (*item) {
      case Item::kNeedInput:
        if (ended) {
          return Cat(out, "never ends");
        }
        if (bytes.empty()) {
          ended = true;
          reader.End();
        }
        reader.Feed(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
        break;
      case Item::kState:
        CatTo(out, "state ", reader.state().first_seq, "-", reader.state().last_seq, "; ");
        break;
      case Item::kConsumer:
        CatTo(out, "consumer ", reader.consumer().config.name, "; ");
        break;
      case Item::kMessage:
        CatTo(out, reader.message().seq, " ", reader.message().subject, "; ");
        break;
      case Item::kEnd:
        return Cat(out, "end");
    }
  }
}

std::string Consumer(std::string_view state) {
  return Cat(R"({"config":{"durable_name":"D","name":"D","ack_policy":"explicit",)"
             R"("ack_wait":30000000000},"state":)",
             state, "}");
}
constexpr std::string_view kState =
    R"({"messages":2,"bytes":80,"first_seq":3,"first_ts":"2026-01-01T00:00:00Z","last_seq":6,)"
    R"("last_ts":"2026-01-01T00:00:00Z","num_deleted":2,"consumer_count":1})";

TEST(BackupReaderTest, ItemsComeInOrderInAnyPieces) {
  std::string bytes = BackupWorld::Pack(
      kState,
      {{"consumers/D", Consumer(R"({"delivered":{"consumer_seq":0,"stream_seq":0},)"
                                R"("ack_floor":{"consumer_seq":0,"stream_seq":0}})")}},
      {{3, 1, "a", {}, "x"}, {5, 1, "b", "HH", {}}});

  for (size_t piece : {size_t{1}, size_t{100}, SIZE_MAX}) {
    EXPECT_EQ(Describe(bytes, piece), "state 3-6; consumer D; 3 a; 5 b; end") << piece;
  }
  EXPECT_EQ(Describe(bytes + "what comes behind is not read", 10),
            "state 3-6; consumer D; 3 a; 5 b; end");
}

TEST(BackupReaderTest, ImpossibleStatesAreRefused) {
  const std::string inconsistent =
      "invalid stream state: inconsistent message count or sequence range";
  auto with = [](std::string_view state) {
    return Describe(BackupWorld::Pack(state, {}, {}));
  };

  EXPECT_EQ(with(R"({"consumer_count":-1})"), "invalid stream state: negative consumer count");
  EXPECT_EQ(with(R"({"last_seq":5})"), inconsistent);
  EXPECT_EQ(with(R"({"first_seq":9,"last_seq":5})"), inconsistent);
  EXPECT_EQ(with(R"({"first_seq":6,"last_seq":5,"messages":1})"), inconsistent);
  EXPECT_EQ(with(R"({"first_seq":1,"last_seq":5,"messages":6})"),
            "invalid stream state: message count exceeds sequence range");
  EXPECT_EQ(with("[]"), "error in state.json: not an object");
  EXPECT_EQ(with(R"({"first_seq":6,"last_seq":5})"), "state 6-5; end") << "emptied";
  EXPECT_EQ(with("{}"), "state 0-0; end") << "never used";
}

TEST(BackupReaderTest, BadEntriesAreRefused) {
  const std::string one = R"({"first_seq":1,"last_seq":9,"messages":2,"consumer_count":0})";
  auto messages = [&](const std::vector<storage::MessageView>& list) {
    return Describe(BackupWorld::Pack(one, {}, list));
  };

  EXPECT_EQ(messages({{2, 1, "a", {}, {}}, {2, 1, "a", {}, {}}}),
            "state 1-9; 2 a; message sequence 2 out of order");
  EXPECT_EQ(messages({{1, 1, "a", {}, std::string(1001, 'x')}}),
            "state 1-9; message sequence 1 exceeds maximum payload size");
  EXPECT_EQ(messages({{1, 1, "", {}, {}}}), "state 1-9; message sequence 1 has no valid subject");
  EXPECT_EQ(messages({{0, 1, "a", {}, {}}}), "state 1-9; expected message sequence");
  EXPECT_EQ(Describe(BackupWorld::Pack(kState, {{"D", "{}"}}, {})),
            "state 3-6; expected consumer, found \"D\"");
  EXPECT_EQ(Describe(BackupWorld::Pack(one, {}, {}, /*end=*/false)), "state 1-9; EOF");
}

TEST(BackupReaderTest, WhatIsNoBackupIsRefused) {
  std::string no_magic(storage::kS2Start);
  storage::AppendS2Chunk(no_magic, "something else");
  std::string good = BackupWorld::Pack("{}", {}, {});

  EXPECT_EQ(Describe("rubbish"), "s2: corrupt input");
  EXPECT_EQ(Describe(""), "EOF");
  EXPECT_EQ(Describe(no_magic), "archive: invalid archive stream");
  EXPECT_EQ(Describe(good.substr(0, good.size() - 1)), "s2: corrupt input");
  std::string padding(storage::kS2Start);
  for (int i = 0; i < 5; ++i) {
    padding += std::string("\xfe\x00\x00\x10", 4) + std::string(1 << 20, '\0');
  }
  EXPECT_EQ(Describe(padding), "snapshot format not detected within size limit");
}

TEST(BackupConsumerTest, StateComesBack) {
  ConsumerConfig config;
  config.durable_name = config.name = "D";
  config.ack_policy = AckPolicy::kExplicit;
  config.ack_wait_ns = 1000;
  ConsumerState state;
  state.ledger.delivered = {7, 12};
  state.ledger.floor = {2, 3};
  state.ledger.pending = {{9, 5, 0, 100, 1}, {10, 6, 0, 200, 3}};
  state.ledger.given_up = {{4, 5}};

  std::string json = WriteBackupConsumer(config, state, /*last_seq=*/11);
  auto read = ReadBackupConsumer("D", json);

  EXPECT_NE(json.find(R"("state":{"delivered":{"consumer_seq":7,"stream_seq":11},)"
                      R"("ack_floor":{"consumer_seq":2,"stream_seq":3},"pending":{)"
                      R"("10":{"Sequence":6,"Timestamp":200},"9":{"Sequence":5,"Timestamp":100}},)"
                      R"("redelivered":{"10":2,"4":5}}})"),
            std::string::npos)
      << json;
  ASSERT_TRUE(read.ok()) << Message(read.status());
  EXPECT_EQ(read->config.name, "D");
  const auto& ledger = read->state.ledger;
  EXPECT_EQ(ledger.delivered, (SequencePair{7, 11}));
  ASSERT_EQ(ledger.pending.size(), 2U);
  EXPECT_EQ(ledger.pending[1].stream_seq, 10U);
  EXPECT_EQ(ledger.pending[1].deliveries, 3U);
  EXPECT_EQ(ledger.pending[1].deadline_ns, 1200);
  EXPECT_EQ(ledger.given_up, state.ledger.given_up);
}

TEST(BackupConsumerTest, BadStatesAreRefused) {
  auto read = [](std::string_view json) {
    return std::string(Message(ReadBackupConsumer("D", json).status()));
  };

  EXPECT_EQ(read("{}"), "consumer \"D\" is missing config");
  EXPECT_EQ(read(R"({"config":{}})"), "consumer \"D\" is missing state");
  EXPECT_EQ(read("[]"), "failed to decode consumer \"D\" state: not an object");
  EXPECT_EQ(read(Consumer(R"({"delivered":{"consumer_seq":1,"stream_seq":1},)"
                          R"("ack_floor":{"consumer_seq":2,"stream_seq":1}})")),
            "failed to set consumer \"D\" state: bad ack floor for consumer");
  EXPECT_EQ(read(Consumer(R"({"delivered":{"consumer_seq":1,"stream_seq":1},"ack_floor":{},)"
                          R"("pending":{"2":{"Sequence":1,"Timestamp":1}}})")),
            "failed to set consumer \"D\" state: bad pending entry, sequence [2] out of range");
}

}  // namespace
}  // namespace weir::jetstream
