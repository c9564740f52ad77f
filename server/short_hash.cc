#include "server/short_hash.h"

#include <array>
#include <cstddef>

#include <openssl/evp.h>

namespace weir::server {

std::string ShortHash(std::string_view name) {
  constexpr std::string_view kDigits =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr size_t kSize = 8;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(name.data(), name.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string out;
  for (size_t i = 0; i < kSize; ++i) {
    out.push_back(kDigits[digest[i] % kDigits.size()]);
  }
  return out;
}

}  // namespace weir::server
