#pragma once

// Encodes what the server says into a buffer (protocol.md 3).

#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "protocol/base/byte_queue.h"
#include "protocol/wire_form.h"

namespace weir::protocol {

// What a subscriber gets. `headers` empty: MSG, else HMSG.
struct WireMessage {
  std::string_view subject;
  std::string_view sid;
  std::string_view reply;
  std::string_view headers;
  std::string_view payload;
  WireForm form = {};
};

// Appends the complete message. Returns the bytes appended.
inline size_t AppendMessage(ByteQueue& out, const WireMessage& m) {
  // Verb, blanks, two sizes of at most ten digits and three CRLF fit into 40.
  size_t bound = m.subject.size() + m.sid.size() + m.reply.size() + m.headers.size() +
                 m.payload.size() + 40 + m.form.header_zeros + m.form.size_zeros;
  char* start = out.Reserve(bound);
  char* p = start;
  auto put = [&p](std::string_view text) {
    if (!text.empty()) {  // memcpy wants no null pointer, not even for nothing
      std::memcpy(p, text.data(), text.size());
      p += text.size();
    }
  };
  auto number = [&p](size_t value, uint8_t zeros) {
    for (; zeros > 0; --zeros) {
      *p++ = '0';
    }
    p = std::to_chars(p, p + 20, value).ptr;
  };
  put(m.headers.empty() ? std::string_view("MSG ") : std::string_view("HMSG "));
  put(m.subject);
  *p++ = ' ';
  put(m.sid);
  *p++ = ' ';
  if (!m.reply.empty() || m.form.empty_reply) {
    put(m.reply);
    *p++ = ' ';
  }
  if (!m.headers.empty()) {
    number(m.headers.size(), m.form.header_zeros);
    *p++ = ' ';
  }
  number(m.headers.size() + m.payload.size(), m.form.size_zeros);
  put("\r\n");
  put(m.headers);
  put(m.payload);
  put("\r\n");
  size_t used = static_cast<size_t>(p - start);
  out.Commit(used);
  return used;
}

inline void AppendText(ByteQueue& out, std::string_view text) {
  if (text.empty()) {
    return;
  }
  char* p = out.Reserve(text.size());
  std::memcpy(p, text.data(), text.size());
  out.Commit(text.size());
}

// -ERR '<text>'
inline void AppendError(ByteQueue& out, std::string_view text) {
  AppendText(out, "-ERR '");
  AppendText(out, text);
  AppendText(out, "'\r\n");
}

}  // namespace weir::protocol
