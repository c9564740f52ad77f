#include "server/jetstream_report.h"

#include "server/jetstream_part.h"

namespace weir::server {

namespace {

constexpr int kApiLevel = 5;
constexpr int64_t kDefaultMaxConsumers = 1000;

}  // namespace

JetStreamUsage ReadJetStreamUsage(const PageSources& sources) {
  jetstream::Catalog& catalog = sources.jetstream->jetstream().catalog();
  JetStreamUsage out;
  out.memory = catalog.server_usage().memory.load(std::memory_order_relaxed);
  out.storage = catalog.server_usage().storage.load(std::memory_order_relaxed);
  for (AccountId account : sources.context.accounts.JetStreamAccounts()) {
    ++out.accounts;
    const jetstream::AccountUsage& usage = catalog.usage(account);
    out.api_total += usage.api_total.load(std::memory_order_relaxed);
    out.api_errors += usage.api_errors.load(std::memory_order_relaxed);
    out.reserved_memory += catalog.reserved(account, jetstream::StorageType::kMemory);
    out.reserved_storage += catalog.reserved(account, jetstream::StorageType::kFile);
  }
  return out;
}

void WriteJetStreamUsage(JsonWriter& out, const JetStreamUsage& usage) {
  out.Field("memory", usage.memory).Field("storage", usage.storage);
  out.Field("reserved_memory", usage.reserved_memory);
  out.Field("reserved_storage", usage.reserved_storage);
  out.Field("accounts", usage.accounts).Field("ha_assets", 0);
  out.Key("api").OpenObject().Field("level", kApiLevel);
  out.Field("total", usage.api_total).Field("errors", usage.api_errors).CloseObject();
}

void WriteJetStreamConfig(JsonWriter& out, const PageSources& sources, bool with_directory) {
  const JetStreamSettings& settings = sources.options().jetstream;
  const jetstream::JetStreamOptions& effective = sources.jetstream->options();
  out.OpenObject().Field("max_memory", effective.max_memory_store);
  out.Field("max_storage", effective.max_file_store);
  if (with_directory) {
    out.Field("store_dir", sources.jetstream->directory());
  }
  out.Optional("sync_interval", settings.sync_interval_ns);
  out.Optional("sync_always", settings.sync_always);
  out.Optional("domain", settings.domain);
  // The reference says so only of limits that it did not have to find out itself.
  out.Optional("compress_ok", settings.max_memory > 0 && settings.max_file > 0);
  out.Optional("unique_tag", settings.unique_tag);
  out.Optional("strict", settings.strict).CloseObject();
}

void WriteJetStreamLimits(JsonWriter& out, const JetStreamLimits& limits) {
  out.OpenObject().Optional("max_request_batch", limits.max_request_batch);
  out.Optional("max_ack_pending", limits.max_ack_pending);
  out.Optional("max_ha_assets", limits.max_ha_assets);
  out.Optional("max_duplicate_window", limits.duplicate_window_ns);
  out.Optional("max_batch_inflight_per_stream", limits.max_batch_inflight_per_stream);
  out.Optional("max_batch_inflight_total", limits.max_batch_inflight_total);
  out.Optional("max_batch_size", limits.max_batch_size);
  out.Optional("max_batch_timeout", limits.max_batch_timeout_ns);
  out.Field("default_max_consumers", limits.default_max_consumers != 0
                                         ? limits.default_max_consumers
                                         : kDefaultMaxConsumers);
  out.CloseObject();
}

std::string JetStreamVarzJson(const PageSources& sources, bool with_directory) {
  JsonWriter out;
  out.OpenObject();
  if (sources.jetstream_on()) {
    out.Key("config");
    WriteJetStreamConfig(out, sources, with_directory);
    out.Key("stats").OpenObject();
    WriteJetStreamUsage(out, ReadJetStreamUsage(sources));
    out.CloseObject().Key("limits");
    WriteJetStreamLimits(out, sources.options().jetstream.limits);
  }
  out.CloseObject();
  return out.Take();
}

}  // namespace weir::server
