#include "jetstream/message_lookup.h"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/support/cold_store.h"

namespace weir::jetstream {
namespace {

class MessageLookupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    home_.meta.streams[1] = {StreamId(1), "$G", R"({"name":"S","subjects":["a.*"]})", 0};
    auto store = std::make_unique<testing::ColdStore>(0, &home_.executor);
    store_ = store.get();
    store_->Append({1, home_.clock.wall_ns(), "a.1", {}, "one"});
    store_->Append({2, home_.clock.wall_ns(), "a.2", {}, "two"});
    home_.stores.disk[1] = std::move(store);
    home_.Boot();
  }

  // "(pending)" until `found` has been called.
  std::string Find(MessageQuery query) {
    result_ = "(pending)";
    FindMessage(
        home_.stream(), std::move(query), [this](const StatusOr<storage::StoredMessage>& found) {
          result_ =
              found.ok() ? std::string(found->view.payload) : std::string(Message(found.status()));
        });
    home_.RunTurns();
    return result_;
  }

  testing::JsHome home_;
  testing::ColdStore* store_ = nullptr;
  std::string result_;
};

TEST_F(MessageLookupTest, AMessageOnDiskIsLoadedFirst) {
  EXPECT_EQ(Find({.seq = 2}), "two");
  EXPECT_EQ(store_->loads, 1U);
  EXPECT_EQ(Find({.last_by_subject = "a.*"}), "two");
  EXPECT_EQ(store_->loads, 1U) << "it is in memory now";
  EXPECT_EQ(Find({.next_by_subject = "a.1"}), "one");
}

TEST_F(MessageLookupTest, AFailedLoadIsTold) {
  store_->load_error = DataLoss("bad block");

  EXPECT_EQ(Find({.seq = 1}), "bad block");
}

TEST_F(MessageLookupTest, AMessageThatIsNotThereIsNotFound) {
  EXPECT_EQ(Find({.seq = 3}), "no message found");
  EXPECT_EQ(Find({.last_by_subject = "a.3"}), "no message found");
}

TEST_F(MessageLookupTest, AStagedMessageIsHandedOutAfterItsCommit) {
  home_.commits.immediate = false;
  home_.Send("a.1", "", "three");
  StreamSeq staged = home_.stream().store().state().last_seq;
  home_.RunTurns();
  store_->Load(staged, [](const Status&) {});
  home_.RunTurns();

  EXPECT_EQ(Find({.seq = staged}), "(pending)");
  home_.commits.CommitAll();
  EXPECT_EQ(result_, "three");
}

TEST_F(MessageLookupTest, NothingIsCalledWhenTheStreamIsGone) {
  result_ = "(untouched)";
  FindMessage(home_.stream(), {.seq = 1},
              [this](const StatusOr<storage::StoredMessage>&) { result_ = "called"; });

  home_.stream().Stop(409, "Consumer Deleted");
  home_.js->shard(0).Remove(home_.stream());
  home_.RunTurns();

  EXPECT_EQ(result_, "(untouched)");
}

}  // namespace
}  // namespace weir::jetstream
