#include "server/subject_mapper.h"

#include <algorithm>

#include "protocol/subject.h"

namespace weir::server {

StatusOr<SubjectMapper> SubjectMapper::Make(const std::vector<SubjectMapping>& mappings) {
  SubjectMapper out;
  for (const SubjectMapping& from : mappings) {
    Mapping mapping;
    mapping.source = from.source;
    auto destinations = from.destinations;
    // Destinations of one cluster only concern servers of a cluster.
    std::erase_if(destinations, [](const MappingDestination& d) { return !d.cluster.empty(); });
    std::stable_sort(destinations.begin(), destinations.end(),
                     [](const auto& a, const auto& b) { return a.weight < b.weight; });
    uint64_t upto = 0;
    for (const MappingDestination& destination : destinations) {
      auto transform = protocol::SubjectTransform::Make(from.source, destination.subject);
      if (!transform.ok()) {
        return Annotate(transform.status(), Cat("mapping ", Quoted(from.source)));
      }
      upto += static_cast<uint64_t>(std::max(destination.weight, 0));
      mapping.source_listed |= destination.subject == from.source;
      mapping.destinations.push_back({std::move(*transform), upto});
    }
    out.mappings_.push_back(std::move(mapping));
  }
  return out;
}

SubjectMapper::Result SubjectMapper::Map(std::string_view subject, Random& random,
                                         std::string& out) const {
  for (const Mapping& mapping : mappings_) {
    if (!protocol::Matches(subject, mapping.source)) {
      continue;
    }
    uint64_t draw = mapping.destinations.size() == 1 && mapping.destinations[0].upto >= 100
                        ? 0
                        : random.Below(100);
    for (const Destination& destination : mapping.destinations) {
      if (draw < destination.upto) {
        out = destination.transform.Apply(subject, random);
        return Result::kMapped;
      }
    }
    return mapping.source_listed ? Result::kDropped : Result::kUnchanged;
  }
  return Result::kUnchanged;
}

}  // namespace weir::server
