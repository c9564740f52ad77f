#include "protocol/parser.h"

#include <algorithm>
#include <cstring>

#include "protocol/base/strings.h"

namespace weir::protocol {

namespace {

bool IsBlank(char c) {
  return c == ' ' || c == '\t';
}
// Inside argument lines the reference also splits at a stray CR.
bool IsSeparator(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Compares the verb byte by byte with as much of it as has arrived, without regard to case. The
// verb is given in upper case.
enum class Verb : uint8_t { kYes, kNo, kPartial };
Verb MatchVerb(std::string_view input, std::string_view verb) {
  size_t n = std::min(input.size(), verb.size());
  for (size_t i = 0; i < n; ++i) {
    char c = input[i];
    if (c >= 'a' && c <= 'z') {
      c = static_cast<char>(c - ('a' - 'A'));
    }
    if (c != verb[i]) {
      return Verb::kNo;
    }
  }
  return n == verb.size() ? Verb::kYes : Verb::kPartial;
}

// 1 to 9 digits; -1 for anything else (protocol.md 2.1).
int64_t ParseSize(std::string_view text) {
  if (text.empty() || text.size() > 9) {
    return -1;
  }
  int64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') {
      return -1;
    }
    value = value * 10 + (c - '0');
  }
  return value;
}

// 1 to 9 digits without a zero in front; false for anything else.
bool PlainNumber(const char* digit, const char* end, uint32_t& out) {
  if (end - digit > 9 || (*digit == '0' && end - digit > 1)) {
    return false;
  }
  for (; digit != end; ++digit) {
    uint32_t value = static_cast<uint32_t>(*digit) - '0';
    if (value > 9) {
      return false;
    }
    out = out * 10 + value;
  }
  return true;
}

// How many digits could be left out in front.
uint8_t LeadingZeros(std::string_view number) {
  return static_cast<uint8_t>(std::min(number.find_first_not_of('0'), number.size() - 1));
}

// Splits into at most `capacity` arguments; the count goes on, so that too many are noticed.
size_t SplitArguments(std::string_view line, std::string_view* out, size_t capacity) {
  size_t count = 0;
  const char* p = line.data();
  const char* end = p + line.size();
  while (true) {
    while (p != end && IsSeparator(*p)) {
      ++p;
    }
    if (p == end) {
      return count;
    }
    const char* start = p;
    while (p != end && !IsSeparator(*p)) {
      ++p;
    }
    if (count < capacity) {
      out[count] = {start, static_cast<size_t>(p - start)};
    }
    ++count;
  }
}

}  // namespace

ParseStatus Parser::NeedMore(size_t needed) {
  needed_ = needed;
  return ParseStatus::kNeedMore;
}

ParseStatus Parser::Fail(ParseError error, std::string_view text, std::string_view detail) {
  error_ = error;
  bool quotes = error == ParseError::kBadArguments || error == ParseError::kUnknownOperation;
  error_text_ = quotes ? Cat(text, ": ", Quoted(detail)) : std::string(text);
  return ParseStatus::kError;
}

ParseStatus Parser::Unknown(std::string_view input) {
  return Fail(ParseError::kUnknownOperation, "Client parser ERROR, proto",
              input.substr(0, std::min<size_t>(input.size(), 32)));
}

// The path of nearly every message: "PUB " or "HPUB " in this very case, a complete line, plain
// arguments and the whole payload at hand, in one pass over the line. Whatever is not exactly that
// is left to NextPub().
template <bool kWithHeaders>
bool Parser::QuickPub(std::string_view input, Op& op) const {
  constexpr int kMost = kWithHeaders ? 4 : 3;  // arguments, with a reply
  const char* p = input.data() + (kWithHeaders ? 5 : 4);
  const char* end = input.data() + std::min(input.size(), limits_.max_control_line);
  if (end <= p) {
    return false;
  }
  const char* starts[kMost];
  const char* ends[kMost];
  int count = 0;
  while (true) {
    const char* start = p;
    while (p != end && static_cast<uint8_t>(*p) > ' ') {
      ++p;
    }
    if (p == end || p == start || count == kMost) {
      return false;
    }
    starts[count] = start;
    ends[count++] = p;
    if (*p == ' ') {
      ++p;
      continue;
    }
    break;
  }
  if (end - p < 2 || p[0] != '\r' || p[1] != '\n' || count < kMost - 1) {
    return false;
  }
  uint32_t size = 0;
  uint32_t headers = 0;
  if (!PlainNumber(starts[count - 1], ends[count - 1], size)) {
    return false;
  }
  if (kWithHeaders &&
      (!limits_.headers || !PlainNumber(starts[count - 2], ends[count - 2], headers) ||
       headers > size)) {
    return false;
  }
  const char* body = p + 2;
  auto left = static_cast<size_t>(input.data() + input.size() - body);
  if (left < size_t{size} + 2 || (limits_.max_payload >= 0 && size > limits_.max_payload) ||
      body[size] != '\r' || body[size + 1] != '\n') {
    return false;
  }
  op.kind = OpKind::kPub;
  op.subject = {starts[0], static_cast<size_t>(ends[0] - starts[0])};
  op.reply = count == kMost ? std::string_view(starts[1], static_cast<size_t>(ends[1] - starts[1]))
                            : std::string_view{};
  op.headers = kWithHeaders ? std::string_view(body, headers) : std::string_view{};
  op.payload = {body + headers, size - headers};
  op.form = {};
  op.size = static_cast<size_t>(body - input.data()) + size + 2;
  return true;
}

