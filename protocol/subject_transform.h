#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/nuid.h"
#include "protocol/base/status.h"

namespace weir::protocol {

// Rewrites subjects: source pattern → destination with "$1", "{{wildcard(1)}}",
// "{{partition(3,1,2)}}",
// "{{split(1,-)}}" and the other mapping functions of protocol.md 8.1. Constant after Make();
// Apply() may be called from any thread with a generator of its own.
class SubjectTransform {
 public:
  // Errors are the reference's: "invalid mapping destination: ... in <token>". `strict`: the rules
  // for import transforms (wildcard only, every wildcard used).
  static StatusOr<SubjectTransform> Make(std::string_view source, std::string_view destination,
                                         bool strict = false);

  // `subject` must match source(); see Covers().
  std::string Apply(std::string_view subject, Random& random) const;
  bool Covers(std::string_view subject) const;

  const std::string& source() const { return source_; }
  const std::string& destination() const { return destination_; }

 private:
  enum class Kind : uint8_t {
    kLiteral,
    kTail,  // ">"
    kWildcard,
    kPartition,
    kSplit,
    kSplitFromLeft,
    kSplitFromRight,
    kSliceFromLeft,
    kSliceFromRight,
    kLeft,
    kRight,
    kRandom,
  };
  struct Part {
    Kind kind = Kind::kLiteral;
    std::string text;             // literal token or delimiter
    std::vector<size_t> sources;  // positions of source tokens, 0-based
    int64_t number = 0;           // buckets, position, size or maximum
  };

  static StatusOr<Part> ReadPart(std::string_view token, const std::vector<size_t>& wildcards);
  static StatusOr<Part> ReadFunction(std::string_view token, std::string_view call,
                                     const std::vector<size_t>& wildcards);
  void AppendPart(const Part& part, std::string_view subject,
                  const std::vector<std::string_view>& tokens, Random& random,
                  std::string& out) const;

  std::string source_;
  std::string destination_;
  std::vector<Part> parts_;
  size_t tail_at_ = 0;  // index of ">" in the source
};

// FNV-1a, 32 bit: what partition() hashes with.
uint32_t Fnv1a(std::string_view bytes, uint32_t hash = 2166136261U);

}  // namespace weir::protocol
