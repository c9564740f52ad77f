#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/wire_form.h"

namespace weir::protocol {

enum class OpKind : uint8_t {
  kConnect,
  kPub,  // PUB and HPUB
  kSub,
  kUnsub,
  kPing,
  kPong,
  kInfo,
  kOk,
  kErr,
  kSkipped,  // text behind PING, PONG or +OK, too long to be kept until its line ends
};

// One operation of a client. Views point into the input.
struct Op {
  OpKind kind = OpKind::kPing;
  size_t size = 0;  // bytes of input that it took

  std::string_view argument;  // CONNECT, INFO, -ERR: the rest of the line

  std::string_view subject;  // PUB, SUB
  std::string_view reply;    // PUB; empty without one
  std::string_view headers;  // HPUB
  std::string_view payload;  // PUB, without headers
  WireForm form;             // PUB: how the sizes were written
  std::string_view queue;    // SUB
  std::string_view sid;      // SUB, UNSUB
  int64_t max = 0;           // UNSUB; 0: now
};

enum class ParseStatus : uint8_t { kOp, kNeedMore, kError };

// Why the connection must be closed, and what is sent before (protocol.md 2.2, 6).
enum class ParseError : uint8_t {
  kNone,
  kUnknownOperation,    // -ERR 'Unknown Protocol Operation'
  kBadArguments,        // nothing is sent; the log says what was wrong
  kHeadersUnsupported,  // nothing is sent
  kControlLine,         // -ERR 'maximum control line exceeded'
  kPayload,             // -ERR 'Maximum Payload Violation'
};

// Incremental parser of the client protocol (protocol.md 1 and 2). The caller keeps the bytes: it
// calls Next() with everything that is not consumed yet, drops op.size bytes after each operation,
// and after kNeedMore calls again with the same bytes and more behind them. An operation comes out
// whole, payload included, so the input must be able to hold needed() bytes.
//
// Independent of how the bytes were cut. After an error the parser is finished.
class Parser {
 public:
  struct Limits {
    int64_t max_payload = 1 << 20;   // headers and payload, bytes; -1: none
    size_t max_control_line = 4096;  // bytes of arguments
    bool headers = true;             // server and client agreed on headers
  };

  explicit Parser(const Limits& limits) : limits_(limits) {}

  Limits& limits() { return limits_; }

  ParseStatus Next(std::string_view input, Op& op);

  // After kNeedMore: how many bytes the operation takes at least.
  size_t needed() const { return needed_; }
  ParseError error() const { return error_; }
  // After kError: one line for the log.
  const std::string& error_text() const { return error_text_; }

 private:
  template <bool kWithHeaders>
  bool QuickPub(std::string_view input, Op& op) const;
  ParseStatus NextPub(std::string_view input, size_t verb, bool with_headers, Op& op);
  ParseStatus NextSub(std::string_view input, Op& op);
  ParseStatus NextUnsub(std::string_view input, Op& op);
  ParseStatus NextText(std::string_view input, size_t verb, OpKind kind, Op& op);
  ParseStatus NextBare(std::string_view input, size_t verb, OpKind kind, Op& op);
  // Drops text of the line under way; the operation comes out at its end.
  ParseStatus Skip(std::string_view input, Op& op);
  // Finds the argument line behind the verb. On kOp, `line` is the arguments and `end` the offset
  // behind the line feed.
  ParseStatus Line(std::string_view input, size_t verb, std::string_view& line, size_t& end);
  ParseStatus NeedMore(size_t needed);
  ParseStatus Fail(ParseError error, std::string_view text, std::string_view detail);
  ParseStatus Unknown(std::string_view input);

  Limits limits_;
  size_t needed_ = 0;                   // bytes that the current operation takes; 0: not known
  size_t scanned_ = 0;                  // of the current line: bytes without a line feed
  bool skipping_ = false;               // within the text behind PING, PONG or +OK ...
  OpKind skipped_for_ = OpKind::kPing;  // ... which this one is
  ParseError error_ = ParseError::kNone;
  std::string error_text_;
};

}  // namespace weir::protocol
