#include "server/close_reason.h"

namespace weir::server {

std::string_view ReasonText(CloseReason reason) {
  switch (reason) {
    case CloseReason::kNone:
      return "";
    case CloseReason::kClientClosed:
      return "Client Closed";
    case CloseReason::kAuthenticationTimeout:
      return "Authentication Timeout";
    case CloseReason::kAuthenticationFailure:
      return "Authentication Failure";
    case CloseReason::kTlsHandshakeFailure:
      return "TLS Handshake Failure";
    case CloseReason::kSlowConsumerPendingBytes:
      return "Slow Consumer (Pending Bytes)";
    case CloseReason::kSlowConsumerWriteDeadline:
      return "Slow Consumer (Write Deadline)";
    case CloseReason::kWriteError:
      return "Write Error";
    case CloseReason::kReadError:
      return "Read Error";
    case CloseReason::kParseError:
      return "Parse Error";
    case CloseReason::kStaleConnection:
      return "Stale Connection";
    case CloseReason::kProtocolViolation:
      return "Protocol Violation";
    case CloseReason::kBadClientProtocolVersion:
      return "Bad Client Protocol Version";
    case CloseReason::kMaxConnections:
      return "Maximum Connections Exceeded";
    case CloseReason::kMaxAccountConnections:
      return "Maximum Account Connections Exceeded";
    case CloseReason::kMaxPayload:
      return "Maximum Message Payload Exceeded";
    case CloseReason::kMaxControlLine:
      return "Maximum Control Line Exceeded";
    case CloseReason::kMaxSubscriptions:
      return "Maximum Subscriptions Exceeded";
    case CloseReason::kServerShutdown:
      return "Server Shutdown";
    case CloseReason::kNoRespondersRequiresHeaders:
      return "No Responders Requires Headers";
    case CloseReason::kKicked:
      return "Kicked";
  }
  return "Unknown State";
}

}  // namespace weir::server
