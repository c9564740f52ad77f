#include <algorithm>
#include <charconv>
#include <memory>
#include <string>

#include "tests/bench/load/client.h"
#include "tests/bench/load/loads.h"
#include "tests/bench/load/stream_helpers.h"

namespace weir::load {
namespace {

using Clock = std::chrono::steady_clock;

void Send(Client& client, const std::string& subject, const std::string& reply,
          const std::string& body) {
  client.out() +=
      "PUB " + subject + " " + reply + " " + std::to_string(body.size()) + "\r\n" + body + "\r\n";
}

std::string Filters(const Settings& settings) {
  std::string list;
  for (uint64_t i = 0; i < settings.filters; ++i) {
    list += (i == 0 ? "\"" : ",\"") + settings.subject + "." + std::to_string(i) + "\"";
  }
  return list;
}

}  // namespace

void RunCreateConsumers(const Settings& settings) {
  Loop loop;
  Client& client = loop.Add(std::make_unique<Client>(settings.port));
  uint64_t asked = 0;
  uint64_t created = 0;
  const auto ask = [&] {
    while (asked < settings.count && asked - created < settings.window) {
      const std::string name = "load" + std::to_string(asked++);
      std::string body = R"({"stream_name":")" + settings.stream + R"(","config":{"name":")" +
                         name + R"(","durable_name":")" + name + R"(","ack_policy":"explicit")";
      if (settings.filters > 0) {
        body += R"(,"filter_subject":")" + settings.subject + "." + std::to_string(asked) + "\"";
      }
      Send(client,
           "$JS.API.CONSUMER.CREATE." + settings.stream + "." + name +
               (settings.filters > 0 ? "." + settings.subject + "." + std::to_string(asked) : ""),
           "_INBOX.load.create", body + "}}");
    }
  };
  client.out() += "SUB _INBOX.load.create 2\r\n";
  client.on_message = [&](const Message& message) {
    if (message.payload.find("\"error\"") != std::string_view::npos) {
      Fail("a consumer was refused: " + std::string(message.payload));
    }
    ++created;
    ask();
  };
  const auto began = Clock::now();
  ask();
  loop.Run([&] { return created == settings.count; }, settings.limit);
  Report("consumers", created, began);
}

void RunFilteredRead(const Settings& settings) {
  Loop loop;
  Client& client = loop.Add(std::make_unique<Client>(settings.port));
  std::string config = R"({"name":"load_filter","durable_name":"load_filter","ack_policy":"none",)"
                       R"("deliver_policy":")" +
                       settings.deliver + "\"";
  if (!settings.filter.empty()) {
    config += R"(,"filter_subject":")" + settings.filter + "\"";
  } else if (settings.filters > 1) {
    config += R"(,"filter_subjects":[)" + Filters(settings) + "]";
  } else if (settings.filters == 1) {
    config += R"(,"filter_subject":)" + Filters(settings);
  } else if (settings.deliver == "last_per_subject") {  // wants a filter
    config += R"(,"filter_subject":")" + settings.subject + R"(.>")";
  }
  const std::string target = settings.stream + ".load_filter";
  const auto began = Clock::now();
  const std::string created =
      loop.Request("$JS.API.CONSUMER.CREATE." + target +
                       (!settings.filter.empty() ? "." + settings.filter
                        : settings.filters == 1  ? "." + settings.subject + ".0"
                                                 : ""),
                   R"({"stream_name":")" + settings.stream + R"(","config":)" + config + "}}");
  const uint64_t wanted = NumberOf(created, "\"num_pending\"");
  const std::chrono::duration<double, std::milli> creating = Clock::now() - began;
  Reader reader(wanted, true);
  std::chrono::duration<double, std::milli> first{};
  uint64_t asked = 0;
  const auto ask = [&] {
    const uint64_t batch = std::min<uint64_t>(settings.window, wanted - asked);
    Send(client, "$JS.API.CONSUMER.MSG.NEXT." + target, "_INBOX.load.filter",
         R"({"batch":)" + std::to_string(batch) + R"(,"expires":30000000000})");
    asked += batch;
  };
  client.out() += "SUB _INBOX.load.filter 2\r\n";
  client.on_message = [&](const Message& message) {
    if (message.headers.starts_with("NATS/1.0 ")) {
      Fail("a status instead of a message: " + std::string(message.headers));
    }
    reader.OnMessage(message);
    if (reader.received() == 1) {
      first = Clock::now() - began;
    }
    if (asked < wanted && asked - reader.received() <= settings.window / 2) {
      ask();
    }
  };
  const auto reading = Clock::now();
  ask();
  loop.Run([&] { return reader.done(); }, settings.limit);
  const std::chrono::duration<double> took = Clock::now() - reading;
  const auto asking = Clock::now();
  loop.Request("$JS.API.CONSUMER.INFO." + target, "");
  const std::chrono::duration<double, std::milli> info = Clock::now() - asking;
  std::printf(
      "{\"load\": \"filtered_read\", \"messages\": %llu, \"seconds\": %.6f, \"created_ms\": %.3f, "
      "\"first_ms\": %.3f, \"info_ms\": %.3f}\n",
      static_cast<unsigned long long>(reader.received()), took.count(), creating.count(),
      first.count(), info.count());
  loop.Request("$JS.API.CONSUMER.DELETE." + target, "");
}

}  // namespace weir::load
