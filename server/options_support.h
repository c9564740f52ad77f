#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::server {

// What a configuration may ask for and the server may not have. Asking for one of these is refused
// at start, or at least warned of, with the position; it is never ignored.
enum class Feature : uint8_t {
  kTls,
  kTlsVerify,
  kTlsVerifyAndMap,
  kTlsPinnedCerts,
  kTlsHandshakeFirst,
  kTlsRateLimit,
  kTlsOcspPeer,
  kTlsCertStore,
  kAllowNonTls,
  kUsers,
  kBcrypt,
  kPermissions,
  kResponsePermissions,
  kConnectionTypes,
  kNoAuthUser,
  kNkeys,
  kProxyRequired,
  kAuthCallout,
  kAccounts,
  kAccountLimits,
  kAccountImports,
  kAccountExports,
  kAccountTrace,
  kAccountOwnTraffic,
  kSystemAccount,
  kNoSystemAccount,
  kMappings,
  kClusterRoutes,
  kGateway,
  kLeafNodes,
  kWebsocket,
  kMqtt,
  kOperators,
  kResolver,
  kTrustedKeys,
  kDefaultSentinel,
  kOcsp,
  kProxyProtocol,
  kProxies,
  kEncryption,
  kTpm,
  kDefaultDomains,
  kProfiling,
};

struct FeatureText {
  Feature feature;
  std::string_view what;  // "client certificates (tls verify)"
  bool refused = true;    // false: the server starts without it and says so
};

// Everything that is refused or warned of.
std::span<const FeatureText> UnsupportedFeatures();

// What to call the feature in a refusal; nullptr when the server enforces it.
const FeatureText* FindUnsupported(Feature feature);

}  // namespace weir::server
