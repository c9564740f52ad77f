#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::storage {

// The envelope of small records in the meta and state families: a version byte, a checksum over key
// and content, and the content (FORMAT.md). The key is covered so that a value that got under a
// wrong key is noticed.
std::string SealValue(std::string_view key, std::string_view content);

// The content, nullopt when damaged or of an unknown version.
std::optional<std::string_view> OpenValue(std::string_view key, std::string_view value);

}  // namespace weir::storage
