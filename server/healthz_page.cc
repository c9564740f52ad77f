#include "server/healthz_page.h"

#include <utility>

#include "jetstream/pending_stream.h"
#include "server/gather.h"
#include "server/jetstream_part.h"

namespace weir::server {

namespace {

constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr int kNotReady = 500;
constexpr int kUnavailable = 503;
constexpr std::string_view kNa = "unavailable";

// With details the status says only whether there are errors.
Health Failed(const HealthzOptions& options, int code, std::string_view status,
              Health::Error error) {
  Health out;
  out.code = code;
  out.details = options.details;
  out.status = options.details ? std::string_view("error") : status;
  out.errors.push_back(std::move(error));
  return out;
}

std::optional<Health> CheckRequest(const HealthzOptions& options) {
  auto missing = [&options](std::string_view what, std::string_view of) {
    return Failed(options, kBadRequest, "error",
                  {.type = "BAD_REQUEST",
                   .text = Cat(Quoted(what), " must not be empty when checking ", of, " health")});
  };
  if (options.account.empty() && !options.stream.empty()) {
    return missing("account", "stream");
  }
  if (options.stream.empty() && !options.consumer.empty()) {
    return missing("stream", "consumer");
  }
  return std::nullopt;
}

Health NoAccount(const HealthzOptions& options) {
  return Failed(options, kNotFound, kNa,
                {.type = "ACCOUNT",
                 .account = options.account,
                 .text = Cat("JetStream account ", Quoted(options.account), " not found")});
}

Health NoStream(const HealthzOptions& options) {
  return Failed(options, kNotFound, kNa,
                {.type = "STREAM",
                 .account = options.account,
                 .stream = options.stream,
                 .text = Cat("JetStream stream ", Quoted(options.stream), " not found on account ",
                             Quoted(options.account))});
}

Health NoConsumer(const HealthzOptions& options) {
  return Failed(
      options, kNotFound, kNa,
      {.type = "CONSUMER",
       .account = options.account,
       .stream = options.stream,
       .consumer = options.consumer,
       .text = Cat("JetStream consumer ", Quoted(options.consumer), " not found for stream ",
                   Quoted(options.stream), " on account ", Quoted(options.account))});
}

// A stream that is still being read, or whose home cannot write any more.
struct Broken {
  AccountId account;
  std::string stream;
  std::string why;  // behind the stream's name
};

// Streams that are on the disk and could not be loaded.
Health CheckSetAside(PageSources& sources, const HealthzOptions& options) {
  Health out;
  for (const std::string& line : sources.jetstream->jetstream().catalog().set_aside()) {
    Health one = Failed(options, kUnavailable, kNa,
                        {.type = "STREAM", .text = Cat("JetStream could not recover ", line)});
    if (out.errors.empty()) {
      out = std::move(one);
    } else if (options.details) {
      out.errors.push_back(std::move(one.errors.front()));
    }
  }
  return out;
}

std::vector<std::string> StoreNotes(JetStreamPart& jetstream) {
  std::vector<std::string> notes = jetstream.report().damaged;
  for (std::string& line : jetstream.damage().lines()) {
    notes.push_back(std::move(line));
  }
  if (jetstream.keeper().full()) {
    notes.emplace_back("the disk is full: file streams take no messages");
  }
  return notes;
}

void CheckStores(PageSources& sources, const HealthzOptions& options, HealthDone done) {
  auto visit = [&jetstream = sources.jetstream->jetstream()](Worker& worker) {
    std::vector<Broken> out;
    jetstream::Shard& shard = jetstream.shard(worker.index());
    if (!shard.failure().ok()) {
      for (jetstream::Stream* stream : shard.streams()) {
        out.push_back({stream->account(), stream->name(),
                       Cat("write error: ", weir::Message(shard.failure()))});
      }
    }
    for (jetstream::PendingStream* stream : shard.pending()) {
      out.push_back({stream->account(), stream->config().name, "could not be recovered yet"});
    }
    return out;
  };
  Gather(sources.workers, visit,
         [&sources, options, done = std::make_shared<HealthDone>(std::move(done))](
             const std::vector<std::vector<Broken>>& answers) {
           Health out = CheckSetAside(sources, options);
           for (const auto& home : answers) {
             for (const Broken& each : home) {
               std::string account = sources.context.accounts.NameOf(each.account);
               std::string text =
                   Cat("JetStream stream '", account, " > ", each.stream, "' ", each.why);
               Health one = Failed(options, kUnavailable, kNa,
                                   {.type = "STREAM",
                                    .account = account,
                                    .stream = each.stream,
                                    .text = std::move(text)});
               if (out.errors.empty()) {
                 out = std::move(one);
               } else if (options.details) {
                 out.errors.push_back(std::move(one.errors.front()));
               }
             }
           }
           out.details = options.details;
           out.store =
               options.details ? StoreNotes(*sources.jetstream) : std::vector<std::string>();
           std::move (*done)(std::move(out));
         });
}

// The stream exists: does its consumer? Asked at the stream's home.
void CheckConsumer(PageSources& sources, const jetstream::Catalog::Entry& entry,
                   const HealthzOptions& options, HealthDone done) {
  jetstream::Shard& home = sources.jetstream->jetstream().catalog().home_of(entry);
  home.env().executor.Post(
      [&sources, &home, id = entry.id, options, done = std::move(done)]() mutable {
        jetstream::Stream* stream = home.Find(id);
        bool found = (stream != nullptr && stream->FindConsumer(options.consumer) != nullptr) ||
                     home.FindPending(id) != nullptr;
        sources.home().Post([&sources, options, found, done = std::move(done)]() mutable {
          if (!found) {
            std::move(done)(NoConsumer(options));
          } else {
            CheckStores(sources, options, std::move(done));
          }
        });
      });
}

void CheckAssets(PageSources& sources, const HealthzOptions& options, HealthDone done) {
  const AccountRegistry& accounts = sources.context.accounts;
  if (options.account.empty()) {
    CheckStores(sources, options, std::move(done));
    return;
  }
  const Account* account = accounts.FindByName(options.account);
  const jetstream::Catalog& catalog = sources.jetstream->jetstream().catalog();
  // The reference finds an account by the folder that its first stream makes.
  if (account == nullptr || catalog.List(account->id(), {}).empty()) {
    std::move(done)(NoAccount(options));
    return;
  }
  const jetstream::Catalog::Entry* entry = catalog.Find(account->id(), options.stream);
  if (!options.stream.empty() && entry == nullptr) {
    std::move(done)(NoStream(options));
  } else if (options.consumer.empty()) {
    CheckStores(sources, options, std::move(done));
  } else {
    CheckConsumer(sources, *entry, options, std::move(done));
  }
}

}  // namespace

std::string Health::Json(bool with_code) const {
  JsonWriter out;
  out.OpenObject().Field("status", status);
  if (with_code) {
    out.Field("status_code", code);
  }
  if (!details && !errors.empty()) {
    out.Field("error", errors.front().text);
  }
  if (details && !errors.empty()) {
    out.Key("errors").OpenArray();
    for (const Error& each : errors) {
      out.OpenObject().Field("type", each.type).Optional("account", each.account);
      out.Optional("stream", each.stream).Optional("consumer", each.consumer);
      out.Field("error", each.text).CloseObject();
    }
    out.CloseArray();
  }
  if (!store.empty()) {
    out.Strings("store", store);
  }
  out.CloseObject();
  return out.Take();
}

void CheckHealth(PageSources& sources, HealthzOptions options, HealthDone done) {
  if (auto refused = CheckRequest(options)) {
    std::move(done)(*std::move(refused));
  } else if (!sources.context.accepting.load(std::memory_order_relaxed)) {
    std::move(done)(Failed(
        options, kNotReady, "error",
        {.type = "CONNECTION", .text = "failed to be ready for connections after 1ms: server"}));
  } else if (options.js_server_only || !sources.jetstream_on() || options.js_enabled_only ||
             options.js_enabled) {
    std::move(done)(Health{});
  } else {
    CheckAssets(sources, options, std::move(done));
  }
}

void LogHealth(Log& log, const HealthzOptions& options, const Health& health) {
  if (options.js_enabled) {
    log.Warn("Healthcheck: js-enabled deprecated, use js-enabled-only instead");
  }
  if (health.errors.empty()) {
    return;
  }
  if (health.details) {
    log.Warn("Healthcheck failed: ", health.errors.size(), " errors");
  } else {
    log.Warn("Healthcheck failed: ", Quoted(health.errors.front().text));
  }
}

}  // namespace weir::server
