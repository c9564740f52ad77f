#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::server {

// Public keys in the text form that NATS uses: a type letter, 52 characters of key and a checksum,
// base32 (protocol.md 4.1: server_id, xkey).
enum class NkeyType : uint8_t {
  kServer = 13 << 3,  // N…
  kCurve = 23 << 3,   // X…
};

// `key`: 32 raw bytes.
std::string EncodeNkey(NkeyType type, std::string_view key);

// The public half of a fresh ed25519 or x25519 pair; the private half is forgotten.
std::string NewPublicNkey(NkeyType type);

}  // namespace weir::server
