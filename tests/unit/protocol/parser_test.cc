#include "protocol/parser.h"

#include <cstring>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/nuid.h"
#include "protocol/base/strings.h"

namespace weir::protocol {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Describe(const Op& op) {
  switch (op.kind) {
    case OpKind::kConnect:
      return Cat("CONNECT ", op.argument);
    case OpKind::kPub:
      return Cat("PUB ", op.subject, '|', op.reply, '|', op.headers, '|', op.payload,
                 std::string(op.form.header_zeros, 'h'), std::string(op.form.size_zeros, 'z'));
    case OpKind::kSub:
      return Cat("SUB ", op.subject, '|', op.queue, '|', op.sid);
    case OpKind::kUnsub:
      return Cat("UNSUB ", op.sid, '|', op.max);
    case OpKind::kPing:
      return "PING";
    case OpKind::kPong:
      return "PONG";
    case OpKind::kInfo:
      return Cat("INFO ", op.argument);
    case OpKind::kOk:
      return "+OK";
    case OpKind::kErr:
      return Cat("-ERR ", op.argument);
    case OpKind::kSkipped:
      return "";
  }
  return "?";
}

struct Outcome {
  std::vector<std::string> ops;
  ParseError error = ParseError::kNone;
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  return out << testing::PrintToString(outcome.ops) << " error " << static_cast<int>(outcome.error);
}

// Feeds pieces whose sizes `next_size` gives. What is pending always lies in a buffer of exactly
// its size, so that the sanitizer sees every byte read too many.
template <typename NextSize>
Outcome Parse(std::string_view bytes, const Parser::Limits& limits, NextSize next_size) {
  Parser parser(limits);
  Outcome outcome;
  std::string pending;
  while (!bytes.empty()) {
    size_t size = std::min(next_size(), bytes.size());
    pending.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
    while (!pending.empty()) {
      auto exact = std::make_unique<char[]>(pending.size());
      std::memcpy(exact.get(), pending.data(), pending.size());
      Op op;
      ParseStatus status = parser.Next({exact.get(), pending.size()}, op);
      if (status == ParseStatus::kNeedMore) {
        EXPECT_GT(parser.needed(), pending.size());
        break;
      }
      if (status == ParseStatus::kError) {
        EXPECT_NE(parser.error(), ParseError::kNone);
        EXPECT_FALSE(parser.error_text().empty());
        outcome.error = parser.error();
        return outcome;
      }
      EXPECT_GT(op.size, 0U);
      EXPECT_LE(op.size, pending.size());
      if (op.kind != OpKind::kSkipped) {
        outcome.ops.push_back(Describe(op));
      }
      pending.erase(0, op.size);
    }
  }
  return outcome;
}

Outcome Whole(std::string_view bytes, const Parser::Limits& limits = {}) {
  return Parse(bytes, limits, [bytes] { return bytes.size(); });
}

// Whole, byte by byte and cut at random: all the same.
Outcome Parsed(std::string_view bytes, const Parser::Limits& limits = {}) {
  Outcome whole = Whole(bytes, limits);
  EXPECT_EQ(Parse(bytes, limits, [] { return size_t{1}; }), whole) << bytes.substr(0, 200);
  Random random(bytes.size());
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(Parse(bytes, limits, [&random] { return 1 + random.Below(12); }), whole)
        << bytes.substr(0, 200);
  }
  return whole;
}

TEST(ParserTest, EveryVerb) {
  Outcome got = Parsed(
      "CONNECT {\"a\":1}\r\nSUB foo 1\r\nSUB foo.* q 2\r\nUNSUB 1\r\nUNSUB 2 7\r\nPUB a 2\r\nhi\r\n"
      "PUB a r 0\r\n\r\nHPUB a 12 14\r\nNATS/1.0\r\n\r\nhi\r\nHPUB a r 0 1\r\nx\r\nPING\r\nPONG\r\n"
      "INFO {}\r\n+OK\r\n-ERR 'x'\r\n");
  EXPECT_EQ(got.error, ParseError::kNone);
  EXPECT_THAT(got.ops,
              ElementsAre("CONNECT {\"a\":1}", "SUB foo||1", "SUB foo.*|q|2", "UNSUB 1|0",
                          "UNSUB 2|7", "PUB a|||hi", "PUB a|r||", "PUB a||NATS/1.0\r\n\r\n|hi",
                          "PUB a|r||x", "PING", "PONG", "INFO {}", "+OK", "-ERR 'x'"));
}

