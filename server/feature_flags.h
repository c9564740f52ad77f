#pragma once

#include <map>
#include <string>

#include "server/options.h"

namespace weir::server {

// The feature flags that there are and what they are set to (server-config.md, feature_flags):
// by themselves, or as configured. Names that nobody knows are left out. Any thread.
std::map<std::string, bool> FeatureFlags(const Options& options);

}  // namespace weir::server
