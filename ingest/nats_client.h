#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ingest/address.h"
#include "protocol/base/nuid.h"
#include "protocol/base/status.h"

namespace weir::ingest {

// A small blocking NATS client over a plain socket, for the command line and for remote sources.
// Answers PINGs while it waits. No TLS and no nkeys: a server that insists gets a clear error. One
// thread at a time. After kUnavailable the connection is gone.
class NatsClient {
 public:
  using Milliseconds = std::chrono::milliseconds;

  struct Message {
    std::string subject;
    std::string reply;
    std::string headers;
    std::string payload;
  };

  // Host, port, user, password or token of the address (export.md 1.1). kUnavailable: nobody
  // listens there; kInvalidArgument: refused, or not a NATS server.
  static StatusOr<std::unique_ptr<NatsClient>> Connect(const Address& address,
                                                       std::string_view client_name,
                                                       Milliseconds timeout);
  ~NatsClient();
  NatsClient(const NatsClient&) = delete;
  NatsClient& operator=(const NatsClient&) = delete;

  // From the server's INFO.
  const std::string& server_name() const { return server_name_; }
  const std::string& server_version() const { return server_version_; }

  Status Publish(std::string_view subject, std::string_view reply, std::string_view payload);
  Status Subscribe(std::string_view subject);
  // The next message of any subscription; nullopt when the time is over.
  StatusOr<std::optional<Message>> Next(Milliseconds timeout);
  // kNotFound: nobody answers that subject (503); kDeadlineExceeded: no answer in time.
  StatusOr<std::string> Request(std::string_view subject, std::string_view payload,
                                Milliseconds timeout);

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  NatsClient() = default;
  Status Dial(const std::string& host, uint16_t port, Deadline deadline);
  Status Handshake(const Address& address, std::string_view client_name, Deadline deadline);
  Status ReadInfo(std::string_view json, bool& tls_required);
  Status Write(std::string_view bytes);
  // At least one more byte in the buffer; kDeadlineExceeded when the time is over.
  Status Fill(Deadline deadline);
  StatusOr<std::string> ReadLine(Deadline deadline);
  StatusOr<std::string> ReadBytes(size_t size, Deadline deadline);
  // One server operation; a message comes back, everything else is dealt with.
  StatusOr<std::optional<Message>> ReadOperation(Deadline deadline);
  StatusOr<Message> ReadMessage(std::string_view line, bool with_headers, Deadline deadline);

  int socket_ = -1;
  std::string buffer_;  // received and not yet used
  uint64_t last_sid_ = 0;
  bool pong_seen_ = false;
  Random random_;
  std::string inbox_prefix_;
  uint64_t last_request_ = 0;
  std::string server_name_;
  std::string server_version_;
};

}  // namespace weir::ingest
