#include "server/permissions.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

using Verdict = PermissionSet::Verdict;

Permissions Rules() {
  Permissions rules;
  rules.subscribe.restricted = true;
  rules.subscribe.allow = {"foo.*", "q.> grp.*", "both", "both g1"};
  rules.subscribe.deny = {"foo.no", "q.x"};
  rules.publish.restricted = true;
  rules.publish.allow = {"p.>"};
  rules.publish.deny = {"p.no"};
  return rules;
}

// The verdicts are those of the reference for the same user.
TEST(PermissionSetTest, SubscriptionsAreComparedAsTheyAreWritten) {
  PermissionSet set(Rules());
  struct Row {
    const char* subject;
    const char* queue;
    Verdict expected;
  };
  const Row rows[] = {
      {"foo.x", "", Verdict::kYes},      {"foo.*", "", Verdict::kFiltered},
      {"foo.>", "", Verdict::kFiltered}, {">", "", Verdict::kNo},
      {"foo.no", "", Verdict::kNo},      {"q.a", "", Verdict::kNo},
      {"q.a", "grp.1", Verdict::kYes},   {"q.a", "other", Verdict::kNo},
      {"q.x", "grp.1", Verdict::kNo},    {"q.>", "grp.1", Verdict::kFiltered},
      {"both", "", Verdict::kYes},       {"both", "g1", Verdict::kYes},
      {"both", "g2", Verdict::kNo},      {"foo.*", "any", Verdict::kFiltered},
      {"*.x", "", Verdict::kNo},         {"bar", "", Verdict::kNo},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.subject) + " " + row.queue);
    EXPECT_EQ(set.MaySubscribe(row.subject, row.queue), row.expected);
  }
  EXPECT_FALSE(set.MayReceive("foo.no"));
  EXPECT_TRUE(set.MayReceive("foo.yes"));
}

TEST(PermissionSetTest, DenyWinsOverAllowWhenPublishing) {
  PermissionSet set(Rules());

  EXPECT_TRUE(set.MayPublish("p.a"));
  EXPECT_FALSE(set.MayPublish("p.no"));
  EXPECT_FALSE(set.MayPublish("p"));
  EXPECT_FALSE(set.MayPublish("x"));
}

TEST(PermissionSetTest, WithAllowResponsesAndNoListNothingElseMayBePublished) {
  Permissions rules;
  rules.responses.enabled = true;

  EXPECT_FALSE(PermissionSet(rules).MayPublish("anything"));
  EXPECT_EQ(PermissionSet(rules).MaySubscribe("anything", ""), Verdict::kYes);
}

TEST(PermissionSetTest, IsShownAsTheUserWouldAskForIt) {
  Permissions rules;
  rules.publish.restricted = true;
  rules.publish.allow = {"a", "b.>"};
  rules.publish.deny = {"b.c"};
  rules.subscribe.allow = {"q work"};
  rules.responses.enabled = true;
  JsonWriter out;

  PermissionSet(rules).WriteJson(out);

  EXPECT_EQ(out.text(),
            R"({"publish":{"allow":["a","b.\u003e"],"deny":["b.c"]},"subscribe":{"allow":)"
            R"(["q work"]},"responses":{"max":1,"ttl":120000000000}})");
}

TEST(ReplyGrantsTest, AGrantEndsWithItsNumberOrItsTime) {
  ResponsePermission rules;
  rules.max_messages = 2;
  rules.expires_ns = 100;
  ReplyGrants grants(rules);

  grants.Grant("r", 0);
  EXPECT_TRUE(grants.Use("r", 10));
  EXPECT_TRUE(grants.Use("r", 20));
  EXPECT_FALSE(grants.Use("r", 30));

  grants.Grant("s", 0);
  EXPECT_FALSE(grants.Use("s", 100));
  EXPECT_FALSE(grants.Use("never granted", 0));
}

}  // namespace
}  // namespace weir::server
