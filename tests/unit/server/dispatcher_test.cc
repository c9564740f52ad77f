#include "server/dispatcher.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/strings.h"

namespace weir::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

Target At(uint8_t worker, uint32_t slot) {
  Target target;
  target.worker = worker;
  target.slot = slot;
  return target;
}

// Receivers of one worker, by slot.
class FakeLocal : public LocalDelivery {
 public:
  explicit FakeLocal(AccountRegistry& accounts) : accounts_(accounts) {}

  Result DeliverLocal(AccountId /*account*/, const Target& target,
                      const Message& message) override {
    if (gone.contains(target.slot)) {
      return Result::kStale;
    }
    got.push_back(Cat(target.slot, ":", message.subject, "=", message.payload));
    return slow.contains(target.slot) ? Result::kCongested : Result::kDelivered;
  }
  Account& AccountOf(AccountId id) override { return accounts_.Get(id); }

  std::vector<std::string> Take() { return std::exchange(got, {}); }

  std::vector<std::string> got;
  std::set<uint32_t> gone;
  std::set<uint32_t> slow;

 private:
  AccountRegistry& accounts_;
};

// Two workers; mail is carried by hand.
class DispatcherTest : public testing::Test {
 protected:
  DispatcherTest() {
    std::vector<const Mailbox*> boxes = {&boxes_[0], &boxes_[1]};
    for (uint8_t i = 0; i < 2; ++i) {
      dispatchers_.push_back(std::make_unique<Dispatcher>(i, locals_[i], boxes));
    }
  }
  void Subscribe(std::string_view pattern, const Target& target, std::string_view queue = "") {
    account_.subscriptions().Insert(pattern, queue, target);
  }
  void Unsubscribe(std::string_view pattern, const Target& target, std::string_view queue = "") {
    account_.subscriptions().Remove(pattern, queue, target);
  }
  PublishOutcome Publish(std::string_view subject, std::string_view payload,
                         const Target* exclude = nullptr) {
    return dispatchers_[0]->Publish(account_, Message{subject, {}, {}, payload}, exclude, nullptr);
  }
  // Brings the mail from one worker to the other; how many messages it was.
  size_t Carry(size_t from) {
    auto batch = dispatchers_[from]->TakeMail(1 - from);
    if (!batch) {
      return 0;
    }
    dispatchers_[1 - from]->DeliverMail(*batch);
    return batch->entries().size();
  }

  AccountRegistry accounts_;
  Account& account_ = accounts_.Get(kGlobalAccount);
  Mailbox boxes_[2];
  FakeLocal locals_[2] = {FakeLocal(accounts_), FakeLocal(accounts_)};
  std::vector<std::unique_ptr<Dispatcher>> dispatchers_;
};

TEST_F(DispatcherTest, LocalReceiversAtOnceRemoteOnesByMail) {
  Subscribe("a", At(0, 1));
  Subscribe("*", At(0, 2));
  Subscribe("a", At(1, 3));
  Subscribe(">", At(1, 4));
  EXPECT_TRUE(Publish("a", "x").delivered);
  EXPECT_THAT(locals_[0].Take(), UnorderedElementsAre("1:a=x", "2:a=x"));
  EXPECT_THAT(locals_[1].Take(), IsEmpty());
  EXPECT_EQ(Carry(0), 1U) << "the receivers of a worker share one copy";
  EXPECT_THAT(locals_[1].Take(), UnorderedElementsAre("3:a=x", "4:a=x"));
  EXPECT_EQ(Carry(0), 0U);
}

TEST_F(DispatcherTest, NobodyListens) {
  EXPECT_FALSE(Publish("a", "x").delivered);
  EXPECT_FALSE(Publish("_INBOX.a", "x").delivered);
  EXPECT_FALSE(dispatchers_[0]->HasInterest(account_, "a"));
  Subscribe("a", At(1, 1));
  EXPECT_TRUE(dispatchers_[0]->HasInterest(account_, "a"));
}

TEST_F(DispatcherTest, AStaleReceiverDoesNotCount) {
  Subscribe("a", At(0, 1));
  locals_[0].gone = {1};
  EXPECT_FALSE(Publish("a", "x").delivered);
}

