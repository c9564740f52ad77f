#include "server/subject_mapper.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

using Result = SubjectMapper::Result;

SubjectMapper Make(const std::vector<SubjectMapping>& mappings) {
  auto mapper = SubjectMapper::Make(mappings);
  EXPECT_TRUE(mapper.ok()) << Message(mapper.status());
  return std::move(*mapper);
}

TEST(SubjectMapperTest, TheFirstMappingThatCoversTheSubjectApplies) {
  SubjectMapper mapper = Make({{"a.*", {{"first.$1", 100, ""}}}, {"a.>", {{"second.>", 100, ""}}}});
  Random random(1);
  std::string out;

  EXPECT_EQ(mapper.Map("a.x", random, out), Result::kMapped);
  EXPECT_EQ(out, "first.x");
  EXPECT_EQ(mapper.Map("a.x.y", random, out), Result::kMapped);
  EXPECT_EQ(out, "second.x.y");
  EXPECT_EQ(mapper.Map("b", random, out), Result::kUnchanged);
}

TEST(SubjectMapperTest, WeightThatIsLeftOverGoesToTheOriginal) {
  SubjectMapper mapper = Make({{"a", {{"b", 20, ""}, {"c", 30, ""}}}});
  Random random(7);
  int b = 0;
  int c = 0;
  int unchanged = 0;
  for (int i = 0; i < 10'000; ++i) {
    std::string out;
    if (mapper.Map("a", random, out) == Result::kUnchanged) {
      ++unchanged;
    } else {
      (out == "b" ? b : c) += 1;
    }
  }
  EXPECT_NEAR(b, 2000, 250);
  EXPECT_NEAR(c, 3000, 250);
  EXPECT_NEAR(unchanged, 5000, 250);
}

TEST(SubjectMapperTest, AListedSourceMakesTheRestLoss) {
  SubjectMapper mapper = Make({{"a", {{"a", 50, ""}}}});
  Random random(7);
  int dropped = 0;
  for (int i = 0; i < 10'000; ++i) {
    std::string out;
    dropped += mapper.Map("a", random, out) == Result::kDropped ? 1 : 0;
  }
  EXPECT_NEAR(dropped, 5000, 250);
}

TEST(SubjectMapperTest, ABadDestinationNamesTheMapping) {
  auto mapper = SubjectMapper::Make({{"a.*", {{"b.$3", 100, ""}}}});

  ASSERT_FALSE(mapper.ok());
  EXPECT_EQ(Message(mapper.status()),
            "mapping \"a.*\": invalid mapping destination: wildcard index out of range in $3");
}

}  // namespace
}  // namespace weir::server
