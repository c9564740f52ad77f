#include "ingest/export_client.h"

#include <boost/json/serialize.hpp>

#include "protocol/base/json.h"
#include "protocol/base/strings.h"

namespace weir::ingest {
namespace {

constexpr NatsClient::Milliseconds kConnectTimeout{5000};
constexpr NatsClient::Milliseconds kRequestTimeout{10'000};

// The inverse of ExitCodeOf, as far as the command's exit code needs it.
StatusCode CodeForExit(int64_t code) {
  switch (code) {
    case 2:
      return StatusCode::kInvalidArgument;
    case 3:
      return StatusCode::kUnavailable;
    case 4:
      return StatusCode::kResourceExhausted;
    case 5:
      return StatusCode::kDataLoss;
    default:
      return StatusCode::kUnknown;
  }
}

}  // namespace

StatusOr<std::unique_ptr<ExportClient>> ExportClient::Connect(const Address& address) {
  auto client = std::make_unique<ExportClient>();
  client->where_ = Cat(address.host, ":", address.port);
  WEIR_ASSIGN_OR_RETURN(client->client_,
                        NatsClient::Connect(address, "weir export", kConnectTimeout));
  return client;
}

StatusOr<boost::json::object> ExportClient::Ask(std::string_view subject,
                                                std::string_view payload) {
  auto answer = client_->Request(Cat("$EXPORT.API.", subject), payload, kRequestTimeout);
  if (answer.status().code() == StatusCode::kNotFound) {
    return FailedPrecondition(Cat(where_, " (", client_->server_name(), ", ",
                                  client_->server_version(),
                                  ") is not a Weir that exports: nobody answers there"));
  }
  if (!answer.ok()) {
    return Annotate(answer.status(), where_);
  }
  WEIR_ASSIGN_OR_RETURN(boost::json::value value, ParseJson(*answer));
  if (!value.is_object()) {
    return Internal(Cat(where_, ": an answer that is not JSON"));
  }
  boost::json::object& object = value.get_object();
  if (const auto* error = object.if_contains("error"); error != nullptr && error->is_object()) {
    int64_t code = 1;
    std::string description;
    JsonReader in(error->get_object());
    in.Read("code", code);
    in.Read("description", description);
    return MakeStatus(CodeForExit(code), description);
  }
  return std::move(object);
}

StatusOr<bool> ExportClient::Run(const ExportSpec& spec, bool apply) {
  std::string payload = boost::json::serialize(SpecToJson(spec, /*masked=*/false));
  WEIR_ASSIGN_OR_RETURN(boost::json::object answer, Ask(apply ? "APPLY" : "RUN", payload));
  bool started = false;
  JsonReader in(answer);
  in.Read("started", started);
  return started;
}

StatusOr<PipelineStatus> ExportClient::StatusOf(std::string_view name) {
  WEIR_ASSIGN_OR_RETURN(boost::json::object answer, Ask(Cat("STATUS.", name), {}));
  return StatusFromJson(answer);
}

StatusOr<std::vector<PipelineStatus>> ExportClient::List() {
  WEIR_ASSIGN_OR_RETURN(boost::json::object answer, Ask("LIST", {}));
  std::vector<PipelineStatus> out;
  const auto* exports = answer.if_contains("exports");
  if (exports == nullptr || !exports->is_array()) {
    return Internal(Cat(where_, ": a list without exports"));
  }
  for (const auto& item : exports->get_array()) {
    if (item.is_object()) {
      WEIR_ASSIGN_OR_RETURN(PipelineStatus status, StatusFromJson(item.get_object()));
      out.push_back(std::move(status));
    }
  }
  return out;
}

StatusOr<PipelineStatus> ExportClient::Stop(std::string_view name) {
  WEIR_ASSIGN_OR_RETURN(boost::json::object answer, Ask(Cat("STOP.", name), {}));
  return StatusFromJson(answer);
}

Status ExportClient::Pause(NatsClient::Milliseconds time) {
  return client_->Next(time).status();
}

}  // namespace weir::ingest
