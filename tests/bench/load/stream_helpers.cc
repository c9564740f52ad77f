#include "tests/bench/load/stream_helpers.h"

#include <charconv>
#include <string>

namespace weir::load {

uint64_t NumberOf(std::string_view json, std::string_view key) {
  const size_t at = json.find(key);
  uint64_t value = 0;
  if (at == std::string_view::npos) {
    Fail("no " + std::string(key) + " in " + std::string(json));
  }
  size_t from = at + key.size();
  while (from < json.size() && (json[from] == ' ' || json[from] == ':')) {
    ++from;
  }
  const auto [end, error] = std::from_chars(json.data() + from, json.data() + json.size(), value);
  if (error != std::errc()) {
    Fail("no number behind " + std::string(key) + " in " + std::string(json));
  }
  return value;
}

uint64_t LastOf(Loop& loop, const Settings& settings) {
  return NumberOf(loop.Request("$JS.API.STREAM.INFO." + settings.stream, ""), "\"last_seq\"");
}

uint64_t MessagesOf(Loop& loop, const Settings& settings) {
  return NumberOf(loop.Request("$JS.API.STREAM.INFO." + settings.stream, ""), "\"messages\"");
}

void CreateStream(Loop& loop, const Settings& settings) {
  loop.Request("$JS.API.STREAM.CREATE." + settings.stream,
               "{\"name\":\"" + settings.stream + "\",\"subjects\":[\"" + settings.subject +
                   (settings.width > 0      ? ".>"
                    : settings.subjects > 1 ? ".*"
                                            : "") +
                   "\"],\"retention\":\"limits\",\"max_consumers\":-1,\"max_msgs\":-1,"
                   "\"max_bytes\":" +
                   (settings.max_bytes > 0 ? std::to_string(settings.max_bytes) : "-1") +
                   ",\"max_age\":0,\"storage\":\"" + settings.storage +
                   "\",\"discard\":\"old\",\"num_replicas\":1}");
}

// $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>
void Reader::OnMessage(const Message& message) {
  size_t at = 0;
  for (int dots = 0; dots < 5 && at != std::string_view::npos; ++dots) {
    at = message.reply.find('.', at == 0 ? 0 : at + 1);
  }
  if (at == std::string_view::npos) {
    Fail("a delivery without an ack subject: " + std::string(message.reply));
  }
  uint64_t seq = 0;
  std::from_chars(message.reply.data() + at + 1, message.reply.data() + message.reply.size(), seq);
  if (gaps_ ? seq <= last_ : seq != last_ + 1) {
    Fail("not the next sequence: " + std::string(message.reply));
  }
  last_ = seq;
  ++received_;
}

}  // namespace weir::load
