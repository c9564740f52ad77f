// Any text is either a configuration or an error, and what is one can be read, printed and
// digested.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/status.h"
#include "server/config_file.h"
#include "server/options_reader.h"

namespace {

// Variables that need each other, hold maps, or are broken.
std::optional<std::string> Variable(const std::string& name) {
  if (name.empty() || name.size() > 2) {
    return std::nullopt;
  }
  switch (name[0]) {
    case 'a':
      return "$b";
    case 'b':
      return "$a";
    case 'm':
      return "{ x: 1, y: [ z, $n ] }";
    case 'n':
      return "5k";
    case 'x':
      return "]";
    default:
      return std::nullopt;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir::server;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  // Includes would read whatever lies around; what they do is the same parser again.
  if (text.find("nclude") != std::string_view::npos ||
      text.find("NCLUDE") != std::string_view::npos) {
    return 0;
  }
  auto parsed = ParseConfigText(text, "f", Variable);
  if (!parsed.ok()) {
    WEIR_CHECK(!weir::Message(parsed.status()).empty());
    return 0;
  }
  WEIR_CHECK(parsed->digest.size() == 71);
  for (const auto& [key, value] : parsed->values.entries()) {
    WEIR_CHECK(value.position().line >= 0);
    value.Print();
    value.ToJson();
  }
  Options options;
  OptionProblems problems;
  ReadTopLevel(parsed->values, problems, options);
  ApplyDefaults(options);
  SecurityWarnings(options);
  StartupWarnings(options);
  weir::IgnoreError(ValidateOptions(options), "only that it returns");
  return 0;
}
