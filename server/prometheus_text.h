#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/base/strings.h"

namespace weir::server {

// Collects metrics and writes them in Prometheus' text format, the samples of a name together
// behind its HELP and TYPE.
class PrometheusText {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;
  enum class Type : uint8_t { kGauge, kCounter, kHistogram, kSummary };

  // `suffix`: "_bucket", "_sum" or "_count" of a histogram or summary. Type and help are those of
  // the first sample of the name.
  void Add(std::string_view name, Type type, std::string_view help, const Labels& labels,
           double value, std::string_view suffix = {});

  std::string Take() &&;

 private:
  struct Family {
    std::string head;
    std::string samples;
  };

  std::vector<std::string> order_;
  StringMap<Family> families_;
};

}  // namespace weir::server
