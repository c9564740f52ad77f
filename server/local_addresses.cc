#include "server/local_addresses.h"

#include <algorithm>
#include <memory>
#include <tuple>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

namespace weir::server {

namespace {

struct Address {
  unsigned interface = 0;
  int family = AF_UNSPEC;
  std::string text;
};

// No address of the two families: an empty text.
Address Describe(const ifaddrs& entry) {
  Address out;
  if (entry.ifa_addr == nullptr) {
    return out;
  }
  out.family = entry.ifa_addr->sa_family;
  char text[INET6_ADDRSTRLEN] = "";
  // What ifa_addr points to is of the family's own type.
  const void* address = nullptr;
  if (out.family == AF_INET) {
    address = &reinterpret_cast<const sockaddr_in*>(entry.ifa_addr)->sin_addr;
  } else if (out.family == AF_INET6) {
    address = &reinterpret_cast<const sockaddr_in6*>(entry.ifa_addr)->sin6_addr;
  }
  if (address != nullptr && ::inet_ntop(out.family, address, text, sizeof text) != nullptr) {
    out.interface = ::if_nametoindex(entry.ifa_name);
    out.text = text;
  }
  return out;
}

}  // namespace

std::vector<std::string> AddressesOf(const std::string& host) {
  if (!host.empty() && host != "0.0.0.0" && host != "::") {
    return {host};
  }
  std::vector<Address> found;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) == 0) {
    std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
    for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
      if (Address address = Describe(*at); !address.text.empty()) {
        found.push_back(std::move(address));
      }
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const Address& a, const Address& b) {
    return std::tuple(a.interface, a.family != AF_INET) <
           std::tuple(b.interface, b.family != AF_INET);
  });
  std::vector<std::string> out;
  for (Address& address : found) {
    out.push_back(std::move(address.text));
  }
  return out.empty() ? std::vector<std::string>{"127.0.0.1"} : out;
}

}  // namespace weir::server
