#include "server/start_log.h"

#include <openssl/evp.h>

#include "protocol/base/status.h"
#include "server/git_commit.h"

namespace weir::server {

std::string NodeName(std::string_view server_name) {
  constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr size_t kSize = 8;
  unsigned char hash[EVP_MAX_MD_SIZE];
  WEIR_CHECK(EVP_Digest(server_name.data(), server_name.size(), hash, nullptr, EVP_sha256(),
                        nullptr) == 1);
  std::string name(kSize, ' ');
  for (size_t i = 0; i < kSize; ++i) {
    name[i] = kLetters[hash[i] % kLetters.size()];
  }
  return name;
}

void LogStart(Log& log, const Options& options, const Identity& identity) {
  log.Info("Starting nats-server");
  log.Info("  Version:  ", kAnnouncedVersion);
  log.Info("  Weir:     ", kWeirVersion);
  log.Info("  Git:      [", GitCommit().empty() ? "not set" : GitCommit(), "]");
  if (!options.cluster.name.empty()) {
    log.Info("  Cluster:  ", options.cluster.name);
  }
  log.Info("  Name:     ", identity.name);
  if (options.jetstream.enabled) {
    log.Info("  Node:     ", NodeName(identity.name));
  }
  log.Info("  ID:       ", identity.id);
  for (const std::string& warning : SecurityWarnings(options)) {
    log.Warn(warning);
  }
  if (!options.config_file.empty()) {
    log.Info("Using configuration file: ", options.config_file, " (", options.config_digest, ")");
  }
  for (const std::string& warning : StartupWarnings(options)) {
    log.Warn(warning);
  }
}

}  // namespace weir::server
