#include "server/proxy_protocol.h"

#include <algorithm>
#include <string>
#include <vector>

#include <arpa/inet.h>

#include "protocol/base/strings.h"

namespace weir::server {

namespace {

constexpr std::string_view kSignatureV2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kSignatureV1 = "PROXY ";
constexpr size_t kMaxV1 = 107;
constexpr size_t kHeaderV2 = 16;

using Verdict = ProxyHeader::Verdict;

bool IsAddress(const std::string& text, int family) {
  unsigned char raw[16];
  return inet_pton(family, text.c_str(), raw) == 1;
}

uint16_t BigEndian16(std::string_view bytes) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[0]) << 8 |
                               static_cast<uint8_t>(bytes[1]));
}

std::vector<std::string_view> Words(std::string_view line) {
  auto parts = Split(line, ' ');
  std::vector<std::string_view> out;
  for (std::string_view part : parts) {
    for (std::string_view word : Split(part, '\t')) {
      if (!word.empty()) {
        out.push_back(word);
      }
    }
  }
  return out;
}

// A mapped address is shown as the IPv4 address that it is.
void DropMapping(std::string& ip) {
  constexpr std::string_view kMapped = "::ffff:";
  if (ip.starts_with(kMapped) && ip.find('.') != std::string::npos) {
    ip.erase(0, kMapped.size());
  }
}

ProxyHeader ReadV1(std::string_view input) {
  size_t end = input.substr(0, kMaxV1).find("\r\n");
  if (end == std::string_view::npos) {
    return {.verdict = input.size() >= kMaxV1 ? Verdict::kBad : Verdict::kNeedMore};
  }
  ProxyHeader out{.verdict = Verdict::kPresent, .size = end + 2};
  auto parts = Words(input.substr(kSignatureV1.size(), end - kSignatureV1.size()));
  if (parts.empty()) {
    return {.verdict = Verdict::kBad};
  }
  if (parts[0] == "UNKNOWN") {
    return out;
  }
  int family = parts[0] == "TCP4" ? AF_INET : parts[0] == "TCP6" ? AF_INET6 : 0;
  if (family == 0 || parts.size() != 5) {
    return {.verdict = Verdict::kBad};
  }
  auto source_port = ParseNumber<uint16_t>(parts[3]);
  auto destination_port = ParseNumber<uint16_t>(parts[4]);
  out.ip = parts[1];
  if (!IsAddress(out.ip, family) || !IsAddress(std::string(parts[2]), family) || !source_port ||
      !destination_port) {
    return {.verdict = Verdict::kBad};
  }
  out.port = *source_port;
  DropMapping(out.ip);
  return out;
}

ProxyHeader ReadV2(std::string_view input) {
  if (input.size() < kHeaderV2) {
    return {};
  }
  auto version = static_cast<uint8_t>(input[12]);
  auto family = static_cast<uint8_t>(input[13]);
  size_t length = BigEndian16(input.substr(14));
  if (version >> 4 != 2 || (version & 0xf) > 1) {
    return {.verdict = Verdict::kBad};
  }
  if (input.size() < kHeaderV2 + length) {
    return {};
  }
  ProxyHeader out{.verdict = Verdict::kPresent, .size = kHeaderV2 + length};
  if ((version & 0xf) == 0) {
    return out;  // LOCAL
  }
  if ((family & 0xf) != 1) {
    return {.verdict = Verdict::kBad};
  }
  if (family >> 4 == 0) {
    return out;  // UNSPEC
  }
  bool v4 = family >> 4 == 1;
  size_t address = v4 ? 4 : 16;
  if (family >> 4 > 2 || length < 2 * address + 4) {
    return {.verdict = Verdict::kBad};
  }
  char text[INET6_ADDRSTRLEN];
  inet_ntop(v4 ? AF_INET : AF_INET6, input.data() + kHeaderV2, text, sizeof text);
  out.ip = text;
  DropMapping(out.ip);
  out.port = BigEndian16(input.substr(kHeaderV2 + 2 * address));
  return out;
}

}  // namespace

ProxyHeader ProxyHeader::Read(std::string_view input) {
  auto could_be = [input](std::string_view signature) {
    size_t n = std::min(input.size(), signature.size());
    return input.substr(0, n) == signature.substr(0, n);
  };
  // The reference decides by as many bytes as the other signature has.
  if (could_be(kSignatureV2.substr(0, kSignatureV1.size()))) {
    if (!could_be(kSignatureV2)) {
      return {.verdict = Verdict::kBad};
    }
    return input.size() < kSignatureV2.size() ? ProxyHeader{} : ReadV2(input);
  }
  if (could_be(kSignatureV1)) {
    return input.size() < kSignatureV1.size() ? ProxyHeader{} : ReadV1(input);
  }
  return {.verdict = Verdict::kAbsent};
}

}  // namespace weir::server
