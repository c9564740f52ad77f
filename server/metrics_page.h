#pragma once

#include <functional>
#include <string>

#include "server/pages.h"

namespace weir::server {

class PrometheusText;

// Adds what other parts of the process measure (exports).
using MoreMetrics = std::function<void(PrometheusText&)>;

// Everything for Prometheus: under the names, types and labels that the exporter of the official
// chart derives from the pages (prefix "nats"), and what only this server measures (prefix "weir").
void MakeMetrics(PageSources& sources, MoreMetrics more, std::function<void(std::string)> done);

}  // namespace weir::server
