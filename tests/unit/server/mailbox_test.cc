#include "server/mailbox.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/base/strings.h"

namespace weir::server {
namespace {

Target At(uint32_t slot) {
  Target target;
  target.slot = slot;
  return target;
}

TEST(MailBatchTest, MessagesComeOutAsTheyWentIn) {
  MailBatch batch;
  Target receivers[] = {At(1), At(2)};
  batch.AddMessage(kGlobalAccount, Message{"a.b", "re", "hh", "payload"}, receivers, 2);
  batch.AddMessage(kSystemAccount, Message{"c", {}, {}, {}}, receivers + 1, 1);
  ASSERT_EQ(batch.entries().size(), 2U);
  Message first = batch.At(batch.entries()[0]);
  EXPECT_EQ(first.subject, "a.b");
  EXPECT_EQ(first.reply, "re");
  EXPECT_EQ(first.headers, "hh");
  EXPECT_EQ(first.payload, "payload");
  EXPECT_EQ(batch.entries()[0].target_count, 2U);
  EXPECT_EQ(batch.targets(batch.entries()[0])[1], At(2));
  Message second = batch.At(batch.entries()[1]);
  EXPECT_EQ(second.subject, "c");
  EXPECT_EQ(second.reply, "");
  EXPECT_EQ(second.payload, "");
  EXPECT_EQ(batch.entries()[1].account, kSystemAccount);
  EXPECT_EQ(batch.targets(batch.entries()[1])[0], At(2));
  EXPECT_EQ(batch.bytes(), 15U + 3 * sizeof(Target));
}

TEST(MailBatchTest, AMemberRemembersItsGroup) {
  MailBatch batch;
  batch.AddMember(kGlobalAccount, Message{"seen", "r", {}, "x"}, At(3),
                  {.queue = "workers", .matched = "inbox", .picks = 2});
  batch.AddMessage(kGlobalAccount, Message{"next", {}, {}, "y"}, nullptr, 0);
  const MailBatch::Entry& entry = batch.entries()[0];
  EXPECT_EQ(batch.At(entry).subject, "seen");
  EXPECT_EQ(batch.At(entry).payload, "x");
  EXPECT_EQ(batch.GroupOf(entry).queue, "workers");
  EXPECT_EQ(batch.GroupOf(entry).matched, "inbox");
  EXPECT_EQ(batch.GroupOf(entry).picks, 2U);
  EXPECT_EQ(batch.At(batch.entries()[1]).subject, "next");
  EXPECT_EQ(batch.GroupOf(batch.entries()[1]).queue, "");
}

std::unique_ptr<MailBatch> Letter(std::string_view text) {
  auto batch = std::make_unique<MailBatch>();
  batch->AddMessage(kGlobalAccount, Message{text, {}, {}, {}}, nullptr, 0);
  return batch;
}

std::string Read(const MailBatch& batch) {
  return std::string(batch.At(batch.entries()[0]).subject);
}

TEST(MailboxTest, OldestFirstAndOnlyTheFirstWakes) {
  Mailbox box;
  EXPECT_TRUE(box.empty());
  EXPECT_TRUE(box.Push(Letter("1")));
  EXPECT_FALSE(box.Push(Letter("2")));
  EXPECT_FALSE(box.Push(Letter("3")));
  EXPECT_FALSE(box.empty());
  auto mail = box.Drain();
  ASSERT_EQ(mail.size(), 3U);
  EXPECT_EQ(Read(*mail[0]) + Read(*mail[1]) + Read(*mail[2]), "123");
  EXPECT_TRUE(box.empty());
  EXPECT_TRUE(box.Drain().empty());
  EXPECT_TRUE(box.Push(Letter("4")));
}

TEST(MailboxTest, IsFullAboveItsBytesUntilItIsDrained) {
  Mailbox box;
  auto batch = std::make_unique<MailBatch>();
  std::string payload(9 << 20, 'x');
  batch->AddMessage(kGlobalAccount, Message{"a", {}, {}, payload}, nullptr, 0);
  EXPECT_FALSE(box.full());
  box.Push(std::move(batch));
  EXPECT_TRUE(box.full());
  box.Drain();
  EXPECT_FALSE(box.full());
}

TEST(MailboxTest, TasksTravelWithTheBatch) {
  Mailbox box;
  int ran = 0;
  auto batch = std::make_unique<MailBatch>();
  EXPECT_TRUE(batch->empty());
  batch->AddTask([&ran] { ++ran; });
  EXPECT_FALSE(batch->empty());
  box.Push(std::move(batch));
  for (auto& mail : box.Drain()) {
    for (Task& task : mail->tasks()) {
      std::move(task)();
    }
  }
  EXPECT_EQ(ran, 1);
}

TEST(MailboxTest, WhatNobodyReadIsFreed) {
  auto alive = std::make_shared<int>(1);
  {
    Mailbox box;
    auto batch = std::make_unique<MailBatch>();
    batch->AddTask([alive] {});
    box.Push(std::move(batch));
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(MailboxConcurrencyTest, EveryProducersOrderIsKeptAndNoWakeIsLost) {
  constexpr int kProducers = 4;
  constexpr int kEach = 5000;
  Mailbox box;
  std::atomic<int> wakes{0};
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&box, &wakes, p] {
      for (int i = 0; i < kEach; ++i) {
        wakes += box.Push(Letter(Cat(p, ".", i))) ? 1 : 0;
      }
    });
  }
  std::vector<int> next(kProducers, 0);
  int received = 0;
  int drains = 0;
  bool ordered = true;
  while (received < kProducers * kEach) {
    auto mail = box.Drain();
    drains += mail.empty() ? 0 : 1;
    for (const auto& batch : mail) {
      std::string text = Read(*batch);
      size_t dot = text.find('.');
      int& expected = next[static_cast<size_t>(*ParseNumber<int>(text.substr(0, dot)))];
      ordered &= *ParseNumber<int>(text.substr(dot + 1)) == expected;
      ++expected;
      ++received;
    }
  }
  for (auto& producer : producers) {
    producer.join();
  }
  EXPECT_TRUE(ordered);
  EXPECT_EQ(wakes.load(), drains);  // one for every time that the box had been empty
}

}  // namespace
}  // namespace weir::server