ParseStatus Parser::Next(std::string_view input, Op& op) {
  if (input.size() < needed_ || input.empty()) {
    return ParseStatus::kNeedMore;
  }
  if (skipping_) [[unlikely]] {
    return Skip(input, op);
  }
  if (input.size() > 5 &&
      ((std::memcmp(input.data(), "PUB ", 4) == 0 && QuickPub<false>(input, op)) ||
       (std::memcmp(input.data(), "HPUB ", 5) == 0 && QuickPub<true>(input, op)))) {
    needed_ = 0;
    scanned_ = 0;
    return ParseStatus::kOp;
  }
  struct Entry {
    std::string_view verb;
    OpKind kind;
  };
  // At most three verbs share a first letter; the first entry of a letter is the frequent one.
  static constexpr Entry kP[] = {
      {"PUB", OpKind::kPub}, {"PING", OpKind::kPing}, {"PONG", OpKind::kPong}};
  static constexpr Entry kOthers[] = {{"HPUB", OpKind::kPub},    {"SUB", OpKind::kSub},
                                      {"UNSUB", OpKind::kUnsub}, {"CONNECT", OpKind::kConnect},
                                      {"INFO", OpKind::kInfo},   {"+OK", OpKind::kOk},
                                      {"-ERR", OpKind::kErr}};
  char first = input[0];
  const Entry* begin = first == 'P' || first == 'p' ? std::begin(kP) : std::begin(kOthers);
  const Entry* end = first == 'P' || first == 'p' ? std::end(kP) : std::end(kOthers);
  for (const Entry* entry = begin; entry != end; ++entry) {
    switch (MatchVerb(input, entry->verb)) {
      case Verb::kNo:
        continue;
      case Verb::kPartial:
        return NeedMore(input.size() + 1);
      case Verb::kYes:
        break;
    }
    op.kind = entry->kind;
    switch (entry->kind) {
      case OpKind::kPub:
        return NextPub(input, entry->verb.size(), entry->verb.size() == 4, op);
      case OpKind::kSub:
        return NextSub(input, op);
      case OpKind::kUnsub:
        return NextUnsub(input, op);
      case OpKind::kConnect:
      case OpKind::kInfo:
      case OpKind::kErr:
        return NextText(input, entry->verb.size(), entry->kind, op);
      case OpKind::kPing:
      case OpKind::kPong:
      case OpKind::kOk:
      case OpKind::kSkipped:
        return NextBare(input, entry->verb.size(), entry->kind, op);
    }
  }
  return Unknown(input);
}

ParseStatus Parser::Line(std::string_view input, size_t verb, std::string_view& line, size_t& end) {
  size_t start = verb;
  while (start < input.size() && IsBlank(input[start])) {
    ++start;
  }
  // The reference takes any number of blanks here; we would have to keep them.
  if (start - verb > limits_.max_control_line) {
    return Fail(ParseError::kControlLine, "maximum control line exceeded", {});
  }
  size_t from = std::max(start, scanned_);
  const void* found =
      from < input.size() ? std::memchr(input.data() + from, '\n', input.size() - from) : nullptr;
  if (found == nullptr) {
    if (input.size() > start && input.size() - start > limits_.max_control_line + 1) {
      return Fail(ParseError::kControlLine, "maximum control line exceeded", {});
    }
    scanned_ = std::max(input.size(), start);
    return NeedMore(input.size() + 1);
  }
  scanned_ = 0;
  size_t feed = static_cast<size_t>(static_cast<const char*>(found) - input.data());
  line = input.substr(start, feed - start);
  if (!line.empty() && line.back() == '\r') {
    line.remove_suffix(1);
  }
  if (line.size() > limits_.max_control_line) {
    return Fail(ParseError::kControlLine, "maximum control line exceeded", {});
  }
  end = feed + 1;
  return ParseStatus::kOp;
}

