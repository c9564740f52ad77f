#include "jetstream/commit_waiters.h"

#include <string>

#include <gtest/gtest.h>

#include "storage/memory_stream_store.h"

namespace weir::jetstream {
namespace {

struct Listener : CommitListener {
  explicit Listener(protocol::SubjectFilters wanted = {}) : filters(std::move(wanted)) {}
  void OnCommitted() override { ++told; }
  void OnRemoved(StreamSeq seq, std::string_view /*subject*/) override { removed.push_back(seq); }
  protocol::SubjectFilters filters;
  int told = 0;
  std::vector<StreamSeq> removed;
};

struct CommitWaitersTest : testing::Test {
  StreamSeq Append(std::string_view subject) {
    storage::MessageView message;
    message.seq = ++last;
    message.subject = subject;
    store.Append(message);
    return last;
  }
  void Commit(std::string_view subject) {
    const StreamSeq seq = Append(subject);
    waiters.Wake(store, seq, seq);
  }

  storage::MemoryStreamStore store{0};
  CommitWaiters waiters;
  StreamSeq last = 0;
};

TEST_F(CommitWaitersTest, OnlyWhoWaitsIsTold) {
  Listener waiting;
  Listener idle;
  waiters.Link(waiting, waiting.filters);
  waiters.Link(idle, idle.filters);
  waiters.Wait(waiting);
  Commit("a");
  EXPECT_EQ(waiting.told, 1);
  EXPECT_EQ(idle.told, 0);
  Commit("a");
  EXPECT_EQ(waiting.told, 1) << "waiting lasts until the next commit";
}

TEST_F(CommitWaitersTest, AFilterKeepsOthersMessagesAway) {
  Listener one({"dev.1"});
  Listener all({"dev.*"});
  Listener other({"x", "y.>"});
  for (Listener* listener : {&one, &all, &other}) {
    waiters.Link(*listener, listener->filters);
    waiters.Wait(*listener);
  }
  Commit("dev.2");
  EXPECT_EQ(one.told, 0);
  EXPECT_EQ(all.told, 1);
  EXPECT_EQ(other.told, 0);
  Commit("dev.1");
  EXPECT_EQ(one.told, 1);
  EXPECT_EQ(all.told, 1);
  Commit("y.z");
  EXPECT_EQ(other.told, 1);
}

TEST_F(CommitWaitersTest, AListenerWithTwoMatchesIsToldOnce) {
  Listener twice({"a.*", "*.b"});
  Listener other({"c"});
  for (Listener* listener : {&twice, &other}) {
    waiters.Link(*listener, listener->filters);
    waiters.Wait(*listener);
  }
  Commit("a.b");
  EXPECT_EQ(twice.told, 1);
}

TEST_F(CommitWaitersTest, ManyMessagesAtOnceWakeWhoeverWaits) {
  Listener one({"dev.1"});
  waiters.Link(one, one.filters);
  waiters.Wait(one);
  const StreamSeq first = Append("x");
  Append("dev.1");
  waiters.Wake(store, first, last);
  EXPECT_EQ(one.told, 1);
  waiters.Wait(one);
  waiters.Wait(one);
  Commit("dev.1");
  EXPECT_EQ(one.told, 2);
}

// The first one that is told removes the second and waits again itself.
TEST_F(CommitWaitersTest, ListenersChangeWhileTheyAreTold) {
  struct Remover : Listener {
    void OnCommitted() override {
      ++told;
      waiters->Unlink(*victim);
      waiters->Wait(*this);
    }
    CommitWaiters* waiters = nullptr;
    CommitListener* victim = nullptr;
  };
  Remover remover;
  Listener victim;
  remover.waiters = &waiters;
  remover.victim = &victim;
  waiters.Link(remover, remover.filters);
  waiters.Link(victim, victim.filters);
  waiters.Wait(remover);
  waiters.Wait(victim);
  Commit("a");
  EXPECT_EQ(remover.told, 1);
  EXPECT_EQ(victim.told, 0);
  Commit("a");
  EXPECT_EQ(remover.told, 2);
}

TEST_F(CommitWaitersTest, AnUnlinkedListenerIsToldNothingAndMayComeBack) {
  Listener listener({"a"});
  waiters.Link(listener, listener.filters);
  waiters.Wait(listener);
  waiters.Unlink(listener);
  waiters.Wait(listener);
  Commit("a");
  EXPECT_EQ(listener.told, 0);
  waiters.Link(listener, listener.filters);
  waiters.Wait(listener);
  Commit("a");
  EXPECT_EQ(listener.told, 1);
}

TEST_F(CommitWaitersTest, OnlyThoseItMattersToAreToldOfARemoval) {
  Listener everything;
  Listener same(protocol::SubjectFilters({"x", "a.*"}));
  Listener other(protocol::SubjectFilters({"b.*"}));
  for (Listener* listener : {&everything, &same, &other}) {
    waiters.Link(*listener, listener->filters);
  }

  waiters.Removed(7, "a.1");
  waiters.Unlink(everything);
  waiters.Removed(8, "a.1");

  EXPECT_EQ(everything.removed, std::vector<StreamSeq>({7}));
  EXPECT_EQ(same.removed, std::vector<StreamSeq>({7, 8}));
  EXPECT_TRUE(other.removed.empty());
  waiters.Unlink(same);
  waiters.Unlink(other);
}

}  // namespace
}  // namespace weir::jetstream