TEST(ParserTest, VerbsInAnyCase) {
  EXPECT_THAT(Parsed("cOnNeCt {}\r\nsub a 1\r\nPub a 0\r\n\r\nhpub a 0 0\r\n\r\nuNsUb 1\r\nping\r\n"
                     "Pong\r\ninfo {}\r\n+ok\r\n-err x\r\n")
                  .ops,
              ElementsAre("CONNECT {}", "SUB a||1", "PUB a|||", "PUB a|||", "UNSUB 1|0", "PING",
                          "PONG", "INFO {}", "+OK", "-ERR x"));
}

TEST(ParserTest, SeparatorsAreRunsOfBlanksAndTabs) {
  EXPECT_THAT(Parsed("SUB \t a \t q\t1 \t\r\nPUB\ta\t \tr\t 1 \r\nx\r\nUNSUB\t1\t 2\t\r\n").ops,
              ElementsAre("SUB a|q|1", "PUB a|r||x", "UNSUB 1|2"));
}

TEST(ParserTest, ALineMayEndWithLineFeedAlone) {
  EXPECT_THAT(Parsed("SUB a 1\nPING\nPUB a 1\nx\r\nCONNECT {}\n").ops,
              ElementsAre("SUB a||1", "PING", "PUB a|||x", "CONNECT {}"));
}

TEST(ParserTest, ConnectAndInfoNeedNoSeparator) {
  EXPECT_THAT(Parsed("CONNECT{}\r\nINFO{}\r\nCONNECT\r\nCONNECT \r\n").ops,
              ElementsAre("CONNECT {}", "INFO {}", "CONNECT ", "CONNECT "));
}

TEST(ParserTest, TextBehindPingPongAndOkIsIgnored) {
  EXPECT_THAT(Parsed("PING foo\r\nPINGPONG\nPONG \t x\r\n+OKAY\r\nPING\r\n").ops,
              ElementsAre("PING", "PING", "PONG", "+OK", "PING"));
}

