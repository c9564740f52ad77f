#include "server/http_query.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

TEST(HttpQueryTest, TheFirstValueOfANameCountsAndEscapesAreDecoded) {
  HttpQuery query("acc=A%20B&acc=C&user=a+b&flag");

  EXPECT_EQ(query.Get("acc"), "A B");
  EXPECT_EQ(query.Get("user"), "a b");
  EXPECT_EQ(query.Get("flag"), "");
  EXPECT_EQ(query.Get("none"), "");
}

TEST(HttpQueryTest, PairsThatCannotBeDecodedAreDropped) {
  HttpQuery query("a=%zz&b=1;c=2&d=%4&e=5");

  EXPECT_EQ(query.Get("a"), "");
  EXPECT_EQ(query.Get("b"), "");
  EXPECT_EQ(query.Get("d"), "");
  EXPECT_EQ(query.Get("e"), "5");
}

TEST(HttpQueryTest, NumbersAreReadOrRefusedInGoWords) {
  HttpQuery query("a=12&b=-3&c=x&d=99999999999999999999&e=+7");

  EXPECT_EQ(*query.GetInt("a"), 12);
  EXPECT_EQ(*query.GetInt("b"), -3);
  EXPECT_EQ(*query.GetInt("absent"), 0);
  EXPECT_EQ(Message(query.GetInt("c").status()),
            "Error decoding int for 'c': strconv.Atoi: parsing \"x\": invalid syntax");
  EXPECT_EQ(Message(query.GetInt("d").status()),
            "Error decoding int for 'd': strconv.Atoi: parsing \"99999999999999999999\": "
            "value out of range");
  EXPECT_EQ(Message(query.GetUint("b").status()),
            "Error decoding uint64 for 'b': strconv.ParseUint: parsing \"-3\": invalid syntax");
}

TEST(HttpQueryTest, BooleansAreGos) {
  HttpQuery query("a=1&b=True&c=f&d=yes");

  EXPECT_TRUE(*query.GetBool("a"));
  EXPECT_TRUE(*query.GetBool("b"));
  EXPECT_FALSE(*query.GetBool("c"));
  EXPECT_FALSE(*query.GetBool("absent"));
  EXPECT_EQ(Message(query.GetBool("d").status()),
            "Error decoding boolean for 'd': strconv.ParseBool: parsing \"yes\": invalid syntax");
}

TEST(HttpQueryTest, AReaderKeepsTheFirstError) {
  HttpQuery query("n=5&b=x&m=y&t=text");
  HttpQueryReader in(query);
  int64_t n = 0;
  bool b = true;
  uint64_t m = 7;
  std::string t;

  in.Read("n", n);
  in.Read("b", b);
  in.Read("m", m);
  in.Read("t", t);

  EXPECT_EQ(n, 5);
  EXPECT_TRUE(b);
  EXPECT_EQ(m, 7);
  EXPECT_EQ(t, "text");
  EXPECT_EQ(Message(in.status()),
            "Error decoding boolean for 'b': strconv.ParseBool: parsing \"x\": invalid syntax");
}

TEST(HttpQueryTest, PathsAreCleaned) {
  EXPECT_EQ(CleanPath("//varz"), "/varz");
  EXPECT_EQ(CleanPath("/a/../b/./c/"), "/b/c");
  EXPECT_EQ(CleanPath(""), "/");
  EXPECT_EQ(CleanPath("mon"), "/mon");
}

}  // namespace
}  // namespace weir::server
