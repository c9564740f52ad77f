#include "protocol/subject_transform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::protocol {
namespace {

std::string Apply(std::string_view source, std::string_view destination, std::string_view subject) {
  auto transform = SubjectTransform::Make(source, destination);
  if (!transform.ok()) {
    return std::string(Message(transform.status()));
  }
  Random random(1);
  return transform->Apply(subject, random);
}

struct Row {
  const char* source;
  const char* destination;
  const char* subject;
  const char* expected;
};

TEST(SubjectTransformTest, FunctionsRewriteTokens) {
  // The results of the reference for the same mappings.
  const Row rows[] = {
      {"foo.*", "bar.$1", "foo.x", "bar.x"},
      {"foo.*.*", "bar.{{wildcard(2)}}.{{ Wildcard(1) }}", "foo.a.b", "bar.b.a"},
      {"foo.>", "bar.>", "foo.a.b", "bar.a.b"},
      {"*.>", "x.$1.>", "foo.a.b", "x.foo.a.b"},
      {"*", "{{split(1,-)}}", "abc-def--ghi-", "abc.def.ghi"},
      {"*", "{{splitFromLeft(1,3)}}", "12345", "123.45"},
      {"*", "{{SplitFromRight(1,3)}}", "12345", "12.345"},
      {"*", "{{splitFromLeft(1,9)}}", "12345", "12345"},
      {"*", "{{sliceFromLeft(1,3)}}", "1234567890", "123.456.789.0"},
      {"*", "{{sliceFromRight(1,3)}}", "1234567890", "1.234.567.890"},
      {"*", "{{left(1,2)}}", "12345", "12"},
      {"*", "{{right(1,2)}}", "12345", "45"},
      {"*.*", "p.{{partition(10,1,2)}}", "foo.bar", "p.0"},
      {"*", "p.{{partition(0,1)}}", "foo", "p.0"},
      {"literal", "other", "literal", "other"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.source) + " -> " + row.destination);
    EXPECT_EQ(Apply(row.source, row.destination, row.subject), row.expected);
  }
}

TEST(SubjectTransformTest, PartitionHashesTheTokensWithoutSeparator) {
  Random random(1);
  auto by_token = SubjectTransform::Make("*.*", "{{partition(5,1,2)}}");
  auto whole = SubjectTransform::Make("*", "{{partition(5)}}");
  ASSERT_TRUE(by_token.ok() && whole.ok());

  EXPECT_EQ(by_token->Apply("foo.bar", random), std::to_string(Fnv1a("foobar") % 5));
  EXPECT_EQ(whole->Apply("foobar", random), std::to_string(Fnv1a("foobar") % 5));
}

TEST(SubjectTransformTest, BadDestinationsAreRefusedWithTheToken) {
  const Row rows[] = {
      {"foo.*", "bar.$2", "", "invalid mapping destination: wildcard index out of range in $2"},
      {"foo.*", "bar.>", "", "invalid mapping destination: invalid transform in bar.>"},
      {"*", "{{unknown(1)}}", "",
       "invalid mapping destination: unknown function in {{unknown(1)}}"},
      {"*", "{{wildcard(1,2)}}", "",
       "invalid mapping destination: too many arguments passed to the function in "
       "{{wildcard(1,2)}}"},
      {"*", "{{split(1)}}", "",
       "invalid mapping destination: not enough arguments passed to the function in {{split(1)}}"},
      {"*", "{{left(1,x)}}", "",
       "invalid mapping destination: function argument is invalid or in the wrong format in "
       "{{left(1,x)}}"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.destination);
    EXPECT_EQ(Apply(row.source, row.destination, row.subject), row.expected);
  }
}

TEST(SubjectTransformTest, ImportsMayOnlyUseWildcardsAndMustUseAllOfThem) {
  EXPECT_TRUE(SubjectTransform::Make("a.*", "b.$1", /*strict=*/true).ok());
  EXPECT_FALSE(SubjectTransform::Make("a.*.*", "b.$1", /*strict=*/true).ok());
  EXPECT_FALSE(SubjectTransform::Make("a.*", "b.{{left(1,2)}}", /*strict=*/true).ok());
}

}  // namespace
}  // namespace weir::protocol
