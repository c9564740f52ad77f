#pragma once

#include <cstdint>
#include <string_view>

namespace weir::server {

// Why a connection was closed: the exact strings of connz and of disconnect events
// (protocol.md 7.3).
enum class CloseReason : uint8_t {
  kNone,
  kClientClosed,
  kAuthenticationTimeout,
  kAuthenticationFailure,
  kTlsHandshakeFailure,
  kSlowConsumerPendingBytes,
  kSlowConsumerWriteDeadline,
  kWriteError,
  kReadError,
  kParseError,
  kStaleConnection,
  kProtocolViolation,
  kBadClientProtocolVersion,
  kMaxConnections,
  kMaxAccountConnections,
  kMaxPayload,
  kMaxControlLine,
  kMaxSubscriptions,
  kServerShutdown,
  kNoRespondersRequiresHeaders,
  kKicked,
};

std::string_view ReasonText(CloseReason reason);

// These reasons say that the socket or its reader is broken, so what is pending is not flushed
// (protocol.md 6.1).
inline bool SkipsFlush(CloseReason reason) {
  return reason == CloseReason::kReadError || reason == CloseReason::kWriteError ||
         reason == CloseReason::kSlowConsumerPendingBytes ||
         reason == CloseReason::kSlowConsumerWriteDeadline ||
         reason == CloseReason::kTlsHandshakeFailure;
}

}  // namespace weir::server
