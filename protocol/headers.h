#pragma once

// A view on a header block (protocol.md 11): "NATS/1.0[ status[ text]]\r\n" and "Key: Value\r\n"
// lines, ended by an empty line. The server treats the block as opaque bytes and touches only what
// it looks for.

#include <optional>
#include <string>
#include <string_view>

namespace weir::protocol {

inline constexpr std::string_view kHeaderLine = "NATS/1.0\r\n";

// The value of the first line with exactly this key, blanks trimmed in front; nullopt when there is
// none. The key must stand directly behind a CRLF and directly before ':'.
std::optional<std::string_view> FindHeader(std::string_view headers, std::string_view key);

// Walks all lines in order. Malformed lines (no colon) are skipped.
class HeaderCursor {
 public:
  explicit HeaderCursor(std::string_view headers);
  bool Next();
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }

 private:
  std::string_view rest_;
  std::string_view key_;
  std::string_view value_;
};

// "NATS/1.0 404 No Messages\r\n" → {404, "No Messages"}; nullopt without a status.
struct HeaderStatus {
  int code;
  std::string_view text;
};
std::optional<HeaderStatus> StatusOf(std::string_view headers);

// The block with the line of `key` added or replaced; an empty block becomes a new one.
std::string WithHeader(std::string_view headers, std::string_view key, std::string_view value);
// The block without every line of `key`; empty when no line remains.
std::string WithoutHeader(std::string_view headers, std::string_view key);
// The block without a status behind "NATS/1.0"; empty when no line remains.
std::string WithoutStatus(std::string_view headers);

// Builds a block from nothing.
class HeaderBuilder {
 public:
  HeaderBuilder() : out_("NATS/1.0\r\n") {}
  HeaderBuilder(int status, std::string_view text);
  HeaderBuilder& Add(std::string_view key, std::string_view value);
  std::string Take();

 private:
  std::string out_;
};

}  // namespace weir::protocol
