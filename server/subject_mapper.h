#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/nuid.h"
#include "protocol/base/status.h"
#include "protocol/subject_transform.h"
#include "server/options.h"

namespace weir::server {

// An account's subject mappings (protocol.md 8.1): the first mapping whose source covers a
// published subject replaces it, one of several destinations picked by weight. Weight that the
// destinations leave over goes to the original subject, unless the source is itself among them:
// then it is loss. Constant after Make(); thread-safe with a generator per caller.
class SubjectMapper {
 public:
  static StatusOr<SubjectMapper> Make(const std::vector<SubjectMapping>& mappings);

  bool empty() const { return mappings_.empty(); }

  enum class Result : uint8_t {
    kUnchanged,
    kMapped,   // `out` is the new subject
    kDropped,  // the weights say that this one is lost
  };
  Result Map(std::string_view subject, Random& random, std::string& out) const;

 private:
  struct Destination {
    protocol::SubjectTransform transform;
    uint64_t upto;  // cumulative weight, percent
  };
  struct Mapping {
    std::string source;
    std::vector<Destination> destinations;  // by ascending weight
    bool source_listed = false;
  };

  std::vector<Mapping> mappings_;
};

}  // namespace weir::server
