// weir_load MODE [--port N] [--subject S] [--count N] [--size N] [--conns N] [--window N]
//                [--subjects N] [--first N] [--header NAME] [--stream S] [--max-bytes N]
//                [--storage file|memory] [--ack none|explicit] [--filters N] [--deliver POLICY]
//                [--width N] [--filter PATTERN] [--sleepers N] [--limit SECONDS]
// MODE: pub fan request idle hammer overload subs js-pub js-ordered js-pull consumers js-filter
//
// A light generator of the wire protocol on one thread, bounded in count and time, against a server
// on loopback. Prints one line of JSON.

#include <charconv>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "tests/bench/load/client.h"
#include "tests/bench/load/loads.h"

namespace weir::load {

void Report(const char* what, uint64_t messages, std::chrono::steady_clock::time_point began) {
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("{\"load\": \"%s\", \"messages\": %llu, \"seconds\": %.6f}\n", what,
              static_cast<unsigned long long>(messages), took.count());
}

namespace {

uint64_t Number(std::string_view name, std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0) {
    Fail(std::string(name) + " wants a number above zero, not " + std::string(text));
  }
  return value;
}

Settings ReadSettings(int count, char** words) {
  Settings settings;
  for (int i = 0; i < count; i += 2) {
    const std::string_view name = words[i];
    if (i + 1 == count) {
      Fail(std::string(name) + " wants a value");
    }
    const std::string_view value = words[i + 1];
    if (name == "--port") {
      settings.port = static_cast<uint16_t>(Number(name, value));
    } else if (name == "--subject") {
      settings.subject = value;
    } else if (name == "--count") {
      settings.count = Number(name, value);
    } else if (name == "--size") {
      settings.size = Number(name, value);
    } else if (name == "--conns") {
      settings.conns = Number(name, value);
    } else if (name == "--window") {
      settings.window = Number(name, value);
    } else if (name == "--subjects") {
      settings.subjects = Number(name, value);
    } else if (name == "--first") {
      settings.first = Number(name, value);
    } else if (name == "--width") {
      settings.width = Number(name, value);
    } else if (name == "--filter") {
      settings.filter = value;
    } else if (name == "--header") {
      settings.header = value;
    } else if (name == "--max-bytes") {
      settings.max_bytes = Number(name, value);
    } else if (name == "--stream") {
      settings.stream = value;
    } else if (name == "--storage") {
      settings.storage = value;
    } else if (name == "--ack") {
      settings.ack = value;
    } else if (name == "--deliver") {
      settings.deliver = value;
    } else if (name == "--filters") {
      settings.filters = Number(name, value);
    } else if (name == "--sleepers") {
      settings.sleepers = Number(name, value);
    } else if (name == "--limit") {
      settings.limit = std::chrono::seconds(Number(name, value));
    } else {
      Fail("no option " + std::string(name));
    }
  }
  return settings;
}

}  // namespace
}  // namespace weir::load

int main(int argc, char** argv) {
  using namespace weir::load;
  static const std::map<std::string_view, void (*)(const Settings&)> kModes = {
      {"pub", RunPublish},
      {"fan", RunFanOut},
      {"request", RunRequestReply},
      {"idle", RunIdle},
      {"hammer", RunHammer},
      {"overload", RunOverload},
      {"subs", RunSubscriptions},
      {"js-pub", RunStreamPublish},
      {"js-ordered", RunOrderedRead},
      {"js-pull", RunPullRead},
      {"consumers", RunCreateConsumers},
      {"js-filter", RunFilteredRead},
  };
  const auto mode = argc > 1 ? kModes.find(argv[1]) : kModes.end();
  if (mode == kModes.end()) {
    Fail(
        "usage: weir_load pub|fan|request|idle|hammer|overload|subs|js-pub|js-ordered|js-pull|"
        "consumers|js-filter "
        "[--option value]...");
  }
  mode->second(ReadSettings(argc - 2, argv + 2));
  return 0;
}
