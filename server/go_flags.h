#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"

namespace weir::server {

enum class FlagKind : uint8_t { kBool, kInteger, kText };

struct FlagSpec {
  std::string_view name;
  FlagKind kind;
};

struct GivenFlag {
  std::string name;
  FlagKind kind = FlagKind::kText;
  std::string text;  // as given; of a bool without a value "true"
  int64_t integer = 0;
  bool on = false;
};

struct GivenFlags {
  std::vector<GivenFlag> flags;   // in the order of the line: a later one wins
  std::vector<std::string> rest;  // from the first argument on that is no flag
};

// Go's flag syntax (server-config.md 2): -x and --x alike, -x=v, -x v; a bool takes a value only
// after '='; "--" ends the flags. The error text is Go's ("flag provided but not defined: -x").
StatusOr<GivenFlags> ParseGoFlags(std::span<const std::string> arguments,
                                  std::span<const FlagSpec> known);

}  // namespace weir::server
