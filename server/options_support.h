#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::server {

// What a configuration may ask for and the server may not enforce. Asking for one of these is
// refused at start, with the position; it is never ignored.
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
  kHttps,
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
  kMaxSubscriptionTokens,
};

struct FeatureText {
  Feature feature;
  std::string_view what;  // "client certificates (tls verify)"
};

// Everything that is refused.
std::span<const FeatureText> UnsupportedFeatures();

// What to call the feature in a refusal; nullptr when the server enforces it.
const FeatureText* FindUnsupported(Feature feature);

}  // namespace weir::server
