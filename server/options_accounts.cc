#include "protocol/base/strings.h"
#include "protocol/subject.h"
#include "server/options_reader.h"

namespace weir::server {

namespace {

constexpr std::string_view kGlobalAccount = "$G";

// Fields of an account's jetstream block that are sizes or counts.
struct LimitField {
  std::string_view names;
  int64_t AccountJetStreamLimits::* member;
};
constexpr LimitField kJetStreamLimits[] = {
    {"max_memory|max_mem|mem|memory", &AccountJetStreamLimits::max_memory},
    {"max_store|max_file|max_disk|store|disk", &AccountJetStreamLimits::max_store},
    {"max_streams|streams", &AccountJetStreamLimits::max_streams},
    {"max_consumers|consumers", &AccountJetStreamLimits::max_consumers},
    {"mem_max_stream_bytes|memory_max_stream_bytes",
     &AccountJetStreamLimits::memory_max_stream_bytes},
    {"disk_max_stream_bytes|store_max_stream_bytes",
     &AccountJetStreamLimits::store_max_stream_bytes},
    {"max_ack_pending", &AccountJetStreamLimits::max_ack_pending},
};

bool ReadClusterTraffic(OptionProblems& problems, const std::string& key,
                        const ConfigValue& value) {
  const auto* text = value.AsString();
  if (text == nullptr) {
    problems.Add(value, Cat("Expected either 'system' or 'owner' string value for ", Quoted(key),
                            ", got ", value.Print()));
    return false;
  }
  if (*text == "owner") {
    problems.Uses(Feature::kAccountOwnTraffic, value);
  } else if (*text != "system" && !text->empty()) {
    problems.Add(value, Cat("Expected 'system' or 'owner' string value for ", Quoted(key), ", got ",
                            value.Print()));
    return false;
  }
  return true;
}

// One field; false ends the block.
bool ReadJetStreamLimit(OptionProblems& problems, const std::string& key, const ConfigValue& value,
                        AccountJetStreamLimits& limits) {
  for (const auto& row : kJetStreamLimits) {
    if (!NamesField(row.names, key)) {
      continue;
    }
    if (!value.AsInteger()) {
      problems.Add(value,
                   Cat("Expected a parseable size for ", Quoted(key), ", got ", value.Print()));
      return false;
    }
    limits.*row.member = *value.AsInteger();
    return true;
  }
  if (NamesField("max_bytes_required|max_stream_bytes|max_bytes", key)) {
    if (!value.AsBool()) {
      problems.Add(value,
                   Cat("Expected a parseable bool for ", Quoted(key), ", got ", value.Print()));
      return false;
    }
    limits.max_bytes_required = *value.AsBool();
    return true;
  }
  if (EqualsIgnoreCase(key, "cluster_traffic")) {
    return ReadClusterTraffic(problems, key, value);
  }
  problems.AddUnknown(value, key);
  return true;
}

void ReadAccountJetStream(OptionProblems& problems, const ConfigValue& value,
                          AccountOptions& account) {
  if (auto on = value.AsBool()) {
    account.jetstream = *on;
    return;
  }
  if (const auto* word = value.AsString()) {
    if (NamesField("enabled|enable", *word)) {
      account.jetstream = true;
    } else if (NamesField("disabled|disable", *word)) {
      account.jetstream = false;
    } else {
      problems.Add(value,
                   Cat("Expected 'enabled' or 'disabled' for string value, got '", *word, "'"));
    }
    return;
  }
  const auto* map = value.AsMap();
  if (map == nullptr) {
    problems.Add(value,
                 Cat("Expected map, bool or string to define JetStream, got ", value.TypeName()));
    return;
  }
  AccountJetStreamLimits limits;
  for (const auto& [key, field] : map->entries()) {
    if (!ReadJetStreamLimit(problems, key, field, limits)) {
      return;
    }
  }
  account.jetstream = true;
  account.jetstream_limits = limits;
}

void ReadLimits(OptionProblems& problems, const ConfigValue& value, AccountLimitOptions& limits) {
  const auto* map = value.AsMap();
  if (map == nullptr) {
    problems.Add(value, Cat("Expected account limits to be a map/struct, got ", value.Print()));
    return;
  }
  OptionScope scope(problems, value);
  for (const auto& [key, field] : map->entries()) {
    scope.LookAt(field);
    int64_t* target = NamesField("max_connections|max_conn", key)     ? &limits.max_connections
                      : NamesField("max_subscriptions|max_subs", key) ? &limits.max_subscriptions
                      : NamesField("max_payload|max_pay", key)        ? &limits.max_payload
                      : NamesField("max_leafnodes|max_leafs", key)    ? &limits.max_leafnodes
                                                                      : nullptr;
    if (target == nullptr) {
      problems.AddUnknown(field, key, "account limits");
    } else if (!scope.Get(field, *target)) {
      return;
    }
  }
}

bool ReadTraceDestination(OptionProblems& problems, const ConfigValue& value, std::string_view key,
                          AccountOptions& account) {
  const auto* text = value.AsString();
  if (text == nullptr) {
    problems.Add(value, Cat("Field ", Quoted(key), " should be a string, got ", value.TypeName()));
    return false;
  }
  if (!protocol::IsValidConfigPattern(*text) || !protocol::IsValidLiteral(*text)) {
    problems.Add(value, Cat("Trace destination ", Quoted(*text), " is not valid"));
    return false;
  }
  account.trace_destination = *text;
  return true;
}

bool ReadTraceSampling(OptionProblems& problems, const ConfigValue& value, const std::string& key,
                       AccountOptions& account) {
  int64_t percent = 0;
  if (auto number = value.AsInteger()) {
    percent = *number;
  } else if (const auto* text = value.AsString()) {
    std::string_view digits = *text;
    if (digits.ends_with('%')) {
      digits.remove_suffix(1);
    }
    auto parsed = ParseGoInteger("Atoi", digits);
    if (!parsed.ok()) {
      problems.Add(value, Cat("Invalid trace destination sampling value ", Quoted(*text)));
      return false;
    }
    percent = *parsed;
  } else {
    problems.Add(value, Cat("Trace destination sampling field ", Quoted(key),
                            " should be an integer or a percentage, got ", value.TypeName()));
    return false;
  }
  if (percent <= 0 || percent > 100) {
    problems.Add(value, Cat("Ttrace destination sampling value ", percent,
                            " is invalid, needs to be [1..100]"));
    return false;
  }
  account.trace_sampling = static_cast<int>(percent);
  return true;
}

void ReadTrace(OptionProblems& problems, const ConfigValue& value, const std::string& top_key,
               AccountOptions& account) {
  const auto* map = value.AsMap();
  if (value.AsString() != nullptr) {
    ReadTraceDestination(problems, value, top_key, account);
    return;
  }
  if (map == nullptr) {
    problems.Add(value, Cat("Expected account message trace ", Quoted(top_key),
                            " to be a string or a map/struct, got ", value.TypeName()));
    return;
  }
  bool sampled = false;
  for (const auto& [key, field] : map->entries()) {
    bool more = true;
    if (EqualsIgnoreCase(key, "dest")) {
      more = ReadTraceDestination(problems, field, key, account);
    } else if (EqualsIgnoreCase(key, "sampling")) {
      more = ReadTraceSampling(problems, field, key, account);
      sampled = true;
    } else if (!field.used_as_variable()) {
      problems.Add(field, Cat("Unknown field ", Quoted(key),
                              " parsing account message trace map/struct ", Quoted(top_key)));
      more = false;
    }
    if (!more) {
      return;
    }
  }
  if (sampled && account.trace_destination.empty()) {
    problems.Warn(
        Cat(value.Where(), ": Trace destination sampling ignored since no destination was set"));
  }
}

// What a reader of an account's fields fills.
struct AccountEntry {
  AccountOptions account;
  std::vector<UserOptions> users;
  const ConfigValue* users_at = nullptr;
};

bool ReadAccountField(OptionScope& scope, const std::string& key, const ConfigValue& value,
                      AccountEntry& entry) {
  auto& problems = scope.problems();
  auto& account = entry.account;
  if (EqualsIgnoreCase(key, "nkey")) {
    if (value.AsString() == nullptr || !IsPublicNkey('A', *value.AsString())) {
      problems.Add(value, Cat("Not a valid public nkey for an account: ", Quoted(value.Print())));
      return true;
    }
    account.nkey = *value.AsString();
  } else if (EqualsIgnoreCase(key, "imports")) {
    problems.Uses(Feature::kAccountImports, value);
  } else if (EqualsIgnoreCase(key, "exports")) {
    problems.Uses(Feature::kAccountExports, value);
  } else if (EqualsIgnoreCase(key, "jetstream")) {
    ReadAccountJetStream(problems, value, account);
  } else if (EqualsIgnoreCase(key, "users")) {
    entry.users_at = &value;
    ReadUsers(problems, value, entry.users);
  } else if (EqualsIgnoreCase(key, "default_permissions")) {
    Permissions permissions;
    if (ReadPermissions(problems, value, permissions)) {
      account.default_permissions = std::move(permissions);
    }
  } else if (NamesField("mappings|maps", key)) {
    ReadMappings(problems, value, account.mappings);
  } else if (EqualsIgnoreCase(key, "limits")) {
    ReadLimits(problems, value, account.limits);
  } else if (NamesField("msg_trace|trace_dest", key)) {
    ReadTrace(problems, value, key, account);
  } else {
    problems.AddUnknown(value, key);
  }
  return true;
}

// The users of an account against everybody who was read before.
void AddAccountUsers(OptionProblems& problems, AccountEntry& entry, AuthOptions& auth) {
  if (entry.users.empty()) {
    return;
  }
  if (!auth.username.empty()) {
    problems.Add(*entry.users_at, "Can not have a single user/pass and accounts");
    return;
  }
  if (!auth.token.empty()) {
    problems.Add(*entry.users_at, "Can not have a token and accounts");
    return;
  }
  CheckDuplicates(problems, *entry.users_at, auth.users, entry.users);
  for (auto& user : entry.users) {
    if (!user.permissions) {
      user.permissions = entry.account.default_permissions;
    }
    user.account = entry.account.name;
    auth.users.push_back(std::move(user));
  }
}

void ReadAccount(OptionScope& scope, const std::string& name, const ConfigValue& value,
                 Options& options) {
  auto& problems = scope.problems();
  if (value.used_as_variable()) {
    return;
  }
  const auto* map = value.AsMap();
  if (map == nullptr) {
    problems.Add(value, "Expected map entries for accounts");
    return;
  }
  if (name == kGlobalAccount) {
    problems.Add(value, Cat(Quoted(name), " is a Reserved Account"));
    return;
  }
  AccountEntry entry;
  entry.account.name = name;
  for (const auto& [key, field] : map->entries()) {
    scope.LookAt(field);
    ReadAccountField(scope, key, field, entry);
  }
  AddAccountUsers(problems, entry, options.auth);
  options.accounts.push_back(std::move(entry.account));
}

bool ReadAccountNames(OptionScope& scope, const ConfigValue::Array& names, Options& options) {
  auto& problems = scope.problems();
  StringSet seen;
  for (const auto& element : names) {
    scope.LookAt(element);
    std::string name;
    if (!scope.Get(element, name)) {
      return false;
    }
    if (name == kGlobalAccount) {
      problems.Add(element, Cat(Quoted(name), " is a Reserved Account"));
    } else if (!seen.insert(name).second) {
      problems.Add(element, Cat("Duplicate Account Entry: ", name));
    } else {
      options.accounts.emplace_back().name = name;
    }
  }
  return true;
}

}  // namespace

bool ReadAccounts(OptionScope& outer, const ConfigValue& value, Options& options) {
  auto& problems = outer.problems();
  OptionScope scope(problems, value);
  if (const auto* names = value.AsArray()) {
    ReadAccountNames(scope, *names, options);
  } else if (const auto* map = value.AsMap()) {
    for (const auto& [name, entry] : map->entries()) {
      ReadAccount(scope, name, entry, options);
    }
  }
  return true;
}

}  // namespace weir::server
