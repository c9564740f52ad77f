#pragma once

// UTF-8 as Go sees it: what is not valid is one wrong byte at a time.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

// The character at the front of `text`, which must not be empty. `size` is 0 when the bytes there
// are no UTF-8 (cut short, overlong, a surrogate, above U+10FFFF): one byte is wrong then.
struct Utf8Char {
  char32_t code = 0;
  size_t size = 0;
};
Utf8Char DecodeUtf8(std::string_view text);
void AppendUtf8(std::string& out, char32_t code);

bool IsValidUtf8(std::string_view text);
// Every wrong byte becomes U+FFFD.
std::string ReplaceInvalidUtf8(std::string_view text);

// False for controls, separators other than the blank, formatting characters, private use and
// noncharacters: what Go's %q escapes. Code points that Unicode has not assigned count as
// printable.
bool IsPrintable(char32_t code);

}  // namespace weir
