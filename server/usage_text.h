#pragma once

#include <string_view>

namespace weir::server {

// What --help and --help_tls print.
std::string_view UsageText();
std::string_view TlsUsageText();

}  // namespace weir::server
