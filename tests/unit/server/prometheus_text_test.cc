#include "server/prometheus_text.h"

#include <limits>

#include <gtest/gtest.h>

namespace weir::server {
namespace {

using Type = PrometheusText::Type;

TEST(PrometheusTextTest, SamplesOfANameStandTogetherBehindTheirHead) {
  PrometheusText text;
  text.Add("a", Type::kGauge, "What a is", {{"x", "1"}}, 1.5);
  text.Add("b", Type::kCounter, "What b is", {}, 7);
  text.Add("a", Type::kGauge, "ignored", {{"x", "2"}, {"y", "z"}}, 1e21);

  EXPECT_EQ(std::move(text).Take(),
            "# HELP a What a is\n# TYPE a gauge\na{x=\"1\"} 1.5\na{x=\"2\",y=\"z\"} 1e+21\n"
            "# HELP b What b is\n# TYPE b counter\nb 7\n");
}

TEST(PrometheusTextTest, TextsAreEscaped) {
  PrometheusText text;
  text.Add("a", Type::kGauge, "one\ntwo\\", {{"x", "\"q\"\n\\"}}, 0);

  EXPECT_EQ(std::move(text).Take(),
            "# HELP a one\\ntwo\\\\\n# TYPE a gauge\na{x=\"\\\"q\\\"\\n\\\\\"} 0\n");
}

TEST(PrometheusTextTest, AHistogramHasBucketsSumAndCount) {
  PrometheusText text;
  text.Add("h", Type::kHistogram, "h", {{"le", "0.1"}}, 2, "_bucket");
  text.Add("h", Type::kHistogram, "h", {}, std::numeric_limits<double>::infinity(), "_sum");

  EXPECT_EQ(std::move(text).Take(),
            "# HELP h h\n# TYPE h histogram\nh_bucket{le=\"0.1\"} 2\nh_sum +Inf\n");
}

}  // namespace
}  // namespace weir::server
