#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/address.h"
#include "ingest/nats_client.h"
#include "ingest/pipeline_config.h"
#include "ingest/pipeline_status.h"
#include "protocol/base/status.h"

namespace weir::ingest {

// The requests of $EXPORT.API to one server. An error that the server answers comes back as a
// Status whose exit code is the server's. One thread at a time.
class ExportClient {
 public:
  static StatusOr<std::unique_ptr<ExportClient>> Connect(const Address& address);

  // `started` false: it was running already.
  StatusOr<bool> Run(const ExportSpec& spec, bool apply);
  StatusOr<PipelineStatus> StatusOf(std::string_view name);
  StatusOr<std::vector<PipelineStatus>> List();
  StatusOr<PipelineStatus> Stop(std::string_view name);
  // Waits, keeping the connection alive; ends early on a signal.
  Status Pause(NatsClient::Milliseconds time);

  const std::string& where() const { return where_; }  // "host:port", for messages

 private:
  StatusOr<boost::json::object> Ask(std::string_view subject, std::string_view payload);

  std::unique_ptr<NatsClient> client_;
  std::string where_;
};

}  // namespace weir::ingest
