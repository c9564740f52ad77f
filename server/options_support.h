#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::server {

// What a configuration may ask for and the server may not have. Asking for one of these is refused
// at start, or at least warned of, with the position; it is never ignored.
enum class Feature : uint8_t {
  kTlsOcspPeer,
  kTlsCertStore,
  kNkeys,
  kProxyRequired,
  kAuthCallout,
  kAccountImports,
  kAccountExports,
  kAccountOwnTraffic,
  kNoSystemAccount,
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
  kProxies,
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
