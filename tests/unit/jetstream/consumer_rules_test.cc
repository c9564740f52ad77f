#include "jetstream/consumer_rules.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

TEST(ApplyConsumerDefaultsTest, APullConsumerGetsTheReferencesDefaults) {
  ConsumerConfig config;
  config.ack_policy = AckPolicy::kExplicit;

  EXPECT_FALSE(ApplyConsumerDefaults(config, {}, false));

  EXPECT_EQ(config.max_deliver, -1);
  EXPECT_EQ(config.max_waiting, 512);
  EXPECT_EQ(config.ack_wait_ns, 30 * kSecond);
  EXPECT_EQ(config.max_ack_pending, 1000);
  EXPECT_EQ(config.inactive_threshold_ns, 0);
}

TEST(ApplyConsumerDefaultsTest, WithoutAcksThereIsNothingToWaitFor) {
  ConsumerConfig config;

  EXPECT_FALSE(ApplyConsumerDefaults(config, {}, false));

  EXPECT_EQ(config.ack_wait_ns, 0);
  EXPECT_EQ(config.max_ack_pending, 0);
}

TEST(ApplyConsumerDefaultsTest, LimitsOfServerAccountAndStreamLowerTheDefault) {
  ConsumerRules rules;
  rules.server_max_ack_pending = 500;
  rules.account_max_ack_pending = 300;
  ConsumerConfig config;
  config.ack_policy = AckPolicy::kExplicit;
  ConsumerConfig other = config;

  EXPECT_FALSE(ApplyConsumerDefaults(config, rules, false));
  rules.stream_max_ack_pending = 100;
  rules.stream_inactive_threshold_ns = kSecond;
  EXPECT_FALSE(ApplyConsumerDefaults(other, rules, false));

  EXPECT_EQ(config.max_ack_pending, 300);
  EXPECT_EQ(other.max_ack_pending, 100);
  EXPECT_EQ(other.inactive_threshold_ns, kSecond);
}

TEST(ApplyConsumerDefaultsTest, TheFirstBackoffIsTheAckWait) {
  ConsumerConfig config;
  config.ack_policy = AckPolicy::kExplicit;
  config.backoff_ns = {5, 6};
  ConsumerConfig pedantic = config;

  EXPECT_FALSE(ApplyConsumerDefaults(config, {}, false));

  EXPECT_EQ(config.ack_wait_ns, 5);
  EXPECT_EQ(ApplyConsumerDefaults(pedantic, {}, true).description,
            "pedantic mode: first backoff value has to equal batch AckWait");
}

TEST(ApplyConsumerDefaultsTest, NegativeLimitsAreRepairedUnlessPedantic) {
  ConsumerConfig config;
  config.max_deliver = -5;
  config.max_waiting = -1;
  config.max_batch = -1;
  ConsumerConfig pedantic = config;

  EXPECT_FALSE(ApplyConsumerDefaults(config, {}, false));

  EXPECT_EQ(config.max_deliver, -1);
  EXPECT_EQ(config.max_waiting, 512);
  EXPECT_EQ(config.max_batch, 0);
  ApiError error = ApplyConsumerDefaults(pedantic, {}, true);
  EXPECT_EQ(error.err_code, 10157);
  EXPECT_EQ(error.description, "pedantic mode: max_deliver must be set to -1");
}

struct Case {
  int err_code;
  std::function<void(ConsumerConfig&, ConsumerRules&)> change;
  std::string description = "";
};

class CheckConsumerConfigTest : public ::testing::Test {
 protected:
  static ApiError Check(const Case& c) {
    ConsumerConfig config;
    config.durable_name = config.name = "C";
    config.ack_policy = AckPolicy::kExplicit;
    ConsumerRules rules;
    rules.stream_subjects = {"orders.>"};
    c.change(config, rules);
    ApplyConsumerDefaults(config, rules, false);
    return CheckConsumerConfig(config, rules);
  }

  static void Run(const std::vector<Case>& cases) {
    for (size_t i = 0; i < cases.size(); ++i) {
      SCOPED_TRACE(Cat("case ", i, ", expecting ", cases[i].err_code));
      ApiError error = Check(cases[i]);
      EXPECT_EQ(error.err_code, cases[i].err_code) << error.description;
      if (!cases[i].description.empty()) {
        EXPECT_EQ(error.description, cases[i].description);
      }
    }
  }
};

using Config = ConsumerConfig;
using Rules = ConsumerRules;

TEST_F(CheckConsumerConfigTest, AcceptsAnOrdinaryPullAndPushConsumer) {
  Run({{0,
        [](Config&, Rules&) {
        }},
       {0, [](Config& c, Rules&) {
          c.deliver_subject = "push.here";
        }}});
}