TEST_F(DispatcherTest, AccountsDoNotSeeEachOther) {
  Subscribe("a", At(0, 1));
  Account& other = accounts_.Get(kSystemAccount);
  EXPECT_FALSE(
      dispatchers_[0]->Publish(other, Message{"a", {}, {}, "x"}, nullptr, nullptr).delivered);
}

TEST_F(DispatcherTest, WithoutEchoThePublisherIsLeftOut) {
  Target self = At(0, 1);
  Subscribe("a", self);
  EXPECT_FALSE(Publish("a", "x", &self).delivered);
  Subscribe("a", At(0, 2));
  EXPECT_TRUE(Publish("a", "y", &self).delivered);
  EXPECT_THAT(locals_[0].Take(), ElementsAre("2:a=y"));
}

TEST_F(DispatcherTest, WithoutEchoAQueueGivesTheCopyToAnotherMember) {
  Target self = At(0, 1);
  Subscribe("a", self, "q");
  EXPECT_FALSE(Publish("a", "x", &self).delivered);
  Subscribe("a", At(0, 2), "q");
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(Publish("a", "y", &self).delivered);
  }
  EXPECT_THAT(locals_[0].Take(), testing::Each("2:a=y"));
}

TEST_F(DispatcherTest, AMemoIsUsedUntilTheIndexChanges) {
  Subscribe("a", At(0, 1));
  CachedMatch memo;
  dispatchers_[0]->Publish(account_, Message{"a", {}, {}, "1"}, nullptr, &memo);
  EXPECT_TRUE(memo.Holds(account_.subscriptions(), "a"));
  Subscribe("a", At(0, 2));
  dispatchers_[0]->Publish(account_, Message{"a", {}, {}, "2"}, nullptr, &memo);
  Unsubscribe("a", At(0, 1));
  dispatchers_[0]->Publish(account_, Message{"a", {}, {}, "3"}, nullptr, &memo);
  EXPECT_THAT(locals_[0].Take(), UnorderedElementsAre("1:a=1", "1:a=2", "2:a=2", "2:a=3"));
}

TEST_F(DispatcherTest, OneMemberOfEachQueueGetsACopy) {
  for (uint32_t slot = 1; slot <= 3; ++slot) {
    Subscribe("a", At(0, slot), "q");
  }
  Subscribe("*", At(0, 9), "r");
  std::map<std::string, int> counts;
  for (int i = 0; i < 3000; ++i) {
    EXPECT_TRUE(Publish("a", "x").delivered);
    ASSERT_THAT(locals_[0].got, SizeIs(2));
    for (const std::string& got : locals_[0].Take()) {
      ++counts[got];
    }
  }
  EXPECT_EQ(counts["9:a=x"], 3000);
  for (const char* member : {"1:a=x", "2:a=x", "3:a=x"}) {
    EXPECT_NEAR(counts[member], 1000, 150) << member;
  }
}

TEST_F(DispatcherTest, AQueuePicksAcrossWorkers) {
  Subscribe("a", At(0, 1), "q");
  Subscribe("a", At(1, 2), "q");
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(Publish("a", "x").delivered);
  }
  size_t local = locals_[0].Take().size();
  EXPECT_EQ(Carry(0), 1000 - local);
  EXPECT_EQ(locals_[1].Take().size(), 1000 - local);
  EXPECT_NEAR(static_cast<double>(local), 500, 100);
}

TEST_F(DispatcherTest, AStaleLocalMemberIsPassedOver) {
  Subscribe("a", At(0, 1), "q");
  Subscribe("a", At(0, 2), "q");
  locals_[0].gone = {1};
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(Publish("a", "x").delivered);
  }
  EXPECT_THAT(locals_[0].Take(), SizeIs(20));
}

// The member left while the message was on its way: the group still gets it.
TEST_F(DispatcherTest, AStaleRemoteMemberIsReplacedByAnother) {
  Subscribe("a", At(1, 1), "q");
  EXPECT_TRUE(Publish("a", "x").delivered);
  Unsubscribe("a", At(1, 1), "q");
  locals_[1].gone = {1};
  Subscribe("a", At(1, 2), "q");
  Carry(0);
  EXPECT_THAT(locals_[1].Take(), ElementsAre("2:a=x"));
}

