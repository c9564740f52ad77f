#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"

#include "jetstream/ack_ledger.h"
#include "jetstream/environment.h"
#include "protocol/base/json.h"

namespace weir::jetstream {

// The advisories and metrics of one consumer (jetstream-api.md 11). Each is built only when
// somebody listens.
class ConsumerEvents {
 public:
  ConsumerEvents(Environment& env, AccountId account, std::string stream, std::string consumer);

  void Created() { Action("CREATED", "create"); }
  void Deleted() { Action("DELETED", "delete"); }
  void Paused(bool paused, int64_t until_ns);
  void Pinned(std::string_view group, std::string_view pin_id);
  void Unpinned(std::string_view group, std::string_view reason);
  // max_deliver was reached.
  void Exceeded(StreamSeq seq, uint64_t deliveries);
  void Naked(const SequencePair& at, uint64_t deliveries);
  void Terminated(const SequencePair& at, uint64_t deliveries, std::string_view reason);
  void AckSampled(const SequencePair& at, uint64_t deliveries, int64_t ack_time_ns);

 private:
  using Fields = absl::FunctionRef<void(JsonWriter&)>;

  void Action(std::string_view event, std::string_view action);
  // `fields` writes everything behind type, id and time.
  void PublishAll(std::string_view subject, std::string_view type, Fields fields);
  void Publish(std::string_view subject, std::string_view type, Fields fields);
  void PublishPin(std::string_view event, std::string_view type, std::string_view group,
                  Fields last);
  void PublishAdvisory(std::string_view event, std::string_view type, Fields fields);

  Environment& env_;
  const AccountId account_;
  const std::string stream_;
  const std::string consumer_;
};

}  // namespace weir::jetstream
