#include "server/feature_flags.h"

namespace weir::server {

std::map<std::string, bool> FeatureFlags(const Options& options) {
  std::map<std::string, bool> flags = {{"js_ack_fc_v2", false},
                                       {"js_api_reply_v2", false},
                                       {"js_raft_delete_range", true},
                                       {"js_snapshot_sources", false}};
  for (const auto& [name, on] : options.feature_flags) {
    if (auto known = flags.find(name); known != flags.end()) {
      known->second = on;
    }
  }
  return flags;
}

}  // namespace weir::server
