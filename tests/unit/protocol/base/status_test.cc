#include "protocol/base/status.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

Status Fails() {
  return NotFound("no such thing");
}
StatusOr<int> Gives(int value) {
  if (value < 0) {
    return InvalidArgument("negative");
  }
  return value;
}
Status Chain(int value, int& out) {
  WEIR_ASSIGN_OR_RETURN(out, Gives(value));
  WEIR_ASSIGN_OR_RETURN(int twice, Gives(out * 2));
  out = twice;
  WEIR_RETURN_IF_ERROR(out > 10 ? Fails() : OkStatus());
  return OkStatus();
}

TEST(StatusTest, MacrosHandTheFirstErrorOn) {
  int out = 0;
  EXPECT_TRUE(Chain(2, out).ok());
  EXPECT_EQ(out, 4);
  EXPECT_EQ(Message(Chain(-1, out)), "negative");
  EXPECT_EQ(Chain(9, out).code(), StatusCode::kNotFound);
}

TEST(StatusTest, AnnotateSaysWhatWasBeingDone) {
  EXPECT_EQ(Message(Annotate(Fails(), "opening")), "opening: no such thing");
  EXPECT_EQ(Annotate(Fails(), "opening").code(), StatusCode::kNotFound);
  EXPECT_TRUE(Annotate(OkStatus(), "opening").ok());
}

TEST(CheckDeathTest, AFailedCheckNamesItsCondition) {
  EXPECT_DEATH(WEIR_CHECK(1 + 1 == 3), "check failed: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace weir
