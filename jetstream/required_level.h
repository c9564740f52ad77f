#pragma once

#include <string_view>

#include "protocol/base/strings.h"
#include "protocol/headers.h"

namespace weir::jetstream {

// The API level of this server (jetstream-api.md, head).
inline constexpr int kApiLevel = 5;

// Is the server new enough for a request with these headers (jetstream-api.md 1)?
inline bool MeetsRequiredLevel(std::string_view headers) {
  if (headers.empty()) {
    return true;
  }
  auto wanted = protocol::FindHeader(headers, "Nats-Required-Api-Level");
  if (!wanted || wanted->empty()) {
    return true;
  }
  auto level = ParseNumber<int>(*wanted);
  return level && *level <= kApiLevel;
}

}  // namespace weir::jetstream
