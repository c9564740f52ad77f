#pragma once

#include <string>
#include <string_view>

namespace weir::server {

// Valid JSON without blanks, spread over lines as Go's encoder indents it: `width` blanks a level,
// a blank behind a colon, empty objects and arrays closed at once.
std::string IndentJson(std::string_view compact, size_t width = 2);

}  // namespace weir::server
