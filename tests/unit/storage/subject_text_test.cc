#include "storage/subject_text.h"

#include <string>
#include <utility>
#include <vector>

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

TEST(SubjectTextTest, AllAreVisitedInOrder) {
  SubjectText texts;
  std::vector<std::pair<SubjectText::Ref, std::string>> added;
  for (size_t i = 0; i < 3'000; ++i) {
    const std::string text(i * 37 % 700, static_cast<char>('a' + i % 26));
    added.emplace_back(texts.Add(text), text);
  }
  size_t visited = 0;
  texts.ForEach([&](SubjectText::Ref ref, std::string_view text) {
    EXPECT_EQ(ref, added[visited].first);
    EXPECT_EQ(text, added[visited].second);
    return ++visited < added.size() - 1;
  });
  EXPECT_EQ(visited, added.size() - 1);
  SubjectText().ForEach([](SubjectText::Ref, std::string_view) {
    ADD_FAILURE();
    return true;
  });
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
