#pragma once

// Small pieces of JSON grammar that the exporter needs to the letter: whether a text is a value at
// all, and what a number says without passing through a float.

#include <string>
#include <string_view>

#include "ingest/row_batch.h"

namespace weir::ingest {

// Exactly one JSON value, blanks around it allowed (RFC 8259). The text must be valid UTF-8; that
// is not checked here. Depth is not limited: no recursion.
bool IsJsonValue(std::string_view text);

// A complete number token. kInt64 when it is an integer that fits, kDouble for what has a fraction
// or an exponent and is finite, kDecimal (pointing at `token`) for the rest; kNull when the token
// is no number.
Cell ParseJsonNumber(std::string_view token);

// The text of a cell as a JSON token (strings quoted), or as plain text (strings as they are).
// nullopt-like empty for kNull. Doubles print as the shortest text that reads back the same.
std::string CellAsJson(const Cell& cell);
std::string CellAsText(const Cell& cell);

// Valid UTF-8, NUL included.
bool IsUtf8(std::string_view bytes);

}  // namespace weir::ingest
