#include <limits>
#include <type_traits>
#include <utility>

#include "protocol/base/strings.h"
#include "server/options_reader.h"

namespace weir::server {

namespace {

using Field = OptionField<Options>;

// Fields that only need their type checked and their value stored.
template <auto kMember>
bool Store(OptionScope& scope, const std::string& /*key*/, const ConfigValue& value,
           Options& options) {
  return scope.Get(value, options.*kMember);
}
template <auto kPart, auto kMember>
bool StoreIn(OptionScope& scope, const std::string& /*key*/, const ConfigValue& value,
             Options& options) {
  return scope.Get(value, options.*kPart.*kMember);
}
template <auto kPart, auto kMember>
bool StoreInverse(OptionScope& scope, const std::string& /*key*/, const ConfigValue& value,
                  Options& options) {
  bool given = false;
  if (!scope.Get(value, given)) {
    return false;
  }
  options.*kPart.*kMember = !given;
  return true;
}
template <auto kPart, auto kMember>
bool StoreDuration(OptionScope& scope, const std::string& key, const ConfigValue& value,
                   Options& options) {
  return ReadDuration(scope, ToLower(key), value, options.*kPart.*kMember);
}

// Fields of what this server does not do: the value is not looked at.
template <Feature kFeature>
bool Refuse(OptionScope& scope, const std::string& /*key*/, const ConfigValue& value,
            Options& /*options*/) {
  scope.problems().Uses(kFeature, value);
  return true;
}
// The same for a switch that may be off.
template <Feature kFeature>
bool RefuseWhenOn(OptionScope& scope, const std::string& /*key*/, const ConfigValue& value,
                  Options& /*options*/) {
  bool on = false;
  if (!scope.Get(value, on)) {
    return false;
  }
  if (on) {
    scope.problems().Uses(kFeature, value);
  }
  return true;
}

bool ReadListen(OptionScope& scope, const std::string&, const ConfigValue& value,
                Options& options) {
  ReadEndpoint(scope.problems(), value, options.client);
  return true;
}

bool ReadServerName(OptionScope& scope, const std::string&, const ConfigValue& value,
                    Options& options) {
  std::string name;
  if (!scope.Get(value, name)) {
    return false;
  }
  if (name.find(' ') != std::string::npos) {
    scope.problems().Add(value, "server name cannot contain spaces");
    return true;
  }
  options.server_name = name;
  return true;
}

bool ReadNoProducerStall(OptionScope& scope, const std::string&, const ConfigValue& value,
                         Options& options) {
  bool given = false;
  if (!scope.Get(value, given)) {
    return false;
  }
  options.limits.fast_producer_stall = !given;
  return true;
}

bool ReadTraceHeaders(OptionScope& scope, const std::string&, const ConfigValue& value,
                      Options& options) {
  if (!scope.Get(value, options.log.trace_headers)) {
    return false;
  }
  options.log.trace = options.log.trace_headers;
  return true;
}

// trace_verbose also sets trace.
bool ReadTraceVerbose(OptionScope& scope, const std::string&, const ConfigValue& value,
                      Options& options) {
  if (!scope.Get(value, options.log.trace_verbose)) {
    return false;
  }
  options.log.trace = options.log.trace_verbose;
  return true;
}

bool ReadHttp(OptionScope& scope, const std::string& key, const ConfigValue& value,
              Options& options) {
  Endpoint endpoint;
  if (!ReadEndpoint(scope.problems(), value, endpoint)) {
    return true;
  }
  options.monitor.host = endpoint.host;
  if (EqualsIgnoreCase(key, "https")) {
    options.monitor.https_port = endpoint.port;
  } else {
    options.monitor.http_port = endpoint.port;
  }
  return true;
}

template <auto kMember>
bool ReadInt32(OptionScope& scope, const std::string& key, const ConfigValue& value,
               Options& options) {
  int64_t number = 0;
  if (!scope.Get(value, number)) {
    return false;
  }
  if (number > std::numeric_limits<int32_t>::max()) {
    scope.problems().Add(value, Cat(key, " value is too big"));
    return true;
  }
  options.limits.*kMember = number;
  return true;
}

bool ReadMaxConnections(OptionScope& scope, const std::string&, const ConfigValue& value,
                        Options& options) {
  if (!scope.Get(value, options.limits.max_connections)) {
    return false;
  }
  if (options.limits.max_connections == 0) {
    options.limits.max_connections = -1;
  }
  return true;
}

bool ReadMaxTokens(OptionScope& scope, const std::string& key, const ConfigValue& value,
                   Options& options) {
  int64_t number = 0;
  if (!scope.Get(value, number)) {
    return false;
  }
  if (number > 255) {
    scope.problems().Add(value, Cat(key, " value is too big"));
  } else if (number <= 0) {
    scope.problems().Add(value, Cat(key, " value can not be negative"));
  } else {
    options.limits.max_subscription_tokens = number;
  }
  return true;
}

bool ReadWriteTimeout(OptionScope& scope, const std::string&, const ConfigValue& value,
                      Options& options) {
  std::string policy;
  if (!scope.Get(value, policy)) {
    return false;
  }
  if (policy != "default" && policy != "close" && policy != "retry") {
    scope.problems().Add(value, "write_timeout must be 'default', 'close' or 'retry'");
    return true;
  }
  options.limits.close_on_write_timeout = policy != "retry";
  return true;
}

bool ReadLameDuck(OptionScope& scope, const std::string& key, const ConfigValue& value,
                  Options& options) {
  std::string text;
  if (!scope.Get(value, text)) {
    return false;
  }
  std::string name = ToLower(key);
  auto parsed = ParseGoDuration(text);
  if (!parsed.ok()) {
    scope.problems().Add(value, Cat("error parsing ", name, ": ", Message(parsed.status())));
  } else if (name == "lame_duck_grace_period") {
    if (*parsed < 0) {
      scope.problems().Add(value, "invalid lame_duck_grace_period, needs to be positive");
      return true;
    }
    options.lame_duck.grace_period_ns = *parsed;
  } else if (*parsed < 30 * kSecondNs) {
    scope.problems().Add(value, Cat("invalid lame_duck_duration of ", FormatDuration(*parsed),
                                    ", minimum is 30 seconds"));
  } else {
    options.lame_duck.duration_ns = *parsed;
  }
  return true;
}

bool ReadStoreDir(OptionScope& scope, const std::string&, const ConfigValue& value,
                  Options& options) {
  if (!options.jetstream.store_dir.empty()) {
    scope.problems().Add(value, "Duplicate 'store_dir' configuration");
    return true;
  }
  return scope.Get(value, options.jetstream.store_dir);
}

bool ReadTlsField(OptionScope& scope, const std::string&, const ConfigValue& value,
                  Options& options) {
  TlsOptions tls;
  if (!ReadTls(scope.problems(), value, tls)) {
    return true;
  }
  if (auto status = CheckTlsFiles(tls); !status.ok()) {
    scope.problems().Add(value, Message(status));
    return true;
  }
  options.tls = std::move(tls);
  return true;
}

bool ReadGlobalMappings(OptionScope& scope, const std::string&, const ConfigValue& value,
                        Options& options) {
  return ReadMappings(scope.problems(), value, options.mappings);
}

bool ReadTags(OptionScope& scope, const std::string&, const ConfigValue& value, Options& options) {
  if (const auto* tag = value.AsString()) {
    options.server_tags = {*tag};
    return true;
  }
  const auto* tags = value.AsArray();
  if (tags == nullptr) {
    scope.problems().Add(value, Cat("error parsing tags: unsupported type ", value.TypeName()));
    return true;
  }
  options.server_tags.clear();
  for (const auto& tag : *tags) {
    if (tag.AsString() == nullptr) {
      // The type that the reference names here is one of its own.
      scope.problems().Add(
          value, "error parsing tags: unsupported type *conf.token where string is expected");
      return true;
    }
    options.server_tags.push_back(*tag.AsString());
  }
  return true;
}

bool ReadMetadata(OptionScope& scope, const std::string&, const ConfigValue& value,
                  Options& options) {
  const auto* map = value.AsMap();
  if (map == nullptr) {
    scope.problems().Add(value, Cat("error parsing metadata: unsupported type ", value.TypeName()));
    return true;
  }
  options.server_metadata.clear();
  for (const auto& [name, text] : map->entries()) {
    scope.LookAt(text);
    if (!scope.Get(text, options.server_metadata.emplace_back(name, "").second)) {
      return false;
    }
  }
  return true;
}

bool ReadFeatureFlags(OptionScope& scope, const std::string&, const ConfigValue& value,
                      Options& options) {
  const auto* map = value.AsMap();
  if (map == nullptr) {
    scope.problems().Add(value,
                         Cat("error parsing feature flags: unsupported type ", value.TypeName()));
    return true;
  }
  options.feature_flags.clear();
  for (const auto& [name, on] : map->entries()) {
    if (!on.AsBool()) {
      scope.problems().Add(on, Cat("error parsing feature flag ", Quoted(name),
                                   ": expected bool, got ", on.TypeName()));
      return true;
    }
    options.feature_flags.emplace_back(name, *on.AsBool());
  }
  return true;
}

bool ReadProfilePort(OptionScope& scope, const std::string&, const ConfigValue& value,
                     Options& options) {
  if (!scope.Get(value, options.profile_port)) {
    return false;
  }
  if (options.profile_port != 0) {
    scope.problems().Uses(Feature::kProfiling, value);
  }
  return true;
}

bool ReadNoAuthUser(OptionScope& scope, const std::string&, const ConfigValue& value,
                    Options& options) {
  return scope.Get(value, options.auth.no_auth_user);
}

bool ReadNoSystemAccount(OptionScope& scope, const std::string&, const ConfigValue& value,
                         Options& options) {
  if (!scope.Get(value, options.no_system_account)) {
    return false;
  }
  if (options.no_system_account) {
    scope.problems().Uses(Feature::kNoSystemAccount, value);
  }
  return true;
}

bool ReadSystemAccount(OptionScope& scope, const std::string&, const ConfigValue& value,
                       Options& options) {
  const auto* name = value.AsString();
  if (name == nullptr) {
    scope.problems().Add(value, "system account name must be a string");
    return true;
  }
  options.system_account = *name;
  return true;
}

bool ReadWorkers(OptionScope& scope, const std::string&, const ConfigValue& value,
                 Options& options) {
  if (!scope.Get(value, options.workers)) {
    return false;
  }
  if (options.workers < 0 || options.workers > 256) {
    scope.problems().Add(value, "workers must be between 0 and 256");
  }
  return true;
}

bool ReadExports(OptionScope&, const std::string&, const ConfigValue& value, Options& options) {
  options.exports = value.ToJson();
  options.exports_position = value.Where();
  return true;
}

bool Ignore(OptionScope& scope, const std::string&, const ConfigValue& value, Options&) {
  bool given = false;
  return scope.Get(value, given);
}
bool IgnoreNumber(OptionScope& scope, const std::string&, const ConfigValue& value, Options&) {
  int64_t given = 0;
  return scope.Get(value, given);
}

using Client = ClientLimits;

constexpr Field kFields[] = {
    {"listen", ReadListen},
    {"host|net", StoreIn<&Options::client, &Endpoint::host>},
    {"port", StoreIn<&Options::client, &Endpoint::port>},
    {"client_advertise", Store<&Options::client_advertise>},
    {"server_name", ReadServerName},
    {"server_tags", ReadTags},
    {"server_metadata", ReadMetadata},
    {"workers", ReadWorkers},
    {"exports", ReadExports},

    {"debug", StoreIn<&Options::log, &LogOptions::debug>},
    {"trace", StoreIn<&Options::log, &LogOptions::trace>},
    {"trace_verbose", ReadTraceVerbose},
    {"trace_headers", ReadTraceHeaders},
    {"logtime", StoreIn<&Options::log, &LogOptions::timestamps>},
    {"logtime_utc", StoreIn<&Options::log, &LogOptions::timestamps_utc>},
    {"logfile|log_file", StoreIn<&Options::log, &LogOptions::file>},
    {"logfile_size_limit|log_size_limit", StoreIn<&Options::log, &LogOptions::file_size_limit>},
    {"logfile_max_num|log_max_num", StoreIn<&Options::log, &LogOptions::file_max_num>},
    {"syslog", StoreIn<&Options::log, &LogOptions::syslog>},
    {"remote_syslog", StoreIn<&Options::log, &LogOptions::remote_syslog>},
    {"max_traced_msg_len", StoreIn<&Options::log, &LogOptions::max_traced_msg_len>},
    {"connect_error_reports", StoreIn<&Options::log, &LogOptions::connect_error_reports>},
    {"reconnect_error_reports", StoreIn<&Options::log, &LogOptions::reconnect_error_reports>},

    {"pidfile|pid_file", Store<&Options::pid_file>},
    {"ports_file_dir", Store<&Options::ports_file_dir>},
    {"prof_port", ReadProfilePort},
    {"prof_block_rate", IgnoreNumber},

    {"http", ReadHttp},
    {"https", ReadHttp},
    {"http_port|monitor_port", StoreIn<&Options::monitor, &MonitorOptions::http_port>},
    {"https_port", StoreIn<&Options::monitor, &MonitorOptions::https_port>},
    {"http_base_path", StoreIn<&Options::monitor, &MonitorOptions::base_path>},

    {"max_control_line", ReadInt32<&Client::max_control_line>},
    {"max_payload", ReadInt32<&Client::max_payload>},
    {"max_pending", StoreIn<&Options::limits, &Client::max_pending>},
    {"max_connections|max_conn", ReadMaxConnections},
    {"max_subscriptions|max_subs", StoreIn<&Options::limits, &Client::max_subscriptions>},
    {"max_sub_tokens|max_subscription_tokens", ReadMaxTokens},
    {"max_closed_clients", StoreIn<&Options::limits, &Client::max_closed_clients>},
    {"ping_interval", StoreDuration<&Options::limits, &Client::ping_interval_ns>},
    {"ping_max", StoreIn<&Options::limits, &Client::max_pings_out>},
    {"write_deadline", StoreDuration<&Options::limits, &Client::write_deadline_ns>},
    {"write_timeout", ReadWriteTimeout},
    {"no_fast_producer_stall", ReadNoProducerStall},
    {"no_header_support", StoreInverse<&Options::limits, &Client::headers>},
    {"lame_duck_duration", ReadLameDuck},
    {"lame_duck_grace_period", ReadLameDuck},
    {"disable_sublist_cache|no_sublist_cache", Ignore},

    {"authorization",
     [](OptionScope& scope, const std::string&, const ConfigValue& value, Options& options) {
       return ReadAuthorization(scope, value, options);
     }},
    {"accounts",
     [](OptionScope& scope, const std::string&, const ConfigValue& value, Options& options) {
       return ReadAccounts(scope, value, options);
     }},
    {"mappings|maps", ReadGlobalMappings},
    {"no_auth_user", ReadNoAuthUser},
    {"no_system_account|no_system|no_sys_acc", ReadNoSystemAccount},
    {"system_account|system", ReadSystemAccount},
    {"tls", ReadTlsField},
    {"allow_non_tls", Store<&Options::allow_non_tls>},
    {"store_dir|storedir", ReadStoreDir},
    {"jetstream",
     [](OptionScope& scope, const std::string&, const ConfigValue& value, Options& options) {
       return ReadJetStream(scope, value, options);
     }},
    {"cluster",
     [](OptionScope& scope, const std::string&, const ConfigValue& value, Options& options) {
       return ReadCluster(scope, value, options);
     }},
    {"feature_flags", ReadFeatureFlags},

    {"gateway", Refuse<Feature::kGateway>},
    {"leaf|leafnodes", Refuse<Feature::kLeafNodes>},
    {"websocket|ws", Refuse<Feature::kWebsocket>},
    {"mqtt", Refuse<Feature::kMqtt>},
    {"operator|operators|roots|root|root_operators|root_operator", Refuse<Feature::kOperators>},
    {"resolver|account_resolver|accounts_resolver|resolver_tls|resolver_preload|"
     "resolver_pinned_accounts",
     Refuse<Feature::kResolver>},
    {"trusted|trusted_keys", Refuse<Feature::kTrustedKeys>},
    {"default_sentinel", Refuse<Feature::kDefaultSentinel>},
    {"ocsp|ocsp_cache", Refuse<Feature::kOcsp>},
    {"proxies", Refuse<Feature::kProxies>},
    {"proxy_protocol", Store<&Options::proxy_protocol>},
    {"default_js_domain", Refuse<Feature::kDefaultDomains>},
};

}  // namespace

void ReadTopLevel(const ConfigMap& values, OptionProblems& problems, Options& options) {
  for (const auto& [key, value] : values.entries()) {
    OptionScope scope(problems, value);
    const Field* field = FindField(kFields, key);
    if (field == nullptr) {
      problems.AddUnknown(value, key);
    } else {
      // A wrong type ends the entry only; the next one has a scope of its own.
      static_cast<void>(field->read(scope, key, value, options));
    }
  }
}

}  // namespace weir::server
