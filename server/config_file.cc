#include "server/config_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <openssl/evp.h>

#include "protocol/base/strings.h"
#include "server/config_parser.h"

namespace weir::server {

namespace {

StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code error;
  if (!file || std::filesystem::is_directory(path, error)) {
    bool directory = std::filesystem::is_directory(path, error);
    std::string reason = directory ? "is a directory" : std::strerror(errno);
    reason[0] = ToLower(reason.substr(0, 1))[0];
    return NotFound(Cat(directory ? "read " : "open ", path, ": ", reason));
  }
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

StatusOr<ParsedConfig> WithDigest(StatusOr<ConfigMap> values) {
  if (!values.ok()) {
    return values.status();
  }
  ParsedConfig parsed;
  std::string json;
  values->AppendJson(json);
  json += '\n';
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  WEIR_CHECK(EVP_Digest(json.data(), json.size(), hash, &size, EVP_sha256(), nullptr) == 1);
  parsed.digest = Cat("sha256:", HexEncode({reinterpret_cast<const char*>(hash), size}));
  parsed.values = *std::move(values);
  return parsed;
}

}  // namespace

StatusOr<ConfigMap> ParseSource(const std::string& path, ConfigSources& sources) {
  WEIR_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  return ConfigParser(text, path, sources).Parse();
}

EnvironmentLookup ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
  };
}

StatusOr<ParsedConfig> ParseConfigFile(const std::string& path,
                                       const EnvironmentLookup& environment) {
  ConfigSources sources{environment, {}, 0};
  return WithDigest(ParseSource(path, sources));
}

StatusOr<ParsedConfig> ParseConfigText(std::string_view text, const std::string& path,
                                       const EnvironmentLookup& environment) {
  ConfigSources sources{environment, {}, 0};
  return WithDigest(ConfigParser(text, path, sources).Parse());
}

}  // namespace weir::server