ParseStatus Parser::NextPub(std::string_view input, size_t verb, bool with_headers, Op& op) {
  if (input.size() > verb && !IsBlank(input[verb])) {
    return Unknown(input);
  }
  std::string_view line;
  size_t body = 0;
  if (auto status = Line(input, verb, line, body); status != ParseStatus::kOp) {
    return status;
  }
  std::string_view name = with_headers ? "processHeaderPub" : "processPub";
  if (with_headers && !limits_.headers) {
    return Fail(ParseError::kHeadersUnsupported, "message headers not supported", {});
  }
  std::string_view arguments[4];
  size_t fixed = with_headers ? 3 : 2;  // without a reply
  size_t count = SplitArguments(line, arguments, 4);
  if (count != fixed && count != fixed + 1) {
    return Fail(ParseError::kBadArguments, Cat(name, " Parse Error"), line);
  }
  int64_t header_size = 0;
  if (with_headers) {
    header_size = ParseSize(arguments[count - 2]);
    if (header_size < 0) {
      return Fail(ParseError::kBadArguments, Cat(name, " Bad or Missing Header Size"), line);
    }
  }
  int64_t size = ParseSize(arguments[count - 1]);
  if (size < 0) {
    return Fail(ParseError::kBadArguments,
                with_headers ? "processHeaderPub Bad or Missing Total Size"
                             : "processPub Bad or Missing Size",
                line);
  }
  if (header_size > size) {
    return Fail(ParseError::kBadArguments, "processHeaderPub Header Size larger then TotalSize",
                line);
  }
  if (limits_.max_payload >= 0 && size > limits_.max_payload) {
    return Fail(ParseError::kPayload,
                Cat("maximum payload exceeded: ", size, " vs ", limits_.max_payload), {});
  }
  size_t total = body + static_cast<size_t>(size) + 2;
  // A wrong terminator is noticed at the first wrong byte, as in the reference.
  size_t terminator = total - 2;
  if ((input.size() > terminator && input[terminator] != '\r') ||
      (input.size() > terminator + 1 && input[terminator + 1] != '\n')) {
    return Unknown(input.substr(terminator));
  }
  if (input.size() < total) {
    // One byte behind the payload decides about the terminator already.
    return NeedMore(input.size() <= terminator ? terminator + 1 : total);
  }
  needed_ = 0;
  op.subject = arguments[0];
  op.reply = count == fixed + 1 ? arguments[1] : std::string_view{};
  op.headers = input.substr(body, static_cast<size_t>(header_size));
  op.payload = input.substr(body + static_cast<size_t>(header_size),
                            static_cast<size_t>(size - header_size));
  op.form = {.header_zeros = with_headers ? LeadingZeros(arguments[count - 2]) : uint8_t{0},
             .size_zeros = LeadingZeros(arguments[count - 1])};
  op.size = total;
  return ParseStatus::kOp;
}

ParseStatus Parser::NextSub(std::string_view input, Op& op) {
  if (input.size() > 3 && !IsBlank(input[3])) {
    return Unknown(input);
  }
  std::string_view line;
  if (auto status = Line(input, 3, line, op.size); status != ParseStatus::kOp) {
    return status;
  }
  std::string_view arguments[3];
  size_t count = SplitArguments(line, arguments, 3);
  if (count != 2 && count != 3) {
    return Fail(ParseError::kBadArguments, "processSub Parse Error", line);
  }
  needed_ = 0;
  op.subject = arguments[0];
  op.queue = count == 3 ? arguments[1] : std::string_view{};
  op.sid = arguments[count - 1];
  return ParseStatus::kOp;
}

ParseStatus Parser::NextUnsub(std::string_view input, Op& op) {
  if (input.size() > 5 && !IsBlank(input[5])) {
    return Unknown(input);
  }
  std::string_view line;
  if (auto status = Line(input, 5, line, op.size); status != ParseStatus::kOp) {
    return status;
  }
  std::string_view arguments[2];
  size_t count = SplitArguments(line, arguments, 2);
  if (count != 1 && count != 2) {
    return Fail(ParseError::kBadArguments, "processUnsub Parse Error", line);
  }
  needed_ = 0;
  op.sid = arguments[0];
  // Not a number means "now", and is no error (protocol.md 2.1).
  op.max = count == 2 ? std::max<int64_t>(ParseSize(arguments[1]), 0) : 0;
  return ParseStatus::kOp;
}

ParseStatus Parser::NextText(std::string_view input, size_t verb, OpKind kind, Op& op) {
  if (kind == OpKind::kErr && input.size() > verb && !IsBlank(input[verb])) {
    return Unknown(input);
  }
  if (auto status = Line(input, verb, op.argument, op.size); status != ParseStatus::kOp) {
    return status;
  }
  needed_ = 0;
  return ParseStatus::kOp;
}

ParseStatus Parser::NextBare(std::string_view input, size_t verb, OpKind kind, Op& op) {
  // Everything up to the line feed is ignored, whatever its length: what is long is dropped before
  // its end has come, so that nobody can make us keep it.
  size_t feed = input.find('\n', std::max(verb, scanned_));
  if (feed == std::string_view::npos) {
    if (input.size() > limits_.max_control_line) {
      skipping_ = true;
      skipped_for_ = kind;
      return Skip(input, op);
    }
    scanned_ = input.size();
    return NeedMore(input.size() + 1);
  }
  scanned_ = 0;
  needed_ = 0;
  op.size = feed + 1;
  return ParseStatus::kOp;
}

ParseStatus Parser::Skip(std::string_view input, Op& op) {
  scanned_ = 0;
  needed_ = 0;
  size_t feed = input.find('\n');
  if (feed == std::string_view::npos) {
    op.kind = OpKind::kSkipped;
    op.size = input.size();
  } else {
    skipping_ = false;
    op.kind = skipped_for_;
    op.size = feed + 1;
  }
  return ParseStatus::kOp;
}

}  // namespace weir::protocol
