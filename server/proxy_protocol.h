#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::server {

// The PROXY header that a load balancer may put in front of a connection, versions 1 and 2
// (protocol.md 4.5). Stateless: called with everything that has arrived until it decides.
struct ProxyHeader {
  enum class Verdict : uint8_t {
    kNeedMore,
    kAbsent,   // ordinary traffic
    kPresent,  // `size` bytes; with `ip` empty the socket's own address stays
    kBad,
  };

  Verdict verdict = Verdict::kNeedMore;
  size_t size = 0;
  std::string ip = {};
  int port = 0;

  static ProxyHeader Read(std::string_view input);
};

}  // namespace weir::server
