#include "server/options_support.h"

#include <algorithm>
#include <iterator>

namespace weir::server {

namespace {

// The change that makes a feature work removes it here, in Feature, and where it is noted.
constexpr FeatureText kUnsupported[] = {
    {Feature::kTlsOcspPeer, "ocsp_peer"},
    {Feature::kTlsCertStore, "certificate stores"},
    {Feature::kNkeys, "nkeys"},
    {Feature::kProxyRequired, "proxy_required"},
    {Feature::kAuthCallout, "auth_callout"},
    {Feature::kAccountImports, "imports of accounts"},
    {Feature::kAccountExports, "exports of accounts"},
    {Feature::kNoSystemAccount, "running without a system account"},
    {Feature::kAccountOwnTraffic, "cluster_traffic: owner"},
    {Feature::kClusterRoutes, "cluster routes"},
    {Feature::kGateway, "gateways"},
    {Feature::kLeafNodes, "leaf nodes"},
    {Feature::kWebsocket, "WebSocket"},
    {Feature::kMqtt, "MQTT"},
    {Feature::kOperators, "operators and JWTs"},
    {Feature::kResolver, "account resolvers"},
    {Feature::kTrustedKeys, "trusted keys"},
    {Feature::kDefaultSentinel, "default_sentinel"},
    {Feature::kOcsp, "OCSP stapling"},
    {Feature::kProxies, "trusted proxies"},
    {Feature::kTpm, "keys in a TPM"},
    {Feature::kDefaultDomains, "default_js_domain"},
    {Feature::kProfiling, "profiling"},
};

}  // namespace

std::span<const FeatureText> UnsupportedFeatures() {
  return kUnsupported;
}

const FeatureText* FindUnsupported(Feature feature) {
  const auto* found = std::find_if(std::begin(kUnsupported), std::end(kUnsupported),
                                   [feature](const auto& row) { return row.feature == feature; });
  return found == std::end(kUnsupported) ? nullptr : found;
}

}  // namespace weir::server
