#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "jetstream/environment.h"
#include "jetstream/stream_config.h"
#include "protocol/subject_transform.h"
#include "storage/stream_store.h"

namespace weir::jetstream {

// Republishes what a stream has stored, once it is committed and before it is acked
// (jetstream-api.md 5.11). Belongs to its stream.
class Republisher {
 public:
  // `config` has been checked: its transform is valid.
  Republisher(std::string stream, const RepublishConfig& config);

  const RepublishConfig& config() const { return config_; }

  // A message that is about to be appended. `previous` is the sequence before it on its subject, or
  // 0.
  void Stage(const storage::MessageView& message, StreamSeq previous, Random& random);
  void Release(StreamSeq committed, AccountId account, Router& router);

 private:
  struct Waiting {
    StreamSeq seq;
    std::string subject;
    std::string headers;
    std::string payload;
  };

  const std::string stream_;
  const RepublishConfig config_;
  protocol::SubjectTransform transform_;
  std::deque<Waiting> waiting_;
};

}  // namespace weir::jetstream