TEST(ParserTest, LongTextBehindPingIsNotKept) {
  Parser parser({});
  std::string text = "PING " + std::string(10'000, 'x');
  Op op;
  ASSERT_EQ(parser.Next(text, op), ParseStatus::kOp);
  EXPECT_EQ(op.kind, OpKind::kSkipped);
  EXPECT_EQ(op.size, text.size());
  ASSERT_EQ(parser.Next("more", op), ParseStatus::kOp);
  EXPECT_EQ(op.kind, OpKind::kSkipped);
  ASSERT_EQ(parser.Next("end\r\nPONG\r\n", op), ParseStatus::kOp);
  EXPECT_EQ(op.kind, OpKind::kPing);
  EXPECT_EQ(op.size, 5U);
  EXPECT_THAT(Parsed(text + "\r\nPONG\r\n").ops, ElementsAre("PING", "PONG"));
}

TEST(ParserTest, APayloadIsAnyBytes) {
  std::string payload("\r\n\0\xff PING\r\n", 11);
  EXPECT_THAT(Parsed(Cat("PUB a 11\r\n", payload, "\r\nPING\r\n")).ops,
              ElementsAre(Cat("PUB a|||", payload), "PING"));
}

TEST(ParserTest, SizesHaveOneToNineDigits) {
  EXPECT_THAT(Parsed("PUB a 000000001\r\nx\r\n").ops, ElementsAre("PUB a|||xzzzzzzzz"));
  for (std::string_view size : {"0000000001", "+1", "-1", "1x", "x", "1.0", "0x1"}) {
    Outcome got = Parsed(Cat("PUB a ", size, "\r\nx\r\n"));
    EXPECT_EQ(got.error, ParseError::kBadArguments) << size;
    EXPECT_THAT(got.ops, IsEmpty());
  }
}

TEST(ParserTest, UnsubMaxThatIsNoNumberMeansNow) {
  EXPECT_THAT(
      Parsed("UNSUB 1 x\r\nUNSUB 1 -1\r\nUNSUB 1 0\r\nUNSUB 1 9999999999\r\nUNSUB 1 5\r\n").ops,
      ElementsAre("UNSUB 1|0", "UNSUB 1|0", "UNSUB 1|0", "UNSUB 1|0", "UNSUB 1|5"));
}

struct ErrorRow {
  std::string_view bytes;
  ParseError error;
  std::string_view log;  // a part of the line for the log
};

TEST(ParserTest, ErrorsOfProtocol22) {
  using enum ParseError;
  for (const ErrorRow& row : {
           ErrorRow{"PUB \r\n", kBadArguments, "processPub Parse Error: \"\""},
           {"PUB a\r\n", kBadArguments, "processPub Parse Error: \"a\""},
           {"PUB a b c 1\r\n", kBadArguments, "processPub Parse Error: \"a b c 1\""},
           {"PUB a x\r\n", kBadArguments, "processPub Bad or Missing Size: \"a x\""},
           {"HPUB \r\n", kBadArguments, "processHeaderPub Parse Error"},
           {"HPUB a 1\r\n", kBadArguments, "processHeaderPub Parse Error: \"a 1\""},
           {"HPUB a b c 1 1\r\n", kBadArguments, "processHeaderPub Parse Error"},
           {"HPUB a x 1\r\n", kBadArguments,
            "processHeaderPub Bad or Missing Header Size: \"a x 1\""},
           {"HPUB a 1 x\r\n", kBadArguments,
            "processHeaderPub Bad or Missing Total Size: \"a 1 x\""},
           {"HPUB a 2 1\r\n", kBadArguments,
            "processHeaderPub Header Size larger then TotalSize: \"a 2 1\""},
           {"SUB \r\n", kBadArguments, "processSub Parse Error"},
           {"SUB a\r\n", kBadArguments, "processSub Parse Error: \"a\""},
           {"SUB a b c d\r\n", kBadArguments, "processSub Parse Error: \"a b c d\""},
           {"UNSUB \r\n", kBadArguments, "processUnsub Parse Error"},
           {"UNSUB 1 2 3\r\n", kBadArguments, "processUnsub Parse Error: \"1 2 3\""},
           {"PUB\r\n", kUnknownOperation, "Client parser ERROR"},
           {"HPUB\r\n", kUnknownOperation, "Client parser ERROR"},
           {"SUB\r\n", kUnknownOperation, "Client parser ERROR"},
           {"UNSUB\r\n", kUnknownOperation, "Client parser ERROR"},
           {"-ERR\r\n", kUnknownOperation, "Client parser ERROR"},
           {"SUBa 1\r\n", kUnknownOperation, "Client parser ERROR"},
           {"\r\n", kUnknownOperation, "Client parser ERROR"},
           {"FOO\r\n", kUnknownOperation, "Client parser ERROR"},
           {"PUX\r\n", kUnknownOperation, "Client parser ERROR"},
           {"RS+ a b\r\n", kUnknownOperation, "Client parser ERROR"},
           {"A+ a\r\n", kUnknownOperation, "Client parser ERROR"},
           {"LS+ a\r\n", kUnknownOperation, "Client parser ERROR"},
           {"MSG a 1 0\r\n\r\n", kUnknownOperation, "Client parser ERROR"},
           {"HMSG a 1 0 0\r\n\r\n", kUnknownOperation, "Client parser ERROR"},
           {"PUB a 2\r\nabc\r\n", kUnknownOperation, "Client parser ERROR"},
           {"PUB a 2\r\nab\n", kUnknownOperation, "Client parser ERROR"},
           {"PUB a 2\r\nab\rx", kUnknownOperation, "Client parser ERROR"},
           {"HPUB a 2 2\r\nabc\r\n", kUnknownOperation, "Client parser ERROR"},
       }) {
    SCOPED_TRACE(row.bytes);
    Outcome got = Parsed(Cat("PING\r\n", row.bytes));
    EXPECT_EQ(got.error, row.error);
    EXPECT_THAT(got.ops, ElementsAre("PING"));
    Parser parser({});
    Op op;
    ASSERT_EQ(parser.Next(row.bytes, op), ParseStatus::kError);
    EXPECT_THAT(parser.error_text(), HasSubstr(row.log));
  }
}

TEST(ParserTest, HeadersMustBeAgreedOn) {
  Parser::Limits limits;
  limits.headers = false;
  EXPECT_EQ(Parsed("HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n", limits).error,
            ParseError::kHeadersUnsupported);
}

TEST(ParserTest, PayloadLimitIsCheckedAtTheEndOfTheLine) {
  Parser::Limits limits;
  limits.max_payload = 10;
  EXPECT_EQ(Parsed("PUB a 11\r\n", limits).error, ParseError::kPayload);
  EXPECT_EQ(Parsed("HPUB a 5 11\r\n", limits).error, ParseError::kPayload);
  EXPECT_THAT(Parsed("PUB a 10\r\n0123456789\r\n", limits).ops, ElementsAre("PUB a|||0123456789"));
  Parser parser(limits);
  Op op;
  ASSERT_EQ(parser.Next("PUB a 999999999\r\n", op), ParseStatus::kError);
  EXPECT_EQ(parser.error_text(), "maximum payload exceeded: 999999999 vs 10");
  limits.max_payload = -1;
  EXPECT_EQ(Parsed("PUB a 999999999\r\n", limits).error, ParseError::kNone);
}

TEST(ParserTest, ControlLineLimitCountsArguments) {
  Parser::Limits limits;
  limits.max_control_line = 64;
  std::string fits(62, 'a');
  EXPECT_THAT(Parsed(Cat("SUB ", fits, " 1\r\n"), limits).ops,
              ElementsAre(Cat("SUB ", fits, "||1")));
  EXPECT_THAT(Parsed(Cat("PUB ", fits, " 0\n\r\n"), limits).ops,
              ElementsAre(Cat("PUB ", fits, "|||")));
  for (std::string_view verb : {"SUB ", "PUB ", "HPUB ", "UNSUB ", "CONNECT ", "INFO ", "-ERR "}) {
    SCOPED_TRACE(verb);
    EXPECT_EQ(Parsed(Cat(verb, fits, "a 1\r\n"), limits).error, ParseError::kControlLine);
    EXPECT_EQ(Parsed(Cat(verb, std::string(100, 'a')), limits).error, ParseError::kControlLine);
    EXPECT_EQ(Parsed(Cat(verb, std::string(100, ' '), "a 1\r\n"), limits).error,
              ParseError::kControlLine);
  }
}

TEST(ParserTest, TinyControlLineLimits) {
  for (size_t limit = 0; limit < 8; ++limit) {
    Parser::Limits limits;
    limits.max_control_line = limit;
    Outcome got = Parsed("PUB a 1\r\nx\r\n", limits);
    EXPECT_EQ(got.error, limit < 3 ? ParseError::kControlLine : ParseError::kNone) << limit;
  }
}

TEST(ParserTest, SaysHowMuchItNeeds) {
  Parser parser({});
  Op op;
  ASSERT_EQ(parser.Next("PUB a 100\r\nabc", op), ParseStatus::kNeedMore);
  EXPECT_EQ(parser.needed(), 11U + 100U + 1U);
  std::string all = "PUB a 100\r\n" + std::string(100, 'x') + "\r\n";
  ASSERT_EQ(parser.Next(all, op), ParseStatus::kOp);
  EXPECT_EQ(op.size, all.size());
  EXPECT_EQ(parser.needed(), 0U);
}

TEST(ParserTest, ViewsPointIntoTheInput) {
  std::string input = "HPUB a r 4 6\r\nhhhhpp\r\n";
  Parser parser({});
  Op op;
  ASSERT_EQ(parser.Next(input, op), ParseStatus::kOp);
  EXPECT_EQ(op.subject.data(), input.data() + 5);
  EXPECT_EQ(op.payload.data(), input.data() + 18);
}

// Sequences of random operations and random damage: however they are cut, the outcome is one.
TEST(ParserTest, RandomInputDoesNotDependOnCuts) {
  const std::string_view parts[] = {"PUB a 2\r\nhi\r\n",
                                    "PUB a.b reply 3\r\nxyz\r\n",
                                    "HPUB a 12 13\r\nNATS/1.0\r\n\r\nx\r\n",
                                    "SUB foo.* 1\r\n",
                                    "SUB foo q 22\r\n",
                                    "UNSUB 1\r\n",
                                    "UNSUB 1 5\r\n",
                                    "PING\r\n",
                                    "PONG\r\n",
                                    "CONNECT {}\r\n",
                                    "+OK\r\n",
                                    "INFO {\"a\":1}\r\n",
                                    "ping\n",
                                    "PUB  a\t 0 \n\r\n"};
  Parser::Limits limits;
  limits.max_control_line = 40;
  limits.max_payload = 50;
  Random random(11);
  int errors = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    for (uint64_t n = 1 + random.Below(6); n > 0; --n) {
      bytes += parts[random.Below(std::size(parts))];
    }
    for (uint64_t damage = random.Below(3); damage > 0; --damage) {
      size_t at = random.Below(bytes.size());
      switch (random.Below(3)) {
        case 0:
          bytes[at] = " \r\n\tP09aZ{"[random.Below(10)];
          break;
        case 1:
          bytes.erase(at, 1 + random.Below(3));
          break;
        default:
          bytes.insert(at, random.Below(60), 'x');
      }
      if (bytes.empty()) {
        bytes = "x";
      }
    }
    Outcome whole = Whole(bytes, limits);
    ASSERT_EQ(Parse(bytes, limits, [] { return size_t{1}; }), whole)
        << testing::PrintToString(bytes);
    ASSERT_EQ(Parse(bytes, limits, [&random] { return 1 + random.Below(20); }), whole)
        << testing::PrintToString(bytes);
    errors += whole.error != ParseError::kNone ? 1 : 0;
  }
  EXPECT_GT(errors, 500);
  EXPECT_LT(errors, 2500);
}

}  // namespace
}  // namespace weir::protocol
