#include "jetstream/stream_update.h"

#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

StreamConfig Base() {
  StreamConfig config;
  config.name = "S";
  config.subjects = {"a"};
  return config;
}

std::string Update(const StreamConfig& old, const std::function<void(StreamConfig&)>& change) {
  StreamConfig updated = old;
  change(updated);
  return CheckStreamUpdate(old, updated).description;
}

TEST(StreamUpdateTest, LimitsAndSubjectsMayChange) {
  EXPECT_EQ(Update(Base(),
                   [](StreamConfig& c) {
                     c.subjects = {"b", "c"};
                     c.max_msgs = 5;
                     c.max_age_ns = 1;
                     c.discard = DiscardPolicy::kNew;
                     c.retention = RetentionPolicy::kInterest;
                     c.allow_direct = true;
                     c.deny_delete = true;
                     c.metadata["x"] = "y";
                   }),
            "");
}

TEST(StreamUpdateTest, WhatIsFixedStays) {
  StreamConfig old = Base();
  EXPECT_EQ(Update(old, [](StreamConfig& c) { c.name = "X"; }),
            "stream configuration name must match original");
  EXPECT_EQ(Update(old, [](StreamConfig& c) { c.storage = StorageType::kMemory; }),
            "stream configuration update can not change storage type");
  EXPECT_EQ(Update(old, [](StreamConfig& c) { c.retention = RetentionPolicy::kWorkQueue; }),
            "stream configuration update can not change retention policy to/from workqueue");
  EXPECT_EQ(Update(old, [](StreamConfig& c) { c.persist_mode = PersistMode::kAsync; }),
            "stream configuration update can not change persist mode");
  EXPECT_EQ(Update(old, [](StreamConfig& c) { c.allow_msg_counter = true; }),
            "stream configuration update can not change message counter setting");
}

TEST(StreamUpdateTest, WhatWasDeniedStaysDenied) {
  StreamConfig old = Base();
  old.deny_delete = true;
  EXPECT_EQ(Update(old, [](StreamConfig& c) { c.deny_delete = false; }),
            "stream configuration update can not cancel deny message deletes");
  old = Base();
  old.deny_purge = true;
  EXPECT_EQ(Update(old, [](StreamConfig& c) { c.deny_purge = false; }),
            "stream configuration update can not cancel deny purge");
  old = Base();
  old.sealed = true;
  EXPECT_EQ(Update(old, [](StreamConfig& c) { c.sealed = false; }),
            "stream configuration update can not unseal a sealed stream");
}

TEST(StreamUpdateTest, SealingForcesTheRest) {
  StreamConfig old = Base();
  StreamConfig updated = old;
  updated.sealed = true;
  updated.max_age_ns = 5;
  updated.allow_rollup = true;

  EXPECT_FALSE(CheckStreamUpdate(old, updated));

  EXPECT_EQ(updated.max_age_ns, 0);
  EXPECT_EQ(updated.discard, DiscardPolicy::kNew);
  EXPECT_TRUE(updated.deny_delete && updated.deny_purge);
  EXPECT_FALSE(updated.allow_rollup);
}

}  // namespace
}  // namespace weir::jetstream
