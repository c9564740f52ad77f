#pragma once

#include <string>
#include <vector>

namespace weir::server {

// The addresses that a listener on `host` can be reached by: those of all interfaces of this
// machine for a wildcard (empty, "0.0.0.0" or "::"), in the order of the interfaces, IPv4 first;
// else the host itself. 127.0.0.1 when the system does not tell.
std::vector<std::string> AddressesOf(const std::string& host);

}  // namespace weir::server
