#include "jetstream/api_streams.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "jetstream/advisory.h"
#include "jetstream/consumer.h"
#include "jetstream/consumer_events.h"
#include "jetstream/pending_stream.h"
#include "jetstream/stream.h"
#include "jetstream/stream_info.h"
#include "jetstream/stream_rules.h"
#include "jetstream/stream_update.h"

namespace weir::jetstream {

namespace {

constexpr std::string_view kCreate = "stream_create_response";
constexpr std::string_view kUpdate = "stream_update_response";
constexpr std::string_view kDelete = "stream_delete_response";
constexpr std::string_view kNames = "stream_names_response";
constexpr std::string_view kList = "stream_list_response";
constexpr std::string_view kInfo = "stream_info_response";
constexpr std::string_view kPurge = "stream_purge_response";
constexpr size_t kStreamToken = 4;
constexpr size_t kNamesLimit = 1024;
constexpr size_t kListLimit = 256;

// What create and update have in common: the body.
struct ConfigRequest {
  StreamConfig config;
  bool pedantic = false;
  ApiError error;
};

ConfigRequest ReadConfigRequest(Environment& env, const ApiRequest& request) {
  ConfigRequest out;
  auto body = ReadBody(request, "StreamConfigRequest");
  if (!body.ok()) {
    out.error = InvalidJson(body.status());
    return out;
  }
  Status status = ReadFields(env, request, [&](bool strict) {
    auto config = ReadStreamConfig(*body, strict, &out.pedantic);
    if (config.ok()) {
      out.config = *std::move(config);
    }
    return config.status();
  });
  if (!status.ok()) {
    out.error = InvalidJson(status);
  }
  return out;
}

ApiError CheckName(const ApiRequest& request, const StreamConfig& config) {
  if (config.name != request.token(kStreamToken)) {
    return MakeError(10056);
  }
  return config.name.find_first_of("\\/") == std::string::npos ? ApiError{} : MakeError(10128);
}

void RespondInfo(Stream& stream, const ApiRequest& request, std::string_view type,
                 const StreamInfoOptions& options, bool created) {
  StreamInfoPage page;
  JsonWriter out = StartResponse(type);
  WriteStreamInfo(out, stream, StreamStateJson(stream, options, page), options);
  if (created) {
    out.Field("did_create", true);
  }
  out.CloseObject();
  Respond(stream.env(), request, out.text());
}

// ---- create ----

ApiError CheckCreate(Catalog& catalog, const ApiRequest& request, StreamConfig& config,
                     bool pedantic) {
  if (config.sealed) {
    return MakeError(10052, "stream configuration for create can not be sealed");
  }
  if (config.mirror_direct && !config.mirror) {
    return MakeError(10052, "stream has no mirror but does have mirror direct");
  }
  if (!catalog.IsTaken(request.account, config.name)) {
    if (ApiError error = catalog.CheckRoom(request.account, config, nullptr)) {
      return error;
    }
  }
  return CheckStreamConfig(config, catalog.env().options, catalog.limits_of(request.account),
                           pedantic, catalog.LookupOf(request.account));
}

void CreateAtHome(Catalog& catalog, Shard& home, StreamSpec spec, const ApiRequest& request) {
  Environment& env = home.env();
  const StreamConfig& config = spec.config;
  auto store =
      env.stores.Open({spec.id, config.storage == StorageType::kMemory, /*is_new=*/true,
                       config.first_seq, &env.executor, config.compression == Compression::kS2});
  if (!store.ok()) {
    env.log.Error("JetStream stream '", config.name, "' has no store: ", Message(store.status()));
    catalog.GiveUp(spec.account, config.name, spec.id);
    RespondError(env, request, kCreate, MakeError(10049, Message(store.status())));
    return;
  }
  Stream& stream = home.Add(std::make_unique<Stream>(home, std::move(spec), *std::move(store)));
  // In front of the subscriptions: a stream of advisories does not hold the one of its creation.
  AdviseStream(env, stream.account(), stream.name(), "CREATED", "create");
  stream.Start();
  if (stream.config().first_seq <= 1) {
    RespondInfo(stream, request, kCreate, {.domain = false}, /*created=*/true);
    return;
  }
  // The store has to remember where it starts.
  stream.MarkDirty();
  stream.WhenDurable([&home, id = stream.id(), request] {
    if (Stream* made = home.Find(id)) {
      RespondInfo(*made, request, kCreate, {.domain = false}, /*created=*/true);
    }
  });
}

void Create(Catalog& catalog, ApiRequest request, StreamConfig config) {
  Environment& env = catalog.env();
  Shard& meta = catalog.meta_shard();
  StampStreamMetadata(config);
  int64_t created_ns = env.clock.wall_ns();
  StreamId id = env.meta.NewStreamId(meta.batch());
  if (config.storage == StorageType::kFile) {
    JsonWriter text;
    WriteStreamConfig(text, config);
    env.meta.PutStream(meta.batch(),
                       {id, env.accounts.NameOf(request.account), text.Take(), created_ns});
  }
  const auto& entry = catalog.Add(request.account, id, config, created_ns);
  StreamSpec spec{id, request.account, created_ns, std::move(config),
                  &catalog.usage(request.account)};
  meta.WhenDurable([&catalog, &home = catalog.home_of(entry), spec = std::move(spec),
                    request = std::move(request)](const Status& status) mutable {
    if (!status.ok()) {
      catalog.Erase(spec.account, spec.config.name, spec.id);
      RespondError(catalog.env(), request, kCreate, MakeError(10049, Message(status)));
      return;
    }
    home.env().executor.Post(
        [&catalog, &home, spec = std::move(spec), request = std::move(request)]() mutable {
          CreateAtHome(catalog, home, std::move(spec), request);
        });
  });
}

// ---- update ----

// Consumers that ask for more than the limits of the new configuration allow.
std::string Violators(Stream& stream, const ConsumerLimits& limits) {
  std::vector<std::string> names;
  for (const auto& [name, consumer] : stream.consumers()) {
    const ConsumerConfig& config = consumer->config();
    if ((limits.max_ack_pending > 0 && config.max_ack_pending > limits.max_ack_pending) ||
        (limits.inactive_threshold_ns > 0 &&
         config.inactive_threshold_ns > limits.inactive_threshold_ns)) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return Join(names, ", ");
}

void UpdateAtHome(Catalog& catalog, Stream& stream, StreamConfig config,
                  const ApiRequest& request) {
  std::string violators = Violators(stream, config.consumer_limits);
  if (!violators.empty()) {
    catalog.env().executor.Post([&catalog, account = stream.account(), old = stream.config()] {
      catalog.SetConfig(account, old.name, old);
    });
    RespondError(stream.env(), request, kUpdate,
                 MakeError(10069, Cat("change to limits violates consumers: ", violators)));
    return;
  }
  stream.ApplyConfig(std::move(config));
  Shard& home = stream.shard();
  home.WhenDurable([&home, id = stream.id(), request](const Status& status) {
    Stream* updated = home.Find(id);
    if (!status.ok() || updated == nullptr) {
      RespondError(home.env(), request, kUpdate,
                   updated == nullptr ? MakeError(10059) : MakeError(10069, Message(status)));
      return;
    }
    AdviseStream(home.env(), updated->account(), updated->name(), "UPDATED", "modify");
    RespondInfo(*updated, request, kUpdate, {}, /*created=*/false);
  });
}

// ---- names and list ----

struct Page {
  std::vector<const Catalog::Entry*> entries;
  size_t total = 0;
  size_t offset = 0;
  ApiError error;
};

Page ReadPage(Catalog& catalog, const ApiRequest& request, std::string_view go_struct,
              size_t limit) {
  Page out;
  auto body = ReadOptionalBody(request, go_struct);
  if (!body.ok()) {
    out.error = InvalidJson(body.status());
    return out;
  }
  int64_t offset = 0;
  std::string subject;
  Status status = ReadFields(catalog.env(), request, [&](bool strict) {
    JsonReader in(*body, go_struct);
    in.Read("offset", offset, "int");
    in.Read("subject", subject);
    return in.Finish(strict);
  });
  if (!status.ok()) {
    out.error = InvalidJson(status);
    return out;
  }
  out.entries = catalog.List(request.account, subject);
  out.total = out.entries.size();
  out.offset = std::min(out.total, static_cast<size_t>(std::max<int64_t>(0, offset)));
  auto first = out.entries.begin() + static_cast<ptrdiff_t>(out.offset);
  auto last = first + static_cast<ptrdiff_t>(std::min(limit, out.total - out.offset));
  out.entries = std::vector<const Catalog::Entry*>(first, last);
  return out;
}

// A list being gathered: one task per home fills its streams in, the last one back answers.
struct Gathering {
  ApiRequest request;
  std::vector<std::pair<std::string, std::string>> offline;  // name, why
  size_t total = 0;
  size_t offset = 0;
  std::vector<std::string> infos;
  size_t homes_left = 0;
};

void RespondList(Catalog& catalog, Gathering& gathering) {
  JsonWriter out = StartResponse(kList);
  out.Field("total", gathering.total).Field("offset", gathering.offset);
  out.Field("limit", kListLimit).Key("streams").OpenArray();
  for (const auto& info : gathering.infos) {
    if (!info.empty()) {
      out.Raw(info);
    }
  }
  out.CloseArray();
  if (!gathering.offline.empty()) {
    out.Key("missing").OpenArray();
    for (const auto& [name, why] : gathering.offline) {
      out.Value(name);
    }
    out.CloseArray().Key("offline").OpenObject();
    for (const auto& [name, why] : gathering.offline) {
      out.Field(name, why);
    }
    out.CloseObject();
  }
  out.CloseObject();
  Respond(catalog.env(), gathering.request, out.text());
}

std::string ListedInfo(Stream& stream) {
  StreamInfoPage page;
  StreamInfoOptions options{.stamps = false};
  JsonWriter out;
  out.OpenObject();
  WriteStreamInfo(out, stream, StreamStateJson(stream, options, page), options);
  out.CloseObject();
  return out.Take();
}

std::string ListedInfo(Environment& env, const PendingStream& stream) {
  JsonWriter out;
  out.OpenObject();
  WritePendingInfo(out, env, stream, {.stamps = false});
  out.CloseObject();
  return out.Take();
}

using Places = std::vector<std::pair<size_t, StreamId>>;  // where in the list, which stream

void GatherAtHome(Catalog& catalog, Shard& home, const std::shared_ptr<Gathering>& gathering,
                  const Places& places) {
  std::vector<std::pair<size_t, std::string>> infos;
  for (const auto& [place, id] : places) {
    PendingStream* pending = home.FindPending(id);
    if (pending != nullptr && !CanAnswer(*pending, {})) {
      pending->WhenReady([&catalog, &home, gathering, places](Stream*) {
        GatherAtHome(catalog, home, gathering, places);
      });
      return;
    }
    if (pending != nullptr) {
      infos.emplace_back(place, ListedInfo(home.env(), *pending));
    } else if (Stream* stream = home.Find(id); stream != nullptr && !stream->stopped()) {
      infos.emplace_back(place, ListedInfo(*stream));
    }
  }
  // What the infos say may be staged only; nobody sees it before it is committed.
  home.WhenCommitted([&catalog, gathering, infos = std::move(infos)](const Status&) mutable {
    catalog.env().executor.Post([&catalog, gathering, infos = std::move(infos)]() mutable {
      for (auto& [place, info] : infos) {
        gathering->infos[place] = std::move(info);
      }
      if (--gathering->homes_left == 0) {
        RespondList(catalog, *gathering);
      }
    });
  });
}

bool InfoWhilePending(PendingStream& stream, Environment& env, const ApiRequest& request,
                      const StreamInfoOptions& options) {
  if (!CanAnswer(stream, options)) {
    return false;
  }
  StreamInfoPage page;
  JsonWriter out = StartResponse(kInfo);
  out.Field("total", page.total).Field("offset", page.offset).Field("limit", page.limit);
  WritePendingInfo(out, env, stream, options);
  out.CloseObject();
  Respond(env, request, out.text());
  return true;
}

void InfoAtHome(Stream& stream, const ApiRequest& request, const StreamInfoOptions& options) {
  Environment& env = stream.env();
  StreamInfoPage page;
  std::string state = StreamStateJson(stream, options, page);
  JsonWriter out = StartResponse(kInfo);
  out.Field("total", page.total).Field("offset", page.offset).Field("limit", page.limit);
  WriteStreamInfo(out, stream, state, options);
  out.CloseObject();
  if (stream.committed_seq() == stream.store().state().last_seq) {
    Respond(env, request, out.text());
    return;
  }
  stream.shard().WhenCommitted([&env, request, json = out.Take()](const Status& status) {
    if (status.ok()) {
      Respond(env, request, json);
    } else {
      RespondError(env, request, kInfo, MakeError(10077, Message(status)));
    }
  });
}

// What cannot be loaded can be taken off the disk.
void DeleteOffline(Catalog& catalog, const Catalog::Entry& entry, ApiRequest request) {
  Shard& meta = catalog.meta_shard();
  catalog.env().meta.DeleteStream(meta.batch(), entry.id);
  storage::DeleteAllOf(meta.batch(), entry.id);
  AdviseStream(catalog.env(), entry.account, entry.config.name, "DELETED", "delete");
  catalog.Erase(entry.account, std::string(entry.config.name), entry.id);
  meta.WhenDurable([&catalog, request = std::move(request)](const Status& status) {
    if (status.ok()) {
      RespondSuccess(catalog.env(), request, kDelete);
    } else {
      RespondError(catalog.env(), request, kDelete, MakeError(10050, Message(status)));
    }
  });
}

}  // namespace

void HandleStreamCreate(Catalog& catalog, ApiRequest request) {
  Environment& env = catalog.env();
  ConfigRequest wanted = ReadConfigRequest(env, request);
  ApiError error = std::move(wanted.error);
  if (!error) {
    error = CheckName(request, wanted.config);
  }
  if (!error) {
    error = CheckCreate(catalog, request, wanted.config, wanted.pedantic);
  }
  if (!error && catalog.FindOffline(request.account, wanted.config.name) != nullptr) {
    error = catalog.NotFoundError(request.account, wanted.config.name);
  }
  if (!error) {
    if (const auto* existing = catalog.Find(request.account, wanted.config.name)) {
      if (SameStreamConfig(existing->config, wanted.config)) {
        catalog.Forward(std::move(request), wanted.config.name, kCreate,
                        [](Stream& stream, const ApiRequest& again) {
                          RespondInfo(stream, again, kCreate, {.domain = false}, /*created=*/true);
                        });
        return;
      }
      error = MakeError(10058);
    } else if (catalog.IsTaken(request.account, wanted.config.name)) {
      error = MakeError(10058);
    }
  }
  if (!error) {
    error = catalog.CheckRoom(request.account, wanted.config, nullptr);
  }
  if (!error) {
    error = catalog.CheckOverlap(request.account, wanted.config, nullptr);
  }
  if (error) {
    RespondError(env, request, kCreate, error);
    return;
  }
  Create(catalog, std::move(request), std::move(wanted.config));
}

void HandleStreamUpdate(Catalog& catalog, ApiRequest request) {
  Environment& env = catalog.env();
  ConfigRequest wanted = ReadConfigRequest(env, request);
  ApiError error = std::move(wanted.error);
  if (!error) {
    error = CheckStreamConfig(wanted.config, env.options, catalog.limits_of(request.account),
                              wanted.pedantic, catalog.LookupOf(request.account));
  }
  if (!error) {
    error = CheckName(request, wanted.config);
  }
  const auto* old = error ? nullptr : catalog.Find(request.account, wanted.config.name);
  if (!error && old == nullptr) {
    error = catalog.NotFoundError(request.account, wanted.config.name);
  }
  if (!error) {
    error = CheckStreamUpdate(old->config, wanted.config);
  }
  if (!error) {
    error = catalog.CheckRoom(request.account, wanted.config, old);
  }
  if (!error) {
    error = catalog.CheckOverlap(request.account, wanted.config, old);
  }
  if (error) {
    RespondError(env, request, kUpdate, error);
    return;
  }
  StampStreamMetadata(wanted.config);
  catalog.SetConfig(request.account, wanted.config.name, wanted.config);
  std::string name = wanted.config.name;
  catalog.Forward(std::move(request), name, kUpdate,
                  [&catalog, config = std::move(wanted.config)](Stream& stream,
                                                                const ApiRequest& update) mutable {
                    UpdateAtHome(catalog, stream, std::move(config), update);
                  });
}

void HandleStreamDelete(Catalog& catalog, ApiRequest request) {
  if (!IsEmptyBody(request.payload)) {
    RespondError(catalog.env(), request, kDelete, MakeError(10038));
    return;
  }
  AccountId account = request.account;
  std::string name(request.token(kStreamToken));
  if (const auto* offline = catalog.FindOffline(account, name)) {
    DeleteOffline(catalog, *offline, std::move(request));
    return;
  }
  const auto* entry = catalog.Find(account, name);
  StreamId id = entry == nullptr ? StreamId{} : entry->id;
  catalog.Forward(
      std::move(request), name, kDelete,
      [](Stream& stream, const ApiRequest& deletion) {
        Shard& home = stream.shard();
        stream.ForgetOrigins();
        stream.Stop(409, "Consumer Deleted");
        for (const auto& [consumer_name, consumer] : stream.consumers()) {
          ConsumerEvents(home.env(), stream.account(), stream.name(), consumer_name).Deleted();
        }
        stream.Destroy();
        AdviseStream(home.env(), stream.account(), stream.name(), "DELETED", "delete");
        home.Remove(stream);
        home.WhenDurable([&home, deletion](const Status& status) {
          if (status.ok()) {
            RespondSuccess(home.env(), deletion, kDelete);
          } else {
            RespondError(home.env(), deletion, kDelete, MakeError(10050, Message(status)));
          }
        });
      },
      [](PendingStream& stream, const ApiRequest&) {
        stream.Close();
        return false;
      });
  catalog.Erase(account, name, id);
}

void HandleStreamNames(Catalog& catalog, ApiRequest request) {
  Page page = ReadPage(catalog, request, "JSApiStreamNamesRequest", kNamesLimit);
  if (page.error) {
    RespondError(catalog.env(), request, kNames, page.error);
    return;
  }
  JsonWriter out = StartResponse(kNames);
  out.Field("total", page.total).Field("offset", page.offset).Field("limit", kNamesLimit);
  out.Key("streams");
  if (page.entries.empty()) {
    out.Null();
  } else {
    out.OpenArray();
    for (const auto* entry : page.entries) {
      out.Value(entry->config.name);
    }
    out.CloseArray();
  }
  out.CloseObject();
  Respond(catalog.env(), request, out.text());
}

void HandleStreamList(Catalog& catalog, ApiRequest request) {
  Page page = ReadPage(catalog, request, "JSApiStreamListRequest", kListLimit);
  if (page.error) {
    RespondError(catalog.env(), request, kList, page.error);
    return;
  }
  auto gathering = std::make_shared<Gathering>();
  gathering->request = std::move(request);
  gathering->total = page.total;
  gathering->offset = page.offset;
  gathering->infos.resize(page.entries.size());
  std::map<size_t, Places> by_home;
  for (size_t i = 0; i < page.entries.size(); ++i) {
    const Catalog::Entry& entry = *page.entries[i];
    if (entry.offline.empty()) {
      by_home[entry.home].emplace_back(i, entry.id);
    } else {
      gathering->offline.emplace_back(entry.config.name, entry.offline);
    }
  }
  gathering->homes_left = by_home.size();
  if (by_home.empty()) {
    RespondList(catalog, *gathering);
    return;
  }
  for (auto& [index, places] : by_home) {
    Shard& home = *catalog.shards()[index];
    home.env().executor.Post([&catalog, &home, gathering, at_home = std::move(places)] {
      GatherAtHome(catalog, home, gathering, at_home);
    });
  }
}

void HandleStreamInfo(Catalog& catalog, ApiRequest request) {
  Environment& env = catalog.env();
  StreamInfoOptions options{.cluster = true};
  auto body = ReadOptionalBody(request, "JSApiStreamInfoRequest");
  Status status = body.status();
  if (body.ok()) {
    int64_t offset = 0;
    status = ReadFields(env, request, [&](bool strict) {
      JsonReader in(*body, "JSApiStreamInfoRequest");
      in.Read("deleted_details", options.deleted);
      in.Read("subjects_filter", options.subjects_filter);
      in.Read("offset", offset, "int");
      return in.Finish(strict);
    });
    options.offset = static_cast<uint64_t>(std::max<int64_t>(0, offset));
  }
  if (!status.ok()) {
    RespondError(env, request, kInfo, InvalidJson(status));
    return;
  }
  std::string name(request.token(kStreamToken));
  catalog.Forward(
      std::move(request), name, kInfo,
      [options](Stream& stream, const ApiRequest& asked) { InfoAtHome(stream, asked, options); },
      [options](PendingStream& stream, const ApiRequest& asked) {
        return InfoWhilePending(stream, stream.env(), asked, options);
      });
}

namespace {

struct PurgeRequest {
  std::string filter;
  StreamSeq below = 0;
  uint64_t keep = 0;
  ApiError error;
};

PurgeRequest ReadPurge(Environment& env, const ApiRequest& request) {
  PurgeRequest purge;
  auto body = ReadOptionalBody(request, "JSApiStreamPurgeRequest");
  if (!body.ok()) {
    purge.error = InvalidJson(body.status());
    return purge;
  }
  Status status = ReadFields(env, request, [&](bool strict) {
    JsonReader in(*body, "JSApiStreamPurgeRequest");
    in.Read("filter", purge.filter);
    in.Read("seq", purge.below);
    in.Read("keep", purge.keep);
    return in.Finish(strict);
  });
  if (!status.ok()) {
    purge.error = InvalidJson(status);
  } else if (purge.below > 0 && purge.keep > 0) {
    purge.error = MakeError(10003);
  }
  return purge;
}

}  // namespace

ApiError CheckStreamPurge(Environment& env, const ApiRequest& request) {
  return ReadPurge(env, request).error;
}

void HandleStreamPurge(Stream& stream, const ApiRequest& request) {
  Environment& env = stream.env();
  PurgeRequest purge = ReadPurge(env, request);
  ApiError error = purge.error;
  if (!error && stream.config().sealed) {
    error = MakeError(10109);
  } else if (!error && stream.config().deny_purge) {
    error = MakeError(10110, "stream purge not permitted");
  }
  if (error) {
    RespondError(env, request, kPurge, error);
    return;
  }
  uint64_t purged = stream.Purge(purge.filter, purge.below, purge.keep);
  stream.shard().WhenDurable([&env, request, purged](const Status& status) {
    if (!status.ok()) {
      RespondError(env, request, kPurge, MakeError(10110, Message(status)));
      return;
    }
    JsonWriter out = StartResponse(kPurge);
    out.Field("success", true).Field("purged", purged).CloseObject();
    Respond(env, request, out.text());
  });
}

}  // namespace weir::jetstream