TEST_F(DispatcherTest, AStaleRemoteMemberIsReplacedOnTheFirstWorkerToo) {
  Subscribe("in", At(1, 1), "q");
  EXPECT_EQ(dispatchers_[0]->DeliverTo(account_, "in", Message{"seen", {}, {}, "x"}),
            jetstream::Delivered::kYes);
  Unsubscribe("in", At(1, 1), "q");
  locals_[1].gone = {1};
  Subscribe("in", At(0, 5), "q");
  Carry(0);
  EXPECT_EQ(Carry(1), 1U);
  EXPECT_THAT(locals_[0].Take(), ElementsAre("5:seen=x"));
}

TEST_F(DispatcherTest, MembersThatRefuseDoNotKeepAMessageGoing) {
  Subscribe("a", At(0, 1), "q");
  Subscribe("a", At(1, 2), "q");
  locals_[0].gone = {1};
  locals_[1].gone = {2};
  Publish("a", "x");
  int rounds = 0;
  while (Carry(0) + Carry(1) > 0 && rounds < 100) {
    ++rounds;
  }
  EXPECT_LT(rounds, 10);
  EXPECT_THAT(locals_[0].Take(), IsEmpty());
}

TEST_F(DispatcherTest, AStalePlainReceiverGetsNothing) {
  Subscribe("a", At(1, 1));
  Publish("a", "x");
  Unsubscribe("a", At(1, 1));
  locals_[1].gone = {1};
  Subscribe("a", At(1, 2));
  Carry(0);
  EXPECT_THAT(locals_[1].Take(), IsEmpty());
}

TEST_F(DispatcherTest, CongestionIsReported) {
  Subscribe("a", At(0, 1));
  EXPECT_FALSE(Publish("a", "x").congested);
  locals_[0].slow = {1};
  EXPECT_TRUE(Publish("a", "x").congested);
  Subscribe("in", At(0, 1));
  EXPECT_EQ(dispatchers_[0]->DeliverTo(account_, "in", Message{"s", {}, {}, "x"}),
            jetstream::Delivered::kCongested);
}

TEST_F(DispatcherTest, AFullMailboxCongests) {
  Subscribe("a", At(1, 1));
  auto batch = std::make_unique<MailBatch>();
  std::string large(9 << 20, 'x');
  batch->AddMessage(kGlobalAccount, Message{"b", {}, {}, large}, nullptr, 0);
  EXPECT_FALSE(Publish("a", "x").congested);
  boxes_[1].Push(std::move(batch));
  EXPECT_TRUE(Publish("a", "x").congested);
}

TEST_F(DispatcherTest, AnInboxGetsTheSubjectOfTheMessage) {
  Subscribe("_INBOX.*", At(0, 1));
  EXPECT_EQ(dispatchers_[0]->DeliverTo(account_, "_INBOX.a", Message{"orders.1", {}, {}, "x"}),
            jetstream::Delivered::kYes);
  EXPECT_THAT(locals_[0].Take(), ElementsAre("1:orders.1=x"));
  EXPECT_EQ(dispatchers_[0]->DeliverTo(account_, "none", Message{"orders.1", {}, {}, "x"}),
            jetstream::Delivered::kNoInterest);
  locals_[0].gone = {1};
  EXPECT_EQ(dispatchers_[0]->DeliverTo(account_, "_INBOX.a", Message{"orders.1", {}, {}, "x"}),
            jetstream::Delivered::kNoInterest);
}

TEST_F(DispatcherTest, TasksGoWithTheMail) {
  int ran = 0;
  dispatchers_[0]->AddTask(1, [&ran] { ++ran; });
  auto batch = dispatchers_[0]->TakeMail(1);
  ASSERT_NE(batch, nullptr);
  ASSERT_THAT(batch->tasks(), SizeIs(1));
  std::move(batch->tasks()[0])();
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(dispatchers_[0]->TakeMail(1), nullptr);
}

}  // namespace
}  // namespace weir::server
