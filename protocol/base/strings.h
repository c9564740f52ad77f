#pragma once

// Containers keyed by strings that can be searched with std::string_view, concatenation, number
// parsing and the binary-to-text encodings that the protocol needs.

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace weir {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
struct StringEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};
template <typename V>
using StringMap = absl::flat_hash_map<std::string, V, StringHash, StringEqual>;
using StringSet = absl::flat_hash_set<std::string, StringHash, StringEqual>;

// One argument of Cat: text, a character or a number, formatted without allocation.
class CatPiece {
 public:
  CatPiece(std::string_view text) : view_(text) {}  // NOLINT(google-explicit-constructor): see Cat
  CatPiece(const std::string& text)
      : view_(text) {}                         // NOLINT(google-explicit-constructor): see Cat
  CatPiece(const char* text) : view_(text) {}  // NOLINT(google-explicit-constructor): see Cat
  CatPiece(char c) : view_(buffer_, 1) {
    buffer_[0] = c;
  }  // NOLINT(google-explicit-constructor): see Cat
  template <typename T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, char>)
  CatPiece(T number) {  // NOLINT(google-explicit-constructor): see Cat
    auto end = std::to_chars(buffer_, buffer_ + sizeof buffer_, number).ptr;
    view_ = {buffer_, static_cast<size_t>(end - buffer_)};
  }
  CatPiece(double number);  // NOLINT(google-explicit-constructor): see Cat
  CatPiece(const CatPiece&) = delete;
  CatPiece& operator=(const CatPiece&) = delete;

  std::string_view view() const { return view_; }

 private:
  char buffer_[32];
  std::string_view view_;
};

void AppendPieces(std::string& out, std::initializer_list<std::string_view> pieces);

// "Cat(a, 1, 'c')": every piece, one allocation. bool is not accepted on purpose.
template <typename... Pieces>
std::string Cat(const Pieces&... pieces) {
  std::string out;
  AppendPieces(out, {CatPiece(pieces).view()...});
  return out;
}
template <typename... Pieces>
void CatTo(std::string& out, const Pieces&... pieces) {
  AppendPieces(out, {CatPiece(pieces).view()...});
}

// Whole-string decimal numbers; no sign unless the type has one, no blanks.
template <typename T>
std::optional<T> ParseNumber(std::string_view text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) {
    return std::nullopt;
  }
  return value;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b);
std::string ToLower(std::string_view text);
std::string_view TrimSpace(std::string_view text);
std::vector<std::string_view> Split(std::string_view text, char separator);
std::string Join(const std::vector<std::string>& parts, std::string_view separator);

std::string HexEncode(std::string_view bytes);
std::string Base64Encode(std::string_view bytes);     // standard alphabet, padded
std::string Base64UrlEncode(std::string_view bytes);  // URL alphabet, no padding
std::optional<std::string> Base64Decode(
    std::string_view text);                        // either alphabet, padding optional
std::string Base32Encode(std::string_view bytes);  // RFC 4648, no padding
std::optional<std::string> Base32Decode(std::string_view text);

// Go's %q for texts that go to clients and logs: double quotes, escapes for quotes and controls.
std::string Quoted(std::string_view text);

// Go-style duration text: "2m0s", "1.5s", "100ms", "0s".
std::string FormatDuration(int64_t nanoseconds);
// Go's time.ParseDuration: "1h30m", "1.5s", "100ms", "-2m"; nullopt on anything else.
std::optional<int64_t> ParseDuration(std::string_view text);

// RFC 3339 with nanoseconds, trailing zeros of the fraction dropped, UTC ("...Z"). Nanoseconds
// since 1970. kZeroTime prints as "0001-01-01T00:00:00Z".
inline constexpr int64_t kZeroTime = INT64_MIN;
std::string FormatTime(int64_t unix_ns);
std::optional<int64_t> ParseTime(std::string_view rfc3339);

}  // namespace weir
