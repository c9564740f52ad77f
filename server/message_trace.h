#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "jetstream/environment.h"
#include "protocol/base/json.h"

namespace weir::server {

// What a publisher asks for with Nats-Trace-Dest (protocol.md 14).
struct TraceRequest {
  std::string destination;
  bool only = false;        // Nats-Trace-Only: tell, but do not deliver
  bool by_account = false;  // not asked for by the message itself: to be sampled

  // nullopt: the message is not traced. `account_destination`: where messages with a sampled
  // traceparent go; empty: nowhere.
  static std::optional<TraceRequest> Read(std::string_view headers,
                                          std::string_view account_destination);
};

// The path of one traced message, as it is put together: events in the order in which they happen.
// Passed from worker to worker, used by one at a time.
class MessageTrace : public jetstream::TraceLog {
 public:
  // Who got the message, or did not.
  struct Egress {
    uint64_t client_id = 0;
    std::string_view client_name;
    std::string_view subject;  // of the subscription
    std::string_view queue;
    std::string_view error;
  };
  struct Ingress {
    uint64_t client_id = 0;
    std::string_view client_name;
    std::string_view account;
    std::string_view subject;
    std::string_view error;
  };
  struct Server {
    std::string_view name;
    std::string_view host;
    std::string_view id;
    std::string_view version;
    bool jetstream = false;
    uint64_t sequence = 0;
  };

  MessageTrace(TraceRequest request, std::string_view headers, size_t message_size, Clock& clock);

  const TraceRequest& request() const { return request_; }
  bool only() const override { return request_.only; }

  void AddIngress(const Ingress& event);
  void AddMapping(std::string_view to);
  void AddEgress(const Egress& event);
  // jetstream::TraceLog
  void AddJetStream(std::string_view stream, std::string_view subject, bool no_interest,
                    std::string_view error) override;

  // The whole report.
  std::string Json(const Server& server);

 private:
  JsonWriter& Begin(std::string_view type);

  const TraceRequest request_;
  Clock& clock_;
  std::string header_json_;
  size_t message_size_;
  JsonWriter events_;
};

}  // namespace weir::server
