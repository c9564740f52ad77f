#include "jetstream/origin_rules.h"

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

class OriginRulesTest : public ::testing::Test {
 protected:
  OriginRulesTest() {
    origin_.name = "O";
    origin_.subjects = {"o.>"};
    origin_.allow_direct = true;
    origin_.max_msg_size = 100;
  }
  int Check(StreamConfig config, bool pedantic = false) {
    return CheckOrigins(
               config, [this](std::string_view name) { return name == "O" ? &origin_ : nullptr; },
               pedantic)
        .err_code;
  }
  static StreamConfig Mirror(StreamSource source) {
    StreamConfig config;
    config.name = "M";
    config.mirror = std::move(source);
    return config;
  }
  static StreamConfig Sourcing(std::vector<StreamSource> sources) {
    StreamConfig config;
    config.name = "S";
    config.sources = std::move(sources);
    return config;
  }
  static StreamSource From(std::string_view name, std::string_view filter = {}) {
    StreamSource source;
    source.name = name;
    source.filter_subject = filter;
    return source;
  }

  StreamConfig origin_;
};

TEST_F(OriginRulesTest, AMirrorTakesOverDirectGets) {
  StreamConfig config = Mirror(From("O"));
  auto find = [this](std::string_view) {
    return &origin_;
  };
  EXPECT_FALSE(CheckOrigins(config, find, false));
  EXPECT_TRUE(config.mirror_direct);
  EXPECT_EQ(Check(Mirror(From("O")), true), 10157);
}

TEST_F(OriginRulesTest, AnOriginMayBeMissing) {
  EXPECT_EQ(Check(Mirror(From("LATER"))), 0);
  EXPECT_EQ(Check(Sourcing({From("LATER")})), 0);
}

TEST_F(OriginRulesTest, TheSameOriginTwiceNeedsDifferentFilters) {
  EXPECT_EQ(Check(Sourcing({From("O", "o.a"), From("O", "o.b")})), 0);
  EXPECT_EQ(Check(Sourcing({From("O", "o.a"), From("O", "o.a")})), 10140);
}

TEST_F(OriginRulesTest, MessagesMustFit) {
  StreamConfig mirror = Mirror(From("O"));
  mirror.max_msg_size = 50;
  EXPECT_EQ(Check(mirror), 10030);
  StreamConfig sourcing = Sourcing({From("O")});
  sourcing.max_msg_size = 50;
  EXPECT_EQ(Check(sourcing), 10046);
}

TEST_F(OriginRulesTest, CirclesAreFoundThroughOtherStreams) {
  origin_.sources = {From("S")};
  EXPECT_EQ(Check(Sourcing({From("O")})), 10052);
  // What does not come back is no circle.
  origin_.sources = {From("S", "elsewhere")};
  EXPECT_EQ(Check(Sourcing({From("O")})), 0);
}

TEST_F(OriginRulesTest, PrefixesOfOtherDomains) {
  StreamSource away = From("O");
  away.external = ExternalStream{"$JS.hub.API", "deliver.hub"};
  EXPECT_EQ(Check(Sourcing({away})), 0);
  away.external = ExternalStream{"$JS.API", "deliver.hub"};
  EXPECT_EQ(Check(Sourcing({away})), 10021);
  away.external = ExternalStream{"$JS.hub.API", "deliver.>"};
  EXPECT_EQ(Check(Sourcing({away})), 10024);
}

}  // namespace
}  // namespace weir::jetstream
