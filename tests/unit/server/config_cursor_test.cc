#include "server/config_cursor.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

TEST(ConfigCursorTest, ColumnsCountFromZeroOnTheFirstLineAndFromOneLater) {
  ConfigCursor cursor("ab\ncd");
  cursor.StartItem();
  cursor.Next();
  EXPECT_EQ(cursor.ColumnOfItem(1), 0);
  cursor.Next();
  cursor.Next();
  cursor.StartItem();
  cursor.Next();
  EXPECT_EQ(cursor.line(), 2);
  EXPECT_EQ(cursor.ColumnOfItem(1), 1);
}

TEST(ConfigCursorTest, PuttingBackANewlineGoesBackALine) {
  ConfigCursor cursor("\n");
  EXPECT_EQ(cursor.Next(), U'\n');
  EXPECT_EQ(cursor.line(), 2);
  cursor.Backup();
  EXPECT_EQ(cursor.line(), 1);
  EXPECT_EQ(cursor.Next(), U'\n');
}

TEST(ConfigCursorTest, TheEndIsZeroAndCannotBePutBack) {
  ConfigCursor cursor("a");
  cursor.Next();
  EXPECT_EQ(cursor.Next(), 0U);
  cursor.Backup();
  EXPECT_EQ(cursor.Next(), 0U);
}

TEST(ConfigCursorTest, CharactersAreDecodedAndBrokenBytesReplaced) {
  ConfigCursor cursor("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff\xc0\x80");
  EXPECT_EQ(cursor.Next(), U'é');
  EXPECT_EQ(cursor.Next(), U'€');
  EXPECT_EQ(cursor.Next(), U'😀');
  EXPECT_EQ(cursor.Next(), 0xfffdU);
  EXPECT_EQ(cursor.Next(), 0xfffdU);
  EXPECT_EQ(cursor.Next(), 0xfffdU);
  EXPECT_EQ(cursor.Next(), 0U);
}

TEST(ConfigCursorTest, ShownCharactersAreTheirUtf8) {
  EXPECT_EQ(ShowCharacter(U'x'), "x");
  EXPECT_EQ(ShowCharacter(U'\n'), "\\n");
  EXPECT_EQ(ShowCharacter(U'é'), "é");
  EXPECT_EQ(ShowCharacter(U'€'), "€");
  EXPECT_EQ(ShowCharacter(U'😀'), "😀");
}

TEST(ConfigCursorTest, SpaceIsWhatUnicodeCallsSo) {
  EXPECT_TRUE(IsSpace(U'\v'));
  EXPECT_TRUE(IsSpace(0xa0));
  EXPECT_TRUE(IsSpace(0x2003));
  EXPECT_FALSE(IsSpace(U'a'));
  EXPECT_FALSE(IsSpace(0));
}

}  // namespace
}  // namespace weir::server
