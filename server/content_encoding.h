#pragma once

#include <string>
#include <string_view>

namespace weir::server {

// An answer as its receiver wants it (monitoring.md 13).
struct Encoded {
  std::string bytes;
  std::string name;  // for Content-Encoding; empty: nothing was asked for
};

// `accept`: what Accept-Encoding says. Snappy (its framing format, which S2 readers know) goes
// before gzip; what is not known gives "identity".
Encoded EncodeFor(std::string_view accept, std::string_view bytes);

}  // namespace weir::server
