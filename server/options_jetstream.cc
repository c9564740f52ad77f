#include "protocol/base/strings.h"
#include "server/options_reader.h"

namespace weir::server {

namespace {

constexpr int64_t kMinConcurrentIo = 4;
constexpr int64_t kMaxConcurrentIo = 8192;

using Field = OptionField<JetStreamSettings>;
using LimitField = OptionField<JetStreamLimits>;

template <auto kMember>
bool Store(OptionScope& scope, const std::string& /*key*/, const ConfigValue& value,
           JetStreamSettings& settings) {
  return scope.Get(value, settings.*kMember);
}
template <auto kMember>
bool StoreLimit(OptionScope& scope, const std::string& /*key*/, const ConfigValue& value,
                JetStreamLimits& limits) {
  return scope.Get(value, limits.*kMember);
}

// Durations in limits are text only, and their errors come without a position.
template <auto kMember>
bool StoreLimitDuration(OptionScope& scope, const std::string& /*key*/, const ConfigValue& value,
                        JetStreamLimits& limits) {
  std::string text;
  if (!scope.Get(value, text)) {
    return false;
  }
  auto parsed = ParseGoDuration(text);
  if (!parsed.ok()) {
    scope.problems().AddWithoutPosition(Message(parsed.status()));
    return true;
  }
  limits.*kMember = *parsed;
  return true;
}

// The errors of this block end it without being a wrong type.
bool End(OptionScope& scope, const ConfigValue& at, std::string_view reason) {
  scope.problems().Add(at, reason);
  return false;
}

template <auto kMember>
bool StoreSize(OptionScope& scope, const std::string& key, const ConfigValue& value,
               JetStreamSettings& settings) {
  auto size = ReadStorageSize(value);
  if (!size.ok()) {
    std::string name = ToLower(key);
    name = NamesField("max_memory_store|max_mem_store|max_mem", key) ? "max_mem_store"
           : NamesField("max_file_store|max_file", key)              ? "max_file_store"
                                                                     : name;
    return End(scope, value, Cat(name, " ", Message(size.status())));
  }
  settings.*kMember = *size;
  return true;
}

template <auto kMember>
bool StoreCount(OptionScope& scope, const std::string& key, const ConfigValue& value,
                JetStreamSettings& settings) {
  if (!value.AsInteger()) {
    return End(scope, value,
               Cat("Expected a parseable size for ", Quoted(key), ", got ", value.Print()));
  }
  settings.*kMember = *value.AsInteger();
  return true;
}

bool ReadStrict(OptionScope& scope, const std::string&, const ConfigValue& value,
                JetStreamSettings& settings) {
  if (!value.AsBool()) {
    return End(scope, value,
               Cat("Expected 'true' or 'false' for bool value, got '", value.Print(), "'"));
  }
  settings.strict = *value.AsBool();
  return true;
}

bool ReadStoreDir(OptionScope& scope, const std::string&, const ConfigValue& value,
                  JetStreamSettings& settings) {
  if (!settings.store_dir.empty()) {
    return End(scope, value, "Duplicate 'store_dir' configuration");
  }
  return scope.Get(value, settings.store_dir);
}

bool ReadSync(OptionScope& scope, const std::string& key, const ConfigValue& value,
              JetStreamSettings& settings) {
  if (value.AsString() != nullptr && EqualsIgnoreCase(*value.AsString(), "always")) {
    settings.sync_always = true;
    return true;
  }
  settings.sync_always = false;
  return ReadDuration(scope, key, value, settings.sync_interval_ns);
}

bool ReadKey(OptionScope& scope, const std::string& key, const ConfigValue& value,
             JetStreamSettings& settings) {
  bool previous = key.starts_with('p') || key.starts_with('P');
  std::string& target = previous ? settings.previous_encryption_key : settings.encryption_key;
  return scope.Get(value, target);
}

bool ReadCipher(OptionScope& scope, const std::string&, const ConfigValue& value,
                JetStreamSettings& settings) {
  std::string name;
  if (!scope.Get(value, name)) {
    return false;
  }
  if (NamesField("chacha|chachapoly", name)) {
    settings.cipher = "chacha";
  } else if (EqualsIgnoreCase(name, "aes")) {
    settings.cipher = "aes";
  } else {
    return End(scope, value, Cat("Unknown cipher type: ", Quoted(name)));
  }
  return true;
}

bool ReadUniqueTag(OptionScope& scope, const std::string&, const ConfigValue& value,
                   JetStreamSettings& settings) {
  std::string tag;
  if (!scope.Get(value, tag)) {
    return false;
  }
  settings.unique_tag = ToLower(TrimSpace(tag));
  return true;
}

bool ReadTpm(OptionScope& scope, const std::string&, const ConfigValue& value, JetStreamSettings&) {
  scope.problems().Uses(Feature::kTpm, value);
  return true;
}

// Settings of a cluster's meta log: checked, and of no use to a server that runs alone.
bool CheckMetaCompact(OptionScope& scope, const std::string& key, const ConfigValue& value,
                      JetStreamSettings&) {
  if (EqualsIgnoreCase(key, "meta_compact_sync")) {
    bool given = false;
    return scope.Get(value, given);
  }
  bool is_size = EqualsIgnoreCase(key, "meta_compact_size");
  if (is_size) {
    if (auto size = ReadStorageSize(value); !size.ok()) {
      return End(scope, value, Cat(ToLower(key), " ", Message(size.status())));
    }
  }
  auto number = is_size ? ReadStorageSize(value).value() : value.AsInteger().value_or(-1);
  return number >= 0 ||
         End(scope, value,
             Cat("Expected an absolute size for ", Quoted(key), ", got ", value.Print()));
}

bool ReadConcurrentIo(OptionScope& scope, const std::string& key, const ConfigValue& value,
                      JetStreamSettings& settings) {
  auto number = value.AsInteger();
  if (!number || *number < kMinConcurrentIo || *number > kMaxConcurrentIo) {
    return End(scope, value,
               Cat("Expected an absolute size for ", Quoted(key), " between 4 and 8192, got ",
                   value.Print()));
  }
  settings.max_concurrent_io = *number;
  return true;
}

constexpr LimitField kBatchFields[] = {
    {"max_inflight_per_stream", StoreLimit<&JetStreamLimits::max_batch_inflight_per_stream>},
    {"max_inflight_total", StoreLimit<&JetStreamLimits::max_batch_inflight_total>},
    {"max_msgs", StoreLimit<&JetStreamLimits::max_batch_size>},
    {"timeout", StoreLimitDuration<&JetStreamLimits::max_batch_timeout_ns>},
};

bool ReadBatchLimits(OptionScope& scope, const std::string&, const ConfigValue& value,
                     JetStreamLimits& limits) {
  const auto* map = value.AsMap();
  if (map == nullptr) {
    return End(scope, value, Cat("Expected a map to define batch limits, got ", value.TypeName()));
  }
  return ReadFields(scope, *map, kBatchFields, limits);
}

constexpr LimitField kLimitFields[] = {
    {"max_ack_pending", StoreLimit<&JetStreamLimits::max_ack_pending>},
    {"max_ha_assets", StoreLimit<&JetStreamLimits::max_ha_assets>},
    {"max_request_batch", StoreLimit<&JetStreamLimits::max_request_batch>},
    {"default_max_consumers", StoreLimit<&JetStreamLimits::default_max_consumers>},
    {"duplicate_window", StoreLimitDuration<&JetStreamLimits::duplicate_window_ns>},
    {"batch", ReadBatchLimits},
};

bool ReadLimits(OptionScope& scope, const std::string&, const ConfigValue& value,
                JetStreamSettings& settings) {
  settings.limits = {};
  const auto* map = value.AsMap();
  if (map == nullptr) {
    return End(scope, value,
               Cat("Expected a map to define JetStreamLimits, got ", value.TypeName()));
  }
  return ReadFields(scope, *map, kLimitFields, settings.limits);
}

constexpr Field kFields[] = {
    {"strict", ReadStrict},
    {"store|store_dir|storedir", ReadStoreDir},
    {"sync|sync_interval", ReadSync},
    {"max_memory_store|max_mem_store|max_mem", StoreSize<&JetStreamSettings::max_memory>},
    {"max_file_store|max_file", StoreSize<&JetStreamSettings::max_file>},
    {"domain", Store<&JetStreamSettings::domain>},
    {"enable|enabled", Store<&JetStreamSettings::enabled>},
    {"key|ek|encryption_key|prev_key|prev_ek|prev_encryption_key", ReadKey},
    {"cipher", ReadCipher},
    {"extension_hint", Store<&JetStreamSettings::extension_hint>},
    {"limits", ReadLimits},
    {"tpm", ReadTpm},
    {"unique_tag", ReadUniqueTag},
    {"max_outstanding_catchup", StoreSize<&JetStreamSettings::max_outstanding_catchup>},
    {"max_buffered_size", StoreSize<&JetStreamSettings::max_buffered_bytes>},
    {"max_buffered_msgs", StoreCount<&JetStreamSettings::max_buffered_messages>},
    {"request_queue_limit", StoreCount<&JetStreamSettings::request_queue_limit>},
    {"info_queue_limit", StoreCount<&JetStreamSettings::info_queue_limit>},
    {"meta_compact|meta_compact_size|meta_compact_sync", CheckMetaCompact},
    {"max_concurrent_io", ReadConcurrentIo},
};

}  // namespace

bool ReadJetStream(OptionScope& outer, const ConfigValue& value, Options& options) {
  auto& settings = options.jetstream;
  auto& problems = outer.problems();
  if (auto on = value.AsBool()) {
    settings.enabled = *on;
    return true;
  }
  if (const auto* word = value.AsString()) {
    if (NamesField("enabled|enable", *word)) {
      settings.enabled = true;
    } else if (NamesField("disabled|disable", *word)) {
      settings.enabled = false;
    } else {
      problems.Add(value,
                   Cat("Expected 'enabled' or 'disabled' for string value, got '", *word, "'"));
    }
    return true;
  }
  const auto* map = value.AsMap();
  if (map == nullptr) {
    problems.Add(value,
                 Cat("Expected map, bool or string to define JetStream, got ", value.TypeName()));
    return true;
  }
  settings.enabled = true;
  return ReadFields(outer, *map, kFields, settings);
}

}  // namespace weir::server
