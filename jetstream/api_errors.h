#pragma once

// The JetStream error table (jetstream-api.md 15) and its JSON form.

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/json.h"

namespace weir::jetstream {

// What a client sees: `{"code":404,"err_code":10059,"description":"stream not found"}`.
struct ApiError {
  int code = 0;      // HTTP-like
  int err_code = 0;  // 0: no error
  std::string description;

  explicit operator bool() const { return err_code != 0; }
  // Adds the member "error" to an open object.
  void WriteTo(JsonWriter& out) const;
};

// The error with this code and its text from the table; {placeholders} are replaced in order by the
// arguments: MakeError(10071, "17") → "wrong last sequence: 17".
ApiError MakeError(int err_code, std::string_view first = {}, std::string_view second = {});

// What a publisher gets whose message the stream does not take.
std::string RefusalJson(std::string_view stream, const ApiError& error);

}  // namespace weir::jetstream
