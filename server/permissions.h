#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/json.h"
#include "protocol/base/strings.h"
#include "server/options.h"

namespace weir::server {

// What a user may publish and subscribe (protocol.md 12). Constant; shared by the user's sessions.
//
// Subjects are compared as they are written: a wildcard of a SUB is a token like any other, so
// allow "foo.*" lets "foo.>" in, as in the reference; what a deny list takes away from such a
// subscription is filtered message by message.
class PermissionSet {
 public:
  enum class Verdict : uint8_t {
    kNo,
    kYes,
    kFiltered,  // yes, but messages that MayReceive() refuses must be left out
  };

  explicit PermissionSet(const Permissions& permissions);

  bool MayPublish(std::string_view subject) const;
  // `queue` empty: a plain subscription.
  Verdict MaySubscribe(std::string_view subject, std::string_view queue) const;
  // For deliveries to filtered subscriptions.
  bool MayReceive(std::string_view subject) const;

  const ResponsePermission& responses() const { return responses_; }
  // As $SYS.REQ.USER.INFO shows it (monitoring.md 13).
  void WriteJson(JsonWriter& out) const;

 private:
  struct Pattern {
    std::string subject;
    std::string queue;  // empty: any
  };
  struct Rules {
    bool restricted = false;
    std::vector<Pattern> allow;
    std::vector<Pattern> deny;
  };

  static void WriteRules(JsonWriter& out, const Rules& rules);
  static std::vector<Pattern> ReadPatterns(const std::vector<std::string>& texts);

  Rules publish_;
  Rules subscribe_;
  ResponsePermission responses_;
};

// Replies that a session may answer although its publish permissions do not cover them: each
// message that is delivered with a reply grants it, for a number of answers and a time. Confined to
// the session.
class ReplyGrants {
 public:
  explicit ReplyGrants(const ResponsePermission& rules) : rules_(rules) {}

  void Grant(std::string_view reply, int64_t now_ns);
  // Uses up one answer.
  bool Use(std::string_view reply, int64_t now_ns);

 private:
  struct Entry {
    int64_t expires_ns;
    int64_t left;  // < 0: no limit
  };
  static constexpr size_t kPruneAt = 4096;

  ResponsePermission rules_;
  StringMap<Entry> replies_;
};

}  // namespace weir::server
