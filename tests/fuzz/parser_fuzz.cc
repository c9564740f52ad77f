// The client parser, fed with the same bytes whole and in pieces: the operations and the error must
// be the same, every view must lie in the input, and nothing may be read behind its end (the input
// of each call lies in a heap block of exactly its size).
//
// The first bytes of an input choose the limits and how it is cut.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/base/strings.h"
#include "protocol/parser.h"

namespace {

using weir::protocol::Op;
using weir::protocol::OpKind;
using weir::protocol::ParseError;
using weir::protocol::Parser;
using weir::protocol::ParseStatus;

struct Outcome {
  std::vector<std::string> ops;
  ParseError error = ParseError::kNone;
  bool operator==(const Outcome&) const = default;
};

void CheckInside(std::string_view input, std::string_view view) {
  WEIR_CHECK(view.empty() || (view.data() >= input.data() &&
                              view.data() + view.size() <= input.data() + input.size()));
}

std::string Describe(const Op& op, std::string_view input) {
  std::string kind = weir::Cat(static_cast<int>(op.kind), ' ');
  switch (op.kind) {
    case OpKind::kPub:
      for (std::string_view view : {op.subject, op.reply, op.headers, op.payload}) {
        CheckInside(input, view);
      }
      return weir::Cat(kind, op.subject, '|', op.reply, '|', op.headers, '|', op.payload, '|',
                       int{op.form.header_zeros}, '|', int{op.form.size_zeros});
    case OpKind::kSub:
      for (std::string_view view : {op.subject, op.queue, op.sid}) {
        CheckInside(input, view);
      }
      return weir::Cat(kind, op.subject, '|', op.queue, '|', op.sid);
    case OpKind::kUnsub:
      CheckInside(input, op.sid);
      return weir::Cat(kind, op.sid, '|', op.max);
    case OpKind::kConnect:
    case OpKind::kInfo:
    case OpKind::kErr:
      CheckInside(input, op.argument);
      return weir::Cat(kind, op.argument);
    default:
      return kind;
  }
}

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
      std::string_view input(exact.get(), pending.size());
      Op op;
      ParseStatus status = parser.Next(input, op);
      if (status == ParseStatus::kNeedMore) {
        WEIR_CHECK(parser.needed() > pending.size());
        break;
      }
      if (status == ParseStatus::kError) {
        WEIR_CHECK(parser.error() != ParseError::kNone && !parser.error_text().empty());
        outcome.error = parser.error();
        return outcome;
      }
      WEIR_CHECK(op.size > 0 && op.size <= pending.size());
      if (op.kind != OpKind::kSkipped) {
        outcome.ops.push_back(Describe(op, input));
      }
      pending.erase(0, op.size);
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) {
    return 0;
  }
  Parser::Limits limits;
  limits.max_payload = data[0] % 4 == 0 ? -1 : data[0];
  limits.max_control_line = data[1];
  limits.headers = data[2] % 2 == 0;
  size_t piece = 1 + data[3] % 16;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 4, size - 4);

  Outcome whole = Parse(bytes, limits, [bytes] { return bytes.size(); });
  WEIR_CHECK(Parse(bytes, limits, [] { return size_t{1}; }) == whole);
  size_t round = 0;
  WEIR_CHECK(Parse(bytes, limits, [&] { return 1 + (piece * ++round) % 13; }) == whole);
  return 0;
}
