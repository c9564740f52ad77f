#include "server/nkey.h"

#include <sodium.h>

#include "protocol/base/strings.h"

namespace weir::server {

namespace {

// CRC-16/XMODEM: polynomial 0x1021, start 0.
uint16_t Crc16(std::string_view bytes) {
  uint16_t crc = 0;
  for (char c : bytes) {
    crc = static_cast<uint16_t>(crc ^ (static_cast<uint16_t>(static_cast<uint8_t>(c)) << 8));
    for (int bit = 0; bit < 8; ++bit) {
      crc = static_cast<uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
  }
  return crc;
}

}  // namespace

std::string EncodeNkey(NkeyType type, std::string_view key) {
  std::string raw(1, static_cast<char>(type));
  raw.append(key);
  uint16_t crc = Crc16(raw);
  raw.push_back(static_cast<char>(crc & 0xff));
  raw.push_back(static_cast<char>(crc >> 8));
  return Base32Encode(raw);
}

std::string NewPublicNkey(NkeyType type) {
  static_assert(crypto_sign_PUBLICKEYBYTES == 32 && crypto_box_PUBLICKEYBYTES == 32);
  unsigned char public_key[32];
  if (type == NkeyType::kCurve) {
    unsigned char secret[crypto_box_SECRETKEYBYTES];
    crypto_box_keypair(public_key, secret);
    sodium_memzero(secret, sizeof secret);
  } else {
    unsigned char secret[crypto_sign_SECRETKEYBYTES];
    crypto_sign_keypair(public_key, secret);
    sodium_memzero(secret, sizeof secret);
  }
  return EncodeNkey(type, {reinterpret_cast<const char*>(public_key), sizeof public_key});
}

}  // namespace weir::server
