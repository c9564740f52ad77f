#include "server/config_cursor.h"

namespace weir::server {

namespace {

constexpr char32_t kReplacement = 0xfffd;

struct Decoded {
  char32_t character;
  size_t width;
};

// One UTF-8 character; anything overlong, cut off or out of range is one broken byte.
Decoded Decode(std::string_view text) {
  auto byte = [text](size_t i) {
    return static_cast<uint8_t>(text[i]);
  };
  uint8_t first = byte(0);
  if (first < 0x80) {
    return {first, 1};
  }
  size_t width = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < width) {
    return {kReplacement, 1};
  }
  char32_t character = first & (0x7fU >> width);
  for (size_t i = 1; i < width; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return {kReplacement, 1};
    }
    character = (character << 6) | (byte(i) & 0x3fU);
  }
  bool overlong = (width == 3 && character < 0x800) || (width == 4 && character < 0x10000);
  bool surrogate = character >= 0xd800 && character <= 0xdfff;
  if (overlong || surrogate || character > 0x10ffff) {
    return {kReplacement, 1};
  }
  return {character, width};
}

}  // namespace

char32_t ConfigCursor::Next() {
  if (pos_ >= text_.size()) {
    width_ = 0;
    return 0;
  }
  if (text_[pos_] == '\n') {
    ++line_;
    line_start_ = pos_;
  }
  auto [character, width] = Decode(text_.substr(pos_));
  width_ = width;
  pos_ += width;
  return character;
}

void ConfigCursor::Backup() {
  pos_ -= width_ < pos_ ? width_ : pos_;
  if (pos_ < text_.size() && text_[pos_] == '\n') {
    --line_;
  }
}

char32_t ConfigCursor::Peek() {
  char32_t character = Next();
  Backup();
  return character;
}

void ConfigCursor::StartItem() {
  start_ = pos_;
  item_line_start_ = line_start_;
}

int ConfigCursor::ColumnOfItem(size_t size) const {
  return static_cast<int>(static_cast<int64_t>(pos_) - static_cast<int64_t>(item_line_start_) -
                          static_cast<int64_t>(size));
}

bool IsSpace(char32_t c) {
  return (c >= 9 && c <= 13) || c == U' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

std::string ShowCharacter(char32_t c) {
  if (c == U'\n') {
    return "\\n";
  }
  std::string out;
  auto append = [&out](char32_t bits) {
    out += static_cast<char>(static_cast<uint8_t>(bits));
  };
  if (c < 0x80) {
    append(c);
  } else if (c < 0x800) {
    append(0xc0 | (c >> 6));
    append(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    append(0xe0 | (c >> 12));
    append(0x80 | ((c >> 6) & 0x3f));
    append(0x80 | (c & 0x3f));
  } else {
    append(0xf0 | (c >> 18));
    append(0x80 | ((c >> 12) & 0x3f));
    append(0x80 | ((c >> 6) & 0x3f));
    append(0x80 | (c & 0x3f));
  }
  return out;
}

}  // namespace weir::server
