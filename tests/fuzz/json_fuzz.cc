// Reading JSON: no input may crash it, an input that is refused has a text that says why, and what
// is written can be read again.

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/json.h"
#include "protocol/base/json_syntax.h"
#include "protocol/base/status.h"
#include "protocol/base/utf8.h"
#include "protocol/handshake.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto value = weir::ParseJson(text);
  if (value.ok()) {
    WEIR_CHECK(weir::DescribeJsonError(text).empty());
  } else {
    WEIR_CHECK(!weir::Message(value.status()).empty());
  }
  weir::protocol::ConnectOptions options;
  weir::IgnoreError(weir::protocol::ReadConnect(text, options), "any outcome will do");

  std::string written;
  weir::AppendJsonString(written, text);
  WEIR_CHECK(weir::IsValidUtf8(written));
  auto read = weir::ParseJson(written);
  WEIR_CHECK(read.ok() && read->is_string());
  const auto& back = read->get_string();
  WEIR_CHECK(std::string_view(back.data(), back.size()) == weir::ReplaceInvalidUtf8(text));
  return 0;
}
