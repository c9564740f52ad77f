#include "jetstream/api_backup.h"

#include <memory>
#include <utility>

#include "jetstream/restore_transfer.h"
#include "jetstream/snapshot_transfer.h"
#include "jetstream/stream_info.h"
#include "jetstream/stream_rules.h"
#include "protocol/subject.h"

namespace weir::jetstream {

namespace {

constexpr std::string_view kSnapshot = "stream_snapshot_response";
constexpr std::string_view kRestore = "stream_restore_response";
constexpr size_t kStreamToken = 4;

Status ReadSnapshotRequest(Environment& env, const ApiRequest& request, SnapshotSpec& spec) {
  WEIR_ASSIGN_OR_RETURN(auto body, ReadBody(request, "JSApiStreamSnapshotRequest"));
  return ReadFields(env, request, [&](bool strict) {
    bool no_consumers = false;
    bool check = false;  // every block is checked when it is read, asked for or not
    JsonReader in(body, "JSApiStreamSnapshotRequest");
    in.Read("deliver_subject", spec.deliver_subject);
    in.Read("no_consumers", no_consumers);
    in.Read("chunk_size", spec.chunk_size, "int");
    in.Read("window_size", spec.window_size, "int");
    in.Read("jsck", check);
    spec.with_consumers = !no_consumers;
    return in.Finish(strict);
  });
}

void SnapshotAtHome(Stream& stream, const ApiRequest& request) {
  Environment& env = stream.env();
  Shard& shard = stream.shard();
  SnapshotSpec spec;
  if (Status status = ReadSnapshotRequest(env, request, spec); !status.ok()) {
    RespondError(env, request, kSnapshot, InvalidJson(status));
    return;
  }
  if (!protocol::IsValidLiteral(spec.deliver_subject)) {
    RespondError(env, request, kSnapshot, MakeError(10015));
    return;
  }
  env.log.Info("Starting snapshot for stream '", env.accounts.NameOf(stream.account()), " > ",
               stream.name(), "'");
  StreamInfoOptions options;
  StreamInfoPage page;
  std::string state = StreamStateJson(stream, options, page);
  JsonWriter out = StartResponse(kSnapshot);
  out.Key("config");
  WriteStreamConfig(out, stream.config());
  out.Key("state").Raw(state).CloseObject();
  Transfer::Id id = shard.AddTransfer(std::make_unique<SnapshotTransfer>(shard, stream, spec));
  shard.WhenCommitted([&shard, id, request, json = out.Take(), state](const Status& status) {
    auto* transfer = static_cast<SnapshotTransfer*>(shard.FindTransfer(id));
    if (transfer == nullptr) {
      return;
    }
    if (!status.ok()) {
      RespondError(shard.env(), request, kSnapshot, MakeError(10064, Message(status)));
      shard.EndTransfer(id);
      return;
    }
    Respond(shard.env(), request, json);
    transfer->Start(id, state);
  });
}

struct RestoreRequest {
  StreamConfig config;
  ApiError error;
};

RestoreRequest ReadRestoreRequest(Environment& env, const ApiRequest& request) {
  RestoreRequest out;
  auto read = [&]() -> Status {
    WEIR_ASSIGN_OR_RETURN(auto body, ReadBody(request, "JSApiStreamRestoreRequest"));
    return ReadFields(env, request, [&](bool strict) -> Status {
      JsonReader in(body, "JSApiStreamRestoreRequest");
      const auto* config = in.Object("config", "server.StreamConfig");
      const auto* state = in.Object("state", "server.StreamState");
      if (config != nullptr) {
        WEIR_ASSIGN_OR_RETURN(out.config,
                              ReadStreamConfig(*config, strict, nullptr, in.PathTo("config")));
      }
      BackupState unused;  // what the backup itself says counts
      if (state != nullptr) {
        WEIR_RETURN_IF_ERROR(ReadBackupState(*state, strict, unused));
      }
      return in.Finish(strict);
    });
  };
  if (Status status = read(); !status.ok()) {
    out.error = InvalidJson(status);
  }
  return out;
}

ApiError CheckRestore(Catalog& catalog, const ApiRequest& request, StreamConfig& config) {
  std::string_view stream = request.token(kStreamToken);
  if (config.name.empty()) {
    config.name = stream;
  }
  if (config.name != stream) {
    return MakeError(10056);
  }
  if (stream.find_first_of("\\/") != std::string_view::npos) {
    return MakeError(10128);
  }
  if (ApiError error =
          CheckStreamConfig(config, catalog.env().options, catalog.limits_of(request.account),
                            false, catalog.LookupOf(request.account))) {
    return error;
  }
  if (ApiError error = catalog.CheckRoom(request.account, config, nullptr)) {
    return error;
  }
  return catalog.IsTaken(request.account, config.name) ? MakeError(10130) : ApiError{};
}

}  // namespace

void HandleStreamSnapshot(Catalog& catalog, ApiRequest request) {
  if (IsEmptyBody(request.payload)) {
    RespondError(catalog.env(), request, kSnapshot, MakeError(10003));
    return;
  }
  std::string name(request.token(kStreamToken));
  catalog.Forward(std::move(request), name, kSnapshot, SnapshotAtHome);
}

void HandleStreamRestore(Catalog& catalog, ApiRequest request) {
  Environment& env = catalog.env();
  if (IsEmptyBody(request.payload)) {
    RespondError(env, request, kRestore, MakeError(10003));
    return;
  }
  RestoreRequest wanted = ReadRestoreRequest(env, request);
  ApiError error = std::move(wanted.error);
  if (!error) {
    error = CheckRestore(catalog, request, wanted.config);
  }
  if (error) {
    RespondError(env, request, kRestore, error);
    return;
  }
  StampStreamMetadata(wanted.config);
  RestoreSpec spec{request.account, std::move(wanted.config), &catalog.usage(request.account),
                   catalog.LeastLoadedHome()};
  Shard& home = *catalog.shards()[spec.home];
  home.env().executor.Post(
      [&catalog, &home, spec = std::move(spec), request = std::move(request)]() mutable {
        auto made = std::make_unique<RestoreTransfer>(catalog, home, std::move(spec));
        RestoreTransfer& transfer = *made;
        std::string subject = transfer.Start(home.AddTransfer(std::move(made)));
        JsonWriter out = StartResponse(kRestore);
        out.Field("deliver_subject", subject).CloseObject();
        Respond(home.env(), request, out.text());
      });
}

}  // namespace weir::jetstream
