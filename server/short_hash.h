#pragma once

#include <string>
#include <string_view>

namespace weir::server {

// Eight letters and digits made from the SHA-256 of a name: what stands for an account or a server
// in subjects (jetstream-api.md 9.6). The same in every server of the protocol. Any thread.
std::string ShortHash(std::string_view name);

}  // namespace weir::server
