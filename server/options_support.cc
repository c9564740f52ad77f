#include "server/options_support.h"

#include <algorithm>
#include <iterator>

namespace weir::server {

namespace {

// A feature that the server enforces has no row here: remove the row with the change that makes it
// work.
constexpr FeatureText kUnsupported[] = {
    {Feature::kTls, "TLS for clients"},
    {Feature::kTlsVerify, "client certificates (verify)"},
    {Feature::kTlsVerifyAndMap, "users from client certificates (verify_and_map)"},
    {Feature::kTlsPinnedCerts, "pinned_certs"},
    {Feature::kTlsHandshakeFirst, "handshake_first"},
    {Feature::kTlsRateLimit, "connection_rate_limit"},
    {Feature::kTlsOcspPeer, "ocsp_peer"},
    {Feature::kTlsCertStore, "certificate stores"},
    {Feature::kAllowNonTls, "allow_non_tls"},
    {Feature::kBcrypt, "bcrypt passwords"},
    {Feature::kConnectionTypes, "allowed_connection_types"},
    {Feature::kNkeys, "nkeys"},
    {Feature::kProxyRequired, "proxy_required"},
    {Feature::kAuthCallout, "auth_callout"},
    {Feature::kAccountLimits, "limits of accounts"},
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
    {Feature::kEncryption, "encryption at rest"},
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