TEST_F(CheckConsumerConfigTest, NamesReplicasAndWaits) {
  Run({
      {10052, [](Config& c, Rules&) { c.name = "a.b"; },
       "consumer name can not contain '.', '*', '>', '\\', '/'"},
      {10052, [](Config& c, Rules&) { c.durable_name = "a b"; },
       "consumer durable name can not contain '.', '*', '>', '\\', '/'"},
      {10132,
       [](Config& c, Rules&) {
         c.name = "D";
       }},
      {10126,
       [](Config& c, Rules&) {
         c.num_replicas = 2;
       }},
      {10133,
       [](Config& c, Rules&) {
         c.num_replicas = -1;
       }},
      {10134,
       [](Config& c, Rules& r) {
         r.retention = Rules::Retention::kInterest;
         r.stream_replicas = 3;
         c.num_replicas = 1;
       }},
      {10184,
       [](Config& c, Rules&) {
         c.backoff_ns = {1, -1};
       }},
      {10183,
       [](Config& c, Rules&) {
         c.ack_wait_ns = -1;
       }},
      {10116,
       [](Config& c, Rules&) {
         c.backoff_ns = {1, 2, 3};
         c.max_deliver = 2;
       }},
      {10107,
       [](Config& c, Rules&) {
         c.description = std::string(4097, 'd');
       }},
      {10135, [](Config& c, Rules&) { c.metadata["k"] = std::string(131072, 'v'); },
       "consumer metadata exceeds maximum size of 128KB"},
  });
}

TEST(CheckNameLengthTest, CountsBothNames) {
  ConsumerConfig config;
  config.name = std::string(255, 'n');
  EXPECT_FALSE(CheckNameLength(config));
  config.durable_name = std::string(256, 'n');
  EXPECT_EQ(CheckNameLength(config).err_code, 10102);
}

TEST_F(CheckConsumerConfigTest, WhatOnlyPushOrOnlyPullMayHave) {
  auto push = [](Config& c) {
    c.deliver_subject = "push.here";
  };
  Run({
      {10079,
       [](Config& c, Rules&) {
         c.deliver_subject = "a.*";
       }},
      {10112,
       [](Config& c, Rules&) {
         c.deliver_subject = "a..b";
       }},
      {10081,
       [](Config& c, Rules&) {
         c.deliver_subject = "orders.x";
       }},
      {10080,
       [&](Config& c, Rules&) {
         push(c);
         c.max_waiting = 1;
       }},
      {10082,
       [&](Config& c, Rules&) {
         push(c);
         c.ack_policy = AckPolicy::kNone;
         c.max_ack_pending = 1;
       }},
      {10083,
       [&](Config& c, Rules&) {
         push(c);
         c.idle_heartbeat_ns = 99'999'999;
       }},
      {10108,
       [&](Config& c, Rules&) {
         push(c);
         c.flow_control = true;
       }},
      {10084,
       [](Config& c, Rules& r) {
         r.retention = Rules::Retention::kWorkQueue;
         c.ack_policy = AckPolicy::kNone;
       }},
      {10086,
       [](Config& c, Rules&) {
         c.rate_limit_bps = 1;
       }},
      {10088,
       [](Config& c, Rules&) {
         c.idle_heartbeat_ns = kSecond;
       }},
      {10089,
       [](Config& c, Rules&) {
         c.flow_control = true;
       }},
      {10115,
       [](Config& c, Rules&) {
         c.max_expires_ns = 999'999;
       }},
      {10125,
       [](Config& c, Rules& r) {
         r.server_max_request_batch = 5;
         c.max_batch = 6;
       },
       "consumer max request batch exceeds server limit of 5"},
      {10090,
       [](Config& c, Rules&) {
         c.direct = true;
       }},
      {10091,
       [&](Config& c, Rules&) {
         push(c);
         c.direct = true;
       }},
  });
}

TEST_F(CheckConsumerConfigTest, CeilingsOfServerAccountAndStream) {
  Run({
      {10121,
       [](Config& c, Rules& r) {
         r.server_max_ack_pending = 10;
         c.max_ack_pending = 11;
       },
       "consumer max ack pending exceeds system limit of 10"},
      {10121,
       [](Config& c, Rules& r) {
         r.account_max_ack_pending = 10;
         c.max_ack_pending = 11;
       }},
      {10121,
       [](Config& c, Rules& r) {
         r.stream_max_ack_pending = 10;
         c.max_ack_pending = 11;
       }},
      {10153,
       [](Config& c, Rules& r) {
         r.stream_inactive_threshold_ns = kSecond;
         c.inactive_threshold_ns = 2 * kSecond;
       },
       "consumer inactive threshold exceeds system limit of 1s"},
  });
}

TEST_F(CheckConsumerConfigTest, Filters) {
  Run({
      {10136,
       [](Config& c, Rules&) {
         c.filter_subject = "a";
         c.filter_subjects = {"b"};
       }},
      {10052, [](Config& c, Rules&) { c.filter_subject = "a..b"; }, "invalid subject"},
      {10139,
       [](Config& c, Rules&) {
         c.filter_subjects = {"a", ""};
       }},
      {10138,
       [](Config& c, Rules&) {
         c.filter_subjects = {"a.*", "a.b"};
       }},
      {0,
       [](Config& c, Rules&) {
         c.filter_subjects = {"a.b", "a.c"};
       }},
  });
}

