#pragma once

#include <string_view>

namespace weir::jetstream {

// The headers of a message that mean something to a stream (jetstream-api.md 5.2); the first of a
// name counts. Views into the block; what is not there has no data, what is there and empty has.
struct PublishHeaders {
  std::string_view id;
  std::string_view expected_stream;
  std::string_view last_seq;
  std::string_view last_subject_seq;
  std::string_view last_subject;
  std::string_view last_id;
  std::string_view rollup;
  std::string_view increment;
  std::string_view ttl;
  std::string_view source;
  std::string_view batch_id;
  std::string_view batch_seq;
  std::string_view batch_commit;
  std::string_view required_level;
  std::string_view schedule;
  std::string_view schedule_target;
  std::string_view schedule_source;
  std::string_view schedule_ttl;
  std::string_view schedule_zone;
  std::string_view schedule_rollup;
  std::string_view schedule_next;
  std::string_view scheduler;
  bool request_info = false;
  bool more = false;       // anything but an id
  std::string_view block;  // all of them

  static PublishHeaders Read(std::string_view headers);
};

inline bool IsThere(std::string_view header) {
  return header.data() != nullptr;
}

}  // namespace weir::jetstream
