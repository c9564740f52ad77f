#include "server/queues_page.h"

#include <map>
#include <utility>

#include "server/gather.h"
#include "server/jetstream_part.h"

namespace weir::server {

namespace {

constexpr std::string_view kSystemReceive = "System recvQ";
constexpr std::string_view kServerQueues[] = {"SendQ", kSystemReceive, "System recvQ Pings",
                                              "System sendQ"};
constexpr std::string_view kJetStreamQueues[] = {"JetStream API info queue", "JetStream API queue",
                                                 "delayed API responses"};
constexpr std::string_view kStreamQueues[] = {"direct gets", "messages", "obs", "sendQ"};

using Names = std::vector<std::string>;

void AddStream(Names& out, const std::string& account, const jetstream::Stream& stream) {
  std::string of_account = Cat("[ACC:", account, "] ");
  std::string prefix = Cat(of_account, "stream '", stream.name(), "' ");
  for (std::string_view each : kStreamQueues) {
    out.push_back(Cat(prefix, each));
  }
  if (stream.config().retention != jetstream::RetentionPolicy::kLimits) {
    out.push_back(Cat(prefix, "acks"));
  }
  for (const auto& [name, consumer] : stream.consumers()) {
    std::string of_consumer =
        Cat(of_account, "consumer '", name, "' on stream '", stream.name(), "' ");
    out.push_back(Cat(of_consumer, "ackMsgs"));
    if (consumer->config().deliver_subject.empty()) {
      out.push_back(Cat(of_consumer, "pull requests"));
    }
  }
}

std::string Compose(const Names& names, const IpqueueszOptions& options, bool system_request) {
  std::map<std::string, bool> shown;  // is something under way?
  auto add = [&](std::string_view name, bool busy) {
    if ((busy || options.all) && name.find(options.filter) != std::string_view::npos) {
      shown[std::string(name)] = busy;
    }
  };
  for (const std::string& name : names) {
    add(name, false);
  }
  for (std::string_view name : kServerQueues) {
    add(name, system_request && name == kSystemReceive);
  }
  JsonWriter out;
  out.OpenObject();
  for (const auto& [name, busy] : shown) {
    out.Key(name).OpenObject().Field("pending", 0).Optional("in_progress", busy ? 1 : 0);
    out.CloseObject();
  }
  out.CloseObject();
  return out.Take();
}

}  // namespace

void MakeIpqueuesz(PageSources& sources, IpqueueszOptions options, bool system_request,
                   PageDone done) {
  if (!sources.jetstream_on() || !options.all) {
    std::move(done)(Compose({}, options, system_request));
    return;
  }
  Gather(
      sources.workers,
      [&sources](Worker& worker) {
        Names out;
        for (jetstream::Stream* stream :
             sources.jetstream->jetstream().shard(worker.index()).streams()) {
          AddStream(out, sources.context.accounts.NameOf(stream->account()), *stream);
        }
        return out;
      },
      [options, system_request, done = std::move(done)](const std::vector<Names>& answers) mutable {
        Names all(std::begin(kJetStreamQueues), std::end(kJetStreamQueues));
        for (const Names& each : answers) {
          all.insert(all.end(), each.begin(), each.end());
        }
        std::move(done)(Compose(all, options, system_request));
      });
}

}  // namespace weir::server