TEST_F(CheckConsumerConfigTest, Starts) {
  Run({
      {10094, [](Config& c, Rules&) { c.opt_start_seq = 1; },
       "consumer delivery policy is deliver all, but optional start sequence is also set"},
      {10094,
       [](Config& c, Rules&) {
         c.deliver_policy = DeliverPolicy::kNew;
         c.opt_start_time_ns = 1;
       },
       "consumer delivery policy is deliver new, but optional start time is also set"},
      {10094, [](Config& c, Rules&) { c.deliver_policy = DeliverPolicy::kByStartSequence; },
       "consumer delivery policy is deliver by start sequence, but optional start sequence is not "
       "set"},
      {10094, [](Config& c, Rules&) { c.deliver_policy = DeliverPolicy::kByStartTime; },
       "consumer delivery policy is deliver by start time, but optional start time is not set"},
      {10094, [](Config& c, Rules&) { c.deliver_policy = DeliverPolicy::kLastPerSubject; },
       "consumer delivery policy is deliver last per subject, but optional filter subject is not "
       "set"},
  });
}

TEST_F(CheckConsumerConfigTest, SamplingPrioritiesAndFlowControlAcks) {
  Run({
      {10095, [](Config& c, Rules&) { c.sample_freq = "often"; },
       "failed to parse consumer sampling configuration: strconv.Atoi: parsing \"often\": invalid "
       "syntax"},
      {0,
       [](Config& c, Rules&) {
         c.sample_freq = "100%";
       }},
      {10196,
       [](Config& c, Rules&) {
         c.priority_groups = {"g"};
       }},
      {10197,
       [](Config& c, Rules&) {
         c.priority_timeout_ns = 1;
       }},
      {10159,
       [](Config& c, Rules&) {
         c.priority_policy = PriorityPolicy::kOverflow;
       }},
      {10161,
       [](Config& c, Rules&) {
         c.priority_policy = PriorityPolicy::kOverflow;
         c.priority_groups = {""};
       }},
      {10162,
       [](Config& c, Rules&) {
         c.priority_policy = PriorityPolicy::kOverflow;
         c.priority_groups = {"seventeen-letters"};
       }},
      {10178,
       [](Config& c, Rules&) {
         c.deliver_subject = "push.here";
         c.priority_policy = PriorityPolicy::kOverflow;
         c.priority_groups = {"g"};
       }},
      {10218,
       [](Config& c, Rules&) {
         c.ack_policy = AckPolicy::kFlowControl;
       }},
      {10221,
       [](Config& c, Rules&) {
         c.ack_policy = AckPolicy::kFlowControl;
         c.deliver_subject = "push.here";
         c.ack_wait_ns = 1;
       }},
      {10222,
       [](Config& c, Rules&) {
         c.ack_policy = AckPolicy::kFlowControl;
         c.deliver_subject = "push.here";
         c.max_deliver = 1;
       }},
  });
}

TEST(CheckConsumerUpdateTest, WhatMayNotChange) {
  Config old;
  old.ack_policy = AckPolicy::kExplicit;
  old.max_deliver = -1;
  struct Change {
    std::function<void(Config&)> change;
    std::string_view text;
  };
  const Change changes[] = {
      {[](Config& c) { c.deliver_policy = DeliverPolicy::kNew; },
       "deliver policy can not be updated"},
      {[](Config& c) { c.mem_storage = true; }, "storage type can not be updated"},
      {[](Config& c) { c.opt_start_seq = 1; }, "start sequence can not be updated"},
      {[](Config& c) { c.opt_start_time_ns = 1; }, "start time can not be updated"},
      {[](Config& c) { c.ack_policy = AckPolicy::kAll; }, "ack policy can not be updated"},
      {[](Config& c) { c.replay_policy = ReplayPolicy::kOriginal; },
       "replay policy can not be updated"},
      {[](Config& c) { c.idle_heartbeat_ns = 1; }, "heart beats can not be updated"},
      {[](Config& c) { c.flow_control = true; }, "flow control can not be updated"},
      {[](Config& c) { c.deliver_subject = "x"; }, "can not update pull consumer to push based"},
      {[](Config& c) { c.max_waiting = 1; }, "max waiting can not be updated"},
  };
  for (const Change& change : changes) {
    Config updated = old;
    change.change(updated);
    ApiError error = CheckConsumerUpdate(old, updated);
    EXPECT_EQ(error.err_code, 10012) << change.text;
    EXPECT_EQ(error.description, change.text);
  }
}

TEST(CheckConsumerUpdateTest, WhatMayChange) {
  Config old;
  old.max_deliver = -1;
  Config updated = old;
  updated.description = "new";
  updated.filter_subjects = {"a", "b"};
  updated.ack_wait_ns = 5;
  updated.max_ack_pending = 7;
  updated.inactive_threshold_ns = 9;
  updated.headers_only = true;

  EXPECT_FALSE(CheckConsumerUpdate(old, updated));
  updated.backoff_ns = {1, 2};
  updated.max_deliver = 1;
  EXPECT_EQ(CheckConsumerUpdate(old, updated).err_code, 10116);
}

}  // namespace
}  // namespace weir::jetstream
