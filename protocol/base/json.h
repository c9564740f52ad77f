#pragma once

// Typed reading of JSON objects with the error texts that Go clients know, and a small writer that
// emits fields in a given order with Go's escaping. Boost.JSON does the parsing.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "protocol/base/status.h"
#include "protocol/base/strings.h"

namespace weir {

// One JSON value and nothing but blanks behind it, nested at most 64 deep. The error texts are
// those of Go's decoder: see json_syntax.h. Bytes that are no UTF-8 become U+FFFD, as in Go.
StatusOr<boost::json::value> ParseJson(std::string_view text);

// True when the text is a JSON object or array after blanks (jetstream-api.md 1.2).
bool LooksLikeJson(std::string_view text);

// Reads the fields of one object. Every getter leaves `out` alone when the field is absent or null,
// and records the first error (wrong type); names are matched exactly, then without regard to case,
// as Go does. At the end, status() has the first error; in strict mode a field that nobody asked
// for is one: `json: unknown field "x"`.
//
//   JsonReader in(object);
//   in.Read("name", config.name);
//   in.ReadDuration("max_age", config.max_age_ns);
//   WEIR_RETURN_IF_ERROR(in.Finish(strict));
class JsonReader {
 public:
  // `go_struct`: how Go calls the struct, for errors of type: "StreamConfigRequest.StreamConfig".
  explicit JsonReader(const boost::json::object& object, std::string_view go_struct = {})
      : object_(object), go_struct_(go_struct) {}

  void Read(std::string_view name, std::string& out);
  void Read(std::string_view name, bool& out);
  // `go_type`: what Go calls the field's type in errors.
  void Read(std::string_view name, int64_t& out, std::string_view go_type = "int64");
  void Read(std::string_view name, int32_t& out);
  void Read(std::string_view name, uint64_t& out);
  void Read(std::string_view name, std::vector<std::string>& out);
  void Read(std::string_view name, std::vector<int64_t>& out);
  void Read(std::string_view name, StringMap<std::string>& out);
  // RFC 3339 text → Unix nanoseconds (kZeroTime for Go's zero time).
  void ReadTime(std::string_view name, int64_t& out);
  // The object or array in this field; nullptr when absent, null, or something else, which is an
  // error: "... of type server.Placement".
  const boost::json::object* Object(std::string_view name, std::string_view go_type);
  const boost::json::array* Array(std::string_view name, std::string_view go_type);
  // The raw value, nullptr when absent or null. Counts as asked for.
  const boost::json::value* Find(std::string_view name);

  // How Go calls this field in errors, and what to call the struct of a reader for its contents.
  std::string PathTo(std::string_view name) const;
  // The error of an element of an array that is not of this type.
  void FailElement(std::string_view name, size_t index, const boost::json::value& value,
                   std::string_view go_type);
  void Fail(std::string_view error);
  // The first error; with `strict`, unknown fields count as errors. The prefix is up to the caller.
  Status Finish(bool strict);

 private:
  std::string Mistyped(std::string_view name, const boost::json::value& value,
                       std::string_view type) const;

  const boost::json::object& object_;
  std::string go_struct_;
  std::vector<const boost::json::key_value_pair*> asked_;
  Status status_;
};

// Builds JSON text field by field. Objects and arrays nest by Open/Close; commas are added. Strings
// are escaped as Go does by default (<, >, & as \u003c …, wrong UTF-8 as \ufffd).
class JsonWriter {
 public:
  JsonWriter& OpenObject();
  JsonWriter& CloseObject();
  JsonWriter& OpenArray();
  JsonWriter& CloseArray();
  JsonWriter& Key(std::string_view name);
  JsonWriter& Value(std::string_view text);
  JsonWriter& Value(const char* text) { return Value(std::string_view(text)); }
  JsonWriter& Value(const std::string& text) { return Value(std::string_view(text)); }
  JsonWriter& Value(bool value);
  JsonWriter& Value(double value);
  template <typename T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>)
  JsonWriter& Value(T number) {
    Separate();
    CatTo(out_, number);
    return *this;
  }
  JsonWriter& Null();
  JsonWriter& Time(int64_t unix_ns) { return Value(FormatTime(unix_ns)); }
  // Text that is JSON already.
  JsonWriter& Raw(std::string_view json);

  template <typename T>
  JsonWriter& Field(std::string_view name, const T& value) {
    return Key(name).Value(value);
  }
  // Go's omitempty: left out when zero, false or empty.
  template <typename T>
  JsonWriter& Optional(std::string_view name, const T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      if (value == T{}) {
        return *this;
      }
    } else {
      if (std::string_view(value).empty()) {
        return *this;
      }
    }
    return Field(name, value);
  }
  JsonWriter& Strings(std::string_view name, const std::vector<std::string>& values);

  const std::string& text() const { return out_; }
  std::string Take() { return std::move(out_); }

 private:
  void Separate();

  std::string out_;
  bool needs_comma_ = false;
};

// "string", "number" ... as in Go's errors.
std::string_view JsonKindName(const boost::json::value& value);

void AppendJsonString(std::string& out, std::string_view text);

}  // namespace weir
