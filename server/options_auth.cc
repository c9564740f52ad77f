#include <algorithm>
#include <cctype>

#include "protocol/base/strings.h"
#include "protocol/subject.h"
#include "server/options_reader.h"

namespace weir::server {

namespace {

// What one authorization block says, before it is checked against the rest.
struct Authorization {
  std::string username;
  std::string password;
  std::string token;
  int64_t timeout_ns = 0;
  bool has_users = false;  // also when the list is empty
  std::vector<UserOptions> users;
  std::optional<Permissions> default_permissions;
  bool proxy_required = false;
};

// Subjects of a permission: a subject or a list of them; `with_queue`: "subject queue" is allowed.
bool ReadSubjects(OptionProblems& problems, const ConfigValue& value, bool with_queue,
                  std::vector<std::string>& out) {
  std::vector<std::string> subjects;
  if (const auto* text = value.AsString()) {
    subjects.push_back(*text);
  } else if (const auto* array = value.AsArray()) {
    for (const auto& element : *array) {
      if (element.AsString() == nullptr) {
        problems.Add(element, "Subject in permissions array cannot be cast to string");
        return false;
      }
      subjects.push_back(*element.AsString());
    }
  } else {
    problems.Add(value, Cat("Expected subject permissions to be a subject, or array of subjects, "
                            "got ",
                            value.TypeName()));
    return false;
  }
  for (const auto& subject : subjects) {
    if (auto status = CheckPermissionSubject(subject, with_queue); !status.ok()) {
      problems.Add(value, Message(status));
      return false;
    }
  }
  out = std::move(subjects);
  return true;
}

// publish or subscribe: a subject, a list, or {allow, deny}.
void ReadSubjectPermission(OptionProblems& problems, const ConfigValue& value, bool with_queue,
                           SubjectPermission& out) {
  const auto* map = value.AsMap();
  if (map == nullptr) {
    if (ReadSubjects(problems, value, with_queue, out.allow)) {
      out.restricted = true;
    }
    return;
  }
  for (const auto& [key, subjects] : map->entries()) {
    if (EqualsIgnoreCase(key, "allow")) {
      if (ReadSubjects(problems, subjects, with_queue, out.allow)) {
        out.restricted = !out.allow.empty();
      }
    } else if (EqualsIgnoreCase(key, "deny")) {
      ReadSubjects(problems, subjects, with_queue, out.deny);
    } else if (!subjects.used_as_variable()) {
      problems.Add(subjects, Cat("Unknown field name ", Quoted(key),
                                 " parsing subject permissions, only 'allow' or 'deny' are "
                                 "permitted"));
    }
  }
}

bool ReadResponseField(OptionScope& scope, const std::string& key, const ConfigValue& value,
                       ResponsePermission& out) {
  if (NamesField("max|max_msgs|max_messages|max_responses", key)) {
    int64_t number = 0;
    if (!scope.Get(value, number)) {
      return false;
    }
    out.max_messages = number != 0 ? number : out.max_messages;
    return true;
  }
  if (!NamesField("expires|expiration|ttl", key)) {
    scope.problems().AddUnknown(value, key, "permissions");
    return true;
  }
  const auto* text = value.AsString();
  if (text == nullptr) {
    scope.problems().Add(value, "error parsing expires, not a duration string");
    return false;
  }
  auto parsed = ParseGoDuration(*text);
  if (!parsed.ok()) {
    scope.problems().Add(value, Cat("error parsing expires: ", Message(parsed.status())));
    return false;
  }
  out.expires_ns = *parsed != 0 ? *parsed : out.expires_ns;
  return true;
}

void ReadResponses(OptionProblems& problems, const ConfigValue& value, ResponsePermission& out) {
  if (auto on = value.AsBool()) {
    out.enabled = *on;
    return;
  }
  const auto* map = value.AsMap();
  if (map == nullptr) {
    problems.Add(value, "error parsing response permissions, expected a boolean or a map");
    return;
  }
  OptionScope scope(problems, value);
  for (const auto& [key, field] : map->entries()) {
    scope.LookAt(field);
    if (!ReadResponseField(scope, key, field, out)) {
      return;
    }
  }
  out.enabled = true;
}

bool ReadConnectionTypes(OptionProblems& problems, const ConfigValue& value,
                         std::vector<std::string>& out) {
  std::vector<std::string> types;
  if (!ReadTexts(problems, "allowed connection types", value, types)) {
    return true;
  }
  std::string unknown;
  for (auto& type : types) {
    std::transform(type.begin(), type.end(), type.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (NamesField("STANDARD|WEBSOCKET|LEAFNODE|LEAFNODE_WS|MQTT|MQTT_WS|INPROCESS", type)) {
      out.push_back(type);
    } else {
      CatTo(unknown, unknown.empty() ? "" : " ", Quoted(type));
    }
  }
  if (!unknown.empty()) {
    problems.Add(value, Cat("invalid connection types [", unknown, "]"));
  }
  return true;
}

bool ReadPassword(OptionScope& scope, const ConfigValue& value, std::string& out) {
  if (!scope.Get(value, out)) {
    return false;
  }
  return true;
}

// What is being read of one entry of `users`.
struct UserEntry {
  UserOptions user;
  std::string nkey;
};

bool ReadUserField(OptionScope& scope, const std::string& key, const ConfigValue& value,
                   UserEntry& entry) {
  auto& problems = scope.problems();
  if (EqualsIgnoreCase(key, "nkey")) {
    problems.Uses(Feature::kNkeys, value);
    return scope.Get(value, entry.nkey);
  }
  if (NamesField("user|username", key)) {
    return scope.Get(value, entry.user.name);
  }
  if (NamesField("pass|password", key)) {
    return ReadPassword(scope, value, entry.user.password);
  }
  if (NamesField("permission|permissions|authorization", key)) {
    Permissions permissions;
    if (ReadPermissions(problems, value, permissions)) {
      entry.user.permissions = std::move(permissions);
    }
    return true;
  }
  if (NamesField("allowed_connection_types|connection_types|clients", key)) {
    return ReadConnectionTypes(problems, value, entry.user.connection_types);
  }
  if (EqualsIgnoreCase(key, "proxy_required")) {
    problems.Uses(Feature::kProxyRequired, value);
    return scope.Get(value, entry.user.proxy_required);
  }
  problems.AddUnknown(value, key);
  return true;
}

bool FinishUser(OptionProblems& problems, const ConfigValue& at, UserEntry& entry,
                std::vector<UserOptions>& out) {
  if (entry.nkey.empty() && entry.user.name.empty()) {
    problems.Add(at, "User entry requires a user");
    return false;
  }
  if (!entry.nkey.empty()) {
    if (!IsPublicNkey('U', entry.nkey)) {
      problems.Add(at, "Not a valid public nkey for a user");
      return false;
    }
    if (!entry.user.name.empty() || !entry.user.password.empty()) {
      problems.Add(at, "Nkey users do not take usernames or passwords");
      return false;
    }
    entry.user.name = entry.nkey;
    entry.user.is_nkey = true;
  }
  out.push_back(std::move(entry.user));
  return true;
}

void ReadCallout(OptionProblems& problems, const ConfigValue& value) {
  problems.Uses(Feature::kAuthCallout, value);
}

bool ReadAuthorizationField(OptionScope& scope, const std::string& key, const ConfigValue& value,
                            Authorization& out) {
  auto& problems = scope.problems();
  if (NamesField("user|username", key)) {
    return scope.Get(value, out.username);
  }
  if (NamesField("pass|password", key)) {
    return ReadPassword(scope, value, out.password);
  }
  if (EqualsIgnoreCase(key, "token")) {
    return scope.Get(value, out.token);
  }
  if (EqualsIgnoreCase(key, "timeout")) {
    if (!ReadTimeout(problems, "authorization", value, out.timeout_ns)) {
      return false;
    }
    WarnLongTimeout(problems, key, value, out.timeout_ns);
    return true;
  }
  if (EqualsIgnoreCase(key, "users")) {
    out.has_users = ReadUsers(problems, value, out.users);
    return true;
  }
  if (NamesField("default_permission|default_permissions|permissions", key)) {
    Permissions permissions;
    if (ReadPermissions(problems, value, permissions)) {
      out.default_permissions = std::move(permissions);
    }
    return true;
  }
  if (NamesField("auth_callout|auth_hook", key)) {
    ReadCallout(problems, value);
    return true;
  }
  if (EqualsIgnoreCase(key, "proxy_required")) {
    problems.Uses(Feature::kProxyRequired, value);
    return scope.Get(value, out.proxy_required);
  }
  problems.AddUnknown(value, key);
  return true;
}

// The block against itself and against the users of accounts that were read before it.
bool CheckAuthorization(OptionProblems& problems, const ConfigValue& at, const Authorization& block,
                        const Options& options) {
  bool single = !block.username.empty() || !block.password.empty();
  if (single && !block.token.empty()) {
    problems.Add(at, "Cannot have a user/pass and token");
    return false;
  }
  if (block.has_users || !options.auth.users.empty()) {
    if (!block.username.empty()) {
      problems.Add(at, "Can not have a single user/pass and a users array");
      return false;
    }
    if (!block.token.empty()) {
      problems.Add(at, "Can not have a token and a users array");
      return false;
    }
  }
  return CheckDuplicates(problems, at, options.auth.users, block.users);
}

}  // namespace

Status CheckPermissionSubject(std::string_view subject, bool with_queue) {
  auto invalid = [](std::string_view what, std::string_view text) {
    return InvalidArgument(Cat(what, " ", Quoted(text), " is not a valid ", what));
  };
  if (protocol::IsValidConfigPattern(subject)) {
    return OkStatus();
  }
  std::vector<std::string_view> words;
  for (auto rest = TrimSpace(subject); !rest.empty() && with_queue; rest = TrimSpace(rest)) {
    size_t end = std::min(rest.find_first_of(" \t\r\n\v\f"), rest.size());
    words.push_back(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  if (words.size() != 2) {
    return invalid("subject", subject);
  }
  if (!protocol::IsValidConfigPattern(words[0])) {
    return invalid("subject", words[0]);
  }
  return protocol::IsValidConfigPattern(words[1]) ? OkStatus() : invalid("queue", words[1]);
}

bool ReadPermissions(OptionProblems& problems, const ConfigValue& value, Permissions& out) {
  const auto* map = value.AsMap();
  if (map == nullptr) {
    problems.Add(value, Cat("Expected permissions to be a map/struct, got ", value.Print()));
    return false;
  }
  for (const auto& [key, field] : map->entries()) {
    if (NamesField("pub|publish|import", key)) {
      ReadSubjectPermission(problems, field, /*with_queue=*/false, out.publish);
    } else if (NamesField("sub|subscribe|export", key)) {
      ReadSubjectPermission(problems, field, /*with_queue=*/true, out.subscribe);
    } else if (NamesField("publish_allow_responses|allow_responses", key)) {
      ReadResponses(problems, field, out.responses);
    } else {
      problems.AddUnknown(field, key, "permissions");
    }
  }
  // Whoever may answer may publish nothing else, unless it is said.
  out.publish.restricted = out.publish.restricted || out.responses.enabled;
  return true;
}

bool ReadUsers(OptionProblems& problems, const ConfigValue& value, std::vector<UserOptions>& out) {
  const auto* array = value.AsArray();
  if (array == nullptr) {
    problems.Add(value, Cat("Expected users field to be an array, got ", value.Print()));
    return false;
  }
  OptionScope scope(problems, value);
  for (const auto& element : *array) {
    const auto* map = element.AsMap();
    if (map == nullptr) {
      problems.Add(element, Cat("Expected user entry to be a map/struct, got ", element.Print()));
      continue;
    }
    UserEntry entry;
    const ConfigValue* last = &element;
    for (const auto& [key, field] : map->entries()) {
      scope.LookAt(field);
      last = &field;
      if (!ReadUserField(scope, key, field, entry)) {
        return false;
      }
    }
    if (!FinishUser(problems, *last, entry, out)) {
      return false;
    }
  }
  return true;
}

bool CheckDuplicates(OptionProblems& problems, const ConfigValue& at,
                     const std::vector<UserOptions>& known, const std::vector<UserOptions>& added) {
  StringSet names;
  for (const auto& user : known) {
    names.insert(user.name);
  }
  for (const auto& user : added) {
    if (!names.insert(user.name).second) {
      problems.Add(
          at, Cat("Duplicate ", user.is_nkey ? "nkey " : "user ", Quoted(user.name), " detected"));
      return false;
    }
  }
  return true;
}

void WarnLongTimeout(OptionProblems& problems, std::string_view field, const ConfigValue& value,
                     int64_t timeout_ns) {
  if (timeout_ns <= 60 * kSecondNs) {
    return;
  }
  auto seconds = Cat(timeout_ns / kSecondNs, ".");
  auto fraction = Cat(1'000'000 + timeout_ns % kSecondNs / 1000);
  problems.Warn(value, field,
                Cat("timeout of ", value.Print(), " (", seconds, fraction.substr(1),
                    " seconds) is high, consider keeping it under 60 seconds. possibly caused by "
                    "unquoted duration; use '1m' instead of 1m, for example"));
}

bool ReadAuthorization(OptionScope& outer, const ConfigValue& value, Options& options) {
  auto& problems = outer.problems();
  const ConfigMap* map = nullptr;
  if (!outer.Get(value, map)) {
    return false;
  }
  OptionScope scope(problems, value);
  Authorization block;
  for (const auto& [key, field] : map->entries()) {
    scope.LookAt(field);
    if (!ReadAuthorizationField(scope, key, field, block)) {
      return false;
    }
  }
  for (auto& user : block.users) {
    if (!user.permissions) {
      user.permissions = block.default_permissions;
    }
  }
  auto& auth = options.auth;
  auth.block_given = true;
  auth.username = block.username;
  auth.password = block.password;
  auth.token = block.token;
  if (block.timeout_ns != 0) {
    auth.timeout_ns = block.timeout_ns;
    auth.timeout_given = true;
  }
  auth.proxy_required = block.proxy_required;
  if (CheckAuthorization(problems, value, block, options)) {
    auth.users.insert(auth.users.end(), block.users.begin(), block.users.end());
  }
  return true;
}

}  // namespace weir::server
