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

// Reads several parameters; the first wrong one is the error.
class HttpQueryReader {
 public:
  explicit HttpQueryReader(const HttpQuery& query) : query_(query) {}

  void Read(std::string_view name, bool& out) { Take(query_.GetBool(name), out); }
  void Read(std::string_view name, int64_t& out) { Take(query_.GetInt(name), out); }
  void Read(std::string_view name, uint64_t& out) { Take(query_.GetUint(name), out); }
  void Read(std::string_view name, std::string& out) { out = query_.Get(name); }
  void Fail(const Status& status) {
    if (status_.ok()) {
      status_ = status;
    }
  }
  const Status& status() const { return status_; }

 private:
  template <typename T>
  void Take(const StatusOr<T>& value, T& out) {
    if (value.ok()) {
      out = *value;
    } else {
      Fail(value.status());
    }
  }

  const HttpQuery& query_;
  Status status_;
};

// "%41" and '+' decoded; nullopt for a broken escape.
std::optional<std::string> DecodeUrlPart(std::string_view text, bool plus_is_space);

// Go's path.Clean for an absolute path: no empty, "." and ".." parts, no slash at the end.
std::string CleanPath(std::string_view path);

}  // namespace weir::server
