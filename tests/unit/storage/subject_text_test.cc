#include "storage/subject_text.h"

#include <string>

#include "gtest/gtest.h"

namespace weir::storage {
namespace {

TEST(SubjectTextTest, TextsOfEverySizeComeBack) {
  SubjectText texts;
  std::string large(SubjectText::kMaxBytes, 'x');

  SubjectText::Ref a = texts.Add("a");
  SubjectText::Ref empty = texts.Add("");
  SubjectText::Ref b = texts.Add(large);
  SubjectText::Ref c = texts.Add("c");

  EXPECT_EQ(texts.At(a), "a");
  EXPECT_EQ(texts.At(empty), "");
  EXPECT_EQ(texts.At(b), large);
  EXPECT_EQ(texts.At(c), "c");
}

TEST(SubjectTextTest, BecomesWastefulWhenMostOfItIsFreed) {
  SubjectText texts;
  std::string text(1000, 'x');
  SubjectText::Ref refs[200];
  for (SubjectText::Ref& ref : refs) {
    ref = texts.Add(text);
  }

  for (int i = 0; i < 90; ++i) {
    texts.Free(refs[i]);
  }
  EXPECT_FALSE(texts.wasteful());
  for (int i = 90; i < 110; ++i) {
    texts.Free(refs[i]);
  }
  EXPECT_TRUE(texts.wasteful());
}

}  // namespace
}  // namespace weir::storage
