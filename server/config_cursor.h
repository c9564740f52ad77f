#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::server {

// Reads configuration text character by character and keeps the three marks that error positions
// hang on: where the current item starts, on which line the cursor is, and at which offset the
// item's line starts. A line starts at the newline before it, which is what makes columns count
// from 1 on every line but the first; the mark moves as soon as a newline is seen, even when it is
// then put back.
class ConfigCursor {
 public:
  explicit ConfigCursor(std::string_view text) : text_(text) {}

  // The next character, 0 at the end. A zero byte in the text looks like the end to most callers,
  // as it does in the reference; a broken UTF-8 byte is U+FFFD.
  char32_t Next();
  // Puts back what the last Next() took; after the end nothing. Twice in a row steps over a
  // character as wide as the last one.
  void Backup();
  char32_t Peek();
  // The item starts here.
  void StartItem();

  std::string_view item() const { return text_.substr(start_, pos_ - start_); }
  std::string_view Last(size_t bytes) const { return text_.substr(pos_ - bytes, bytes); }
  bool item_is_empty() const { return pos_ == start_; }
  void SkipItemByte() { ++start_; }
  void StartItemPart() { start_ = pos_; }

  int line() const { return line_; }
  // Column of an item of `size` bytes that ends at the cursor.
  int ColumnOfItem(size_t size) const;

 private:
  std::string_view text_;
  size_t start_ = 0;
  size_t pos_ = 0;
  size_t width_ = 0;
  int line_ = 1;
  size_t line_start_ = 0;
  size_t item_line_start_ = 0;
};

bool IsSpace(char32_t c);  // Unicode's white space
inline bool IsBlank(char32_t c) {
  return c == U' ' || c == U'\t';
}
inline bool IsNewline(char32_t c) {
  return c == U'\n' || c == U'\r';
}
inline bool IsDigit(char32_t c) {
  return c >= U'0' && c <= U'9';
}
inline bool IsKeySeparator(char32_t c) {
  return c == U'=' || c == U':';
}

// A character for an error message; a newline is shown as \n.
std::string ShowCharacter(char32_t c);

}  // namespace weir::server
