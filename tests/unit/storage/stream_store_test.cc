// One table of situations for every store, and a comparison with a simple model under random
// operations.

#include "storage/stream_store.h"

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "protocol/base/strings.h"
#include "protocol/subject.h"
#include "tests/support/store_harness.h"

namespace weir::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::weir::testing_support::HarnessKind;
using ::weir::testing_support::MakeStoreHarness;
using ::weir::testing_support::StoreHarness;

class StreamStoreTest : public ::testing::TestWithParam<HarnessKind> {
 protected:
  StreamStoreTest() : harness_(MakeStoreHarness(GetParam())) {}

  StreamStore& store() { return harness_->store(); }

  void Append(std::string_view subject, std::string_view payload = "p",
              std::string_view headers = "") {
    StreamSeq seq = store().state().last_seq + 1;
    store().Append({seq, static_cast<int64_t>(seq) * 10, subject, headers, payload});
  }
  void Fill(int count, std::string_view subject) {
    for (int i = 0; i < count; ++i) {
      Append(subject, Cat("payload ", i));
    }
  }
  std::string PayloadOf(StreamSeq seq) {
    StoredMessage message;
    ReadOutcome outcome = harness_->Get(seq, message);
    return outcome == ReadOutcome::kFound ? std::string(message.view.payload) : "<none>";
  }
  StreamSeq NextSeq(StreamSeq from, std::vector<std::string> filters) {
    StoredMessage message;
    ReadOutcome outcome = harness_->Next(from, filters, message);
    return outcome == ReadOutcome::kFound ? message.view.seq : 0;
  }

  std::unique_ptr<StoreHarness> harness_;
};

TEST_P(StreamStoreTest, NewStreamIsEmpty) {
  EXPECT_EQ(store().state().messages, 0u);
  EXPECT_EQ(store().state().first_seq, 0u);
  EXPECT_EQ(store().state().last_seq, 0u);
  EXPECT_EQ(PayloadOf(1), "<none>");
  EXPECT_EQ(NextSeq(1, {}), 0u);
  EXPECT_EQ(store().SeqAtTime(0), 1u);
}

TEST_P(StreamStoreTest, MessageComesBackWhole) {
  Append("orders.eu", "body", "NATS/1.0\r\nA: b\r\n\r\n");
  harness_->Commit();

  StoredMessage message;
  ASSERT_EQ(harness_->Get(1, message), ReadOutcome::kFound);
  EXPECT_EQ(message.view.seq, 1u);
  EXPECT_EQ(message.view.time_ns, 10);
  EXPECT_EQ(message.view.subject, "orders.eu");
  EXPECT_EQ(message.view.headers, "NATS/1.0\r\nA: b\r\n\r\n");
  EXPECT_EQ(message.view.payload, "body");
}

TEST_P(StreamStoreTest, MessageIsReadableBeforeItsCommit) {
  Append("a", "one");
  Append("a", "two");

  EXPECT_EQ(PayloadOf(1), "one");
  EXPECT_EQ(PayloadOf(2), "two");
}

