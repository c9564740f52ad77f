#include "server/options.h"
namespace weir::server {
std::vector<std::string> StartupWarnings(const Options&) {
  return {};
}
}  // namespace weir::server
