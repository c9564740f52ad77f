#pragma once

// Errors at borders: Status and StatusOr (abseil), made from std::string_view, and the checks for
// our own bugs. Hot paths return small enums instead.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weir {

using absl::OkStatus;
using absl::Status;
using absl::StatusCode;
template <typename T>
using StatusOr = absl::StatusOr<T>;

// Debian's abseil has a string_view of its own; this is the only way in for ours.
inline absl::string_view ToAbsl(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}
inline std::string_view FromAbsl(absl::string_view text) {
  return {text.data(), text.size()};
}

inline Status MakeStatus(StatusCode code, std::string_view message) {
  return Status(code, ToAbsl(message));
}
inline Status InvalidArgument(std::string_view message) {
  return MakeStatus(StatusCode::kInvalidArgument, message);
}
inline Status NotFound(std::string_view message) {
  return MakeStatus(StatusCode::kNotFound, message);
}
inline Status AlreadyExists(std::string_view message) {
  return MakeStatus(StatusCode::kAlreadyExists, message);
}
inline Status FailedPrecondition(std::string_view message) {
  return MakeStatus(StatusCode::kFailedPrecondition, message);
}
inline Status Unavailable(std::string_view message) {
  return MakeStatus(StatusCode::kUnavailable, message);
}
inline Status Internal(std::string_view message) {
  return MakeStatus(StatusCode::kInternal, message);
}
inline Status DataLoss(std::string_view message) {
  return MakeStatus(StatusCode::kDataLoss, message);
}
inline Status ResourceExhausted(std::string_view message) {
  return MakeStatus(StatusCode::kResourceExhausted, message);
}
inline Status Cancelled(std::string_view message) {
  return MakeStatus(StatusCode::kCancelled, message);
}
inline Status Unimplemented(std::string_view message) {
  return MakeStatus(StatusCode::kUnimplemented, message);
}

inline std::string_view Message(const Status& status) {
  return FromAbsl(status.message());
}

// The same error with what was being done in front of it: "what: message".
inline Status Annotate(const Status& status, std::string_view what) {
  if (status.ok()) {
    return status;
  }
  std::string text(what);
  text.append(": ").append(Message(status));
  return MakeStatus(status.code(), text);
}

// A Status dropped on purpose, and why.
inline void IgnoreError(const Status&, std::string_view /*why*/) {}

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* what) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
  std::abort();
}

}  // namespace weir

#define WEIR_CHECK(condition)                              \
  do {                                                     \
    if (!(condition)) [[unlikely]] {                       \
      ::weir::CheckFailed(__FILE__, __LINE__, #condition); \
    }                                                      \
  } while (false)

#ifdef NDEBUG
#define WEIR_DCHECK(condition) \
  do {                         \
  } while (false && (condition))
#else
#define WEIR_DCHECK(condition) WEIR_CHECK(condition)
#endif

#define WEIR_RETURN_IF_ERROR(expression)        \
  do {                                          \
    ::weir::Status weir_status_ = (expression); \
    if (!weir_status_.ok()) [[unlikely]] {      \
      return weir_status_;                      \
    }                                           \
  } while (false)

#define WEIR_CONCAT_INNER(a, b) a##b
#define WEIR_CONCAT(a, b) WEIR_CONCAT_INNER(a, b)
#define WEIR_ASSIGN_OR_RETURN(target, expression) \
  WEIR_ASSIGN_OR_RETURN_INNER(WEIR_CONCAT(weir_or_, __LINE__), target, expression)
#define WEIR_ASSIGN_OR_RETURN_INNER(temporary, target, expression) \
  auto temporary = (expression);                                   \
  if (!temporary.ok()) [[unlikely]] {                              \
    return temporary.status();                                     \
  }                                                                \
  target = std::move(temporary).value()
