#include "jetstream/stream_config.h"

#include <algorithm>
#include <array>

#include <boost/json/serialize.hpp>

namespace weir::jetstream {

namespace {

template <typename E>
struct Name {
  E value;
  std::string_view text;
};

constexpr std::array<Name<RetentionPolicy>, 3> kRetentions{{
    {RetentionPolicy::kLimits, "limits"},
    {RetentionPolicy::kInterest, "interest"},
    {RetentionPolicy::kWorkQueue, "workqueue"},
}};
constexpr std::array<Name<DiscardPolicy>, 2> kDiscards{{
    {DiscardPolicy::kOld, "old"},
    {DiscardPolicy::kNew, "new"},
}};
constexpr std::array<Name<StorageType>, 2> kStorages{{
    {StorageType::kFile, "file"},
    {StorageType::kMemory, "memory"},
}};
constexpr std::array<Name<Compression>, 2> kCompressions{{
    {Compression::kNone, "none"},
    {Compression::kS2, "s2"},
}};
constexpr std::array<Name<PersistMode>, 2> kPersistModes{{
    {PersistMode::kDefault, "default"},
    {PersistMode::kAsync, "async"},
}};

template <typename E, size_t N>
std::string_view TextOf(const std::array<Name<E>, N>& names, E value) {
  for (const auto& name : names) {
    if (name.value == value) {
      return name.text;
    }
  }
  return {};
}

template <typename E, size_t N>
void ReadEnum(JsonReader& in, std::string_view field, const std::array<Name<E>, N>& names, E& out,
              std::string_view unknown = {}) {
  const auto* value = in.Find(field);
  if (value == nullptr) {
    return;
  }
  const auto* text = value->if_string();
  for (const auto& name : names) {
    if (text != nullptr && name.text == std::string_view(text->data(), text->size())) {
      out = name.value;
      return;
    }
  }
  in.Fail(unknown.empty() || text == nullptr
              ? Cat("can not unmarshal ", Quoted(boost::json::serialize(*value)))
              : std::string(unknown));
}

void Finish(JsonReader& outer, JsonReader& inner, bool strict) {
  if (Status status = inner.Finish(strict); !status.ok()) {
    outer.Fail(Message(status));
  }
}

SubjectTransformConfig ReadTransform(JsonReader& outer, const boost::json::object& object,
                                     std::string_view path, bool strict) {
  SubjectTransformConfig out;
  JsonReader in(object, path);
  in.Read("src", out.src);
  in.Read("dest", out.dest);
  Finish(outer, in, strict);
  return out;
}

// Calls `read` for the objects of an array; anything else in it is an error.
template <typename Read>
void ForEachObject(JsonReader& in, std::string_view field, std::string_view array_type,
                   std::string_view item_type, const Read& read) {
  const auto* array = in.Array(field, array_type);
  if (array == nullptr) {
    return;
  }
  for (size_t i = 0; i < array->size(); ++i) {
    const auto& item = (*array)[i];
    if (const auto* object = item.if_object()) {
      read(*object, Cat(in.PathTo(field), ".", i));
    } else if (!item.is_null()) {
      in.FailElement(field, i, item, item_type);
    }
  }
}

StreamSource ReadSource(JsonReader& outer, const boost::json::object& object, std::string_view path,
                        bool strict) {
  StreamSource out;
  JsonReader in(object, path);
  in.Read("name", out.name);
  in.Read("opt_start_seq", out.opt_start_seq);
  if (in.Find("opt_start_time") != nullptr) {
    in.ReadTime("opt_start_time", out.opt_start_time_ns.emplace(0));
  }
  in.Read("filter_subject", out.filter_subject);
  ForEachObject(in, "subject_transforms", "[]server.SubjectTransformConfig",
                "server.SubjectTransformConfig",
                [&](const boost::json::object& item, const std::string& item_path) {
                  out.subject_transforms.push_back(ReadTransform(in, item, item_path, strict));
                });
  if (const auto* external = in.Object("external", "server.ExternalStream")) {
    JsonReader fields(*external, in.PathTo("external"));
    fields.Read("api", out.external.emplace().api);
    fields.Read("deliver", out.external->deliver);
    Finish(in, fields, strict);
  }
  if (const auto* consumer = in.Object("consumer", "server.StreamConsumerSource")) {
    JsonReader fields(*consumer, in.PathTo("consumer"));
    fields.Read("name", out.consumer.emplace().name);
    fields.Read("deliver_subject", out.consumer->deliver_subject);
    Finish(in, fields, strict);
  }
  Finish(outer, in, strict);
  return out;
}

void ReadSources(JsonReader& in, StreamConfig& config, bool strict) {
  if (const auto* mirror = in.Object("mirror", "server.StreamSource")) {
    config.mirror = ReadSource(in, *mirror, in.PathTo("mirror"), strict);
  }
  ForEachObject(in, "sources", "[]*server.StreamSource", "server.StreamSource",
                [&](const boost::json::object& item, const std::string& path) {
                  config.sources.push_back(ReadSource(in, item, path, strict));
                });
}

void ReadObjects(JsonReader& in, StreamConfig& config, bool strict) {
  if (const auto* placement = in.Object("placement", "server.Placement");
      placement && !placement->empty()) {
    JsonReader fields(*placement, in.PathTo("placement"));
    fields.Read("cluster", config.placement.emplace().cluster);
    fields.Read("tags", config.placement->tags);
    fields.Read("preferred", config.placement->preferred);
    Finish(in, fields, strict);
    if (*config.placement == Placement{}) {
      config.placement.reset();
    }
  }
  ReadSources(in, config, strict);
  if (const auto* transform = in.Object("subject_transform", "server.SubjectTransformConfig")) {
    config.subject_transform =
        ReadTransform(in, *transform, in.PathTo("subject_transform"), strict);
  }
  if (const auto* republish = in.Object("republish", "server.RePublish")) {
    JsonReader fields(*republish, in.PathTo("republish"));
    fields.Read("src", config.republish.emplace().src);
    fields.Read("dest", config.republish->dest);
    fields.Read("headers_only", config.republish->headers_only);
    Finish(in, fields, strict);
  }
  if (const auto* limits = in.Object("consumer_limits", "server.StreamConsumerLimits")) {
    JsonReader fields(*limits, in.PathTo("consumer_limits"));
    fields.Read("inactive_threshold", config.consumer_limits.inactive_threshold_ns,
                "time.Duration");
    fields.Read("max_ack_pending", config.consumer_limits.max_ack_pending, "int");
    Finish(in, fields, strict);
  }
}

void WriteTransform(JsonWriter& out, const SubjectTransformConfig& transform) {
  out.OpenObject().Field("src", transform.src).Field("dest", transform.dest).CloseObject();
}

void WriteSource(JsonWriter& out, const StreamSource& source) {
  out.OpenObject().Field("name", source.name);
  out.Optional("opt_start_seq", source.opt_start_seq);
  if (source.opt_start_time_ns) {
    out.Key("opt_start_time").Time(*source.opt_start_time_ns);
  }
  out.Optional("filter_subject", source.filter_subject);
  if (!source.subject_transforms.empty()) {
    out.Key("subject_transforms").OpenArray();
    for (const auto& transform : source.subject_transforms) {
      WriteTransform(out, transform);
    }
    out.CloseArray();
  }
  if (source.external) {
    out.Key("external").OpenObject().Field("api", source.external->api);
    out.Field("deliver", source.external->deliver).CloseObject();
  }
  if (source.consumer) {
    out.Key("consumer").OpenObject().Optional("name", source.consumer->name);
    out.Optional("deliver_subject", source.consumer->deliver_subject).CloseObject();
  }
  out.CloseObject();
}

void WriteOrigins(JsonWriter& out, const StreamConfig& config) {
  if (config.placement) {
    out.Key("placement").OpenObject().Optional("cluster", config.placement->cluster);
    if (!config.placement->tags.empty()) {
      out.Strings("tags", config.placement->tags);
    }
    out.Optional("preferred", config.placement->preferred).CloseObject();
  }
  if (config.mirror) {
    WriteSource(out.Key("mirror"), *config.mirror);
  }
  if (!config.sources.empty()) {
    out.Key("sources").OpenArray();
    for (const auto& source : config.sources) {
      WriteSource(out, source);
    }
    out.CloseArray();
  }
}

void WriteRewrites(JsonWriter& out, const StreamConfig& config) {
  if (config.subject_transform) {
    WriteTransform(out.Key("subject_transform"), *config.subject_transform);
  }
  if (config.republish) {
    out.Key("republish").OpenObject().Optional("src", config.republish->src);
    out.Field("dest", config.republish->dest);
    out.Optional("headers_only", config.republish->headers_only).CloseObject();
  }
}

void WriteMetadata(JsonWriter& out, const StringMap<std::string>& own,
                   const StringMap<std::string>& extra) {
  std::vector<std::pair<std::string_view, std::string_view>> sorted(own.begin(), own.end());
  sorted.insert(sorted.end(), extra.begin(), extra.end());
  if (sorted.empty()) {
    return;
  }
  std::sort(sorted.begin(), sorted.end());
  out.Key("metadata").OpenObject();
  for (const auto& [key, value] : sorted) {
    out.Field(key, value);
  }
  out.CloseObject();
}

}  // namespace

StatusOr<StreamConfig> ReadStreamConfig(const boost::json::object& object, bool strict,
                                        bool* pedantic, std::string_view go_struct) {
  StreamConfig config;
  JsonReader in(object, go_struct);
  in.Read("name", config.name);
  in.Read("description", config.description);
  in.Read("subjects", config.subjects);
  ReadEnum(in, "retention", kRetentions, config.retention);
  in.Read("max_consumers", config.max_consumers, "int");
  in.Read("max_msgs", config.max_msgs);
  in.Read("max_bytes", config.max_bytes);
  in.Read("max_age", config.max_age_ns, "time.Duration");
  in.Read("max_msgs_per_subject", config.max_msgs_per_subject);
  in.Read("max_msg_size", config.max_msg_size);
  ReadEnum(in, "discard", kDiscards, config.discard);
  ReadEnum(in, "storage", kStorages, config.storage);
  in.Read("num_replicas", config.num_replicas, "int");
  in.Read("no_ack", config.no_ack);
  in.Read("duplicate_window", config.duplicate_window_ns, "time.Duration");
  ReadEnum(in, "compression", kCompressions, config.compression, "unknown compression algorithm");
  in.Read("first_seq", config.first_seq);
  ReadObjects(in, config, strict);
  in.Read("allow_direct", config.allow_direct);
  in.Read("mirror_direct", config.mirror_direct);
  in.Read("discard_new_per_subject", config.discard_new_per_subject);
  in.Read("sealed", config.sealed);
  in.Read("deny_delete", config.deny_delete);
  in.Read("deny_purge", config.deny_purge);
  in.Read("allow_rollup_hdrs", config.allow_rollup);
  in.Read("allow_msg_ttl", config.allow_msg_ttl);
  in.Read("subject_delete_marker_ttl", config.subject_delete_marker_ttl_ns, "time.Duration");
  in.Read("allow_msg_counter", config.allow_msg_counter);
  in.Read("allow_atomic", config.allow_atomic);
  in.Read("allow_msg_schedules", config.allow_msg_schedules);
  ReadEnum(in, "persist_mode", kPersistModes, config.persist_mode);
  in.Read("allow_batched", config.allow_batched);
  in.Read("metadata", config.metadata);
  bool ignored = false;
  in.Read("pedantic", pedantic == nullptr ? ignored : *pedantic);
  WEIR_RETURN_IF_ERROR(in.Finish(strict));
  return config;
}

StatusOr<StreamConfig> ParseStreamConfig(std::string_view text) {
  WEIR_ASSIGN_OR_RETURN(auto value, ParseJson(text));
  if (!value.is_object()) {
    return InvalidArgument("the configuration is not a JSON object");
  }
  return ReadStreamConfig(value.get_object(), /*strict=*/false, nullptr);
}

void WriteStreamConfig(JsonWriter& out, const StreamConfig& config,
                       const StringMap<std::string>& extra) {
  out.OpenObject().Field("name", config.name).Optional("description", config.description);
  if (!config.subjects.empty()) {
    out.Strings("subjects", config.subjects);
  }
  out.Field("retention", TextOf(kRetentions, config.retention));
  out.Field("max_consumers", config.max_consumers);
  out.Field("max_msgs", config.max_msgs);
  out.Field("max_bytes", config.max_bytes);
  out.Field("max_age", config.max_age_ns);
  out.Field("max_msgs_per_subject", config.max_msgs_per_subject);
  out.Optional("max_msg_size", config.max_msg_size);
  out.Field("discard", TextOf(kDiscards, config.discard));
  out.Field("storage", TextOf(kStorages, config.storage));
  out.Field("num_replicas", config.num_replicas);
  out.Optional("no_ack", config.no_ack);
  out.Optional("duplicate_window", config.duplicate_window_ns);
  WriteOrigins(out, config);
  out.Field("compression", TextOf(kCompressions, config.compression));
  out.Optional("first_seq", config.first_seq);
  WriteRewrites(out, config);
  out.Field("allow_direct", config.allow_direct);
  out.Field("mirror_direct", config.mirror_direct);
  out.Optional("discard_new_per_subject", config.discard_new_per_subject);
  out.Field("sealed", config.sealed);
  out.Field("deny_delete", config.deny_delete);
  out.Field("deny_purge", config.deny_purge);
  out.Field("allow_rollup_hdrs", config.allow_rollup);
  out.Key("consumer_limits").OpenObject();
  out.Optional("inactive_threshold", config.consumer_limits.inactive_threshold_ns);
  out.Optional("max_ack_pending", config.consumer_limits.max_ack_pending).CloseObject();
  out.Field("allow_msg_ttl", config.allow_msg_ttl);
  out.Optional("subject_delete_marker_ttl", config.subject_delete_marker_ttl_ns);
  out.Optional("allow_msg_counter", config.allow_msg_counter);
  out.Optional("allow_atomic", config.allow_atomic);
  out.Optional("allow_msg_schedules", config.allow_msg_schedules);
  if (config.persist_mode != PersistMode::kDefault) {
    out.Field("persist_mode", TextOf(kPersistModes, config.persist_mode));
  }
  out.Optional("allow_batched", config.allow_batched);
  WriteMetadata(out, config.metadata, extra);
  out.CloseObject();
}

}  // namespace weir::jetstream
