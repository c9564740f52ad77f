#include "protocol/base/strings.h"
#include "server/options_reader.h"

namespace weir::server {

namespace {

bool ReadName(OptionScope& scope, const ConfigValue& value, ClusterOptions& cluster) {
  std::string name;
  if (!scope.Get(value, name)) {
    return false;
  }
  if (name.find(' ') != std::string::npos) {
    scope.problems().Add(value, "cluster name cannot contain spaces");
  } else if (name == "_") {
    scope.problems().Add(value, "cluster name is reserved");
  } else {
    cluster.name = name;
  }
  return true;
}

// Fields that only matter between servers: their type is all that is checked.
bool CheckField(OptionScope& scope, const std::string& key, const ConfigValue& value) {
  auto& problems = scope.problems();
  bool flag = false;
  int64_t number = 0;
  std::string text;
  if (NamesField("connect_retries|pool_size|ping_max", key)) {
    return scope.Get(value, number);
  }
  if (EqualsIgnoreCase(key, "connect_backoff")) {
    return scope.Get(value, flag);
  }
  if (NamesField("ping_interval|write_deadline", key)) {
    return ReadDuration(scope, ToLower(key), value, number);
  }
  if (EqualsIgnoreCase(key, "write_timeout")) {
    if (!scope.Get(value, text)) {
      return false;
    }
    if (!NamesField("default|close|retry", text)) {
      problems.Add(value, "write_timeout must be 'default', 'close' or 'retry'");
    }
    return true;
  }
  if (!NamesField("authorization|tls|permissions|accounts|compression", key)) {
    problems.AddUnknown(value, key);
  }
  return true;
}

bool ReadField(OptionScope& scope, const std::string& key, const ConfigValue& value,
               ClusterOptions& cluster) {
  if (EqualsIgnoreCase(key, "name")) {
    return ReadName(scope, value, cluster);
  }
  if (EqualsIgnoreCase(key, "listen")) {
    ReadEndpoint(scope.problems(), value, cluster.listen);
    return true;
  }
  if (EqualsIgnoreCase(key, "port")) {
    return scope.Get(value, cluster.listen.port);
  }
  if (NamesField("host|net", key)) {
    return scope.Get(value, cluster.listen.host);
  }
  if (NamesField("cluster_advertise|advertise", key)) {
    return scope.Get(value, cluster.advertise);
  }
  if (EqualsIgnoreCase(key, "no_advertise")) {
    return scope.Get(value, cluster.no_advertise);
  }
  if (EqualsIgnoreCase(key, "routes")) {
    const ConfigValue::Array* routes = nullptr;
    if (!scope.Get(value, routes)) {
      return false;
    }
    if (!routes->empty()) {
      scope.problems().Uses(Feature::kClusterRoutes, value);
    }
    return true;
  }
  return CheckField(scope, key, value);
}

}  // namespace

bool ReadCluster(OptionScope& outer, const ConfigValue& value, Options& options) {
  auto& problems = outer.problems();
  const auto* map = value.AsMap();
  if (map == nullptr) {
    problems.Add(value, Cat("Expected map to define cluster, got ", value.TypeName()));
    return true;
  }
  options.cluster.configured = true;
  OptionScope scope(problems, value);
  for (const auto& [key, field] : map->entries()) {
    scope.LookAt(field);
    if (!ReadField(scope, key, field, options.cluster)) {
      return true;
    }
  }
  return true;
}

}  // namespace weir::server
