#pragma once

// What is wrong with a text that is no JSON, in the words of Go's decoder: clients see these texts
// behind "invalid JSON: " (jetstream-api.md 1). Only used when parsing has failed already.

#include <string>
#include <string_view>

namespace weir {

// "invalid character 'x' looking for beginning of value at offset 9" (the offset counts the wrong
// byte), "unexpected EOF" for a text that stops too early; empty when nothing is wrong with the
// syntax, also when several values follow each other.
std::string DescribeJsonError(std::string_view text);

// The same for what Go reads with json.Unmarshal instead of a decoder: it names no offset.
std::string WithoutJsonOffset(std::string_view problem);

}  // namespace weir
