#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/status.h"

namespace weir::server {

// The parameters of a monitoring request, decoded as Go's net/url does: the first of a name counts,
// a pair that cannot be decoded is dropped. The typed getters give the default for an absent or
// empty parameter, and an error in the reference's words for a wrong one (monitoring.md 1).
class HttpQuery {
 public:
  HttpQuery() = default;
  // What stands behind the '?'.
  explicit HttpQuery(std::string_view text);

  std::string_view Get(std::string_view name) const;
  StatusOr<bool> GetBool(std::string_view name) const;
  StatusOr<int64_t> GetInt(std::string_view name) const;
  StatusOr<uint64_t> GetUint(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

// "%41" and '+' decoded; nullopt for a broken escape.
std::optional<std::string> DecodeUrlPart(std::string_view text, bool plus_is_space);

// Go's path.Clean for an absolute path: no empty, "." and ".." parts, no slash at the end.
std::string CleanPath(std::string_view path);

}  // namespace weir::server