TEST_P(StreamStoreTest, EmptyAndLargePayloadsComeBack) {
  std::string large(300'000, 'x');
  std::string medium(40'000, 'm');
  Append("a", "");
  Append("a", large);
  Append("a", medium);
  Append("a", medium);
  Append("a", "last");
  harness_->Commit();
  harness_->Reopen();

  EXPECT_EQ(PayloadOf(1), "");
  EXPECT_EQ(PayloadOf(2), large);
  EXPECT_EQ(PayloadOf(3), medium);
  EXPECT_EQ(PayloadOf(4), medium);
  EXPECT_EQ(PayloadOf(5), "last");
}

TEST_P(StreamStoreTest, CountersFollowAppendAndRemove) {
  Append("a");
  Append("b");
  Append("b");
  uint64_t all = store().state().bytes;

  EXPECT_TRUE(store().Remove(2, false));
  EXPECT_FALSE(store().Remove(2, false));
  EXPECT_FALSE(store().Remove(9, false));
  EXPECT_FALSE(store().Remove(0, false));
  harness_->Commit();
  harness_->Reopen();

  const StoreState& state = store().state();
  EXPECT_EQ(state.messages, 2u);
  EXPECT_EQ(state.bytes, all / 3 * 2);
  EXPECT_EQ(state.first_seq, 1u);
  EXPECT_EQ(state.last_seq, 3u);
  EXPECT_EQ(state.num_deleted, 1u);
  EXPECT_EQ(state.num_subjects, 2u);
  EXPECT_THAT(store().DeletedRuns(10), ElementsAre(Pair(2, 2)));
  EXPECT_EQ(PayloadOf(2), "<none>");
}

TEST_P(StreamStoreTest, RemovingTheFirstMovesFirstPastOlderDeletes) {
  Fill(5, "a");
  harness_->Commit();
  store().Remove(2, false);
  store().Remove(3, false);
  harness_->Commit();

  store().Remove(1, false);
  harness_->Commit();
  harness_->Reopen();

  EXPECT_EQ(store().state().first_seq, 4u);
  EXPECT_EQ(store().FirstTimeNs(), 40);
  EXPECT_EQ(store().state().num_deleted, 0u);
  EXPECT_THAT(store().DeletedRuns(10), IsEmpty());
}

TEST_P(StreamStoreTest, RemovingTheLastKeepsTheNumber) {
  Fill(3, "a");
  harness_->Commit();

  store().Remove(3, false);
  harness_->Commit();
  harness_->Reopen();

  EXPECT_EQ(store().state().last_seq, 3u);
  EXPECT_EQ(store().state().last_time_ns, 30);
  EXPECT_EQ(store().state().messages, 2u);
  EXPECT_EQ(store().state().num_deleted, 1u);
  EXPECT_EQ(NextSeq(3, {}), 0u);
  Append("a", "four");
  EXPECT_EQ(PayloadOf(4), "four");
}

TEST_P(StreamStoreTest, EmptiedStreamRemembersItsEnd) {
  Fill(3, "a");
  harness_->Commit();
  for (StreamSeq seq : {2, 3, 1}) {
    store().Remove(seq, false);
  }
  harness_->Commit();
  harness_->Reopen();

  const StoreState& state = store().state();
  EXPECT_EQ(state.messages, 0u);
  EXPECT_EQ(state.bytes, 0u);
  EXPECT_EQ(state.first_seq, 4u);
  EXPECT_EQ(state.last_seq, 3u);
  EXPECT_EQ(store().FirstTimeNs(), 0);
  EXPECT_EQ(state.last_time_ns, 30);
  EXPECT_EQ(state.num_deleted, 0u);
  EXPECT_EQ(state.num_subjects, 0u);
}

TEST_P(StreamStoreTest, TrimDropsThePrefix) {
  Fill(10, "a");
  Fill(10, "b");
  harness_->Commit();

  EXPECT_EQ(store().TrimTo(12), 11u);
  harness_->Commit();
  harness_->Reopen();

  EXPECT_EQ(store().state().first_seq, 12u);
  EXPECT_EQ(store().state().messages, 9u);
  EXPECT_EQ(store().state().num_subjects, 1u);
  EXPECT_EQ(PayloadOf(11), "<none>");
  EXPECT_EQ(PayloadOf(12), "payload 1");
  EXPECT_EQ(store().TrimTo(5), 0u);
}

TEST_P(StreamStoreTest, TrimBeyondTheEndMovesTheEnd) {
  Fill(3, "a");
  harness_->Commit();

  EXPECT_EQ(store().TrimTo(100), 3u);
  harness_->Commit();
  harness_->Reopen();

  EXPECT_EQ(store().state().first_seq, 100u);
  EXPECT_EQ(store().state().last_seq, 99u);
  Append("a", "hundred");
  EXPECT_EQ(PayloadOf(100), "hundred");
}

TEST_P(StreamStoreTest, GapOfAMirrorCountsAsDeleted) {
  Append("a", "one");
  store().Append({5, 50, "a", "", "five"});
  harness_->Commit();
  harness_->Reopen();

  EXPECT_EQ(store().state().messages, 2u);
  EXPECT_EQ(store().state().num_deleted, 3u);
  EXPECT_EQ(NextSeq(2, {}), 5u);
  EXPECT_THAT(store().DeletedRuns(10), ElementsAre(Pair(2, 4)));
}

TEST_P(StreamStoreTest, PurgeBySubjectKeepsTheNewest) {
  for (int i = 0; i < 5; ++i) {
    Append("a.x");
    Append("b.x");
  }
  harness_->Commit();

  EXPECT_EQ(store().Purge("a.*", 0, 2), 3u);
  harness_->Commit();
  harness_->Reopen();

  EXPECT_EQ(store().state().messages, 7u);
  EXPECT_EQ(store().LastOf("a.x")->messages, 2u);
  EXPECT_EQ(store().LastOf("a.x")->first, 7u);
  EXPECT_EQ(store().LastOf("b.x")->messages, 5u);
  EXPECT_EQ(store().state().first_seq, 2u);
}

TEST_P(StreamStoreTest, PurgeBelowASequenceLeavesTheRest) {
  for (int i = 0; i < 5; ++i) {
    Append("a.x");
    Append("b.x");
  }

  EXPECT_EQ(store().Purge("b.x", 7, 0), 3u);
  EXPECT_EQ(store().Purge("", 4, 0), 2u);

  EXPECT_EQ(store().state().first_seq, 5u);
  EXPECT_EQ(store().state().messages, 5u);
}

TEST_P(StreamStoreTest, PurgeKeepingTheNewestOfAll) {
  Fill(10, "a");
  store().Remove(9, false);

  EXPECT_EQ(store().Purge(">", 0, 3), 6u);

  EXPECT_EQ(store().state().first_seq, 7u);
  EXPECT_EQ(store().state().messages, 3u);
}

TEST_P(StreamStoreTest, NextHonoursFilters) {
  Append("a.1");
  Append("b.1");
  Append("a.2");
  Append("c.1");
  harness_->Commit();
  harness_->Reopen();

  EXPECT_EQ(NextSeq(1, {}), 1u);
  EXPECT_EQ(NextSeq(2, {"a.*"}), 3u);
  EXPECT_EQ(NextSeq(1, {"c.1"}), 4u);
  EXPECT_EQ(NextSeq(1, {"c.1", "b.>"}), 2u);
  EXPECT_EQ(NextSeq(4, {"a.*", "b.1"}), 0u);
  EXPECT_EQ(NextSeq(1, {"none"}), 0u);
}

TEST_P(StreamStoreTest, SubjectsTellTheirFirstAndLast) {
  for (int i = 0; i < 200; ++i) {
    Append(i % 2 == 0 ? "even" : "odd");
  }
  harness_->Commit();
  store().Remove(1, false);
  store().Remove(3, false);
  store().Remove(199, false);
  harness_->Commit();

  auto even = store().LastOf("even");
  ASSERT_TRUE(even.has_value());
  EXPECT_EQ(even->first, 5u);
  EXPECT_EQ(even->last, 197u);
  EXPECT_EQ(even->messages, 97u);
  EXPECT_FALSE(store().LastOf("neither").has_value());
  std::map<std::string, uint64_t> counts;
  store().ForEachSubject(">", [&](std::string_view subject, const SubjectState& state) {
    counts[std::string(subject)] = state.messages;
    return true;
  });
  EXPECT_THAT(counts, ElementsAre(Pair("even", 97u), Pair("odd", 100u)));
}

TEST_P(StreamStoreTest, TimeFindsItsSequence) {
  Fill(100, "a");
  harness_->Commit();
  store().Remove(50, false);

  EXPECT_EQ(store().SeqAtTime(0), 1u);
  EXPECT_EQ(store().SeqAtTime(490), 49u);
  EXPECT_EQ(store().SeqAtTime(491), 51u);
  EXPECT_EQ(store().SeqAtTime(1000), 100u);
  EXPECT_EQ(store().SeqAtTime(1001), 101u);
}

TEST_P(StreamStoreTest, RunHoldsEverythingOfItsInterval) {
  Fill(50, "a");
  harness_->Commit();
  store().Remove(20, false);
  store().Remove(21, false);
  harness_->Commit();

  auto run = store().PrepareRun(15, 40, 10, 1 << 20)();
  ASSERT_TRUE(run.ok());
  ASSERT_EQ(run->messages.size(), 10u);
  EXPECT_EQ(run->first, 15u);
  EXPECT_EQ(run->messages.front().view.seq, 15u);
  EXPECT_EQ(run->messages.back().view.seq, 26u);
  EXPECT_EQ(run->last, 26u);

  auto rest = store().PrepareRun(27, 40, 1000, 1 << 20)();
  ASSERT_TRUE(rest.ok());
  EXPECT_EQ(rest->messages.size(), 14u);
  EXPECT_EQ(rest->last, 40u);

  auto nothing = store().PrepareRun(51, 60, 10, 1 << 20)();
  ASSERT_TRUE(nothing.ok());
  EXPECT_EQ(nothing->last, 0u);
}

TEST_P(StreamStoreTest, RunStopsAtItsBytes) {
  for (int i = 0; i < 20; ++i) {
    Append("a", std::string(1000, 'x'));
  }
  harness_->Commit();

  auto run = store().PrepareRun(1, 20, 1000, 3500)();

  ASSERT_TRUE(run.ok());
  EXPECT_GE(run->messages.size(), 1u);
  EXPECT_LE(run->messages.size(), 6u);
  EXPECT_EQ(run->last, run->messages.back().view.seq);
}

TEST_P(StreamStoreTest, DestroyedStreamLeavesNothing) {
  Fill(10, "a");
  harness_->Commit();

  harness_->DestroyAndRecreate();

  EXPECT_EQ(store().state().messages, 0u);
  EXPECT_EQ(PayloadOf(1), "<none>");
}

INSTANTIATE_TEST_SUITE_P(Stores, StreamStoreTest,
                         ::testing::ValuesIn(testing_support::AllHarnessKinds()),
                         [](const auto& param_info) {
                           return testing_support::NameOf(param_info.param);
                         });

// ---- the model ----

struct Kept {
  int64_t time_ns;
  std::string subject;
  std::string headers;
  std::string payload;
};

class Model {
 public:
  std::map<StreamSeq, Kept> messages;
  StreamSeq last_seq = 0;

  StreamSeq first_seq() const {
    return messages.empty() ? (last_seq == 0 ? 0 : last_seq + 1) : messages.begin()->first;
  }
  StreamSeq Next(StreamSeq from, const std::string& filter) const {
    for (auto at = messages.lower_bound(from); at != messages.end(); ++at) {
      if (filter.empty() || protocol::Matches(at->second.subject, filter)) {
        return at->first;
      }
    }
    return 0;
  }
  uint64_t CountFrom(StreamSeq from, const std::string& filter) const {
    uint64_t count = 0;
    for (auto at = messages.lower_bound(from); at != messages.end(); ++at) {
      count += filter.empty() || protocol::Matches(at->second.subject, filter) ? 1 : 0;
    }
    return count;
  }
  uint64_t Purge(const std::string& filter, StreamSeq below, uint64_t keep) {
    std::vector<StreamSeq> matching;
    for (const auto& [seq, kept] : messages) {
      if ((below == 0 || seq < below) &&
          (filter.empty() || protocol::Matches(kept.subject, filter))) {
        matching.push_back(seq);
      }
    }
    uint64_t drop = matching.size() > keep ? matching.size() - keep : 0;
    for (uint64_t i = 0; i < drop; ++i) {
      messages.erase(matching[i]);
    }
    return drop;
  }
};

class StreamStoreModelTest : public ::testing::TestWithParam<std::tuple<HarnessKind, uint64_t>> {
 protected:
  StreamStoreModelTest()
      : harness_(MakeStoreHarness(std::get<0>(GetParam()))), random_(std::get<1>(GetParam())) {}

  StreamStore& store() { return harness_->store(); }
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  StreamSeq AnySeq() { return Below(model_.last_seq + 3); }
  StreamSeq ExistingSeq() {
    auto at = model_.messages.lower_bound(AnySeq());
    return at == model_.messages.end() ? 0 : at->first;
  }
  std::string AnySubject() { return Cat("s.", Below(3), ".", Below(Below(2) == 0 ? 2 : 40)); }
  std::string AnyFilter() {
    switch (Below(6)) {
      case 0:
        return "";
      case 1:
        return "s.1.*";
      case 2:
        return "s.*.7";
      case 3:
        return "s.2.>";
      default:
        return AnySubject();
    }
  }

  void AppendOne() {
    StreamSeq seq = model_.last_seq + 1 + (Below(60) == 0 ? Below(3000) : 0);
    time_ += static_cast<int64_t>(Below(3));
    size_t size = Below(50) == 0 ? Below(90'000) : Below(200);
    Kept kept{time_, AnySubject(), Below(4) == 0 ? "NATS/1.0\r\nX: y\r\n\r\n" : "",
              std::string(size, static_cast<char>('a' + seq % 26))};
    store().Append({seq, kept.time_ns, kept.subject, kept.headers, kept.payload});
    model_.messages[seq] = kept;
    model_.last_seq = seq;
  }

  void Step() {
    uint64_t dice = Below(100);
    if (dice < 50) {
      for (uint64_t n = 1 + Below(20); n > 0; --n) {
        AppendOne();
      }
    } else if (dice < 75) {
      StreamSeq seq = Below(4) == 0 ? AnySeq() : ExistingSeq();
      auto at = model_.messages.find(seq);
      bool removed = at != model_.messages.end() && Below(2) == 0
                         ? store().RemoveOf(at->second.subject, seq)
                         : store().Remove(seq, Below(5) == 0);
      ASSERT_EQ(removed, model_.messages.erase(seq) == 1);
    } else if (dice < 80) {
      TrimABit();
    } else if (dice < 83) {
      std::string filter = AnyFilter();
      uint64_t keep = Below(4) == 0 ? 0 : Below(model_.messages.size() + 1);
      StreamSeq below = Below(2) == 0 ? 0 : AnySeq();
      if (filter.empty() && keep == 0 && below == 0 && Below(3) != 0) {
        return;
      }
      ASSERT_EQ(store().Purge(filter, below, keep), model_.Purge(filter, below, keep)) << filter;
    } else if (dice < 98) {
      harness_->Commit();
    } else {
      harness_->Commit();
      harness_->Reopen();
    }
  }

  void TrimABit() {
    StreamSeq seq = model_.first_seq() + Below(30);
    if (Below(100) == 0) {
      seq = model_.last_seq + 1 + Below(5);
    }
    uint64_t before = model_.messages.size();
    model_.messages.erase(model_.messages.begin(), model_.messages.lower_bound(seq));
    model_.last_seq = std::max(model_.last_seq, seq == 0 ? 0 : seq - 1);
    ASSERT_EQ(store().TrimTo(seq), before - model_.messages.size());
  }

  void CheckState() {
    const StoreState& state = store().state();
    ASSERT_EQ(state.messages, model_.messages.size());
    ASSERT_EQ(state.last_seq, model_.last_seq);
    ASSERT_EQ(state.first_seq, model_.first_seq());
    uint64_t bytes = 0;
    std::map<std::string, SubjectState> subjects;
    for (const auto& [seq, kept] : model_.messages) {
      MessageView view{seq, kept.time_ns, kept.subject, kept.headers, kept.payload};
      bytes += harness_->BytesOf(view);
      SubjectState& subject = subjects[kept.subject];
      subject.first = subject.messages == 0 ? seq : subject.first;
      subject.last = seq;
      ++subject.messages;
    }
    ASSERT_EQ(state.bytes, bytes);
    ASSERT_EQ(state.num_subjects, subjects.size());
    ASSERT_EQ(store().FirstTimeNs(),
              model_.messages.empty() ? 0 : model_.messages.begin()->second.time_ns);
    uint64_t seen = 0;
    store().ForEachSubject("", [&](std::string_view subject, const SubjectState& found) {
      const SubjectState& expected = subjects[std::string(subject)];
      EXPECT_EQ(found.first, expected.first) << subject;
      EXPECT_EQ(found.last, expected.last) << subject;
      EXPECT_EQ(found.messages, expected.messages) << subject;
      ++seen;
      return true;
    });
    ASSERT_EQ(seen, subjects.size());
  }

  void CheckReads() {
    StreamSeq seq = AnySeq();
    StoredMessage message;
    auto expected = model_.messages.find(seq);
    ReadOutcome outcome = harness_->Get(seq, message);
    if (expected == model_.messages.end()) {
      ASSERT_EQ(outcome, ReadOutcome::kMissing) << seq;
    } else {
      ASSERT_EQ(outcome, ReadOutcome::kFound) << seq;
      ASSERT_EQ(message.view.time_ns, expected->second.time_ns);
      ASSERT_EQ(message.view.subject, expected->second.subject);
      ASSERT_EQ(message.view.headers, expected->second.headers);
      ASSERT_EQ(message.view.payload, expected->second.payload);
    }
    std::string filter = AnyFilter();
    std::vector<std::string> filters;
    if (!filter.empty()) {
      filters.push_back(filter);
    }
    outcome = harness_->Next(seq, filters, message);
    StreamSeq next = model_.Next(seq, filter);
    ASSERT_EQ(outcome == ReadOutcome::kFound ? message.view.seq : 0, next) << filter;
    ASSERT_EQ(store().CountFrom(seq, filters), model_.CountFrom(seq, filter)) << filter;
  }

  void CheckRun() {
    harness_->Commit();
    StreamSeq from = AnySeq();
    StreamSeq upto = from + Below(500);
    auto run = store().PrepareRun(from, upto, 1 + Below(300), 1 + Below(100'000))();
    ASSERT_TRUE(run.ok()) << run.status();
    auto at = model_.messages.lower_bound(from);
    for (const StoredMessage& message : run->messages) {
      ASSERT_NE(at, model_.messages.end());
      ASSERT_EQ(message.view.seq, at->first);
      ASSERT_EQ(message.view.payload, at->second.payload);
      ++at;
    }
    if (run->last != 0) {
      ASSERT_LE(run->last, upto);
      ASSERT_TRUE(at == model_.messages.end() || at->first > run->last);
    } else {
      ASSERT_TRUE(run->messages.empty());
      ASSERT_GT(from, model_.last_seq);
    }
  }

  std::unique_ptr<StoreHarness> harness_;
  std::mt19937_64 random_;
  Model model_;
  int64_t time_ = 1'000'000;
};

TEST_P(StreamStoreModelTest, StoreAndModelAgreeAfterRandomOperations) {
  SCOPED_TRACE(Cat("seed ", std::get<1>(GetParam())));
  for (int step = 0; step < 1000; ++step) {
    SCOPED_TRACE(Cat("step ", step));
    ASSERT_NO_FATAL_FAILURE(Step());
    ASSERT_NO_FATAL_FAILURE(CheckReads());
    if (step % 10 == 0) {
      ASSERT_NO_FATAL_FAILURE(CheckState());
      ASSERT_NO_FATAL_FAILURE(CheckRun());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, StreamStoreModelTest,
                         ::testing::Combine(::testing::ValuesIn(testing_support::AllHarnessKinds()),
                                            ::testing::Values(1u, 2u, 3u)),
                         [](const auto& param_info) {
                           return Cat(testing_support::NameOf(std::get<0>(param_info.param)), "_",
                                      std::get<1>(param_info.param));
                         });

}  // namespace
}  // namespace weir::storage
