#include "server/permissions.h"

#include <algorithm>

#include "protocol/subject.h"

namespace weir::server {

std::vector<PermissionSet::Pattern> PermissionSet::ReadPatterns(
    const std::vector<std::string>& texts) {
  std::vector<Pattern> out;
  for (const std::string& text : texts) {
    size_t blank = text.find_first_of(" \t");
    if (blank == std::string::npos) {
      out.push_back({text, {}});
    } else {
      out.push_back({text.substr(0, blank), std::string(TrimSpace(text.substr(blank)))});
    }
  }
  return out;
}

PermissionSet::PermissionSet(const Permissions& permissions) : responses_(permissions.responses) {
  publish_.restricted = permissions.publish.restricted;
  publish_.allow = ReadPatterns(permissions.publish.allow);
  publish_.deny = ReadPatterns(permissions.publish.deny);
  subscribe_.restricted = permissions.subscribe.restricted;
  subscribe_.allow = ReadPatterns(permissions.subscribe.allow);
  subscribe_.deny = ReadPatterns(permissions.subscribe.deny);
  // allow_responses without a publish list: nothing but responses (server-config.md 4).
  if (responses_.enabled && !publish_.restricted) {
    publish_.restricted = true;
  }
}

void PermissionSet::WriteRules(JsonWriter& out, const Rules& rules) {
  out.OpenObject();
  for (const auto& [name, patterns] :
       {std::pair("allow", &rules.allow), std::pair("deny", &rules.deny)}) {
    if (patterns->empty()) {
      continue;
    }
    out.Key(name).OpenArray();
    for (const Pattern& each : *patterns) {
      out.Value(each.queue.empty() ? each.subject : Cat(each.subject, " ", each.queue));
    }
    out.CloseArray();
  }
  out.CloseObject();
}

void PermissionSet::WriteJson(JsonWriter& out) const {
  out.OpenObject().Key("publish");
  WriteRules(out, publish_);
  out.Key("subscribe");
  WriteRules(out, subscribe_);
  if (responses_.enabled) {
    out.Key("responses").OpenObject().Field("max", responses_.max_messages);
    out.Field("ttl", responses_.expires_ns).CloseObject();
  }
  out.CloseObject();
}

bool PermissionSet::MayPublish(std::string_view subject) const {
  auto covers = [subject](const Pattern& p) {
    return protocol::Matches(subject, p.subject);
  };
  if (publish_.restricted && std::none_of(publish_.allow.begin(), publish_.allow.end(), covers)) {
    return false;
  }
  return std::none_of(publish_.deny.begin(), publish_.deny.end(), covers);
}

PermissionSet::Verdict PermissionSet::MaySubscribe(std::string_view subject,
                                                   std::string_view queue) const {
  if (subscribe_.restricted) {
    bool plain = false;
    bool named = false;  // some rule names queues for this subject
    bool named_match = false;
    for (const Pattern& p : subscribe_.allow) {
      if (!protocol::Matches(subject, p.subject)) {
        continue;
      }
      plain |= p.queue.empty();
      if (!p.queue.empty()) {
        named = true;
        named_match |= !queue.empty() && protocol::Matches(queue, p.queue);
      }
    }
    bool allowed = queue.empty() || !named ? plain : named_match;
    if (!allowed) {
      return Verdict::kNo;
    }
  }
  bool filtered = false;
  for (const Pattern& p : subscribe_.deny) {
    bool queue_concerned = p.queue.empty() || (!queue.empty() && protocol::Matches(queue, p.queue));
    if (!queue_concerned) {
      continue;
    }
    if (protocol::Matches(subject, p.subject)) {
      return Verdict::kNo;
    }
    filtered |= p.queue.empty() && protocol::Overlap(subject, p.subject);
  }
  return filtered ? Verdict::kFiltered : Verdict::kYes;
}

bool PermissionSet::MayReceive(std::string_view subject) const {
  return std::none_of(subscribe_.deny.begin(), subscribe_.deny.end(), [subject](const Pattern& p) {
    return p.queue.empty() && protocol::Matches(subject, p.subject);
  });
}

void ReplyGrants::Grant(std::string_view reply, int64_t now_ns) {
  if (replies_.size() >= kPruneAt) {
    absl::erase_if(replies_,
                   [now_ns](const auto& entry) { return entry.second.expires_ns <= now_ns; });
  }
  int64_t expires = rules_.expires_ns < 0 ? INT64_MAX : now_ns + rules_.expires_ns;
  replies_.insert_or_assign(std::string(reply), Entry{expires, rules_.max_messages});
}

bool ReplyGrants::Use(std::string_view reply, int64_t now_ns) {
  auto at = replies_.find(reply);
  if (at == replies_.end()) {
    return false;
  }
  if (at->second.expires_ns <= now_ns) {
    replies_.erase(at);
    return false;
  }
  if (at->second.left > 0 && --at->second.left == 0) {
    replies_.erase(at);
  }
  return true;
}

}  // namespace weir::server
