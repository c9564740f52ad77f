#include "jetstream/api_errors.h"

#include <gtest/gtest.h>

namespace weir::jetstream {
namespace {

std::string Json(const ApiError& error) {
  JsonWriter out;
  out.OpenObject();
  error.WriteTo(out);
  out.CloseObject();
  return out.Take();
}

TEST(ApiErrorsTest, TheTableGivesCodeAndText) {
  EXPECT_EQ(Json(MakeError(10059)),
            R"({"error":{"code":404,"err_code":10059,"description":"stream not found"}})");
  EXPECT_EQ(MakeError(10228).code, 500);
  EXPECT_EQ(MakeError(10002).code, 400);
}

TEST(ApiErrorsTest, PlaceholdersAreFilledInOrder) {
  EXPECT_EQ(MakeError(10071, "17").description, "wrong last sequence: 17");
  EXPECT_EQ(MakeError(10021, "p", "s").description,
            "stream external api prefix p must not overlap with s");
  EXPECT_EQ(MakeError(10052, "anything {at all}").description, "anything {at all}");
}

TEST(ApiErrorsTest, NoErrorIsFalse) {
  EXPECT_FALSE(ApiError{});
  EXPECT_TRUE(MakeError(10003));
}

}  // namespace
}  // namespace weir::jetstream
